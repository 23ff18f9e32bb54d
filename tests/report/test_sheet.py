"""A page for each study: what is on it, with answers and with priors, with images and without."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import headless
import numpy as np
import polars as pl
import pytest
from pages import section

from stenosis_kit import rsna
from stenosis_kit.answers import second_stage
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.errors import InputError
from stenosis_kit.report.sheet import INDEX, sheet
from stenosis_kit.report.study_sheet import RESEARCH_ONLY, Answers, _unlike
from stenosis_kit.tables.root import Root


def answers_of(root: Path, path: Path, models: Sequence[str] = ()) -> Submission:
    """A submission whose foramina are graded, and all else is prior."""
    submission = Submission(Root(root, "test").grid, builtin_prior())
    for row_id in submission.grid["row_id"]:
        if "foraminal" in row_id:
            submission.put(row_id, np.array([0.2, 0.3, 0.5]), "foraminal_sagittal")
        else:
            submission.explain([row_id], "no <image>")
    submission.save(path, {"version": "1.2.3", "models": list(models)})
    return submission


@pytest.fixture(scope="module")
def pages(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sheets")
    answers_of(cohort, folder / "submission.csv")
    return sheet(cohort, folder / "submission.csv", folder / "out", workers=1)


def test_a_page_for_each_study_and_links_to_them(cohort: Path, pages: list[Path]) -> None:
    studies = Root(cohort, "test").grid["study_id"].unique().to_list()
    assert sorted(int(path.stem) for path in pages) == sorted(studies)
    index = (pages[0].parent / INDEX).read_text()
    assert all(f'href="{path.name}"' in index for path in pages)
    for path in (*pages, pages[0].parent / INDEX):
        assert RESEARCH_ONLY in path.read_text()


def test_what_a_page_shows(pages: list[Path]) -> None:
    page = pages[0].read_text()
    assert section(page, "The five levels").count("<circle") == 5
    for label in rsna.LEVEL_LABELS:
        level = section(page, label)
        assert level.count("<img") == 3
        assert level.index("right foraminal") < level.index("spinal canal") < level.index("left foraminal")
        assert level.count("20% / 30% / 50%") == 2
        assert level.count('class="cell prior"') == 3
        assert level.count("not from images: no &lt;image&gt;") == 3
    assert "stenosis_kit 1.2.3" in page


def test_it_refers_to_nothing_outside_and_is_made_for_paper_too(pages: list[Path]) -> None:
    page = pages[0].read_text()
    targets = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert all(target.startswith(("#", "data:")) for target in targets)
    assert "<script" not in page
    printed = page[page.index("@media print") :]
    assert re.search(r"\.banner \{ position: fixed", printed), "on every sheet of paper"


@pytest.mark.skipif(headless.BROWSER is None, reason="no browser")
@pytest.mark.parametrize(("width", "dark"), [(360, False), (1200, True)], ids=["phone", "screen, dark"])
def test_in_a_browser(pages: list[Path], tmp_path: Path, width: int, dark: bool) -> None:
    seen, console = headless.look(pages[0].read_text(), tmp_path, width, dark)
    assert seen["needed"] <= seen["width"]
    assert seen["broken"] == seen["fetched"] == 0
    assert seen["images"] == 16
    assert console == []


def test_without_images_the_answers_stand_alone(cohort: Path, tmp_path: Path) -> None:
    for path in cohort.glob("test_*.csv"):
        shutil.copy(path, tmp_path)
    answers_of(cohort, tmp_path / "submission.csv")
    (tmp_path / "submission.run.json").unlink()
    page = sheet(tmp_path, tmp_path / "submission.csv", tmp_path / "out", workers=1)[0].read_text()
    assert "<img" not in page
    assert page.count("no image shows it") == 15
    assert "Nothing stands beside the submission" in page
    assert "prior" not in section(page, "L1/L2")


def test_the_packages_own_graders_are_named(cohort: Path, tmp_path: Path) -> None:
    for path in cohort.glob("test_*.csv"):
        shutil.copy(path, tmp_path)
    answers_of(cohort, tmp_path / "submission.csv", models=["bundled"])
    page = sheet(tmp_path, tmp_path / "submission.csv", tmp_path / "out", workers=1)[0].read_text()
    assert "own graders, taught with synthetic studies alone" in page


def test_bad_use(cohort: Path, tmp_path: Path) -> None:
    answers_of(cohort, tmp_path / "submission.csv")
    with pytest.raises(InputError, match="lies in none"):
        sheet(cohort, tmp_path / "submission.csv", cohort / "test_images" / "out")
    one = pl.read_csv(tmp_path / "submission.csv").head(1)
    one.with_columns(row_id=pl.lit(f"5_{rsna.LABEL_COLUMNS[0]}")).write_csv(tmp_path / "others.csv")
    with pytest.raises(InputError, match="answers to studies of"):
        sheet(cohort, tmp_path / "others.csv", tmp_path / "out")


def test_answers_unlike_those_in_training_are_named() -> None:
    prior = np.tile([0.7, 0.2, 0.1], (25, 1))
    rows = {rsna.row_id(1, *cell): (0.05, 0.15, 0.8) for cell in rsna.CELLS}
    like = dict.fromkeys(rsna.TERMS, ((0.0, 0.0), (0.5, 0.5)))
    assert "Unlike" in _unlike(1, Answers(rows, {}, "", prior, like))
    assert "Unlike" not in _unlike(1, Answers(dict.fromkeys(rows, (0.7, 0.2, 0.1)), {}, "", prior, like))
    priors = dict.fromkeys(rows, {"source": "prior", "why": ""})
    assert _unlike(1, Answers(rows, priors, "", prior, like)) == ""


def test_studies_such_as_those_in_training_are_seldom_called_unlike_them() -> None:
    rng, prior = np.random.default_rng(0), np.tile([0.7, 0.2, 0.1], (25, 1))
    like = dict.fromkeys(rsna.TERMS, ((0.3, -0.2), (0.5, 0.8)))
    unlike = 0
    for _ in range(200):
        means = {term: rng.normal(*like[term]) for term in rsna.TERMS}
        evidence = np.array([means[rsna.CONDITION_BY_NAME[condition].term] for condition, _ in rsna.CELLS])
        given = second_stage.answers_of(evidence[None], prior)[0]
        rows = {rsna.row_id(1, *cell): tuple(row) for cell, row in zip(rsna.CELLS, given, strict=True)}
        unlike += "Unlike" in _unlike(1, Answers(rows, {}, "", prior, like))
    assert unlike < 20
