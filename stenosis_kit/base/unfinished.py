"""A marker in a folder that a command fills: if that is killed, its next run knows the folder as its own."""

from __future__ import annotations

from pathlib import Path

from stenosis_kit.base.files import write_text

UNFINISHED = "unfinished.txt"
"""Name of the marker."""


def begin(folder: Path, command: str) -> None:
    """Marks a folder, before anything in it is made or removed."""
    write_text(folder / UNFINISHED, f"stenosis-kit {command} has not finished here; run again, it begins anew\n")


def is_unfinished(folder: Path) -> bool:
    """Whether a command was killed in it."""
    return (folder / UNFINISHED).is_file()


def end(folder: Path) -> None:
    """Takes the mark away: all is there, or all is gone."""
    (folder / UNFINISHED).unlink(missing_ok=True)
