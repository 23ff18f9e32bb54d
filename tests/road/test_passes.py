"""submit's two passes over the test studies: the start's answers, and what is trained from it."""

import json
from functools import partial

import numpy as np
import pytest

from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.tasks import TimeUp
from stenosis_kit.road import grading, passes
from stenosis_kit.road import submit as submit_module
from stenosis_kit.road.submit import submit
from stenosis_kit.tables.root import Root


@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    """No report, and no worker processes."""
    monkeypatch.setattr(submit_module, "_report", lambda out, budget, root: None)
    monkeypatch.setattr(passes, "predict", partial(passes.predict, workers=1))


@pytest.fixture
def out(store, tmp_path):
    """An output folder in which all is formatted."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "store").symlink_to(store)
    return tmp_path / "out"


def graded(out):
    rows = json.loads((out / "submission.run.json").read_text())["rows"]
    return {row["why"] for row in rows.values() if row["source"] == "grader"}


def too_short(*_, **__):
    raise TimeTooShort("60 s for a training", "40 s", "Give more time.")


def test_the_start_answers_before_anything_is_formatted_in_a_share_of_the_time(
    cohort, out, small_training, quick_jobs, monkeypatch
):
    seen, predicted, format_store, predict = {}, [], passes.format_store, passes.predict

    def look(*args, **options):
        seen["graded"], seen["legal"] = graded(out), is_legal(check(out / "submission.csv", cohort))
        return format_store(*args, **options)

    def note(*args, budget, canals, **options):
        predicted.append((budget.seconds, [len(found) for found in canals.values()]))
        return predict(*args, budget=budget, canals=canals, **options)

    monkeypatch.setattr(passes, "format_store", look)
    monkeypatch.setattr(passes, "predict", note)
    run = submit(cohort, out, Budget(1000.0), training=small_training)
    assert seen["legal"] and "canal_sagittal + canal_axial" in seen["graded"]
    assert run["start"] == run["first_pass"]["model"] == "bundled"
    before, after = run["first_pass"]["score"]["score"], run["score"]["score"]
    assert run["first_pass"]["gained"] == before - after != 0
    assert not any("first pass" in source for source in run["rows"])
    assert [found for _, found in predicted] == [[], [3, 3]]  # the second pass has canals, without and with foramina
    assert 50 < predicted[0][0] < 150


def test_in_a_short_time_there_is_no_first_pass(cohort, out, small_training, monkeypatch):
    monkeypatch.setattr(passes, "predict", None)
    short = passes.Passes(Root(cohort), out, out / "submission.csv", Budget(75.0))
    assert short.first(small_training, "bundled") is None


def test_an_earlier_model_can_be_the_start(cohort, out, model, small_training, quick_jobs):
    run = submit(cohort, out, Budget(), training=small_training, start=model)
    assert run["first_pass"]["model"] == str(model)
    assert json.loads((out / "model" / "run.json").read_text())["start"] == str(model)


def test_from_none_there_is_one_pass(cohort, out, small_training, quick_jobs):
    run = submit(cohort, out, Budget(), training=small_training, start="none")
    assert (run["start"], run["first_pass"]) == ("none", None)


def test_where_training_turns_out_too_long_the_start_has_answered(cohort, out, small_training, monkeypatch, caplog):
    monkeypatch.setattr(passes, "train", too_short)
    run = submit(cohort, out, Budget(), training=small_training)
    assert "NOTHING WAS TRAINED, the start, bundled, answers" in caplog.text
    assert run["rows"] == run["first_pass"]["rows"]
    assert run["score"]["score"] == run["first_pass"]["score"]["score"]


def test_in_a_time_too_short_to_train_the_start_has_all_of_it_and_nothing_is_formatted(
    cohort, out, small_training, monkeypatch
):
    monkeypatch.setattr(passes, "format_store", None)
    monkeypatch.setattr(passes, "least_s", lambda training: 1e6)
    given, honest = [], passes.predict
    monkeypatch.setattr(passes, "predict", lambda *a, **o: given.append(o["budget"].seconds) or honest(*a, **o))
    run = submit(cohort, out, Budget(1000.0), training=small_training)
    assert len(given) == 1 and given[0] > 900
    assert sum(n for source, n in run["rows"].items() if source.startswith("grader")) > 60


def test_on_a_busy_machine_the_start_has_the_time_that_would_not_reach_to_train(
    cohort, out, small_training, monkeypatch
):
    """300 s, of which training usually takes 58 at least."""
    for module in ("base.budget", "road.passes", "road.submit"):
        monkeypatch.setattr(f"stenosis_kit.{module}.slowness", lambda: 6.0)
    monkeypatch.setattr(passes, "format_store", None)
    given, honest = [], passes.predict
    monkeypatch.setattr(passes, "predict", lambda *a, **o: given.append(o["budget"].seconds) or honest(*a, **o))
    run = submit(cohort, out, Budget(300.0), training=small_training)
    assert len(given) == 1 and 150 < given[0] < 300 - 6 * 2.5
    assert sum(n for source, n in run["rows"].items() if source.startswith("grader")) > 60


def test_studies_that_the_first_pass_did_not_reach_are_answered_by_the_start_where_nothing_is_trained(
    cohort, out, small_training, monkeypatch
):
    honest, late = passes.predict, iter([True])

    def predict(*args, **options):
        with pytest.MonkeyPatch.context() as patch:
            if next(late, False):
                patch.setattr(grading, "run_tasks", lambda function, tasks, *_, **__: ((t, TimeUp()) for t in tasks))
            return honest(*args, **options)

    monkeypatch.setattr(passes, "predict", predict)
    monkeypatch.setattr(passes, "train", too_short)
    run = submit(cohort, out, Budget(), training=small_training)
    assert run["first_pass"] is None
    assert sum(n for source, n in run["rows"].items() if source.startswith("grader")) > 60


def test_training_data_that_cannot_be_used_leave_the_starts_answers_to_all_studies(
    cohort, out, small_training, monkeypatch
):
    def refuse(*_, **__):
        raise InputError("train.csv", "labelled crops of at least two studies", "1", "Give more training studies.")

    monkeypatch.setattr(passes, "train", refuse)
    monkeypatch.setattr(passes.Passes, "first", lambda *_: None)
    with pytest.raises(InputError, match="at least two studies"):
        submit(cohort, out, Budget(), training=small_training)
    rows = json.loads((out / "submission.run.json").read_text())["rows"]
    assert sum(row["source"] == "grader" for row in rows.values()) > 60


def test_where_test_studies_are_many_training_has_the_time_that_it_asks_for(cohort, out, small_training, monkeypatch):
    """Kept for prediction is all but what training needs at least, and something for opening what it is made from."""
    given = []
    monkeypatch.setattr(passes, "_LEVELS_S", 1e6)
    monkeypatch.setattr(passes, "train", lambda store, model, time, **_: given.append(time.remaining()) or too_short())
    submit(cohort, out, Budget(1000.0), training=small_training)
    assert given[0] > passes.least_s(small_training) + passes.BESIDE_S + 1


def test_what_the_second_pass_cannot_answer_stays_as_the_first_one_did(
    cohort, out, small_training, quick_jobs, monkeypatch
):
    answers, honest = [], passes.predict

    def predict(*args, **options):
        answers.append(honest(*args, **(options | {"budget": Budget(1.0)} if answers else options)))
        return answers[-1]

    monkeypatch.setattr(passes, "predict", predict)
    run = submit(cohort, out, Budget(), training=small_training)
    np.testing.assert_array_equal(*(each.probabilities for each in answers))
    assert any(source.endswith("(first pass)") for source in run["rows"])


def test_a_package_without_graders_is_refused_with_the_priors_in_place(cohort, tmp_path, monkeypatch):
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: tmp_path / "graders")
    with pytest.raises(InputError, match="the graders that come with the package"):
        submit(cohort, tmp_path / "out", Budget())
    assert is_legal(check(tmp_path / "out" / "submission.csv", cohort))


def test_the_bundled_graders_can_be_the_model(cohort, tmp_path):
    run = submit(cohort, tmp_path / "out", Budget(), "bundled")
    assert "first_pass" not in run
    assert sum(n for source, n in run["rows"].items() if source.startswith("grader")) > 60
