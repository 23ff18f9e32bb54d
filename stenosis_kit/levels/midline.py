"""The midline of each level on its axial slice: the axis of symmetry of canal, facets and laminae.

A sagittal series gives a point's depth and height; its patient x only to the distance of the slices, some 4.5 mm, none
of which need lie in the middle of a spine that bends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.brightness import Brightness, brightness_of
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import AXIAL, SquareGrid
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.resampling import resample
from stenosis_kit.images.series import Series
from stenosis_kit.levels.canal import CanalPoints

# Chosen by hand:
_REACH_MM, _STEP_MM = 12.0, 0.5  # how far to either side the midline is looked for
_HALF_WIDTH_MM = 20.0  # of what is mirrored: the canal and the facet joints beside it
_FRONT_MM, _BACK_MM = 20, 30  # how far in front of the canal point and behind it
_EXPECTED_MM = 6.0  # standard deviation of the midline about the canal point
_SHARPNESS = 25.0  # log-likelihood of a correlation of 1 against one of 0


def on_midline(study: Sequence[Series], canal: CanalPoints) -> CanalPoints:
    """The canal points moved sideways to the midline that the axial slices show.

    A level that no axial slice covers moves as its nearest neighbours do; without any axial slice nothing moves, nor
    what was moved already.
    """
    if canal.is_on_midline:
        return canal
    return replace(canal, points=moved_to(canal.points, midline(study, canal.points)), is_on_midline=True)


def midline(study: Sequence[Series], points: np.ndarray) -> np.ndarray:
    """(5,) patient x of the midline at canal points (5, 3), mm; NaN where no axial slice shows it."""
    axial = [series for series in study if series.kind == rsna.AXIAL_T2]
    looks = cache(partial(brightness_of, canal=points))
    known = np.isfinite(points).all(axis=1)
    return np.array(
        [point[0] + _offset(axial, point, looks) if ok else np.nan for point, ok in zip(points, known, strict=True)]
    )


def moved_to(points: np.ndarray, midline: np.ndarray) -> np.ndarray:
    """(5, 3) canal points moved sideways to a midline (5,), as `on_midline` does."""
    offsets = midline - points[:, 0]
    known = np.isfinite(offsets)
    moved = points.copy()
    if known.any():
        levels = np.arange(len(offsets))
        moved[:, 0] += np.interp(levels, levels[known], offsets[known])
    return moved


def _offset(axial: Sequence[Series], point: np.ndarray, looks: Callable[[Series], Brightness]) -> float:
    """Mm along patient x from a canal point (3,) to the midline; NaN where no readable slice covers the point."""
    pick = nearest_slice(axial, point)
    if pick is None:
        return np.nan
    try:
        brightness, signal = looks(pick.series), pick.series.pixels(pick.slice)
    except UnreadableSlice:
        return _offset(axial, point, looks)  # that slice has left its series: another one may do
    plane, side = pick.slice.plane, int(2 * (_REACH_MM + _HALF_WIDTH_MM) + 2)
    right, down = plane.display_axes(AXIAL)
    grid = SquareGrid(point + down * (_BACK_MM - _FRONT_MM) / 2, (right, down), side, float(side))
    patch = brightness.greys(resample(signal, plane, grid, brightness.dark), plane, grid).astype(np.float32)
    height = _FRONT_MM + _BACK_MM
    patch = np.sqrt(patch[(side - height) // 2 : (side + height) // 2])  # dark tissues count beside fat and fluid
    offsets = np.arange(-_REACH_MM, _REACH_MM + _STEP_MM / 2, _STEP_MM)
    log_odds = _SHARPNESS * _likeness(patch, offsets) - 0.5 * (offsets / _EXPECTED_MM) ** 2
    return float(np.average(offsets, weights=np.exp(log_odds)) * right[0])


def _likeness(patch: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Correlation of a patch (1 mm pixels) with its mirror image about columns (n,) beside its middle: (n,)."""
    axes = (patch.shape[1] - 1) / 2 + offsets[:, None]
    away = np.arange(0.5, _HALF_WIDTH_MM)
    one, other = (_columns(patch, axes + sign * away) for sign in (1, -1))
    one, other = (side - side.mean(axis=(0, 2), keepdims=True) for side in (one, other))
    likeness, of_one, of_other = (np.einsum("rna,rna->n", *pair) for pair in ((one, other), (one, one), (other, other)))
    return likeness / np.sqrt(of_one * of_other + 1e-9)


def _columns(patch: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Columns at places (n, a) between pixels, linear: (rows, n, a)."""
    left = np.floor(x).astype(int)
    share = x - left
    return patch[:, left] * (1 - share) + patch[:, left + 1] * share
