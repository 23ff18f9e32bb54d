import json
import os
import shutil

import numpy as np
import polars as pl
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.graders.loaded import Loaded
from stenosis_kit.road import grading as grading_module
from stenosis_kit.road import predict as predict_module
from stenosis_kit.road.predict import predict


@pytest.fixture(scope="module")
def predicted(cohort, model, tmp_path_factory):
    output = tmp_path_factory.mktemp("predicted") / "submission.csv"
    return predict(cohort, [model], output, workers=1), output


def test_every_row_is_there_and_legal(predicted, cohort):
    submission, output = predicted
    assert submission.grid.height == 75
    assert is_legal(check(output, cohort))


def test_the_run_says_of_each_row_where_it_came_from(predicted):
    submission, output = predicted
    run = json.loads(output.with_suffix(".run.json").read_text())
    assert set(run["rows"]) == set(submission.grid["row_id"])
    assert {row["source"] for row in run["rows"].values()} <= {"grader", "prior"}
    graded = [row for row in run["rows"].values() if row["source"] == "grader"]
    assert len(graded) > 60
    assert "canal_sagittal + canal_axial" in {row["why"] for row in graded}


def two_training_studies(cohort, root, tables):
    """A root of the first two training studies: their series, images, and some of the cohort's other tables."""
    root.mkdir()
    for name in ("train_images", *tables):
        (root / name).symlink_to(cohort / name)
    series = pl.read_csv(cohort / "train_series_descriptions.csv")
    two = series["study_id"].unique(maintain_order=True).head(2).to_list()
    series.filter(pl.col("study_id").is_in(two)).write_csv(root / "train_series_descriptions.csv")
    return root


def test_labels_and_label_points_are_never_read(cohort, model, tmp_path):
    roots = {
        "without": two_training_studies(cohort, tmp_path / "without", ()),
        "with": two_training_studies(cohort, tmp_path / "with", ("train.csv", "train_label_coordinates.csv")),
    }
    without, with_labels = (
        predict(root, [model], tmp_path / f"{name}.csv", split="train", workers=1) for name, root in roots.items()
    )
    assert without.grid.height == 50
    np.testing.assert_array_equal(without.probabilities, with_labels.probabilities)


def test_where_levels_are_guessed_the_prior_has_its_share(cohort, model, tmp_path, monkeypatch):
    """Axial images alone are told apart by K-Means, which is right at every other level."""
    root = two_training_studies(cohort, tmp_path / "root", ())
    table = root / "train_series_descriptions.csv"
    pl.read_csv(table).filter(series_description=rsna.AXIAL_T2).write_csv(table)
    half = predict(root, [model], tmp_path / "half.csv", split="train", workers=1)
    monkeypatch.setattr("stenosis_kit.levels.kmeans.confidence", lambda series: 1.0)
    sure = predict(root, [model], tmp_path / "sure.csv", split="train", workers=1)
    assert half.sources == sure.sources and "canal_axial" in {row["why"] for row in half.sources}
    np.testing.assert_allclose(half.probabilities, (sure.probabilities + sure.priors) / 2, atol=1e-6)
    assert np.abs(half.probabilities - sure.probabilities).max() > 0.01


def test_one_or_two_workers_answer_the_same(cohort, model, predicted, tmp_path):
    """Of crops test_format.py says the same."""
    again = predict(cohort, [model], tmp_path / "s.csv", workers=2)
    assert again.sources == predicted[0].sources
    np.testing.assert_allclose(again.probabilities, predicted[0].probabilities, rtol=0, atol=1e-6)
    written = pl.read_csv(tmp_path / "s.csv")
    assert written["row_id"].to_list() == pl.read_csv(predicted[1])["row_id"].to_list()
    np.testing.assert_allclose(written.select(rsna.SEVERITIES).to_numpy(), again.probabilities, rtol=0, atol=1e-12)


def test_the_same_model_twice_answers_as_once(cohort, model, predicted, tmp_path):
    twice = predict(cohort, [model, model], tmp_path / "s.csv", workers=1)
    np.testing.assert_allclose(twice.probabilities, predicted[0].probabilities, atol=1e-6)


def test_priors_are_on_disk_before_any_model_is_loaded(cohort, model, tmp_path, monkeypatch):
    seen = {}

    def look(names):
        seen["legal"] = is_legal(check(tmp_path / "s.csv", cohort))
        return Loaded()

    monkeypatch.setattr(predict_module, "load_models", look)
    predict(cohort, [model], tmp_path / "s.csv")
    assert seen == {"legal": True}


@pytest.fixture(scope="module")
def bundled(cohort, shipped, tmp_path_factory):
    return predict(cohort, [], tmp_path_factory.mktemp("bundled") / "s.csv", workers=1)


