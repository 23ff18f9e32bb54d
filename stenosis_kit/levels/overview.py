"""Overviews, what the localiser looks at: the middle slices of a sagittal series on a fixed grid in mm.

Anterior lies at the left and the head up, however the series was stored. In training and prediction the same. The
localiser sees PX x PX pixels; the overview of a larger field of view (thoracolumbar, whole spine) shows all of it, and
gives windows of that size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.brightness import Brightness, brightness_of
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import SAGITTAL, Plane, SquareGrid
from stenosis_kit.images.resampling import resample
from stenosis_kit.images.series import Series, largest, made_of_study
from stenosis_kit.images.stack import nearest_plane, orientation_groups
from stenosis_kit.levels.anatomical_prior import canal_points
from stenosis_kit.tables.study import Study

PX, STEP_MM = 160, 2.0
"""The grid: 320 mm; the competition's sagittal images show some 300."""
SLICES = 5
"""The canal's slice is the middle one or one of its neighbours in 96 % of the series, of the next in 99.8 %."""
SLICE_WEIGHTS = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9
"""How much a slice's maps count, and how often it is shown in training; chosen by hand."""
GRID = [PX, STEP_MM, SLICES]
USUAL_MM = PX * STEP_MM + 20
"""Fields up to this are seen as one window: 10 mm at either end tell nothing. The competition's reach some 330 mm."""
_BELOW_MM = 34.0
"""A window's middle lies this far below the levels' mean, about a level: the sacrum tells which level is which, the
thorax misleads. Measured on 110 overviews of 350 to 550 mm: no shifted column; at 0, 3; 34 mm above, 5; 68 below, 2.
"""
_ROUND_PX = 4  # windows about the same column shall be the same window

Corner = tuple[int, int]
"""Pixel (x, y) of an overview where a window begins; it may lie outside."""


