import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from types import SimpleNamespace

import polars as pl
import pytest

from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.answers.score import score
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.cli import main
from stenosis_kit.crops import cutting
from stenosis_kit.road import passes
from stenosis_kit.road import submit as submit_module
from stenosis_kit.road.format import format
from stenosis_kit.road.submit import submit
from stenosis_kit.tables.folds import read_folds
from stenosis_kit.tables.root import Root


@pytest.fixture(scope="module", autouse=True)
def no_report_and_no_workers():
    """It takes seconds, as worker processes do; the tests of reports and of predict look at them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submit_module, "_report", lambda out, budget, root: None)
        patch.setattr(passes, "predict", partial(passes.predict, workers=1))
        yield


@pytest.fixture(scope="module")
def submitted(cohort, model, tmp_path_factory):
    out = tmp_path_factory.mktemp("submit") / "out"
    return submit(cohort, out, Budget(300.0), model), out


def test_with_a_model_it_predicts_checks_and_scores(submitted, cohort):
    run, out = submitted
    assert is_legal(check(out / "submission.csv", cohort))
    known = json.loads((out / "score.json").read_text())
    assert known["score"] == score(out / "submission.csv", cohort / "solution.csv")["score"]
    assert known["rows"] == pl.read_csv(cohort / "solution.csv").height
    assert run["legal"]
    assert not (out / "model").exists()


def test_the_score_stands_beside_uniform_prior_and_oracle(submitted):
    beside = submitted[0]["score"]["baselines"]
    assert set(beside) == {"uniform", "prior", "own_prior", "oracle"}
    assert beside["oracle"] < beside["prior"] < beside["uniform"]


def test_too_short_a_time_leaves_complete_priors_and_says_so(cohort, store, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "store").symlink_to(store)  # formatted before; training takes more than 20 s
    command = ["submit", str(cohort), str(tmp_path / "out"), "--time-limit", "20s", "--start", "none"]
    assert main(command) == 0
    assert is_legal(check(tmp_path / "out" / "submission.csv", cohort))
    assert "NOTHING WAS TRAINED" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["submission.csv", "submission.run.json", "score.json", "run.json", "report.html"])
def test_what_a_link_in_out_leads_to_is_not_written_over_where_it_is_an_input(cohort, model, tmp_path, name):
    out, own = tmp_path / "out", cohort / "sample_submission.csv"
    before = own.read_bytes()
    out.mkdir()
    (out / name).symlink_to(own)
    with pytest.raises(InputError, match=f"{name}: expected a file that is no input"):
        submit(cohort, out, Budget(300.0), model)
    assert own.read_bytes() == before
    assert [path.name for path in out.iterdir()] == [name]


def test_in_a_damaged_model_s_place_the_package_s_own_graders_answer_and_run_json_says_so(cohort, tmp_path):
    command = ["submit", str(cohort), str(tmp_path / "out"), "--model", str(tmp_path / "nowhere")]
    assert main(command) == 0
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["models"] == ["bundled"]
    assert sum(n for source, n in run["rows"].items() if source.startswith("grader")) > 60


def test_a_damaged_start_leaves_an_earlier_run_s_answers_as_they_were(submitted, cohort, tmp_path, capsys):
    out = shutil.copytree(submitted[1], tmp_path / "out")
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert main(["submit", str(cohort), str(out), "--start", str(tmp_path / "nowhere")]) == 2
    assert str(tmp_path / "nowhere") in capsys.readouterr().err
    assert {name: (out / name).read_bytes() for name in before} == before


def test_out_is_not_the_models_folder(cohort, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    with pytest.raises(InputError, match="run.json: expected a file that is no input"):
        submit(cohort, folder, Budget(300.0), folder)
    assert (folder / "run.json").read_bytes() == (model / "run.json").read_bytes()


def test_a_link_in_out_stays_and_what_it_leads_to_is_the_submission(cohort, model, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "submission.csv").symlink_to(tmp_path / "disk" / "mine.csv")
    submit(cohort, tmp_path / "out", Budget(1.0), model)
    assert (tmp_path / "out" / "submission.csv").is_symlink()
    assert is_legal(check(tmp_path / "disk" / "mine.csv", cohort))
    assert [path.name for path in (tmp_path / "disk").iterdir()] == ["mine.csv"]


def root_with(cohort, tmp_path, **tables):
    root = tmp_path / "root"
    root.mkdir()
    for path in cohort.iterdir():
        (root / path.name).symlink_to(path)
    for name, text in tables.items():
        (root / f"{name}.csv").unlink()
        (root / f"{name}.csv").write_text(text)
    return root


def test_unusable_train_tables_are_refused_with_the_priors_in_place(cohort, tmp_path, capsys):
    root = root_with(cohort, tmp_path, train="study_id,wrong\n1,2\n")
    assert main(["submit", str(root), str(tmp_path / "out")]) == 2
    assert is_legal(check(tmp_path / "out" / "submission.csv", root))
    message = capsys.readouterr().err
    assert "expected a column spinal_canal_stenosis_l1_l2" in message
    assert "Traceback" not in message


def test_what_an_earlier_run_said_of_its_submission_goes_with_it(cohort, model, tmp_path):
    root, out = root_with(cohort, tmp_path), tmp_path / "out"
    submit(root, out, Budget(1.0), model)
    (out / "score.json").rename(tmp_path / "mine.json")
    (out / "score.json").symlink_to(tmp_path / "mine.json")
    (out / "report.html").write_text("of that run")
    for name in ("solution.csv", "train.csv"):
        (root / name).unlink()
    assert submit(root, out, Budget(1.0), model)["score"] is None
    names = ["run.json", "score.json", "submission.csv", "submission.run.json"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert (out / "score.json").is_symlink() and not (out / "score.json").exists()


def test_a_folder_that_is_no_competition_root_is_refused(tmp_path, capsys):
    assert main(["submit", str(tmp_path), str(tmp_path / "out")]) == 2
    assert "expected test_series_descriptions.csv" in capsys.readouterr().err


def test_studies_that_were_trained_on_are_named_as_not_held_out(cohort, model, tmp_path, caplog):
    series = (cohort / "train_series_descriptions.csv").read_text()
    root = root_with(cohort, tmp_path, test_series_descriptions=series)
    (root / "test_images").unlink()
    (root / "test_images").symlink_to(cohort / "train_images")
    (root / "solution.csv").unlink()
    submit(root, tmp_path / "out", Budget(2.0), model)  # of priors, which will do
    assert "THE SCORE IS NOT HELD OUT" in caplog.text


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_run_leaves_a_whole_submission(cohort, tmp_path, number):
    out = tmp_path / "out"
    command = [
        sys.executable,
        "-m",
        "stenosis_kit",
        "submit",
        str(cohort),
        str(out),
        "--time-limit",
        "5m",
        "--start",
        "none",
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not (out / "store").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        os.kill(process.pid, number)
        code = process.wait(10)
    assert code == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
    assert is_legal(check(out / "submission.csv", cohort))
    assert [path.name for path in out.glob("*") if path.suffix == ".csv"] == ["submission.csv"]


def test_without_time_to_train_an_earlier_model_answers(cohort, store, model, tmp_path, monkeypatch, caplog):
    def too_short(*_, **__):
        raise TimeTooShort("60 s for a training", "40 s", "Give more time.")

    out = tmp_path / "out"
    shutil.copytree(model, out / "model")
    (out / "store").symlink_to(store)
    monkeypatch.setattr(passes, "train", too_short)
    run = submit(cohort, out, Budget(), start="none")
    assert "an earlier model" in caplog.text
    assert any(source.startswith("grader") for source in run["rows"])


def test_no_time_for_anything_ends_with_priors_and_nothing_is_begun(cohort, tmp_path, monkeypatch, caplog):
    def begun(*_, **__):
        raise AssertionError("a second was left for it")

    monkeypatch.setattr("stenosis_kit.base.budget.time", SimpleNamespace(monotonic=lambda: 0.0))  # time stands still
    for name in ("train", "predict"):
        monkeypatch.setattr(passes, name, begun)
    monkeypatch.setattr("stenosis_kit.crops.cutting.cut_study", begun)
    run = submit(cohort, tmp_path / "out", Budget(1.0), start="none")
    assert is_legal(check(tmp_path / "out" / "submission.csv", cohort))
    assert set(run["rows"]) == {"prior: not graded"}
    assert "NOTHING WAS TRAINED" in caplog.text


def test_where_cutting_takes_too_long_a_part_of_the_studies_is_trained_on_and_all_test_studies_are_answered(
    cohort, small_training, quick_jobs, tmp_path, monkeypatch, caplog
):
    """By a clock that stands still but for the cutting of a training study, which takes 40 s."""
    now, honest = [0.0], cutting.cut_study

    def cut_study(located):
        now[0] += 40.0
        return honest(located)

    monkeypatch.setattr("stenosis_kit.base.budget.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(cutting, "cut_study", cut_study)
    monkeypatch.setattr("stenosis_kit.graders.planned_run.measured_pixels", lambda *_: 1e6)
    monkeypatch.setattr(passes, "usable_cores", lambda: 2)
    for name in ("format_store", "predict"):
        monkeypatch.setattr(passes, name, partial(getattr(passes, name), workers=1))
    out = tmp_path / "out"
    run = submit(cohort, out, Budget(300.0), training=small_training, start="none")
    assert run["training_studies"] == {"cut": 4, "left": 4, "failed": 0}
    assert "TIME IS SHORT: 4 of 8 training studies, drawn at random, are cut" in caplog.text
    trained_on = read_folds(out / "model")
    assert len(trained_on) == 4
    assert sorted(trained_on) != Root(cohort).checked().cells["study_id"].unique().sort()[:4].to_list()
    assert sum(n for source, n in run["rows"].items() if source.startswith("grader")) > 60
    assert is_legal(check(out / "submission.csv", cohort))
    assert format(cohort, out / "store", workers=1)["studies"] == 8


def test_a_limit_that_is_too_short_leaves_the_earlier_model_as_it_was(cohort, store, model, tmp_path, capsys):
    out = tmp_path / "out"
    shutil.copytree(model, out / "model")
    (out / "store").symlink_to(store)
    before = {path.name: path.read_bytes() for path in (out / "model").iterdir()}
    assert main(["submit", str(cohort), str(out), "--time-limit", "20s"]) == 0
    assert {path.name: path.read_bytes() for path in (out / "model").iterdir()} == before
    assert "NOTHING WAS TRAINED, an earlier model" in capsys.readouterr().err
