"""Ids that a spreadsheet rewrote (3.142E+09, 3,141,592,653), maybe without some digits: found again by image folder."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

_SCIENTIFIC = r"^\d+(?:[.,]\d+)?[eE]\+?\d{1,2}$"
_GROUPED = r"^\d{1,3}(?:[.,' \u202f]\d{3})+$"
_ID = re.compile(r"[0-9]+")


def restored(text: pl.DataFrame, images: Path) -> tuple[pl.DataFrame, list[str]]:
    """A table with the study and series ids that were rewritten, where exactly one image folder fits; else as it was.

    Args:
        text: columns of text, among them study_id and perhaps series_id.
        images: folder with images/<study_id>/<series_id>/.

    Returns:
        The table, and a line for each spelling that was read.
    """
    notes: list[str] = []
    for column in ("study_id", "series_id"):
        if column not in text.columns:
            continue
        odd = text[column].str.contains(f"{_SCIENTIFIC}|{_GROUPED}").fill_null(False)
        ids = text[column].to_list()
        for row in odd.arg_true():
            folder = images if column == "study_id" else images / str(text["study_id"][row])
            fitting = [name for name in _folders(folder) if _fits(ids[row], name)]
            if len(fitting) == 1:
                note = f"column {column}: {ids[row]} is read as {fitting[0]}, the one image folder that fits"
                notes += [note] if note not in notes else []
                ids[row] = fitting[0]
        text = text.with_columns(pl.Series(column, ids, pl.String))
    return text, notes


def _fits(spelt: str, name: str) -> bool:
    """Whether an id may have been rewritten so: rounded to the digits that are left."""
    if re.match(_GROUPED, spelt):
        return re.sub(r"\D", "", spelt) == name
    digits, power = re.split("[eE]", spelt.replace(",", "."))
    last = 10.0 ** (int(power) - len(digits.partition(".")[2]))  # what one more in the last digit is worth
    return abs(float(spelt.replace(",", ".")) - int(name)) <= last / 2


def _folders(folder: Path) -> list[str]:
    """Names of the folders in a folder that may be ids."""
    try:
        return [entry.name for entry in folder.iterdir() if _ID.fullmatch(entry.name) and entry.is_dir()]
    except OSError:
        return []
