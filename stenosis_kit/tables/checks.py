"""Whether a folder is a competition root, and its tables can be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.no_table import unpacking
from stenosis_kit.tables.reading import Reading

_UNPACKED = "Give the folder into which the competition's zip was unpacked."
_NAMED = 6  # entries of a folder that a message shows


def check_layout(folder: Path, split: str) -> None:
    """Raises InputError where a folder is not a competition root with that split."""
    if not folder.is_dir():
        found = "a file" if folder.exists() else "no such folder"
        raise InputError(folder, "a folder with the competition's files", found, _UNPACKED)
    table = folder / rsna.series_table(split)
    if not table.is_file():
        names = sorted(entry.name for entry in folder.iterdir())
        shown = ", ".join(names[:_NAMED]) + (" …" if len(names) > _NAMED else "")
        raise InputError(folder, table.name, shown or "an empty folder", unpacking(table) or _UNPACKED)


def check_usable(folder: Path, tables: Sequence[Reading]) -> None:
    """Raises where one of a root's tables could not be read.

    Raises:
        InputError: where one is missing or no CSV.
        TableError: with the problems of all others.
    """
    problems = []
    for table in tables:
        if isinstance(table.error, TableError):
            problems += [f"{table.path.name}: {problem}" for problem in table.error.problems]
        else:
            table.usable()
    if problems:
        raise TableError(folder, problems)
