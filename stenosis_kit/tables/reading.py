"""What reading a table came to: its rows, or why there are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError, doubled_keys


@dataclass(frozen=True)
class Reading:
    """What reading a table came to.

    Attributes:
        path: of the table.
        rows: as its reader gives them, doubled rows too; None where it could not be read.
        error: why it could not be read.
    """

    path: Path
    rows: pl.DataFrame | None = None
    error: InputError | None = None

    @classmethod
    def of(cls, path: Path, reader: Callable[[Path], pl.DataFrame]) -> Reading:
        """Reads a table; nothing is raised."""
        try:
            return cls(path, reader(path))
        except InputError as error:
            return cls(path, error=error)

    @property
    def missing(self) -> bool:
        """Whether there is no such file."""
        return self.rows is None and not self.path.exists()

    def usable(self) -> pl.DataFrame:
        """The rows.

        Raises:
            InputError: where the table could not be read.
        """
        if self.rows is None:
            raise self.error
        return self.rows

    def problems(self, key: tuple[str, ...]) -> list[str]:
        """What is wrong with the table's rows, a line each: values that its reader refuses, else doubled keys.

        Raises:
            InputError: where the table is missing or no CSV.
        """
        if isinstance(self.error, TableError):
            return self.error.problems
        return doubled_keys(self.usable(), key)
