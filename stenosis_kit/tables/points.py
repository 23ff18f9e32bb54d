"""train_label_coordinates.csv: where the readers put each label."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.tables.csv_table import EXAMPLES, INTEGER, NUMBER, Column, Table, and_more, read_rows
from stenosis_kit.tables.labels import LABEL_KEY
from stenosis_kit.tables.reading import Reading
from stenosis_kit.tables.series import SERIES_KEY

POINT_TABLE = {
    "study_id": Column(INTEGER),
    "series_id": Column(INTEGER),
    "instance_number": Column(INTEGER),
    "condition": Column(tuple(condition.label for condition in rsna.CONDITIONS)),
    "level": Column(rsna.LEVEL_LABELS),
    "x": Column(NUMBER),
    "y": Column(NUMBER),
}
POINT_KEY = ("study_id", "condition", "level")


def read_points(path: Path, images: Path | None = None) -> Table:
    """train_label_coordinates.csv with conditions and levels as row ids spell them; see `csv_table.read_rows`.

    Columns: study_id, series_id, instance_number, condition, level, x, y (pixels). A row with a null is no point.

    Raises:
        InputError: where the table cannot be used.
    """
    table = read_rows(path, POINT_TABLE, POINT_KEY, images)
    conditions = pl.col("condition").replace_strict({c.label: c.name for c in rsna.CONDITIONS}, default=None)
    levels = pl.col("level").replace_strict(rsna.LEVEL_LABELS, rsna.LEVELS, default=None)
    return replace(table, rows=table.rows.with_columns(conditions, levels))


def dangling_points(points: Reading, labels: Reading, series: Reading) -> list[str]:
    """Points of studies or series that the other tables do not know, a line each (the first few, and how many more)."""
    problems = []
    placed = points.usable().with_row_index("row").drop_nulls()
    for owner, key in ((labels, LABEL_KEY), (series, SERIES_KEY)):
        lost = placed.join(owner.usable(), on=key, how="anti").sort("row")
        for row, found in lost.select("row", key[-1]).head(EXAMPLES).iter_rows():
            expected = f"expected a {key[-1]} of {owner.path.name}; found {found}"
            problems.append(f"row {row + 2}, column {key[-1]}: {expected}")
        problems += and_more(lost["row"].to_list())
    return problems
