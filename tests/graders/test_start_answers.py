"""The bundled graders' answers in the prior's place."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.lean import Lean, Leaning
from stenosis_kit.answers.out_of_fold import Labels
from stenosis_kit.answers.pools import fit_pool
from stenosis_kit.answers.second_stage import FEATURES, SecondStage
from stenosis_kit.base.budget import Budget
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.graders import bundled, dispatch
from stenosis_kit.graders import start_answers as module
from stenosis_kit.graders.batches import labelled
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import read_description
from stenosis_kit.graders.start_answers import before, can_answer, is_affordable, settled_answers, start_answers
from stenosis_kit.graders.warm_start import chosen_start, read_start
from stenosis_kit.road.fit_leans import write_leaning
from stenosis_kit.road.train import train


@pytest.fixture
def leaning(shipped, tmp_path, monkeypatch):
    """The folder of bundled graders that lean on the prior."""
    folder = tmp_path / "graders"
    shutil.copytree(shipped(), folder)
    views = [each.grader.view for each in read_description(folder).graders]
    half = tuple((0.5 * (row == 0), 0.5 * (row == 1)) for row in range(len(FEATURES)))
    leans = dict.fromkeys(views, Lean(2.0, (0.0, 0.2, -0.2), 0.7))
    write_leaning(folder, Leaning(leans, SecondStage({"spinal": half})))
    replace(read_description(folder), fingerprint="theirs").save(folder)
    monkeypatch.setattr(bundled, "_folder", lambda: folder)
    return folder


def test_they_are_what_predict_would_answer_without_a_model(leaning, store):
    opened = open_store(store)
    manifest = labelled(opened)
    found = start_answers(opened, manifest)
    studies = Labels.of(manifest).studies.tolist()
    answered, _ = Model(leaning).answer([crops_of(opened, manifest, study) for study in studies])
    assert found.fingerprint == "theirs"
    np.testing.assert_allclose(found.answers, answered, atol=1e-6)
    assert np.isfinite(found.answers).any()


def crops_of(store, manifest, study):
    """A study's labelled crops, as `predict` has them."""
    crops = StudyCrops(study)
    for (view,), rows in manifest.filter(study_id=study).group_by("view"):
        crops.arrays[view] = np.asarray(store.arrays[view][rows["row"].to_numpy()])
        cells = rows.select("condition", "level").iter_rows()
        crops.rows += [
            {"condition": name, "level": level, "view": view, "row": k} for k, (name, level) in enumerate(cells)
        ]
    return crops


def test_a_model_that_started_from_them_pools_with_them_and_says_so(
    leaning, store, small_training, tmp_path, quick_jobs
):
    folder = tmp_path / "model"
    train(store, folder, Budget(), small_training)
    assert read_description(folder).start == "theirs"
    manifest = labelled(open_store(store))
    study = manifest["study_id"][0]
    crops = [crops_of(open_store(store), manifest, study)]
    beside, own = Model(leaning).answer(crops)[0][0], Model(folder).answer(crops)[0][0]
    known = np.isfinite(own).all(axis=1)
    # Seven studies count for little beside the bundled graders, whose weights the networks have here.
    assert np.abs(own - beside)[known].max() < 0.1


def test_a_model_of_new_weights_pools_with_the_prior(model):
    assert read_description(model).start == ""


def test_other_bundled_graders_than_in_training_are_told_and_none_leave_the_prior(
    leaning, store, small_training, tmp_path, monkeypatch, caplog, quick_jobs
):
    folder = tmp_path / "model"
    train(store, folder, Budget(), small_training)
    Model(folder)
    assert not caplog.records or "pools with the bundled graders" not in caplog.text
    replace(read_description(leaning), fingerprint="others").save(leaning)
    Model(folder)
    assert "pools with the bundled graders of another version: better train again" in caplog.text
    monkeypatch.setattr(bundled, "_folder", lambda: tmp_path / "nothing")
    manifest = labelled(open_store(store))
    crops = [crops_of(open_store(store), manifest, manifest["study_id"][0])]
    answers, _ = Model(folder).answer(crops)
    assert "pools with the bundled graders, and now with the prior" in caplog.text
    spinal = answers[0, list(rsna.CELLS_OF_TERM["spinal"])]
    np.testing.assert_allclose(spinal[np.isfinite(spinal).all(axis=1)].sum(axis=1), 1)


