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