def test_in_the_place_of_a_model_that_is_none_the_package_s_own_graders_answer(cohort, bundled, tmp_path):
    submission = predict(cohort, [tmp_path / "nowhere"], tmp_path / "s.csv", workers=1)
    np.testing.assert_allclose(submission.probabilities, bundled.probabilities, atol=1e-6)
    assert submission.graded().sum() > 60
    run = json.loads((tmp_path / "s.run.json").read_text())
    assert run["models"] == ["bundled"] and list(run["unusable_models"]) == [str(tmp_path / "nowhere")]


def test_what_lost_networks_leave_unanswered_the_package_s_own_graders_answer(
    cohort, model, predicted, bundled, tmp_path
):
    folder = shutil.copytree(model, tmp_path / "model")
    for path in folder.glob("foraminal_sagittal.*.weights.h5"):
        path.unlink()
    submission = predict(cohort, [folder], tmp_path / "s.csv", workers=1)
    foraminal = submission.grid["condition"].str.contains("foraminal").to_numpy()
    both = (submission.graded() & bundled.graded())[foraminal]
    assert both.sum() > 20
    for rows, expected in ((foraminal, bundled), (~foraminal, predicted[0])):
        assert submission.graded()[rows].sum() == expected.graded()[rows].sum()
    own, others = (one.probabilities[foraminal][both] for one in (submission, bundled))
    np.testing.assert_allclose(own, others, atol=2e-3)  # the model's own carry cuts a little beside the usual one
    assert json.loads((tmp_path / "s.run.json").read_text())["models"] == [str(folder), "bundled"]


def test_no_usable_model_at_all_leaves_complete_priors_and_a_loud_line(cohort, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: tmp_path / "graders")
    submission = predict(cohort, [tmp_path / "nowhere"], tmp_path / "s.csv")
    assert is_legal(check(tmp_path / "s.csv", cohort))
    assert "ALL ROWS ARE PRIORS" in caplog.text
    first = submission.grid.row(0, named=True)
    np.testing.assert_allclose(submission.probabilities[0], builtin_prior()[first["condition"], first["level"]])


def test_no_time_leaves_complete_priors(cohort, model, tmp_path):
    submission = predict(cohort, [model], tmp_path / "s.csv", budget=Budget(0.5), workers=1)
    assert {row["why"] for row in submission.sources} == {"the time was up"}
    assert is_legal(check(tmp_path / "s.csv", cohort))


def test_a_busy_machine_begins_no_loading_that_would_outlast_the_time(cohort, model, tmp_path, monkeypatch):
    """Usually 20 s are more than enough."""
    monkeypatch.setattr("stenosis_kit.base.budget.slowness", lambda: 10.0)
    monkeypatch.setattr(predict_module, "load_models", None)
    submission = predict(cohort, [model], tmp_path / "s.csv", budget=Budget(20.0), workers=1)
    assert {row["why"] for row in submission.sources} == {"the time was up"}


def test_where_time_runs_out_the_first_studies_are_graded_whole_and_the_rest_is_said_once(
    cohort, model, predicted, tmp_path, monkeypatch, caplog
):
    budget, grade = Budget(1000.0), grading_module.Grading._grade

    def grade_and_be_late(*args):
        grade(*args)
        budget.deadline = 0.0

    for part in ("_FIRST_PART", "_PART"):
        monkeypatch.setattr(grading_module, part, 1)
    monkeypatch.setattr(grading_module.Grading, "_grade", grade_and_be_late)
    submission = predict(cohort, [model], tmp_path / "s.csv", budget=budget, workers=1)
    np.testing.assert_allclose(submission.probabilities[:25], predicted[0].probabilities[:25], atol=1e-6)
    assert {row["why"] for row in submission.sources[25:]} == {"the time was up"}
    assert caplog.text.count("predict: THE TIME WAS UP: 2 of 3 studies are left as they were") == 1
    assert is_legal(check(tmp_path / "s.csv", cohort))


def test_where_the_time_would_not_reach_for_all_networks_look_less_often_at_the_rest(
    cohort, model, predicted, tmp_path, monkeypatch, caplog
):
    shares = iter([1.0, 0.7, 0.0])
    for part in ("_FIRST_PART", "_PART"):
        monkeypatch.setattr(grading_module, part, 1)
    monkeypatch.setattr(grading_module.Pace, "share", lambda self: next(shares))
    submission = predict(cohort, [model], tmp_path / "s.csv", workers=1)
    assert all(row["source"] == "grader" for row in submission.sources)
    for some in (2, 1):
        assert caplog.text.count(f"TIME IS SHORT: {some} of the 3 looks that a grader's networks take at a crop") == 1
    changed = np.abs(submission.probabilities - predicted[0].probabilities).reshape(3, -1).max(axis=1) > 1e-7
    assert changed.tolist() == [False, True, True]


