import json
import shutil

import polars as pl
from pages import section

from stenosis_kit.base.errors import InputError
from stenosis_kit.cli import main
from stenosis_kit.report.command import report
from stenosis_kit.report.evidence import if_usable, read_evidence


def test_without_labels_the_out_of_fold_answers_are_shown_and_named(run, cohort, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(run, out, symlinks=True)
    root = tmp_path / "root"
    root.mkdir()
    for path in cohort.iterdir():
        if path.name not in ("solution.csv", "oracle_submission.csv"):
            (root / path.name).symlink_to(path)
    for name in ("run.json", "submission.run.json"):
        text = (out / name).read_text()
        assert str(cohort) in text
        (out / name).write_text(text.replace(str(cohort), str(root)).replace(str(run), str(out)))
    evidence = read_evidence(out)
    assert evidence.root.split == "train"
    assert evidence.answers.height == pl.read_csv(out / "model" / "oof.csv").height
    page = report(out).read_text()
    assert "out-of-fold answers" in page
    assert "could not be made" not in page.lower()


def test_data_that_are_not_where_the_run_had_them_are_named(run, cohort):
    for name in ("run.json", "submission.run.json"):
        (run / name).write_text((run / name).read_text().replace(str(cohort), "elsewhere"))
    evidence = read_evidence(run)
    assert evidence.root is None
    assert evidence.basis.startswith("The run's data, elsewhere, are not found from here. ")


def test_a_models_folder_has_a_report_too(run, model):
    (run / "model").unlink()
    page = report(shutil.copytree(model, run / "model")).read_text()
    assert "out-of-fold answers" in page
    assert "The run has no submission" in section(page, "Where rows came from")


def test_a_folder_of_something_else_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "expected the folder of a run; found neither submission.csv nor model.json" in capsys.readouterr().err


def test_a_file_that_is_damaged_is_passed_over_with_a_word_and_one_that_is_not_there_without(tmp_path, caplog):
    def refuse(path):
        raise InputError(path, "a run", "noise", "Make it again.")

    (tmp_path / "there").touch()
    assert if_usable(refuse, tmp_path / "absent") is None
    assert caplog.text == ""
    assert if_usable(refuse, tmp_path / "there") is None
    assert "expected a run; found noise" in caplog.text
    assert if_usable(lambda path: path.name, tmp_path / "there") == "there"


def test_the_bundled_graders_are_the_model_of_a_run_that_has_no_other(run, shipped):
    said = json.loads((run / "submission.run.json").read_text()) | {"models": ["bundled"]}
    (run / "submission.run.json").write_text(json.dumps(said))
    assert read_evidence(run).model == shipped()


def said_of(run, **changes):
    path = run / "submission.run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_model_that_is_not_found_from_here_is_not_taken_for_the_one_beside_the_run(run):
    said_of(run, models=["elsewhere/best"])
    assert read_evidence(run).model is None
    said_of(run, models=["before/it/moved/model"])
    assert read_evidence(run).model == run / "model"


def test_what_is_of_no_use_in_a_run_json_is_passed_over(run):
    said_of(run, models=None, rows=None, data=5)
    evidence = read_evidence(run)
    assert (evidence.model, evidence.sources) == (run / "model", {})
    assert "Nothing says where the rows came from." in section(report(run).read_text(), "Where rows came from")


def test_a_store_of_other_studies_than_the_models_is_not_its_store(run, model):
    (run / "model").unlink()
    shutil.copytree(model, run / "model")
    said_of(run, models=[str(run / "model")])
    (run / "model" / "folds.csv").write_text("study_id,fold\n1,0\n")
    evidence = read_evidence(run)
    assert evidence.store is None
    assert "holds none of the studies that the model was trained on" in evidence.no_store


def test_rows_count_as_the_metric_counts_them(run):
    path, whole = run / "submission.csv", pl.sum_horizontal("normal_mild", "moderate", "severe")
    pl.read_csv(path).with_columns(pl.col("normal_mild", "moderate", "severe") * 10).write_csv(path)
    assert read_evidence(run).answers.select(whole.is_between(0.999, 1.001).all()).item()
