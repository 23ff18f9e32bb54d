"""Resampling a slice on a square grid in mm: everything that is cut from an image is cut by this."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from stenosis_kit.images.geometry import Plane, SquareGrid, sampling_matrix

_TWO_SAMPLES = 1.5  # image pixels along a grid pixel, from which on 2 x 2 samples are averaged; chosen by hand
_TOLD = (1e9, 1e9, 1e3)  # parts of an image pixel that a grid pixel's step and the first one's place are rounded to
_LARGEST_BLOCK = 8  # image pixels along a block that is averaged, chosen by hand: a header's PixelSpacing may be tiny


def resample(signal: np.ndarray, plane: Plane, grid: SquareGrid, outside: float) -> np.ndarray:
    """(px, px) float32, linearly interpolated; where the grid's pixels are larger than the image's, also averaged.

    Args:
        signal: (rows, columns) of the slice.
        plane: where the slice lies.
        grid: where pixels are wanted.
        outside: the value beyond the image.
    """
    matrix = sampling_matrix(plane, grid)
    coarse = [grid.mm / grid.px / mm for mm in plane.spacing]  # a pixel of the grid, in the image's rows and columns
    blocks = (min(round(each / 2), _LARGEST_BLOCK) for each in coarse)
    by = [max(1, min(block, length)) for block, length in zip(blocks, signal.shape, strict=True)]
    fine = 2 if max(coarse) >= _TWO_SAMPLES else 1
    if by != [1, 1]:
        along_xy = np.array(by[::-1])
        matrix[:, 2] -= (along_xy - 1) / 2
        signal, matrix = _shrunk(signal, *by), matrix / along_xy[:, None]
    if fine > 1:
        matrix[:, 2] -= matrix[:, :2].sum(axis=1) * (fine - 1) / (2 * fine)
        matrix[:, :2] /= fine
    return _shrunk(_linear(signal, matrix, grid.px * fine, outside), fine, fine)


def _shrunk(signal: np.ndarray, down: int, across: int) -> np.ndarray:
    """Means of blocks of `down` x `across` pixels; rows and columns left over at the end are dropped."""
    if down == across == 1:
        return signal
    rows, columns = signal.shape[0] // down * down, signal.shape[1] // across * across
    means = np.zeros((rows // down, columns // across), np.float32)
    for i, j in np.ndindex(down, across):
        means += signal[i:rows:down, j:columns:across]
    means /= down * across
    return means


def _linear(signal: np.ndarray, matrix: np.ndarray, side: int, outside: float) -> np.ndarray:
    """(side, side) float32 values of an image at matrix @ (x, y, 1), linear between its pixels' centres.

    SciPy's affine_transform takes the same values in twice the time; OpenCV's warpAffine rounds places to 1/32 pixel in
    some versions and not in others.
    """
    # Rounded to what DICOM's decimals tell, so that the slices of a crop have the same matrix, and `_grid` is cached.
    matrix = (matrix * _TOLD).round() / _TOLD
    grid = _grid(tuple(matrix.ravel().tolist()), side, signal.shape)
    values = signal.astype(np.float32, copy=False).ravel()
    rows, columns = signal.shape
    next_column, next_row = min(1, columns - 1), columns * min(1, rows - 1)  # 0 in an image of one line
    corners = [values[step:].take(grid.first) for step in (0, next_column, next_row, next_row + next_column)]
    found = _mixed(_mixed(*corners[:2], grid.across), _mixed(*corners[2:], grid.across), grid.down)
    if grid.outside is not None:
        found[grid.outside] = outside
    return found


class _Places(NamedTuple):
    """Where a grid's pixels lie in an image, each (side, side).

    Attributes:
        first: flat index of the upper left of the four image pixels around.
        across, down: fraction of the way from it to the next column and row.
        outside: whether it lies beyond the image; None where all lie in it.
    """

    first: np.ndarray
    across: np.ndarray
    down: np.ndarray
    outside: np.ndarray | None


@lru_cache(maxsize=4)
def _grid(matrix: tuple[float, ...], side: int, shape: tuple[int, int]) -> _Places:
    matrix, rows, columns = np.reshape(matrix, (2, 3)), shape[0], shape[1]
    x, y = _places(matrix, side)
    outside = None if _is_inside(matrix, side, shape) else ~_inside(x, y, shape)
    if outside is not None:
        x, y = np.clip(x, 0, columns - 1), np.clip(y, 0, rows - 1)
    (left, across), (top, down) = _between(x, columns), _between(y, rows)
    return _Places(top * columns + left, across, down, outside)


def _places(matrix: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(side, side) x and y in the image of each pixel of the grid."""
    steps = np.arange(side)
    x, y = (along[0] * steps + (along[1] * steps + along[2])[:, None] for along in matrix)
    return x, y


def _is_inside(matrix: np.ndarray, side: int, shape: tuple[int, int]) -> bool:
    """Whether all pixels of a grid lie in an image: those at its corners do."""
    ends = (0, side - 1)
    along = zip(matrix.tolist(), (shape[1] - 1, shape[0] - 1), strict=True)
    return all(0 <= a * i + (b * j + c) <= last for (a, b, c), last in along for i in ends for j in ends)


def _inside(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (x >= 0) & (x <= shape[1] - 1) & (y >= 0) & (y <= shape[0] - 1)


def _between(places: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For places inside `count` pixels: the pixel before each, and the fraction of the way from it to the next."""
    before = np.minimum(places.astype(np.intp), max(count - 2, 0))
    return before, (places - before).astype(np.float32)


def _mixed(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Linear interpolation between two arrays, in place of the second."""
    other -= one
    other *= share
    other += one
    return other


def shown_pixels(
    plane: Plane, grid: SquareGrid, silent: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which pixels of a grid an image shows.

    Args:
        plane: where the slice lies.
        grid: where pixels are wanted.
        silent: (rows, columns) bool of the slice, see `slice.Signal`.

    Returns:
        (px, px) bool: those that lie inside the image and on none of its silent pixels; and the row and column (n,) of
        the image's pixel that is nearest to each of these.
    """
    x, y = _places(sampling_matrix(plane, grid), grid.px)
    shown = _inside(x, y, plane.shape)
    rows, columns = y[shown].round().astype(int), x[shown].round().astype(int)
    if silent is None:
        return shown, rows, columns
    signal = ~silent[rows, columns]
    shown[shown] = signal
    return shown, rows[signal], columns[signal]


def outside_share(plane: Plane, grid: SquareGrid, silent: np.ndarray | None = None) -> float:
    """Fraction of a grid's pixels that an image does not show, 0 to 1; see `shown_pixels`."""
    if silent is None and _is_inside(sampling_matrix(plane, grid), grid.px, plane.shape):  # nearly always
        return 0.0
    return float(1 - shown_pixels(plane, grid, silent)[0].mean())


def as_bytes(signal: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """The signal between two values (see `series.Series.window`) as uint8, 0 to 255; values beyond them are clipped."""
    low, high = window
    grey = (signal - low) * (255 / (high - low))
    return grey.clip(0, 255, out=grey).round(out=grey).astype(np.uint8)
