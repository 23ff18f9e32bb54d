"""What reading a table came to: its rows, or why there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import Table

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reading:
    """What reading a table came to.

    Attributes:
        path: of the table.
        table: as its reader gives it; None where it could not be read.
        error: why it could not be read.
    """

    path: Path
    table: Table | None = None
    error: InputError | None = None

    @classmethod
    def of(cls, path: Path, reader: Callable[[Path], Table]) -> Reading:
        """Reads a table; nothing is raised."""
        try:
            return cls(path, reader(path))
        except InputError as error:
            return cls(path, error=error)

    @property
    def missing(self) -> bool:
        """Whether there is no such file."""
        return self.table is None and not self.path.exists()

    @property
    def rows(self) -> pl.DataFrame | None:
        """The table's rows, doubled and broken ones too; None where it could not be read."""
        return self.table.rows if self.table else None

    def usable(self) -> pl.DataFrame:
        """The rows.

        Raises:
            InputError: where the table could not be read.
        """
        if self.table is None:
            raise self.error
        return self.table.rows

    def tell(self) -> None:
        """Logs what of the table is left out, and what is spelt oddly."""
        for problem in self.table.problems if self.table else ():
            log.warning("%s: %s: not used", self.path, problem)
        for note in self.table.notes if self.table else ():
            log.warning("%s: %s", self.path, note)
