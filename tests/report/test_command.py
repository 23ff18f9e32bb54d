import builtins
import re
import shutil

import polars as pl
import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.cli import main
from stenosis_kit.report import charts, command
from stenosis_kit.report.command import report
from stenosis_kit.report.evidence import read_evidence
from stenosis_kit.road.submit import submit

TITLES = [part.title for part in command._PARTS]


@pytest.fixture
def run(submitted):
    return submitted


@pytest.fixture
def page(run):
    return (run / "report.html").read_text()


def section(page, title):
    return page.split(f"<h2>{title}</h2>")[1].split("</section>")[0]


def test_submit_writes_a_whole_report(page):
    assert all(f"<h2>{title}</h2>" in page for title in TITLES)
    assert "could not be made" not in page.lower()
    assert "Left out" not in page


def test_submit_names_the_report_last(cohort, model, tmp_path, caplog):
    caplog.set_level("INFO", logger="stenosis_kit")
    submit(cohort, tmp_path / "out", Budget(2.0), model)
    assert caplog.messages[-1] == f"submit: look at {tmp_path / 'out' / 'report.html'}"
    assert (tmp_path / "out" / "report.html").is_file()


def test_images_are_read_by_workers_alone_so_that_a_mount_that_is_silent_holds_up_nothing(run, page, monkeypatch):
    def hang(path):
        raise AssertionError(f"{path} is read in the main process")

    monkeypatch.setattr("stenosis_kit.images.series.read_slice", hang)
    assert report(run).read_text().count("<img") == page.count("<img")
    again = (run / "report.html").read_text()
    assert section(again, "Levels").count("<circle") == section(page, "Levels").count("<circle") > 10


def test_it_is_one_file_that_refers_to_nothing_and_has_no_script(page, run):
    assert (run / "report.html").stat().st_size < 8e6
    assert "<script" not in page
    assert not re.search(r"(?:src|href)=\"(?!data:|#)", page)
    assert "@import" not in page
    assert "url(http" not in page


def test_every_picture_has_an_alternative_text(page):
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) > 40
    assert all(re.search(r'alt="[^"]{5}', one) for one in images)
    drawn = [one for one in re.findall(r"<svg[^>]*>", page) if "aria-hidden" not in one]
    assert len(drawn) >= 5
    assert all(re.search(r'aria-label="[^"]{5}', one) for one in drawn)


def test_the_name_of_the_run_is_escaped(page):
    assert "<title>Run: a &amp; b</title>" in page


def test_the_score_stands_beside_oracle_prior_and_uniform(page):
    score = section(page, "Score")
    for name in ("this run", "oracle", "prior", "uniform"):
        assert f'<th scope="row">{name}</th>' in score


def test_the_rows_of_the_submission_are_counted_by_origin(page, run):
    found = section(page, "Where rows came from")
    assert "75 rows" in found
    assert "grader: foraminal_sagittal" in found


def test_no_second_is_left_for_pictures_and_the_tables_are_there(run):
    page = report(run, Budget(1.0)).read_text()
    assert "Left out: the time was up" in section(page, "What the graders look at")
    assert "grader: foraminal_sagittal" in section(page, "Where rows came from")


def test_the_slower_the_page_comes_the_earlier_sections_are_left_out():
    class Clock:
        now = 0.0

        def elapsed(self):
            return self.now

        def remaining(self):
            return 20 - self.now

    clock = Clock()
    pace = command._Pace(clock)
    assert pace.allows(13)
    assert not pace.allows(14)
    pace.passed(1.0)
    clock.now = 5.0  # five times slower
    assert pace.allows(2.0)
    assert not pace.allows(2.1)


def test_a_section_that_fails_costs_no_other(run, monkeypatch):
    parts = [
        part if part.title != "Levels" else command._Part("Levels", 0.0, lambda evidence, budget: 1 / 0)
        for part in command._PARTS
    ]
    monkeypatch.setattr(command, "_PARTS", parts)
    page = report(run).read_text()
    assert "Could not be made: ZeroDivisionError" in section(page, "Levels")
    assert "<img" in section(page, "Worst mistakes")


def test_a_report_that_fails_costs_submit_nothing(cohort, model, tmp_path, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no page today")

    monkeypatch.setattr(command, "report", fail)
    result = submit(cohort, tmp_path / "out", Budget(2.0), model)
    assert result["legal"]
    assert "report: it could not be made: RuntimeError: no page today" in caplog.text


def test_without_matplotlib_the_tables_are_there_and_what_is_missing_is_said(run, monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    monkeypatch.setattr(charts, "find_spec", lambda name: None)
    page = report(run).read_text()
    assert "could not be made" not in page.lower()
    assert "they need matplotlib" in section(page, "Score")
    assert "0." in section(page, "Score")
    assert 'class="matrix"' in section(page, "Confusion matrices")
    assert "<img" in section(page, "Crops by severity")


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


def test_a_models_folder_has_a_report_too(run):
    page = report(run / "model").read_text()
    assert "out-of-fold answers" in page
    assert "The run has no submission" in section(page, "Where rows came from")


def test_the_command_says_where_the_page_is_and_needs_no_more_than_a_submission(run, tmp_path, capsys):
    shutil.copy(run / "submission.csv", tmp_path)
    assert main(["report", str(tmp_path)]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text()
    assert "No labels are known" in page
    assert "could not be made" not in page.lower()


def test_a_folder_of_something_else_is_refused(tmp_path, capsys):
    assert main(["report", str(tmp_path)]) == 2
    assert "expected the folder of a run; found neither submission.csv nor model.json" in capsys.readouterr().err
