"""The labels: train.csv, solution.csv, and whichever of them knows the rows of a grid."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.tables.csv_table import (
    EXAMPLES,
    INTEGER,
    NUMBER,
    TEXT,
    Column,
    Table,
    TableError,
    and_more,
    as_rows,
    as_table,
    read_rows,
    read_text,
    with_names,
)
from stenosis_kit.tables.grid import row_ids

LABEL_TABLE = {"study_id": Column(INTEGER)} | {
    name: Column(rsna.SEVERITY_LABELS, optional=True) for name in rsna.LABEL_COLUMNS
}
LABEL_KEY = ("study_id",)
SOLUTION_TABLE = {"row_id": Column(TEXT), **{name: Column(NUMBER) for name in rsna.SEVERITIES}}


def read_labels(path: Path, images: Path | None = None) -> Table:
    """train.csv as it stands: study_id and a column of labels for each of the 25 cells; see `csv_table.read_rows`.

    Raises:
        InputError: where the table cannot be used.
    """
    return read_rows(path, LABEL_TABLE, LABEL_KEY, images)


def cells_from_wide(wide: pl.DataFrame) -> pl.DataFrame:
    """train.csv in long form: study_id, condition, level, severity; 25 rows a study, in the grid's order.

    `severity` is one of `rsna.SEVERITIES`, null where the cell has no label: never filled in.
    """
    long = wide.unpivot(on=list(rsna.LABEL_COLUMNS), index="study_id", variable_name="column", value_name="label")
    names = pl.DataFrame({
        "column": rsna.LABEL_COLUMNS,
        "condition": [condition for condition, _ in rsna.CELLS],
        "level": [level for _, level in rsna.CELLS],
        "place": range(len(rsna.CELLS)),
    })  # fmt: skip
    severity = pl.col("label").replace_strict(
        rsna.SEVERITY_LABELS, rsna.SEVERITIES, default=None, return_dtype=pl.String
    )
    return (
        long.join(names, on="column", maintain_order="left")
        .sort("study_id", "place", maintain_order=True)
        .select("study_id", "condition", "level", severity.alias("severity"))
    )


def read_solution(path: Path) -> pl.DataFrame:
    """Labelled cells: row_id, study_id, condition, level, severity; from a train.csv or a solution.csv.

    A solution.csv has one-hot columns named as `rsna.SEVERITIES`.
    """
    text = with_names(read_text(path), ["row_id"])
    if "row_id" in text.columns:
        return _cells_of_solution(path, as_table(path, text, SOLUTION_TABLE, key=("row_id",)))
    return labelled_rows(cells_from_wide(as_table(path, text, LABEL_TABLE, LABEL_KEY)))


def usable_solution(path: Path) -> Table:
    """As `read_solution`, as far as it can be used: a row that is wrong costs itself, and is named.

    Raises:
        InputError: where nothing of it can be used.
    """
    text = with_names(read_text(path), ["row_id"])
    if "row_id" not in text.columns:
        table = as_rows(path, text, LABEL_TABLE, LABEL_KEY)
        whole = table.rows.drop_nulls(LABEL_KEY).unique(LABEL_KEY, keep="first", maintain_order=True)
        return replace(table, rows=labelled_rows(cells_from_wide(whole)))
    table = as_rows(path, text, SOLUTION_TABLE, ("row_id",))
    rows = table.rows.unique("row_id", keep="first", maintain_order=True)
    onehot = np.sort(rows.select(rsna.SEVERITIES).to_numpy(), axis=1) == [0, 0, 1]
    used = onehot.all(axis=1) & np.array([bool(rsna.split_row_id(name or "")) for name in rows["row_id"]], bool)
    odd = rows.filter(~used).drop_nulls()["row_id"].to_list()
    wrong = [f"{name!r}: expected a row id of the competition, with one 1 and two 0" for name in odd[:EXAMPLES]]
    wrong += and_more(odd)
    return replace(table, rows=_cells_of_solution(path, rows.filter(used)), wrong=[*table.wrong, *wrong])


def labelled_rows(cells: pl.DataFrame) -> pl.DataFrame:
    """The labelled ones of some cells, with their row_id first; columns as `read_solution` gives them."""
    known = cells.drop_nulls("severity")
    return known.with_columns(row_ids(known)).select("row_id", "study_id", "condition", "level", "severity")


def solution_of(cells: pl.DataFrame) -> pl.DataFrame:
    """solution.csv of labelled cells (study_id, condition, level, severity): row_id, one-hot columns, sample_weight."""
    onehot = {name: (cells["severity"] == name).cast(pl.Int8) for name in rsna.SEVERITIES}
    weight = cells["severity"].replace_strict(rsna.SEVERITIES, rsna.SEVERITY_WEIGHTS, return_dtype=pl.Float64)
    return cells.select(row_ids(cells)).with_columns(**onehot, sample_weight=weight)


def _cells_of_solution(path: Path, frame: pl.DataFrame) -> pl.DataFrame:
    onehot = frame.select(rsna.SEVERITIES).to_numpy()
    parts = [rsna.split_row_id(text) for text in frame["row_id"]]
    bad_id = [i for i, part in enumerate(parts) if part is None]
    bad_class = np.flatnonzero((np.sort(onehot, axis=1) != [0, 0, 1]).any(axis=1)).tolist()
    problems = [
        f"row {i + 2}: expected a row id of the competition; found {frame['row_id'][i]!r}" for i in bad_id[:EXAMPLES]
    ]
    problems += [f"row {i + 2}: expected one 1 and two 0; found {onehot[i].tolist()}" for i in bad_class[:EXAMPLES]]
    if problems:
        raise TableError(path, problems)
    studies, conditions, levels = zip(*parts, strict=True) if parts else ((), (), ())
    return pl.DataFrame({
        "row_id": frame["row_id"],
        "study_id": pl.Series(studies, dtype=pl.Int64),
        "condition": pl.Series(conditions, dtype=pl.String),
        "level": pl.Series(levels, dtype=pl.String),
        "severity": pl.Series([rsna.SEVERITIES[k] for k in onehot.argmax(axis=1)], dtype=pl.String),
    })  # fmt: skip
