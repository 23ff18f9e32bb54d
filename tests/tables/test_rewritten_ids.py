"""Ids that a spreadsheet rewrote, found again by image folder."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from stenosis_kit.tables.rewritten_ids import restored

STUDY, SERIES = 3141592653, 271828182


@pytest.fixture
def images(tmp_path: Path) -> Path:
    for study in (STUDY, 4712388980, 27182818):
        (tmp_path / str(study) / str(SERIES)).mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("spelt", ["3.142E+09", "3,142E+09", "3.14159e+09", "3E9", "3,141,592,653", "3.141.592.653"])
def test_a_study_is_found_by_the_one_folder_that_fits(images: Path, spelt: str) -> None:
    text = pl.DataFrame({"study_id": [spelt, "27182818"], "x": ["1", "2"]})
    found, notes = restored(text, images)
    assert found["study_id"].to_list() == [str(STUDY), "27182818"]
    assert found["x"].to_list() == ["1", "2"]
    assert notes == [f"column study_id: {spelt} is read as {STUDY}, the one image folder that fits"]


def test_a_series_is_looked_for_in_its_study(images: Path) -> None:
    text = pl.DataFrame({"study_id": ["3.1E+09", "27182818"], "series_id": ["2.72E+08", "271,828,182"]})
    found, _ = restored(text, images)
    assert found.rows() == [(str(STUDY), str(SERIES)), ("27182818", str(SERIES))]


@pytest.mark.parametrize("study", ["27182818.0", "'27182818"])
def test_a_series_is_looked_for_in_its_study_however_that_is_spelt(images: Path, study: str) -> None:
    found, _ = restored(pl.DataFrame({"study_id": [study], "series_id": ["2.72E+08"]}), images)
    assert found["series_id"].to_list() == [str(SERIES)]


@pytest.mark.parametrize("study", ["..", "2718\0", None])
def test_a_series_of_no_study_is_looked_for_nowhere(images: Path, study: str | None) -> None:
    text = pl.DataFrame(
        {"study_id": [study], "series_id": ["2.72E+08"]}, schema={"study_id": pl.String, "series_id": pl.String}
    )
    assert restored(text, images)[0].equals(text)
    assert restored(text.select("series_id"), images)[0].equals(text.select("series_id"))


@pytest.mark.parametrize("spelt", ["3.2E+09", "3,141,592,654", "6E+09", "4E+99", "1.5", "x", "3.141.59", ""])
def test_what_fits_no_folder_stays_as_it_is(images: Path, spelt: str) -> None:
    text = pl.DataFrame({"study_id": [spelt]})
    found, notes = restored(text, images)
    assert found.equals(text)
    assert notes == []


def test_what_fits_two_folders_stays_as_it_is(images: Path) -> None:
    (images / "3141999000").mkdir()
    assert restored(pl.DataFrame({"study_id": ["3.142E+09"]}), images)[1] == []
    assert restored(pl.DataFrame({"study_id": ["3.141593E+09"]}), images)[0]["study_id"].to_list() == [str(STUDY)]


def test_without_images_nothing_is_guessed(tmp_path: Path) -> None:
    assert restored(pl.DataFrame({"study_id": ["3.142E+09"]}), tmp_path / "nowhere")[1] == []


def test_each_folder_is_listed_once_however_many_rows_there_are(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed, honest = [], Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: listed.append(self) or honest(self))
    rows = {"study_id": ["3.142E+09", "3,141,592,653"] * 20, "series_id": ["2.72E+08", "271,828,182"] * 20}
    found, notes = restored(pl.DataFrame(rows), images)
    assert set(found.rows()) == {(str(STUDY), str(SERIES))}
    assert len(notes) == 4
    assert sorted(listed) == [images, images / str(STUDY)]


@pytest.mark.parametrize("others", [["3.142E+09"], [str(STUDY)]], ids=["three rows of one spelling", "the id itself"])
def test_in_a_table_of_one_row_a_study_no_two_rows_become_one_study(images: Path, others: list[str]) -> None:
    text = pl.DataFrame({"study_id": ["3.142E+09", *others, *others[:1]]})
    assert restored(text, images)[0]["study_id"].to_list()[0] == "3.142E+09"
    assert restored(text.head(1), images)[0]["study_id"].to_list() == [str(STUDY)]
