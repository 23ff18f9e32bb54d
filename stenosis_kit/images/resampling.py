"""Resampling a slice on a square grid in mm: everything that is cut from an image is cut by this."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from stenosis_kit.images.geometry import Plane, SquareGrid, sampling_matrix

_TWO_SAMPLES = 1.5  # image pixels along a grid pixel, from which on 2 x 2 samples are averaged; chosen by hand
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
    coarse = grid.mm / grid.px / np.array(plane.spacing)  # a pixel of the grid, in the image's rows and columns
    by = np.clip(np.round(coarse / 2).astype(int), 1, np.minimum(_LARGEST_BLOCK, signal.shape))
    fine = 2 if coarse.max() >= _TWO_SAMPLES else 1
    along_xy = by[::-1]
    matrix[:, 2] -= (along_xy - 1) / 2
    signal, matrix = _shrunk(signal, *by.tolist()), matrix / along_xy[:, None]
    step, corner = matrix[:, :2] / fine, matrix[:, 2] - matrix[:, :2].sum(axis=1) * (fine - 1) / (2 * fine)
    return _shrunk(_linear(signal, np.column_stack([step, corner]), grid.px * fine, outside), fine, fine)


def _shrunk(signal: np.ndarray, down: int, across: int) -> np.ndarray:
    """Means of blocks of `down` x `across` pixels; rows and columns left over at the end are dropped."""
    if down == across == 1:
        return signal
    rows, columns = signal.shape[0] // down * down, signal.shape[1] // across * across
    blocks = [signal[i:rows:down, j:columns:across] for i in range(down) for j in range(across)]
    return sum(blocks[1:], blocks[0].astype(np.float32)) / (down * across)


def _linear(signal: np.ndarray, matrix: np.ndarray, side: int, outside: float) -> np.ndarray:
    """(side, side) float32 values of an image at matrix @ (x, y, 1), linear between its pixels' centres.

    SciPy's affine_transform takes the same values in twice the time; OpenCV's warpAffine rounds places to 1/32 pixel in
    some versions and not in others.
    """
    # Rounded to what DICOM's decimals tell, so that the slices of a crop have the same matrix, and `_grid` is cached.
    matrix = np.column_stack([matrix[:, :2].round(9), matrix[:, 2].round(3)])
    grid = _grid(tuple(matrix.ravel().tolist()), side, signal.shape)
    values = signal.astype(np.float32, copy=False).ravel()
    rows, columns = signal.shape
    next_column, next_row = min(1, columns - 1), columns * min(1, rows - 1)  # 0 in an image of one line
    corners = [values[step:].take(grid.first) for step in (0, next_column, next_row, next_row + next_column)]
    found = _mixed(_mixed(*corners[:2], grid.across), _mixed(*corners[2:], grid.across), grid.down)
    found[grid.outside] = outside
    return found


class _Places(NamedTuple):
    """Where a grid's pixels lie in an image, each (side, side).

    Attributes:
        first: flat index of the upper left of the four image pixels around.
        across, down: fraction of the way from it to the next column and row.
        outside: whether it lies beyond the image.
    """

    first: np.ndarray
    across: np.ndarray
    down: np.ndarray
    outside: np.ndarray


@lru_cache(maxsize=4)
def _grid(matrix: tuple[float, ...], side: int, shape: tuple[int, int]) -> _Places:
    x, y = _places(np.reshape(matrix, (2, 3)), side)
    (left, across), (top, down) = _between(x, shape[1]), _between(y, shape[0])
    return _Places(top * shape[1] + left, across, down, ~_inside(x, y, shape))


def _places(matrix: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
    """(side, side) x and y in the image of each pixel of the grid."""
    steps = np.arange(side)
    x, y = (along[0] * steps + (along[1] * steps + along[2])[:, None] for along in matrix)
    return x, y


def _inside(x: np.ndarray, y: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return (x >= 0) & (x <= shape[1] - 1) & (y >= 0) & (y <= shape[0] - 1)


def _between(places: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For places among `count` pixels: the pixel before each, and the fraction of the way from it to the next."""
    places = np.clip(places, 0, count - 1)
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
    if silent is None:  # nearly always, and many times a study: without looking for the pixels themselves
        return float(1 - _inside(*_places(sampling_matrix(plane, grid), grid.px), plane.shape).mean())
    return float(1 - shown_pixels(plane, grid, silent)[0].mean())


def as_bytes(signal: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """The signal between two values (see `series.Series.window`) as uint8, 0 to 255; values beyond them are clipped."""
    low, high = window
    return np.clip((signal - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
