"""Ids that a spreadsheet rewrote (3.142E+09, 3,141,592,653), maybe without some digits: found again by image folder."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl

_SCIENTIFIC = r"^\d+(?:[.,]\d+)?[eE]\+?\d{1,2}$"
_GROUPED = r"^\d{1,3}(?:[.,' \u202f]\d{3})+$"
_ID = re.compile(r"[0-9]+")
INTEGER = r"^'?(-?\d+)(?:\.0+)?$"
"""An integer as spreadsheets and pandas spell it: with an apostrophe before what is to stay text, or as a decimal."""


def restored(text: pl.DataFrame, images: Path) -> tuple[pl.DataFrame, list[str]]:
    """A table with the study and series ids that were rewritten, where exactly one image folder fits; else as it was.

    In a table of one row a study, a spelling that stands in several rows, or whose folder another row names as it is,
    has lost what told studies apart, and stays.

    Args:
        text: columns of text, among them study_id and perhaps series_id.
        images: folder with images/<study_id>/<series_id>/.

    Returns:
        The table, and a line for each spelling that was read.
    """
    notes: dict[str, None] = {}  # each once, in order
    folders = cache(_folders)

    @cache
    def fitting(spelt: str, folder: Path | None) -> list[str]:
        return _fitting(spelt, folders(folder) if folder else [])

    for column in ("study_id", "series_id"):
        if column not in text.columns:
            continue
        odd = text[column].str.contains(f"{_SCIENTIFIC}|{_GROUPED}").fill_null(False)
        ids = text[column].to_list()
        times = Counter(ids) if "series_id" not in text.columns else Counter()
        for row in odd.arg_true():
            found = fitting(ids[row], images if column == "study_id" else _study_folder(images, text, row))
            if len(found) == 1 and times[ids[row]] < 2 and not times[found[0]]:
                notes[f"column {column}: {ids[row]} is read as {found[0]}, the one image folder that fits"] = None
                ids[row] = found[0]
        text = text.with_columns(pl.Series(column, ids, pl.String))
    return text, list(notes)


def _study_folder(images: Path, text: pl.DataFrame, row: int) -> Path | None:
    """The image folder of a row's study; None where its id is none."""
    study = re.match(INTEGER, text["study_id"][row] or "") if "study_id" in text.columns else None
    return images / study[1] if study else None


def _fitting(spelt: str, names: Sequence[str]) -> list[str]:
    """The ids that may have been rewritten so: rounded to the digits that are left."""
    if re.match(_GROUPED, spelt):
        digits = re.sub(r"\D", "", spelt)
        return [name for name in names if name == digits]
    plain = spelt.replace(",", ".")
    digits, power = re.split("[eE]", plain)
    last = 10.0 ** (int(power) - len(digits.partition(".")[2]))  # what one more in the last digit is worth
    value = float(plain)
    return [name for name in names if abs(value - int(name)) <= last / 2]


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder that may be ids."""
    try:
        return [entry.name for entry in folder.iterdir() if _ID.fullmatch(entry.name) and entry.is_dir()]
    except OSError:
        return []