def test_the_more_studies_the_less_the_bundled_graders_count():
    powers = [before(studies).views for studies in (0, 3, 30, 100, 300, 2000)]
    assert powers == sorted(powers) and powers[0] == 0 and powers[-1] < 1
    assert powers[1] < 0.05 < 0.4 < powers[3] < 0.5 < powers[4]


@pytest.mark.parametrize(("studies", "stay"), [(3, True), (9, True), (10, False)])
def test_of_a_few_studies_powers_stay_as_they_are_before_whatever_would_fit(studies, stay):
    """Graders that are right in every cell, with a start that is wrong."""
    severity = np.arange(10 * studies) % 3
    right, wrong = (np.eye(3)[each] * 0.8 + 0.2 / 3 for each in (severity, (severity + 1) % 3))
    pool = fit_pool(["canal_axial"], [right], wrong, severity, np.ones(len(severity)), before(studies))
    moved = abs(pool.powers[0] - before(studies).views)
    assert moved < 1e-4 if stay else moved > 0.01


def test_they_answer_where_training_starts_from_them_and_they_lean(leaning, small_training, tmp_path):
    start = chosen_start("bundled", tmp_path / "model", small_training)
    assert can_answer(start)
    assert not can_answer(None)
    assert not can_answer(read_start(leaning, tmp_path / "model"))
    assert not can_answer(replace(start, description=replace(start.description, lean={})))


def test_they_answer_where_that_takes_little_of_the_time():
    assert is_affordable(crops=10_000, seconds=600)
    assert not is_affordable(crops=10_000, seconds=20)


# --- Settled once a run --------------------------------------------------------------------------


@pytest.fixture
def answered(monkeypatch):
    """A list that gets longer by what the bundled graders answer."""
    made = []
    monkeypatch.setattr(module, "start_answers", lambda *args: made.append(start_answers(*args)) or made[-1])
    return made


@pytest.mark.parametrize("reaches", [True, False], ids=["in time", "in too short a time"])
def test_a_run_that_was_stopped_makes_the_model_of_one_that_was_not_whatever_time_is_left(
    leaning, store, small_training, tmp_path, monkeypatch, quick_jobs, answered, reaches
):
    one_grader = replace(small_training, graders=small_training.graders[:1])
    monkeypatch.setattr(module, "is_affordable", lambda *_: reaches)
    train(store, tmp_path / "whole", Budget(), one_grader)
    answered.clear()
    taken, honest = len(quick_jobs), dispatch.train_job

    def stopping(*job):
        if len(quick_jobs) > taken:
            raise KeyboardInterrupt
        return honest(*job)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(dispatch, "train_job", stopping)
        train(store, tmp_path / "stopped", Budget(), one_grader)
    monkeypatch.setattr(module, "is_affordable", lambda *_: not reaches)
    train(store, tmp_path / "stopped", Budget(), one_grader)
    assert len(answered) == reaches
    assert read_description(tmp_path / "stopped").start == ("theirs" if reaches else "")
    assert (tmp_path / "stopped" / "model.json").read_bytes() == (tmp_path / "whole" / "model.json").read_bytes()


def test_what_is_kept_comes_back_to_the_last_digit(leaning, store, small_training, tmp_path, answered):
    settled = settling(store, small_training, tmp_path)
    np.testing.assert_array_equal(settled().answers, settled().answers)
    assert len(answered) == 1


@pytest.mark.parametrize("how", ["cut off", "other graders", "other studies"])
def test_a_file_that_is_of_no_use_is_made_again(leaning, store, small_training, tmp_path, answered, how):
    settled = settling(store, small_training, tmp_path)
    path, found = tmp_path / "kept.npz", settled()
    if how == "cut off":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        graders = "others" if how == "other graders" else "theirs"
        np.savez(path, fingerprint=np.array(graders), answers=found.answers[how == "other studies" :])
    np.testing.assert_array_equal(settled().answers, found.answers)
    assert len(answered) == 2
    settled()
    assert len(answered) == 2


def settling(store, training, folder):
    """A call that settles the answers to a store in a file of a folder."""
    opened, start = open_store(store), chosen_start("bundled", folder / "model", training)
    return lambda: settled_answers(folder / "kept.npz", start, opened, labelled(opened), 600.0)
