"""Overviews, what the localiser looks at: the middle slices of a sagittal series on a fixed grid in mm.

Anterior lies at the left and the head up, however the series was stored. In training and prediction the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.geometry import SAGITTAL, Plane, SquareGrid, nearest_plane, orientation_groups
from stenosis_kit.images.resampling import as_bytes, resample
from stenosis_kit.images.series import Series, largest, read_study, skipped_files
from stenosis_kit.tables.study import Study

PX, STEP_MM = 160, 2.0
"""The grid: 320 mm; the competition's sagittal images show some 300."""
SLICES = 5
"""The canal's slice is the middle one or one of its neighbours in 96 % of the series, of the next in 99.8 %."""
SLICE_WEIGHTS = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9
"""How much a slice's maps count, and how often it is shown in training; chosen by hand."""
GRID = [PX, STEP_MM, SLICES]


@dataclass(frozen=True, eq=False)
class Overview:
    """The middle slices of a sagittal series, from the patient's right to left.

    Attributes:
        kind: of the series.
        pixels: (SLICES, PX, PX) uint8.
        frames: (SLICES, 3, 3) of each slice, patient mm: the place of pixel (0, 0), and the steps to the next pixel
            to the right and down.
    """

    kind: str
    pixels: np.ndarray
    frames: np.ndarray

    def to_patient(self, place: int, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels (x, y) of the slice at a place to (..., 3) patient mm."""
        return _plane(self.frames[place]).to_patient(pixels)


def to_pixels(frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, k, 2) pixels (x, y) of (k, 3) points, patient mm, dropped on n slices given by their frames (n, 3, 3)."""
    return np.stack([_plane(frame).to_pixel(points) for frame in frames])


def _plane(frame: np.ndarray) -> Plane:
    origin, right, down = frame
    return Plane(origin, right / STEP_MM, down / STEP_MM, (STEP_MM, STEP_MM), (PX, PX))


def read_overviews(study: Study) -> list[Overview]:
    """The overviews of a study; runs in a worker. Where a file could not be read for a moment, all are read again."""
    for _ in range(2):
        series = read_study(study.images, study.study_id, study.series)
        found = study_overviews(series)
        if not skipped_files(series, Kind.UNREAD):
            break
    return found


def study_overviews(study: Sequence[Series]) -> list[Overview]:
    """The overviews of a study's sagittal T2 and T1 series, as far as they can be read, on one grid."""
    found: list[Overview] = []
    for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1):
        series = largest(study, kind)
        seen = overview(series, found[0] if found else None) if series else None
        if seen:
            found.append(seen)
    return found


def overview(series: Series, like: Overview | None = None) -> Overview | None:
    """The overview of a sagittal series; slices that cannot be decoded are passed over.

    Args:
        series: a sagittal series.
        like: another series' overview whose grid is to be taken.

    Returns:
        None where no slice can be decoded.
    """
    while series.slices:
        try:
            return _on_grid(series, like.frames if like else _middle_frames(series))
        except UnreadableSlice:
            continue  # that slice has left the series: choose again
    return None


def _middle_frames(series: Series) -> np.ndarray:
    """The frames of the middle slices of the series' largest stack."""
    group = max(orientation_groups(series.planes), key=len)
    places = np.clip(np.arange(SLICES) - SLICES // 2 + len(group) // 2, 0, len(group) - 1)
    planes = [series.planes[group[place]] for place in places]
    middle = planes[SLICES // 2]
    right, down = (axis * STEP_MM for axis in middle.display_axes(SAGITTAL))
    corner = (PX - 1) / 2 * (right + down)
    return np.array([[plane.drop(middle.center) - corner, right, down] for plane in planes])


def _on_grid(series: Series, frames: np.ndarray) -> Overview:
    window = series.window()
    layers = []
    for plane in map(_plane, frames):
        item = series.slices[nearest_plane(series.planes, plane.center)[0]]
        grid = SquareGrid(plane.center, (plane.row, plane.column), PX, PX * STEP_MM)
        layer = resample(series.pixels(item), item.plane, grid, window[0])
        layers.append(as_bytes(layer, window))
    return Overview(series.kind, np.stack(layers), frames)
