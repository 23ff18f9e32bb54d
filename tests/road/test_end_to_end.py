"""The whole road in one command: without the seconds of training, and, marked campaign, with them."""

import pytest

from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.budget import Budget
from stenosis_kit.road import passes
from stenosis_kit.road import submit as submit_module
from stenosis_kit.road.train import train


@pytest.mark.parametrize("trains", [False, pytest.param(True, marks=pytest.mark.campaign)])
def test_submit_trains_predicts_and_scores_and_a_second_run_goes_on(
    cohort, small_training, tmp_path, monkeypatch, caplog, request, trains
):
    taken = [] if trains else request.getfixturevalue("quick_jobs")
    monkeypatch.setattr(
        passes, "train", lambda store, model, budget, **_: train(store, model, budget, small_training, start="none")
    )
    monkeypatch.setattr(submit_module, "_report", lambda out, budget, root: None)  # tests/report look at it
    budget, start = Budget(3600.0), "bundled" if trains else "none"  # test_passes looks at the start's own answers
    run = submit_module.submit(cohort, tmp_path / "out", budget, start=start)
    assert budget.remaining() > 0
    assert is_legal(check(tmp_path / "out" / "submission.csv", cohort))
    assert len(taken) == (0 if trains else 8)
    assert run["score"]["score"] < run["score"]["baselines"]["uniform"]
    graded = sum(count for source, count in run["rows"].items() if source.startswith("grader"))
    assert graded >= 0.9 * 75
    caplog.clear()
    caplog.set_level("INFO", logger="stenosis_kit")
    submit_module.submit(cohort, tmp_path / "out", Budget(3600.0), start=start)
    assert "store is up to date" in caplog.text