@dataclass(frozen=True, eq=False)
class Overview:
    """The middle slices of a sagittal series, from the patient's right to left.

    Attributes:
        kind: of the series.
        pixels: (SLICES, PX, PX) uint8; more rows or columns where the field of view is larger.
        frames: (SLICES, 3, 3) of each slice, patient mm: the place of pixel (0, 0), and the steps to the next pixel
            to the right and down.
    """

    kind: str
    pixels: np.ndarray
    frames: np.ndarray

    def to_patient(self, place: int, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels (x, y) of the slice at a place to (..., 3) patient mm."""
        return _plane(self.frames[place], self.size).to_patient(pixels)

    def middle_pixels(self, points: np.ndarray) -> np.ndarray:
        """(n, 2) pixels (x, y) of (n, 3) points, patient mm, dropped on the middle slice."""
        return to_pixels(self.frames[SLICES // 2 : SLICES // 2 + 1], points)[0]

    @property
    def size(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.pixels.shape[1:]

    @property
    def is_window(self) -> bool:
        """Whether the localiser can look at it as it is."""
        return self.size == (PX, PX)

    def window(self, corner: Corner) -> Overview:
        """The part of PX x PX pixels from a corner on; black beyond the image."""
        left, top = corner
        padded = np.pad(self.pixels, ((0, 0), (PX, PX), (PX, PX)))
        rows, columns = (
            slice(begin, begin + PX) for begin in np.clip((top + PX, left + PX), 0, np.add(self.size, PX)).tolist()
        )
        frames = self.frames.copy()
        frames[:, 0] += left * frames[:, 1] + top * frames[:, 2]
        return Overview(self.kind, padded[:, rows, columns], frames)

    def about(self, points: np.ndarray) -> Overview:
        """The window about a column, see `corner_about`; the overview itself where it is no larger than a window."""
        return self if self.is_window else self.window(self.corner_about(points))

    def corner_about(self, points: np.ndarray) -> Corner:
        """Where the window begins that shows a column best: canal points (5, 3), patient mm; NaN where unknown."""
        found = self.middle_pixels(points)
        middle = found[np.isfinite(found).all(axis=1)].mean(axis=0) + (0, _BELOW_MM / STEP_MM)
        left, top = (np.round((middle - (PX - 1) / 2) / _ROUND_PX) * _ROUND_PX).astype(int).tolist()
        return left, top


def to_pixels(frames: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, k, 2) pixels (x, y) of (k, 3) points, patient mm, dropped on n slices given by their frames (n, 3, 3)."""
    return np.stack([_plane(frame).to_pixel(points) for frame in frames])


def _plane(frame: np.ndarray, size: tuple[int, int] = (PX, PX)) -> Plane:
    origin, right, down = frame
    return Plane(origin, right / STEP_MM, down / STEP_MM, (STEP_MM, STEP_MM), size)


def read_overviews(study: Study) -> tuple[list[Overview], str]:
    """The overviews of a study, and what of it could not be read, see `made_of_study`; runs in a worker."""
    return made_of_study(study.images, study.study_id, study.series, study_overviews)


def study_overviews(study: Sequence[Series]) -> list[Overview]:
    """The overviews of a study's sagittal T2 and T1 series, as far as they can be read, on one grid.

    It is T2's, or T1's where only that one's field is no larger than usual: it was centred on the lumbar spine.
    """
    kinds = (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1)
    found: dict[str, Overview] = {}
    for series in sorted(filter(None, (largest(study, kind) for kind in kinds)), key=_field_mm):
        seen = overview(series, next(iter(found.values()), None))
        if seen:
            found[series.kind] = seen
    return [found[kind] for kind in kinds if kind in found]


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
            return _on_grid(series, *((like.frames, like.size) if like else _middle_frames(series)))
        except UnreadableSlice:
            continue  # that slice has left the series: choose again
    return None


def _middle_frames(series: Series) -> tuple[np.ndarray, tuple[int, int]]:
    """The frames of the middle slices of the series' largest stack, and the size of the grid."""
    group = max(orientation_groups(series.planes), key=len)
    places = np.clip(np.arange(SLICES) - SLICES // 2 + len(group) // 2, 0, len(group) - 1)
    planes = [series.planes[group[place]] for place in places]
    middle = planes[SLICES // 2]
    right, down = (axis * STEP_MM for axis in middle.display_axes(SAGITTAL))
    rows, columns = (_pixels_along(middle, axis / STEP_MM) for axis in (down, right))
    corner = (PX - 1) / 2 * (right + down) + (columns - PX) / 2 * right + (rows - PX) / 2 * down
    frames = np.array([[plane.drop(middle.center) - corner, right, down] for plane in planes])
    return frames, (rows, columns)


def _pixels_along(plane: Plane, axis: np.ndarray) -> int:
    """How many pixels the grid has along an axis (3,) of a slice; even."""
    mm = plane.extent(axis)
    return PX if mm <= USUAL_MM else 2 * round(mm / STEP_MM / 2)


def _field_mm(series: Series) -> float:
    """The longer side of a series' field of view; up to `USUAL_MM` all are alike."""
    plane = series.planes[len(series.slices) // 2]
    return max(USUAL_MM, *(plane.extent(axis) for axis in plane.display_axes(SAGITTAL)))


def _on_grid(series: Series, frames: np.ndarray, size: tuple[int, int]) -> Overview:
    brightness, side = _brightness(series), max(size)
    top, left = ((side - length) // 2 for length in size)
    layers = []
    for plane in (_plane(frame, size) for frame in frames):
        item = series.slices[nearest_plane(series.planes, plane.center)[0]]
        grid = SquareGrid(plane.center, (plane.row, plane.column), side, side * STEP_MM)
        signal = resample(series.pixels(item), item.plane, grid, brightness.dark)
        layers.append(brightness.greys(signal, plane, grid)[top : top + size[0], left : left + size[1]])
    return Overview(series.kind, np.stack(layers), frames)


def _brightness(series: Series) -> Brightness:
    """That of where the canal usually lies; in a larger field of view it may lie anywhere.

    Of 20 synthetic studies under a weak and a strong coil the levels found so differ by .05 mm (median), with the
    brightness of whole series by .4 mm.
    """
    usual = _field_mm(series) <= USUAL_MM
    return brightness_of(series, canal_points(series)) if usual else Brightness.of_series(series)
