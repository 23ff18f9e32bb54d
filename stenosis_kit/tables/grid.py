"""The rows that a submission must hold."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from stenosis_kit import rsna


def row_ids(cells: pl.DataFrame) -> pl.Series:
    """The row ids of a frame with study_id, condition and level."""
    return cells.select(pl.concat_str("study_id", "condition", "level", separator="_").alias("row_id")).to_series()


def grid(studies: Iterable[int]) -> pl.DataFrame:
    """All rows of some studies: row_id, study_id, condition, level.

    25 a study, by ascending study id and in sample_submission.csv's order within one; a study given twice counts once.
    """
    studies = pl.DataFrame({"study_id": sorted(set(studies))}, schema={"study_id": pl.Int64})
    cells = pl.DataFrame({"condition": [c for c, _ in rsna.CELLS], "level": [level for _, level in rsna.CELLS]})
    rows = studies.join(cells, how="cross", maintain_order="left_right")
    return rows.select(row_ids(rows), "study_id", "condition", "level")
