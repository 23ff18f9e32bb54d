"""The rows that a submission must hold."""

from __future__ import annotations

import polars as pl

from stenosis_kit import rsna


def row_ids(cells: pl.DataFrame) -> pl.Series:
    """The row ids of a frame with study_id, condition and level."""
    return cells.select(pl.concat_str("study_id", "condition", "level", separator="_").alias("row_id")).to_series()


def grid(series: pl.DataFrame) -> pl.DataFrame:
    """All rows that a submission must hold: row_id, study_id, condition, level.

    25 a study of the series table, by ascending study id and in sample_submission.csv's order within one.
    """
    studies = series.select(pl.col("study_id").unique().sort())
    cells = pl.DataFrame({"condition": [c for c, _ in rsna.CELLS], "level": [level for _, level in rsna.CELLS]})
    rows = studies.join(cells, how="cross", maintain_order="left_right")
    return rows.select(row_ids(rows), "study_id", "condition", "level")
