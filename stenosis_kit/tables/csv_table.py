"""CSV files read as text and converted column by column.

So all problems of a file are collected, each with row, column, expected and found, whatever version of polars runs.
Rows are numbered as an editor shows them, lines without any value aside: the header is row 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.no_table import table_bytes
from stenosis_kit.tables.rewritten_ids import INTEGER as INTEGER_SPELT
from stenosis_kit.tables.rewritten_ids import restored

INTEGER, NUMBER, TEXT = "an integer", "a number", "text"
_DTYPES = {INTEGER: pl.Int64, NUMBER: pl.Float64, TEXT: pl.String}
_WHOLE = r"^(-?\d+)\.0+$"  # an integer spelt as a decimal
_AGAIN = r"_duplicated_\d+$"  # what polars adds to a name that stands in the header once more
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
    data = table_bytes(path)
    try:
        # Bytes, because polars opens no file whose name is not UTF-8.
        frame = pl.read_csv(data, infer_schema=False, encoding="utf8-lossy")
    except pl.exceptions.PolarsError:
        remedy = "Download it again, or save it as CSV (UTF-8)."
        raise InputError(path, "a CSV table", _misfit(data), remedy) from None
    names = [name.strip().strip("\ufeff") for name in frame.columns]
    again = {re.sub(_AGAIN, "", name) for name in names if re.search(_AGAIN, name)} & set(names)
    doubled = sorted(again | {name for name in names if names.count(name) > 1})
    if doubled:
        raise InputError(path, "columns of different names", f"{doubled[0]!r} twice", "Rename or delete one of them.")
    frame.columns = names
    plain = pl.all().str.replace_all("\u00a0", " ", literal=True)  # what web pages and spreadsheets put for a blank
    frame = frame.with_columns(plain.str.strip_chars().replace("", None))
    return frame.filter(~pl.all_horizontal(pl.all().is_null()))


def _misfit(data: bytes) -> str:
    """What is wrong with a file that is no table: the first row of more fields than the header, where there is one."""
    with suppress(csv.Error):
        header, *rows = csv.reader(io.StringIO(data.decode(errors="replace")))
        for number, row in enumerate(rows, 2):
            if len(row) > len(header):
                return f"{len(row)} fields in row {number}, where the header has {len(header)}"
    return "rows that do not fit the header, or no text"


@dataclass(frozen=True)
class Table:
    """A table as far as it can be used.

    Attributes:
        rows: all of the file's; a value that cannot be used is null, so rows keep their numbers and doubled ones stay.
        broken: rows that have such a value.
        wrong: what is wrong with them, a line each (the first few of a kind, and how many more).
        doubled: rows whose key stands in an earlier one, a line each likewise.
        notes: what was read though it is spelt oddly, a line each.
    """

    rows: pl.DataFrame
    broken: int = 0
    wrong: Sequence[str] = ()
    doubled: Sequence[str] = ()
    notes: Sequence[str] = ()

    @property
    def problems(self) -> list[str]:
        """All that is not used, a line each."""
        return [*self.wrong, *self.doubled]


def read_rows(path: Path, columns: Mapping[str, Column], key: tuple[str, ...], images: Path | None = None) -> Table:
    """The named columns of a CSV, converted; a value that is wrong costs its own row at most.

    Args:
        path: of the file.
        columns: that it must have; further ones are ignored.
        key: columns that tell rows apart, the study first.
        images: the image folder by which rewritten ids are found again, see `rewritten_ids`.

    Raises:
        InputError: where the file is missing or not CSV.
        TableError: with all problems: where a column is missing, or no row has a study.
    """
    text = with_names(read_text(path), columns)
    text, notes = restored(text, images) if images else (text, [])
    table = as_rows(path, text, columns, key)
    return replace(table, notes=[*notes, *table.notes])


def as_rows(path: Path, text: pl.DataFrame, columns: Mapping[str, Column], key: tuple[str, ...]) -> Table:
    """As `read_rows`, of a file that was already read as text; `path` is what errors name."""
    table = _convert(path, text, columns, key)
    if text.height and table.rows[key[0]].is_null().all():
        raise TableError(path, table.problems)
    return table


def read_table(path: Path, columns: Mapping[str, Column], key: tuple[str, ...] = ()) -> pl.DataFrame:
    """As `read_rows`, where nothing may be wrong.

    Raises:
        InputError: where the file is missing or not CSV.
        TableError: with all problems: missing columns, values of a wrong kind, doubled keys.
    """
    return as_table(path, read_text(path), columns, key)


def as_table(path: Path, text: pl.DataFrame, columns: Mapping[str, Column], key: tuple[str, ...] = ()) -> pl.DataFrame:
    """As `read_table`, of a file that was already read as text; `path` is what errors name."""
    table = _convert(path, text, columns, key)
    if table.problems:
        raise TableError(path, table.problems)
    return table.rows


def _convert(path: Path, text: pl.DataFrame, columns: Mapping[str, Column], key: tuple[str, ...]) -> Table:
    text = with_names(text, columns)
    missing = [name for name in columns if name not in text.columns]
    if missing:
        shown = ", ".join(text.columns[:8]) + (" …" if len(text.columns) > 8 else "")
        raise TableError(path, [f"row 1: expected a column {name}; found {shown}" for name in missing])
    rows, lines, notes = {}, [], []
    broken = pl.repeat(False, text.height, eager=True)
    for name, column in columns.items():
        rows[name], wrong = _converted(text[name], column)
        broken |= wrong
        lines += _named_values(text[name], wrong, column)
        notes += _rewritten(text[name]) if column.kind == INTEGER else []
    frame = pl.DataFrame(rows)
    return Table(frame, int(broken.sum()), lines, doubled_keys(frame, key) if key else [], notes)


def with_names(text: pl.DataFrame, wanted: Iterable[str]) -> pl.DataFrame:
    """The table with the wanted names for its columns where just one differs in upper and lower case alone."""
    alike = {name: [one for one in text.columns if one.lower() == name.lower()] for name in wanted}
    return text.rename({found[0]: name for name, found in alike.items() if len(found) == 1})


def _converted(text: pl.Series, column: Column) -> tuple[pl.Series, pl.Series]:
    """A column's values, null where they are wrong, and which are."""
    if isinstance(column.kind, tuple):
        values = text.set(~text.is_in(column.kind).fill_null(False), None)
    else:
        plain = text.str.replace(INTEGER_SPELT, "$1") if column.kind == INTEGER else text
        values = plain.cast(_DTYPES[column.kind], strict=False)
    if column.kind == INTEGER:
        values = values.set((values < 0).fill_null(False), None)
    if column.kind == NUMBER:
        values = values.set(~values.is_finite().fill_null(True), None)
    given = text.is_not_null() if column.optional else pl.repeat(True, len(text), eager=True)
    return values, given & values.is_null()


def _rewritten(text: pl.Series) -> list[str]:
    """A line where a column's integers are spelt as decimals: pandas writes a column with gaps so."""
    rows = text.str.contains(_WHOLE).fill_null(False).arg_true()
    if not len(rows):
        return []
    first = text[rows[0]]
    spelling = f"as decimals, such as {first} in row {rows[0] + 2}"
    return [f"column {text.name}: {len(rows)} integers are spelt {spelling}; they are read as integers"]


def _named_values(text: pl.Series, wrong: pl.Series, column: Column) -> list[str]:
    rows = wrong.arg_true().to_list()
    found = []
    for row in rows[:EXAMPLES]:
        value = "nothing" if text[row] is None else repr(text[row])
        comma = " with a decimal point" if column.kind == NUMBER and "," in value else ""
        found.append(f"row {row + 2}, column {text.name}: expected {column.expected}{comma}; found {value}")
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
    """Indices of the rows whose key stands in an earlier row; a key with a gap is no key."""
    again = pl.struct(key).is_first_distinct().not_() & pl.all_horizontal(pl.col(key).is_not_null())
    return frame.select(again).to_series().arg_true().to_list()
