"""Broken, missing and stray files."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

_STRAY_SERIES = "77"  # the folder that no table lists


def break_files(folder: Path, faults: frozenset[str], rng: np.random.Generator) -> None:
    """Breaks files of a finished study.

    Args:
        folder: of the study.
        faults: those that are not about files are ignored.
        rng: picks the victim.
    """
    files = sorted(folder.glob("*/*.dcm"))
    if files:
        _break_one(files[int(rng.integers(len(files)))], faults)
    if "missing_study_folder" in faults:
        shutil.rmtree(folder, ignore_errors=True)


def _break_one(victim: Path, faults: frozenset[str]) -> None:
    """Breaks a file, or the series that it belongs to."""
    series = victim.parent
    if "truncated_file" in faults:
        victim.write_bytes(victim.read_bytes()[: victim.stat().st_size // 2])
    if "empty_file" in faults:
        victim.write_bytes(b"")
    if "stray_file" in faults:
        (series / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    if "empty_series" in faults:
        for path in series.iterdir():
            path.unlink()
    if "unlisted_series" in faults:
        shutil.copytree(series, series.with_name(_STRAY_SERIES))
    if "missing_series_folder" in faults:
        shutil.rmtree(series)