def test_how_often_networks_look_is_said_where_it_changes(cohort, model, tmp_path, monkeypatch, caplog):
    shares = iter([0.7, 0.7, 1.0])
    caplog.set_level("INFO")
    for part in ("_FIRST_PART", "_PART"):
        monkeypatch.setattr(grading_module, part, 1)
    monkeypatch.setattr(grading_module.Pace, "share", lambda self: next(shares))
    predict(cohort, [model], tmp_path / "s.csv", workers=1)
    said = [line for line in caplog.messages if " looks " in line]
    assert ["TIME IS SHORT: 2 of the 3" in line for line in said] == [True, False]
    assert "there is time for 3 of the 3 looks again" in said[1]


def broken_root(cohort, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    shutil.copy(cohort / "test_series_descriptions.csv", root)
    shutil.copytree(cohort / "test_images", root / "test_images", copy_function=os.link)
    return root, pl.read_csv(root / "test_series_descriptions.csv")


def test_a_study_without_images_keeps_its_priors_and_the_others_their_answers(cohort, model, predicted, tmp_path):
    root, series = broken_root(cohort, tmp_path)
    gone = series["study_id"][0]
    shutil.rmtree(root / "test_images" / str(gone))
    submission = predict(root, [model], tmp_path / "s.csv", workers=1)
    lost = (submission.grid["study_id"] == gone).to_numpy()
    assert {row["source"] for row, is_lost in zip(submission.sources, lost, strict=True) if is_lost} == {"prior"}
    np.testing.assert_allclose(submission.probabilities[~lost], predicted[0].probabilities[~lost], atol=1e-6)
    assert is_legal(check(tmp_path / "s.csv", root))


def test_one_loud_line_and_the_run_say_why_no_image_can_be_read(cohort, model, tmp_path, caplog):
    root, _ = broken_root(cohort, tmp_path)
    images = sorted((root / "test_images").rglob("*.dcm"))
    for path in images:
        path.rename(path.with_name(f"{path.name}.gz"))
    submission = predict(root, [model], tmp_path / "s.csv", workers=1)
    assert {row["source"] for row in submission.sources} == {"prior"}
    why = "packed (.gz): expected <integer>.dcm; unpack it there"
    assert f"predict: NOT ONE IMAGE OF 3 STUDIES CAN BE READ: {root / 'test_images'}: expected readable" in caplog.text
    assert f"found {len(images)} x {why}" in caplog.text
    assert json.loads((tmp_path / "s.run.json").read_text())["skipped_files"] == {why: len(images)}


@pytest.mark.parametrize("kind", rsna.SERIES_KINDS)
def test_a_missing_kind_of_series_costs_no_row(cohort, model, tmp_path, kind):
    root, series = broken_root(cohort, tmp_path)
    series = series.filter(study_id=series["study_id"][0])
    series.filter(pl.col("series_description") != kind).write_csv(root / "test_series_descriptions.csv")
    submission = predict(root, [model], tmp_path / "s.csv", workers=1)
    assert submission.grid.height == 25
    assert is_legal(check(tmp_path / "s.csv", root))
    expected = {rsna.SAGITTAL_T1: "foraminal", rsna.SAGITTAL_T2: None, rsna.AXIAL_T2: "subarticular"}[kind]
    if expected:
        rows = [
            source
            for row_id, source in zip(submission.grid["row_id"], submission.sources, strict=True)
            if expected in row_id
        ]
        assert {row["source"] for row in rows} == {"prior"}
        assert all(kind in row["why"] for row in rows)


@pytest.mark.parametrize("name", ["train.csv", "sample_submission.csv"])
def test_the_competitions_own_files_are_not_written_over(cohort, model, name):
    before = (cohort / name).read_bytes()
    with pytest.raises(InputError, match="the competition's own"):
        predict(cohort, [model], cohort / name)
    assert (cohort / name).read_bytes() == before


@pytest.mark.parametrize("linked", ["s.csv", "s.run.json"])
def test_neither_is_the_model_nor_what_a_link_beside_leads_to(cohort, model, tmp_path, linked):
    before = (model / "oof.csv").read_bytes()
    (tmp_path / linked).symlink_to(model / "oof.csv")
    with pytest.raises(InputError, match=f"{linked}: expected a file that is no input"):
        predict(cohort, [model], tmp_path / "s.csv")
    assert (model / "oof.csv").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == [linked]


def test_a_submission_goes_into_no_device(cohort, model):
    with pytest.raises(InputError, match="/dev/null: expected a plain file"):
        predict(cohort, [model], "/dev/null")


def test_a_series_of_an_unknown_kind_is_not_read_and_costs_no_row(cohort, model, predicted, tmp_path):
    root, series = broken_root(cohort, tmp_path)
    localizer = pl.DataFrame({"study_id": [series["study_id"][0], 77], "series_id": [5, 6]})
    localizer = localizer.with_columns(series_description=pl.lit("Localizer"))
    pl.concat([series, localizer.cast(dict(series.schema))]).write_csv(root / "test_series_descriptions.csv")
    submission = predict(root, [model], tmp_path / "s.csv", workers=1)
    assert is_legal(check(tmp_path / "s.csv", root))
    known = (submission.grid["study_id"] != 77).to_numpy()
    assert known.sum() == submission.grid.height - 25
    np.testing.assert_allclose(submission.probabilities[known], predicted[0].probabilities, atol=1e-6)


def test_leaning_changes_graded_rows_alone_and_says_how_far(cohort, model, predicted, tmp_path):
    leant = predict(cohort, [model], tmp_path / "s.csv", workers=1, lean=True)
    graded = np.array([row["source"] == "grader" for row in predicted[0].sources])
    assert leant.sources == predicted[0].sources
    np.testing.assert_array_equal(leant.probabilities[~graded], predicted[0].probabilities[~graded])
    said = json.loads((tmp_path / "s.run.json").read_text())["leaning"]
    assert {each["term"] for each in said} == set(rsna.TERMS)
    assert all(0 < each["trust"] <= 1 for each in said)
    assert is_legal(check(tmp_path / "s.csv", cohort))


def test_without_a_model_the_bundled_graders_answer(cohort, bundled, shipped, tmp_path):
    named = predict(cohort, [shipped()], tmp_path / "t.csv", workers=1)
    np.testing.assert_allclose(bundled.probabilities, named.probabilities, atol=1e-6)
    assert bundled.graded().sum() > 60


def test_a_package_without_graders_leaves_priors_and_says_so(cohort, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: tmp_path / "graders")
    assert not predict(cohort, [], tmp_path / "s.csv").graded().any()
    assert "expected the graders that come with the package; found none" in caplog.text
    assert is_legal(check(tmp_path / "s.csv", cohort))


def test_earlier_answers_stay_where_these_do_not_reach_and_studies_without_any_come_first(
    cohort, model, predicted, tmp_path, monkeypatch
):
    """Of three studies the first has earlier answers, and the time reaches for one."""
    earlier, budget = Submission(predicted[0].grid, builtin_prior()), Budget(1000.0)
    for row_id in earlier.grid["row_id"][:25]:
        earlier.put(row_id, np.array([0.2, 0.3, 0.5]), "canal_axial")
    grade = grading_module.Grading._grade

    def grade_and_be_late(*args):
        grade(*args)
        budget.deadline = 0.0

    monkeypatch.setattr(grading_module, "_FIRST_PART", 1)
    monkeypatch.setattr(grading_module.Grading, "_grade", grade_and_be_late)
    found = predict(cohort, [model], tmp_path / "s.csv", budget=budget, workers=1, earlier=earlier)
    np.testing.assert_array_equal(found.probabilities[:25], earlier.probabilities[:25])
    assert {row["why"] for row in found.sources[:25]} == {"canal_axial (first pass)"}
    np.testing.assert_allclose(found.probabilities[25:50], predicted[0].probabilities[25:50], atol=1e-6)
    assert {row["why"] for row in found.sources[50:]} == {"the time was up"}


def test_canals_that_were_found_are_not_looked_for_again(cohort, model, predicted, tmp_path, monkeypatch):
    canals = {}
    predict(cohort, [model], tmp_path / "s.csv", workers=1, canals=canals)

    def looked_for(study):
        raise AssertionError("it was found before")

    monkeypatch.setattr("stenosis_kit.levels.finder.read_overviews", looked_for)
    again = predict(cohort, [model], tmp_path / "s.csv", workers=1, canals=canals)
    np.testing.assert_allclose(again.probabilities, predicted[0].probabilities, atol=1e-6)


def test_leaning_by_graders_that_lean_already_changes_nothing_and_says_so(cohort, tmp_path, caplog):
    plain, leant = (predict(cohort, [], tmp_path / "s.csv", workers=1, lean=lean) for lean in (False, True))
    np.testing.assert_allclose(leant.probabilities, plain.probabilities, atol=1e-12)
    assert "predict: --lean CHANGES NOTHING" in caplog.text
