import builtins
import re
import shutil

import pytest
from pages import section

from stenosis_kit.base.budget import Budget
from stenosis_kit.cli import main
from stenosis_kit.report import charts, command
from stenosis_kit.report.command import SHEETS, report
from stenosis_kit.road.submit import submit

TITLES = [part.title for part in command._PARTS]


@pytest.fixture
def parts(monkeypatch):
    """Makes pages of some sections alone: `parts("Score", "Levels")`."""

    def chosen(*titles):
        assert set(titles) <= set(TITLES)
        monkeypatch.setattr(command, "_PARTS", [part for part in command._PARTS if part.title in titles])

    return chosen


def test_submit_writes_a_whole_report(page):
    assert all(f"<h2>{title}</h2>" in page for title in TITLES)
    assert "could not be made" not in page.lower()
    assert "Left out" not in page


def test_submit_names_the_report_last(cohort, model, tmp_path, caplog):
    caplog.set_level("INFO", logger="stenosis_kit")
    submit(cohort, tmp_path / "out", Budget(2.0), model)
    assert caplog.messages[-1] == f"submit: look at {tmp_path / 'out' / 'report.html'}"
    assert (tmp_path / "out" / "report.html").is_file()


@pytest.mark.parametrize("own", ["competition", "submission", "model"])
def test_the_report_does_not_write_over_what_it_is_made_from(cohort, model, tmp_path, own, capsys):
    out = tmp_path / "out"
    submit(cohort, out, Budget(2.0), model)
    path = {"competition": cohort / "train.csv", "submission": out / "submission.csv", "model": out / "model.json"}[own]
    path.touch()
    before = path.read_bytes()
    (out / "report.html").unlink()
    (out / "report.html").symlink_to(path)
    assert main(["report", str(out)]) == 2
    assert f"{out / 'report.html'}: expected a file that is no input" in capsys.readouterr().err
    assert path.read_bytes() == before


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


def test_on_a_busy_machine_even_the_first_section_is_given_more_time(monkeypatch):
    monkeypatch.setattr(command, "slowness", lambda: 4.0)
    pace = command._Pace(Budget(20.0))
    assert pace.allows(3)
    assert not pace.allows(3.4)


def test_a_section_that_fails_costs_no_other(run, monkeypatch):
    kept = [part for part in command._PARTS if part.title in ("Score", "Worst mistakes")]
    parts = [kept[0], command._Part("Levels", 0.0, lambda evidence, budget: 1 / 0), kept[1]]
    monkeypatch.setattr(command, "_PARTS", parts)
    page = report(run).read_text()
    assert "Could not be made: ZeroDivisionError" in section(page, "Levels")
    assert "this run" in section(page, "Score")
    assert "<img" in section(page, "Worst mistakes")


def test_a_report_that_fails_costs_submit_nothing(cohort, model, tmp_path, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("no page today")

    monkeypatch.setattr(command, "report", fail)
    result = submit(cohort, tmp_path / "out", Budget(2.0), model)
    assert result["legal"]
    assert "report: it could not be made: RuntimeError: no page today" in caplog.text


def test_without_matplotlib_the_tables_are_there_and_what_is_missing_is_said(run, parts, monkeypatch):
    parts(*(part.title for part in command._PARTS if not part.networks))  # those with networks draw without it
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


def test_the_command_says_where_the_page_is_and_needs_no_more_than_a_submission(run, tmp_path, capsys):
    folder = tmp_path / "alone"
    folder.mkdir()
    shutil.copy(run / "submission.csv", folder)
    assert main(["report", str(folder)]) == 0
    assert capsys.readouterr().out.strip() == str(folder / "report.html")
    page = (folder / "report.html").read_text()
    assert "No labels are known" in page
    assert "could not be made" not in page.lower()


def test_it_leads_to_the_sheets_where_there_are_any(run, page):
    link = f'<a href="{SHEETS}">'
    assert link not in page
    (run / SHEETS).parent.mkdir()
    (run / SHEETS).write_text("")
    assert link in report(run, Budget(0.0)).read_text()
