"""The whole road in one command, at the smallest size that trains."""

from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.budget import Budget
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.faults import RATES
from stenosis_kit.road import submit as submit_module
from stenosis_kit.road.predict import predict
from stenosis_kit.road.train import train


def test_submit_trains_predicts_and_scores_and_a_second_run_goes_on(
    cohort, small_training, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(
        submit_module, "train", lambda store, model, budget, **_: train(store, model, budget, small_training)
    )
    monkeypatch.setattr(submit_module, "_report", lambda out, budget, root: None)  # test_report.py looks at it
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


def test_every_fault_of_the_phantom_goes_down_the_road_and_costs_no_row(model, tmp_path):
    names = sorted(RATES)
    force = {index: (name,) for index, name in enumerate(names)}
    root = phantom(tmp_path / "root", studies=0, test_studies=len(names), faults="none", force=force, workers=2)
    submission = predict(root, [model], tmp_path / "submission.csv")
    assert submission.grid.height == 25 * len(names)
    assert is_legal(check(tmp_path / "submission.csv", root))
    graded = sum(source["source"] == "grader" for source in submission.sources)
    assert graded > 0.7 * submission.grid.height
