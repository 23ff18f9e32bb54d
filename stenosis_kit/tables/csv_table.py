"""CSV files read as text and converted column by column.

So all problems of a file are collected in one error that names file, row, column, expected and found, whatever version
of polars runs. Rows are numbered as an editor shows them, blank lines aside: the header is row 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.no_table import refuse_no_table

INTEGER, NUMBER, TEXT = "an integer", "a number", "text"
_DTYPES = {INTEGER: pl.Int64, NUMBER: pl.Float64, TEXT: pl.String}
EXAMPLES = 3
"""Problems of one kind that are shown; the rest is counted."""


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


def read_text(path: Path) -> pl.DataFrame:
    """A CSV as text columns, blanks stripped, empty fields null, blank lines left out.

    Raises:
        InputError: where there is no such file, it is not CSV, or two columns share a name.
    """
    refuse_no_table(path)
    try:
        # Bytes, because polars opens no file whose name is not UTF-8.
        frame = pl.read_csv(path.read_bytes(), infer_schema=False, encoding="utf8-lossy")
    except (pl.exceptions.PolarsError, OSError):
        found, remedy = "rows that do not fit the header, or no text", "Download it again, or save it as CSV (UTF-8)."
        raise InputError(path, "a CSV table", found, remedy) from None
    names = [name.strip().strip("\ufeff") for name in frame.columns]
    doubled = sorted({name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(path, "columns of different names", f"{doubled[0]!r} twice", "Rename or delete one of them.")
    frame.columns = names
    plain = pl.all().str.replace_all("\u00a0", " ", literal=True)  # what web pages and spreadsheets put for a blank
    frame = frame.with_columns(plain.str.strip_chars().replace("", None))
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def read_table(path: Path, columns: Mapping[str, Column], key: tuple[str, ...] = ()) -> pl.DataFrame:
    """The named columns of a CSV, converted and validated; further columns are ignored.

    Raises:
        InputError: where the file is missing or not CSV.
        TableError: with all problems: missing columns, values of a wrong kind, doubled keys.
    """
    return as_table(path, read_text(path), columns, key)


def as_table(path: Path, text: pl.DataFrame, columns: Mapping[str, Column], key: tuple[str, ...] = ()) -> pl.DataFrame:
    """As `read_table`, of a file that was already read as text; `path` is what errors name."""
    missing = [name for name in columns if name not in text.columns]
    if missing:
        shown = ", ".join(text.columns[:8]) + (" …" if len(text.columns) > 8 else "")
        raise TableError(path, [f"row 1: expected a column {name}; found {shown}" for name in missing])
    frame = text.select([_converted(name, column) for name, column in columns.items()])
    problems = [problem for name, column in columns.items() for problem in _wrong_values(text, frame, name, column)]
    if key and not problems:
        problems += doubled_keys(frame, key)
    if problems:
        raise TableError(path, problems)
    return frame


def _converted(name: str, column: Column) -> pl.Expr:
    if isinstance(column.kind, tuple):
        return pl.when(pl.col(name).is_in(column.kind)).then(pl.col(name)).alias(name)
    text = pl.col(name)
    if column.kind == INTEGER:  # a spreadsheet or pandas writes a column with gaps as 123.0
        text = text.str.replace(r"^(-?\d+)\.0+$", "$1")
    return text.cast(_DTYPES[column.kind], strict=False)


def _wrong_values(text: pl.DataFrame, frame: pl.DataFrame, name: str, column: Column) -> list[str]:
    given = text[name].is_not_null() if column.optional else pl.repeat(True, text.height, eager=True)
    wrong = given & frame[name].is_null()
    if column.kind == INTEGER:
        wrong |= (frame[name] < 0).fill_null(False)
    if column.kind == NUMBER:
        wrong |= frame[name].is_finite().not_().fill_null(False)
    return _named_values(text, wrong, name, column)


def unknown_words(frame: pl.DataFrame, name: str, words: tuple[str, ...]) -> list[str]:
    """A line for each row whose column holds none of the words (the first few, and how many more)."""
    return _named_values(frame, ~frame[name].is_in(words).fill_null(False), name, Column(words))


def _named_values(text: pl.DataFrame, wrong: pl.Series, name: str, column: Column) -> list[str]:
    rows = wrong.arg_true().to_list()
    found = [
        f"row {row + 2}, column {name}: expected {column.expected}; found {text[name][row]!r}"
        for row in rows[:EXAMPLES]
    ]
    return found + and_more(rows)


def doubled_keys(frame: pl.DataFrame, key: tuple[str, ...]) -> list[str]:
    """A line for each row whose key stands in an earlier row (the first few, and how many more)."""
    rows = duplicate_rows(frame, key)
    named = ", ".join(key)
    found = [
        f"row {row + 2}: expected each ({named}) once; found {frame.select(key).row(row)} again"
        for row in rows[:EXAMPLES]
    ]
    return found + and_more(rows)


def and_more(rows: list[int]) -> list[str]:
    """A line that says how many problems were not shown, if any."""
    return [f"… and {len(rows) - EXAMPLES} more like it"] if len(rows) > EXAMPLES else []


def duplicate_rows(frame: pl.DataFrame, key: tuple[str, ...]) -> list[int]:
    """Indices of the rows whose key stands in an earlier row."""
    return frame.select(pl.struct(key).is_first_distinct().not_()).to_series().arg_true().to_list()
