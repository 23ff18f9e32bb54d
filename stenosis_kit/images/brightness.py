"""How signal becomes grey levels: by what the neighbourhood of the crops shows, not the whole series.

Fat under a surface coil may be several times as bright as the canal, which is then left in the lowest part of a window
over the whole series: dark, and dark means narrow to a grader. So the window comes from what lies about the canal, and
the coil's fall-off towards the belly is taken out first: it is a factor that falls exponentially with depth, more or
less, so a straight line in the logarithm of the signal.

All of this is the median of what the levels tell: metal, padding or a strange slice at two of five changes nothing. It
is one for all of a series, so that levels stay comparable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import Plane, SquareGrid
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.resampling import as_bytes, shown_pixels
from stenosis_kit.images.series import Series

_FORAMEN_MM = float(np.mean(rsna.FORAMEN_STEPS_MM, axis=0)[0])
_OUTWARD_MM = {rsna.AXIAL_T2: (0.0,), rsna.SAGITTAL_T2: (0.0,), rsna.SAGITTAL_T1: (-_FORAMEN_MM, _FORAMEN_MM)}
"""Where the slices lie from which most of a kind's crops are cut: beside the canal point, mm along patient x."""
_SIDE_MM, _STEP_MM = 48.0, 2.0  # of the neighbourhood of a level, and between the pixels that are looked at there
_PERCENTILES = (1.0, 99.0)  # of the window
_LEAST = 100  # such pixels, where a level is to count
_NOISE = 0.1  # of a level's median signal: what is darker may be noise, which no coil made
_NARROW = 1e-6  # of its high end: a window no wider is that of one value, and its width is rounding
# All chosen by hand; the side by trials on real crops: percentiles of 48 mm about the canal instead of the series' take
# the loss of the axial canal on six real studies from .732 to .427.


@dataclass(frozen=True, eq=False)
class Brightness:
    """How the signal of a series becomes grey levels.

    Attributes:
        dark: the signal of nothing.
        window: what becomes 0 and 255, of the signal without the coil's fall-off.
        slope: gain of the coil towards the back: its logarithm a mm along patient y.
        depth: patient y where that gain counts as 1.
    """

    dark: float
    window: tuple[float, float]
    slope: float = 0.0
    depth: float = 0.0

    @classmethod
    def of_series(cls, series: Series) -> Brightness:
        """That of the whole series; where nobody knows where its levels are.

        Raises:
            UnreadableSlice: where no slice can be decoded.
        """
        return cls(series.dark(), series.window())

    def greys(self, layer: np.ndarray, plane: Plane, grid: SquareGrid) -> np.ndarray:
        """(px, px) uint8 of the signal (px, px) on a grid in a plane."""
        if self.slope:
            along = grid.along()
            right, down = (np.exp(-self.slope * axis[1] * along).astype(np.float32) for axis in grid.axes)
            middle = np.float32(np.exp(-self.slope * (plane.drop(grid.center)[1] - self.depth)))
            layer = (layer - self.dark) * (middle * down[:, None] * right) + self.dark
        return as_bytes(layer, self.window)


def brightness_of(series: Series, canal: np.ndarray) -> Brightness:
    """The brightness for all crops of a series.

    That of the whole series where it shows none of the levels, or they have but one value, as clipped ones may.

    Args:
        series: of any kind.
        canal: (5, 3) canal points, found or labelled, patient mm; NaN where unknown.

    Raises:
        UnreadableSlice: where no slice can be decoded.
    """
    dark = series.dark()
    levels = [_neighbourhood(series, point, dark) for point in canal[np.isfinite(canal).all(axis=1)]]
    levels = [(signal, y) for signal, y in levels if len(signal) >= _LEAST]
    if not levels:
        return Brightness.of_series(series)
    depth = float(np.nanmean(canal[:, 1]))
    slope = float(np.median([_slope(*level) for level in levels]))
    even = [signal * np.exp(-slope * (y - depth)) for signal, y in levels]
    low, high = np.median([np.percentile(signal, _PERCENTILES) for signal in even], axis=0).tolist()
    if high - low <= _NARROW * high:
        return Brightness.of_series(series)
    return Brightness(dark, (dark + low, dark + high), slope, depth)


def _neighbourhood(series: Series, point: np.ndarray, dark: float) -> tuple[np.ndarray, np.ndarray]:
    """The signal (n,) above the dark, and patient y (n,), of some pixels about a canal point (3,)."""
    offsets = [np.array([outward, 0.0, 0.0]) for outward in _OUTWARD_MM[series.kind]]
    signal, y = np.concatenate([_about(series, point + offset) for offset in offsets], axis=1)
    return signal[signal > dark] - dark, y[signal > dark]


def _about(series: Series, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The signal (n,) and patient y (n,) of pixels about a point (3,) in its nearest slice; none without a slice."""
    while pick := nearest_slice([series], point):
        try:
            signal, silent = series.signal(pick.slice)
        except UnreadableSlice:
            continue  # that slice has left the series: choose again
        plane = pick.slice.plane
        grid = SquareGrid(point, plane.display_axes(series.orientation), round(_SIDE_MM / _STEP_MM), _SIDE_MM)
        shown, rows, columns = shown_pixels(plane, grid, silent)
        (_, right, _), (_, down, _) = grid.axes
        y = plane.drop(point)[1] + grid.along() * right + grid.along()[:, None] * down
        return signal[rows, columns], y[shown]
    return np.empty(0), np.empty(0)


def _slope(signal: np.ndarray, y: np.ndarray) -> float:
    """By least squares, the slope of the logarithm of a signal along y."""
    logarithm = np.log(np.maximum(signal, _NOISE * np.median(signal)))
    away = y - y.mean()
    return float(away @ logarithm / (away @ away))
