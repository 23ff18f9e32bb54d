"""Labels of the studies of a grid, where somebody has left them: for scoring and the report, never for grading."""

from __future__ import annotations

import logging
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.errors import InputError
from stenosis_kit.tables import read_solution

log = logging.getLogger(__name__)

SOLUTION = "solution.csv"


def known_labels(data: Path, rows: pl.DataFrame) -> tuple[pl.DataFrame, str] | None:
    """Labels of some of a grid's rows, from DATA/solution.csv, else from its train.csv.

    Args:
        data: competition root.
        rows: frame with row_id.

    Returns:
        The labelled cells as `tables.read_solution` gives them and the name of their table; None where there are none.
    """
    for name in (SOLUTION, rsna.TRAIN_TABLE):
        if not (data / name).is_file():
            continue
        try:
            truth = read_solution(data / name)
        except InputError as error:
            log.warning("labels: %s", error)
            continue
        known = truth.filter(pl.col("row_id").is_in(rows["row_id"].implode()))
        if known.height:
            return known, name
    return None
