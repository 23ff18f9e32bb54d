"""Whose an output folder is: one command's run.json is not to be written over by another."""

from __future__ import annotations

from pathlib import Path

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.crops.store import MANIFEST_NAME

STORE, MODEL, SUBMIT, PAPER = "made_of", "networks", "legal", "splits"
"""Keys of a run.json by which it shows what made it."""
_NAMES = {STORE: "a crop store", MODEL: "a model", SUBMIT: "a submit", PAPER: "a paper's run"}


def check_kind(folder: Path, own: str) -> None:
    """Checks a folder before a command writes to it.

    Args:
        folder: new, empty or an earlier run's.
        own: key of the command's own run.json.

    Raises:
        InputError: where another command has made it.
    """
    try:
        run = set(read_json(folder / RUN_NAME, "a run.json"))
    except InputError:  # there is none, or a damaged one
        run = set()
    if (folder / MANIFEST_NAME).exists():
        run |= {STORE}
    other = [_NAMES[key] for key in _NAMES if key in run and own not in run]
    if other:
        raise InputError(folder, f"a folder for {_NAMES[own]}", f"that of {other[0]}", "Give another folder.")
