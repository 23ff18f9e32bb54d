"""The competition's tables: labels, points, series, solutions, and the grid of rows to submit."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.errors import InputError
from stenosis_kit.tabular import EXAMPLES, INTEGER, NUMBER, TEXT, Column, TableError, and_more, read_table, read_text

STUDY_COLUMNS = {"study_id": Column(INTEGER)}
LABEL_TABLE = STUDY_COLUMNS | {name: Column(rsna.SEVERITY_LABELS, optional=True) for name in rsna.LABEL_COLUMNS}
SERIES_TABLE = STUDY_COLUMNS | {"series_id": Column(INTEGER), "series_description": Column(rsna.SERIES_KINDS)}
POINT_TABLE = STUDY_COLUMNS | {
    "series_id": Column(INTEGER),
    "instance_number": Column(INTEGER),
    "condition": Column(tuple(condition.label for condition in rsna.CONDITIONS)),
    "level": Column(rsna.LEVEL_LABELS),
    "x": Column(NUMBER),
    "y": Column(NUMBER),
}
SOLUTION_TABLE = {"row_id": Column(TEXT), **{name: Column(NUMBER) for name in rsna.SEVERITIES}}
POINT_KEY = ("study_id", "condition", "level")


def read_cells(path: Path, unique: bool = True) -> pl.DataFrame:
    """train.csv in long form: study_id, condition, level, severity; 25 rows a study, in the grid's order.

    `severity` is one of `rsna.SEVERITIES`, null where the cell has no label: never filled in.
    """
    wide = read_table(path, LABEL_TABLE, key=("study_id",) if unique else ())
    return cells_from_wide(wide)


def cells_from_wide(wide: pl.DataFrame) -> pl.DataFrame:
    """The long form of train.csv's columns; see `read_cells`."""
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


def read_points(path: Path, unique: bool = True) -> pl.DataFrame:
    """train_label_coordinates.csv with conditions and levels as row ids spell them.

    Columns: study_id, series_id, instance_number, condition, level, x, y (pixels).
    """
    frame = read_table(path, POINT_TABLE, key=POINT_KEY if unique else ())
    return frame.with_columns(
        pl.col("condition").replace_strict([c.label for c in rsna.CONDITIONS], rsna.CONDITION_NAMES),
        pl.col("level").replace_strict(rsna.LEVEL_LABELS, rsna.LEVELS),
    )


def read_series(path: Path, unique: bool = True) -> pl.DataFrame:
    """<split>_series_descriptions.csv: study_id, series_id, series_description."""
    frame = read_table(path, SERIES_TABLE, key=("study_id", "series_id") if unique else ())
    if frame.is_empty():
        raise InputError(path, "at least one series", "a table without rows", "Download it again.")
    return frame


def read_split_series(root: Path, split: str) -> pl.DataFrame:
    """The series table that a split's grid comes from, each series once.

    A doubled row or a series of an unknown kind is no reason to refuse a submission: the latter stays, and is not read.

    Raises:
        InputError: where there is no such table, or an id in it is not an integer.
    """
    check_root(root, split)
    columns = SERIES_TABLE | {"series_description": Column(TEXT, optional=True)}
    frame = read_table(root / rsna.series_table(split), columns)
    if frame.is_empty():
        raise InputError(root / rsna.series_table(split), "at least one series", "no rows", "Download it again.")
    return frame.unique(["study_id", "series_id"], keep="first", maintain_order=True)


def read_solution(path: Path) -> pl.DataFrame:
    """Labelled cells: row_id, study_id, condition, level, severity; from a train.csv or a solution.csv.

    A solution.csv has one-hot columns named as `rsna.SEVERITIES`.
    """
    if "row_id" in read_text(path).columns:
        return _cells_of_solution(path)
    cells = read_cells(path).drop_nulls("severity")
    return cells.with_columns(row_id=row_ids(cells)).select("row_id", "study_id", "condition", "level", "severity")


def _cells_of_solution(path: Path) -> pl.DataFrame:
    frame = read_table(path, SOLUTION_TABLE, key=("row_id",))
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


# --- A whole root ------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrainTables:
    """The tables of the train split: `cells`, `points` and `series` as the readers above give them."""

    root: Path
    cells: pl.DataFrame
    points: pl.DataFrame
    series: pl.DataFrame


def read_train(root: Path) -> TrainTables:
    """The train tables of a competition root, also checked against each other.

    Raises:
        InputError: where a table is missing or unreadable.
        TableError: with the problems of all three tables, or all foreign keys that lead nowhere.
    """
    check_root(root)
    readers = {rsna.TRAIN_TABLE: read_cells, rsna.POINTS_TABLE: read_points, rsna.series_table("train"): read_series}
    frames, problems = {}, []
    for name, reader in readers.items():
        try:
            frames[name] = reader(root / name)
        except TableError as error:
            problems += [f"{name}: {problem}" for problem in error.problems]
    if not problems:
        problems = _dangling_points(*frames.values())
    if problems:
        raise TableError(root, problems)
    return TrainTables(root, *frames.values())


def _dangling_points(cells: pl.DataFrame, points: pl.DataFrame, series: pl.DataFrame) -> list[str]:
    problems = []
    owners = ((rsna.TRAIN_TABLE, cells, ["study_id"]), (rsna.series_table("train"), series, ["study_id", "series_id"]))
    for name, owner, key in owners:
        lost = points.with_row_index("row").join(owner, on=key, how="anti").sort("row")
        for row, found in lost.select("row", key[-1]).head(EXAMPLES).iter_rows():
            expected = f"expected a {key[-1]} of {name}; found {found}"
            problems.append(f"{rsna.POINTS_TABLE}: row {row + 2}, column {key[-1]}: {expected}")
        problems += and_more(lost["row"].to_list())
    return problems


def check_root(root: Path, split: str = "train") -> None:
    """Raises InputError where the folder is not a competition root."""
    if not root.is_dir():
        raise InputError(root, "a folder with the competition's files", "no such folder", "Give DATA as a folder.")
    if not (root / rsna.series_table(split)).is_file():
        names = sorted(entry.name for entry in root.iterdir())
        found = (", ".join(names[:6]) + (" …" if len(names) > 6 else "")) if names else "an empty folder"
        remedy = "Give the folder into which the competition's zip was unpacked."
        raise InputError(root, rsna.series_table(split), found, remedy)
