"""The competition's CSV tables, read and validated with polars.

Every table is read as text first and converted column by column, so that all problems of a file are
collected in one error that names file, row, column, expected and found, whatever version of polars runs.
Rows are numbered as an editor shows them, blank lines aside: the header is row 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.errors import InputError

INTEGER, NUMBER, TEXT = "an integer", "a number", "text"
_DTYPES = {INTEGER: pl.Int64, NUMBER: pl.Float64, TEXT: pl.String}
_EXAMPLES = 3  # problems of one kind shown for a file; the rest is counted


@dataclass(frozen=True)
class Column:
    """What a column may hold: `INTEGER`, `NUMBER`, `TEXT`, or one of a tuple of words."""

    kind: str | tuple[str, ...]
    optional: bool = False

    @property
    def expected(self) -> str:
        """The rule in words, for messages."""
        words = self.kind if isinstance(self.kind, str) else ", ".join(self.kind)
        return f"{words} or nothing" if self.optional else words


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


class TableError(InputError):
    """All that is wrong with one or several tables, a line each."""

    def __init__(self, path: Path | str, problems: Iterable[str]) -> None:
        self.problems = list(problems)
        super().__init__(path, "a valid table", f"{len(self.problems)} problem(s)", "Mend the table, then run again.")

    def __str__(self) -> str:
        lines = [f"{self.path}: {problem}" for problem in self.problems]
        return "\n".join([*lines, self.remedy])

    def __reduce__(self) -> tuple:
        """Lets the error travel back from a worker process."""
        return type(self), (self.path, self.problems)


# --- Reading one table -------------------------------------------------------------------------


def read_text(path: Path) -> pl.DataFrame:
    """A CSV as text columns, blanks stripped, empty fields null, blank lines left out.

    Raises:
        InputError: where there is no such file, it is not CSV, or two columns share a name.
    """
    if not path.is_file():
        raise InputError(path, "a CSV table", "no such file", "Is this the competition's folder?")
    try:
        frame = pl.read_csv(path, infer_schema=False, encoding="utf8-lossy")
    except pl.exceptions.NoDataError:
        raise InputError(path, "a CSV table", "an empty file", "Download it again.") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(path, "a CSV table", f"what polars cannot read: {reason}", "Download it again.") from None
    names = [name.strip().strip("\ufeff") for name in frame.columns]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(path, "columns of different names", f"{doubled[0]!r} twice", "Rename or delete one of them.")
    frame.columns = names
    frame = frame.with_columns(pl.all().str.strip_chars().replace("", None))
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def read_table(path: Path, columns: Mapping[str, Column], key: tuple[str, ...] = ()) -> pl.DataFrame:
    """The named columns of a CSV, converted and validated; further columns are ignored.

    Raises:
        InputError: where the file is missing or not CSV.
        TableError: with all problems: missing columns, values of a wrong kind, doubled keys.
    """
    text = read_text(path)
    missing = [name for name in columns if name not in text.columns]
    if missing:
        shown = ", ".join(text.columns[:8]) + (" …" if len(text.columns) > 8 else "")
        raise TableError(path, [f"row 1: expected a column {name}; found {shown}" for name in missing])
    frame = text.select([_converted(name, column) for name, column in columns.items()])
    problems = [problem for name, column in columns.items() for problem in _wrong_values(text, frame, name, column)]
    if key and not problems:
        problems += _doubled_keys(frame, key)
    if problems:
        raise TableError(path, problems)
    return frame


def _converted(name: str, column: Column) -> pl.Expr:
    if isinstance(column.kind, tuple):
        return pl.when(pl.col(name).is_in(column.kind)).then(pl.col(name)).alias(name)
    return pl.col(name).cast(_DTYPES[column.kind], strict=False)


def _wrong_values(text: pl.DataFrame, frame: pl.DataFrame, name: str, column: Column) -> list[str]:
    given = text[name].is_not_null() if column.optional else pl.repeat(True, text.height, eager=True)
    wrong = given & frame[name].is_null()
    if column.kind == INTEGER:
        wrong |= (frame[name] < 0).fill_null(False)
    if column.kind == NUMBER:
        wrong |= frame[name].is_finite().not_().fill_null(False)
    rows = wrong.arg_true().to_list()
    found = [
        f"row {row + 2}, column {name}: expected {column.expected}; found {text[name][row]!r}"
        for row in rows[:_EXAMPLES]
    ]
    return found + _and_more(rows)


def _doubled_keys(frame: pl.DataFrame, key: tuple[str, ...]) -> list[str]:
    rows = duplicate_rows(frame, key)
    named = ", ".join(key)
    found = [
        f"row {row + 2}: expected each ({named}) once; found {frame.select(key).row(row)} again"
        for row in rows[:_EXAMPLES]
    ]
    return found + _and_more(rows)


def _and_more(rows: list[int]) -> list[str]:
    return [f"… and {len(rows) - _EXAMPLES} more like it"] if len(rows) > _EXAMPLES else []


def duplicate_rows(frame: pl.DataFrame, key: tuple[str, ...]) -> list[int]:
    """Indices of the rows whose key stands in an earlier row."""
    return frame.select(pl.struct(key).is_first_distinct().not_()).to_series().arg_true().to_list()


# --- The competition's tables ------------------------------------------------------------------


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
        f"row {i + 2}: expected a row id of the competition; found {frame['row_id'][i]!r}" for i in bad_id[:_EXAMPLES]
    ]
    problems += [f"row {i + 2}: expected one 1 and two 0; found {onehot[i].tolist()}" for i in bad_class[:_EXAMPLES]]
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
        for row, found in lost.select("row", key[-1]).head(_EXAMPLES).iter_rows():
            expected = f"expected a {key[-1]} of {name}; found {found}"
            problems.append(f"{rsna.POINTS_TABLE}: row {row + 2}, column {key[-1]}: {expected}")
        problems += _and_more(lost["row"].to_list())
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
