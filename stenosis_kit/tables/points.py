"""train_label_coordinates.csv: where the readers put each label."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.tables.csv_table import INTEGER, NUMBER, Column, read_table

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


def read_points(path: Path) -> pl.DataFrame:
    """train_label_coordinates.csv with conditions and levels as row ids spell them; doubled rows stay.

    Columns: study_id, series_id, instance_number, condition, level, x, y (pixels).

    Raises:
        InputError: where the table is missing, or holds what is no point.
    """
    frame = read_table(path, POINT_TABLE)
    return frame.with_columns(
        pl.col("condition").replace_strict([c.label for c in rsna.CONDITIONS], rsna.CONDITION_NAMES),
        pl.col("level").replace_strict(rsna.LEVEL_LABELS, rsna.LEVELS),
    )
