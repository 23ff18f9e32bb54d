"""The series tables: which series a study has, and of what kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import INTEGER, TEXT, Column, Table, read_rows

SERIES_TABLE = {
    "study_id": Column(INTEGER),
    "series_id": Column(INTEGER),
    "series_description": Column(TEXT, optional=True),
}
SERIES_KEY = ("study_id", "series_id")


def read_series(path: Path, images: Path | None = None) -> Table:
    """<split>_series_descriptions.csv: study_id, series_id, series_description; see `csv_table.read_rows`.

    Series of unknown kinds stay; upper and lower case of a kind do not matter.

    Raises:
        InputError: where the table cannot be used, or has no rows.
    """
    table = read_rows(path, SERIES_TABLE, SERIES_KEY, images)
    if table.rows.is_empty():
        raise InputError(path, "at least one series", "a table without rows", "Download it again.")
    spelt = {kind.lower(): kind for kind in rsna.SERIES_KINDS}
    kind = pl.col("series_description")
    return replace(table, rows=table.rows.with_columns(kind.str.to_lowercase().replace_strict(spelt, default=kind)))
