"""What spoils images and files: metal in the body, and broken, missing or stray files on disk."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.column import L5
from stenosis_kit.phantom.spine import Spine

_STRAY_SERIES = "77"  # the folder that no table lists


def spoil_with_metal(ideal: np.ndarray, plane: Plane, spine: Spine) -> None:
    """Signal voids with bright rims (susceptibility artefacts) round screws in the pedicles of L4 and L5, in place."""
    for body, side in ((L5 - 1, 18), (L5 - 1, -18), (L5, 20), (L5, -20)):
        y, z = spine.wall.at(spine.wall.s_bodies[body] + 4, 4)
        center = np.array([spine.column.midline(z) + side, y, z])
        away = abs(float(plane.distance(center)))
        if away > 9:
            continue
        x, y = plane.to_pixel(center)
        columns, rows = np.meshgrid(np.arange(plane.shape[1]) - x, np.arange(plane.shape[0]) - y)
        distance = np.sqrt((columns * plane.spacing[1] / 1.8) ** 2 + (rows * plane.spacing[0]) ** 2 + away**2) - 9
        ideal *= np.clip(0.5 + distance / 2, 0.02, 1)
        ideal += 1.2 * np.exp(-((distance - 1) ** 2))


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
