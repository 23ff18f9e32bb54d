"""The whole road in one command, at the smallest size that trains."""

from stenosis_kit import submit as submit_module
from stenosis_kit.budget import Budget
from stenosis_kit.check import check, is_legal
from stenosis_kit.train import train


def test_submit_trains_predicts_and_scores_and_a_second_run_goes_on(
    cohort, small_training, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(
        submit_module, "train", lambda store, model, budget: train(store, model, budget, small_training)
    )
    budget = Budget(240.0)
    run = submit_module.submit(cohort, tmp_path / "out", budget)
    assert budget.remaining() > 0
    assert is_legal(check(tmp_path / "out" / "submission.csv", cohort))
    assert run["score"]["score"] < run["score"]["baselines"]["uniform"]
    graded = sum(count for source, count in run["rows"].items() if source.startswith("grader"))
    assert graded >= 0.9 * 75
    caplog.clear()
    caplog.set_level("INFO", logger="stenosis_kit")
    submit_module.submit(cohort, tmp_path / "out", Budget(240.0))
    assert "store is up to date" in caplog.text
