"""Studies that predict could not read this time."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from flaky_disk import FlakyDisk

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.worker_process import TaskLost, WorkerDied
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.graders.model_file import Description
from stenosis_kit.road import grading as grading_module
from stenosis_kit.road.predict import predict
from stenosis_kit.tables.root import as_root


@pytest.fixture(scope="module")
def healthy(cohort, model, tmp_path_factory):
    return predict(cohort, [model], tmp_path_factory.mktemp("healthy") / "s.csv", workers=1)


@pytest.fixture(scope="module")
def first(cohort):
    return as_root(cohort, "test").studies()[0].study_id


def failed(path):
    return json.loads(path.with_suffix(".run.json").read_text())["failed_studies"]


def rows_of(submission, study):
    return (submission.grid["study_id"] == study).to_numpy()


def test_a_study_that_fails_once_is_answered_as_ever(cohort, model, healthy, first, tmp_path, monkeypatch):
    outcomes, honest = [WorkerDied()], grading_module.cut_study

    def cut_study(located, views=None):
        if located.study.study_id == first and outcomes:
            raise outcomes.pop()
        return honest(located, views)

    monkeypatch.setattr(grading_module, "cut_study", cut_study)
    submission = predict(cohort, [model], tmp_path / "s.csv", workers=1)
    np.testing.assert_allclose(submission.probabilities, healthy.probabilities, atol=1e-6)
    assert submission.sources == healthy.sources
    assert failed(tmp_path / "s.csv") == []


def test_a_study_that_keeps_failing_keeps_its_priors_and_is_named(
    cohort, model, healthy, first, tmp_path, monkeypatch, caplog
):
    honest, tries = grading_module.cut_study, []

    def cut_study(located, views=None):
        if located.study.study_id == first:
            tries.append(first)
            raise TaskLost("it took more than 60 s and was given up")
        return honest(located, views)

    monkeypatch.setattr(grading_module, "cut_study", cut_study)
    submission = predict(cohort, [model], tmp_path / "s.csv", workers=1)
    lost = rows_of(submission, first)
    assert {row["source"] for row, is_lost in zip(submission.sources, lost, strict=True) if is_lost} == {"prior"}
    np.testing.assert_allclose(submission.probabilities[~lost], healthy.probabilities[~lost], atol=1e-6)
    assert failed(tmp_path / "s.csv") == [{"study_id": first, "why": "it took more than 60 s and was given up"}]
    assert len(tries) == 2
    assert f"STUDY {first} COULD NOT BE READ" in caplog.text
    assert is_legal(check(tmp_path / "s.csv", cohort))


def test_a_disk_that_fails_for_a_series_once_costs_nothing(cohort, model, healthy, first, tmp_path, monkeypatch):
    disk = FlakyDisk(monkeypatch)
    disk.fail(f"/{first}/", 30)  # all that is read of it for its levels, and some of what is cut
    submission = predict(cohort, [model], tmp_path / "s.csv", workers=1)
    np.testing.assert_allclose(submission.probabilities, healthy.probabilities, atol=1e-6)
    assert failed(tmp_path / "s.csv") == []


def test_what_can_be_read_of_a_failing_study_is_answered_by_it(cohort, model, first, tmp_path, monkeypatch):
    axial = next(series for series, kind in as_root(cohort, "test").studies()[0].series if kind == rsna.AXIAL_T2)
    disk = FlakyDisk(monkeypatch)
    disk.fail(f"/{axial}/")
    submission = predict(cohort, [model], tmp_path / "s.csv", workers=1)
    rows = [row for row, own in zip(submission.sources, rows_of(submission, first), strict=True) if own]
    assert {row["source"] for row in rows} == {"grader", "prior"}
    (named,) = failed(tmp_path / "s.csv")
    assert named["study_id"] == first and f"{axial}/" in named["why"] and "Input/output error" in named["why"]


def test_a_second_try_that_sees_less_takes_nothing_away(cohort, model, first, tmp_path, monkeypatch):
    honest, tries = grading_module.cut_study, []

    def cut_study(located, views=None):
        crops = honest(located, views)
        if located.study.study_id == first:
            tries.append(first)
            crops.accidents = {"7/1.dcm": "Input/output error"}
            crops.rows, crops.arrays = (crops.rows, crops.arrays) if len(tries) == 1 else ([], {})
        return crops

    monkeypatch.setattr(grading_module, "cut_study", cut_study)
    submission = predict(cohort, [model], tmp_path / "s.csv", workers=1)
    assert len(tries) == 2
    rows = [row for row, own in zip(submission.sources, rows_of(submission, first), strict=True) if own]
    assert {row["source"] for row in rows} == {"grader"}


def test_without_time_there_is_no_second_try(cohort, model, first, tmp_path, monkeypatch):
    budget, tries = Budget(1000.0), []

    def cut_study(located, views=None):
        tries.append(located.study.study_id)
        budget.deadline = 0.0
        raise WorkerDied

    monkeypatch.setattr(grading_module, "cut_study", cut_study)
    submission = predict(cohort, [model], tmp_path / "s.csv", budget=budget, workers=1)
    assert sorted(tries) == sorted(set(submission.grid["study_id"]))
    assert is_legal(check(tmp_path / "s.csv", cohort))
    assert {row["why"] for row in submission.sources} == {str(WorkerDied())}


def test_a_model_for_crops_that_are_cut_in_another_way_answers_nothing_and_says_why_in_one_line(
    cohort, model, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(Description.check_cutting, "__defaults__", (1000,))
    submission = predict(cohort, [shutil.copytree(model, tmp_path / "m")], tmp_path / "s.csv", workers=1)
    found = f"expected a model for crops of version 1000 of the cutting; found one for version {CUTTING_VERSION}"
    assert found in caplog.text
    assert {row["source"] for row in submission.sources} == {"prior"}
    assert is_legal(check(tmp_path / "s.csv", cohort))
