"""The series tables: which series a study has, and of what kind."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import INTEGER, TEXT, Column, read_table, unknown_words

SERIES_TABLE = {
    "study_id": Column(INTEGER),
    "series_id": Column(INTEGER),
    "series_description": Column(TEXT, optional=True),
}
SERIES_KEY = ("study_id", "series_id")


def read_series(path: Path) -> pl.DataFrame:
    """<split>_series_descriptions.csv: study_id, series_id, series_description; doubled rows and unknown kinds stay;
    upper and lower case of a kind do not matter.

    Raises:
        InputError: where the table is missing, has no rows, or an id in it is not an integer.
    """
    frame = read_table(path, SERIES_TABLE)
    if frame.is_empty():
        raise InputError(path, "at least one series", "a table without rows", "Download it again.")
    spelt = {kind.lower(): kind for kind in rsna.SERIES_KINDS}
    kind = pl.col("series_description")
    return frame.with_columns(kind.str.to_lowercase().replace_strict(spelt, default=kind))


def unknown_kinds(series: pl.DataFrame) -> list[str]:
    """A line for each series of a kind that is none of `rsna.SERIES_KINDS` (the first few, and how many more)."""
    return unknown_words(series, "series_description", rsna.SERIES_KINDS)
