"""The pixels of a slice on a square grid in mm: the one way in which anything is cut from an image."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import affine_transform

from stenosis_kit.geometry import Plane, sampling_matrix

_TWO_SAMPLES = 1.5  # pixels of the image along one of the grid: from here on one linear sample misses some
_FINEST = 8  # pixels of the image in a block: a header's PixelSpacing may be anything


def resample(
    signal: np.ndarray,
    plane: Plane,
    center: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    px: int,
    mm: float,
    outside: float,
) -> np.ndarray:
    """(px, px) float32, linear; where the grid's pixels are much larger than the image's, their mean.

    SciPy's, because OpenCV's warpAffine rounds positions to 1/32 pixel in some versions and not in others.

    Args:
        signal: (rows, columns) of the slice.
        plane: where the slice lies.
        center: (3,) the grid's middle, patient mm; it is dropped on the plane.
        axes: unit vectors of the grid's x and y, see `geometry.Plane.display_axes`.
        px: side of the grid, pixels.
        mm: side of the grid, mm.
        outside: the value beyond the image.
    """
    matrix = sampling_matrix(plane, center, axes, px, mm)
    coarse = mm / px / np.array(plane.spacing)  # a pixel of the grid, in the image's rows and columns
    by = np.clip(np.round(coarse / 2).astype(int), 1, np.minimum(_FINEST, signal.shape))
    fine = 2 if coarse.max() >= _TWO_SAMPLES else 1
    along_xy = by[::-1]
    matrix[:, 2] -= (along_xy - 1) / 2
    signal, matrix = _shrunk(signal, *by.tolist()), matrix / along_xy[:, None]
    step, corner = matrix[:, :2] / fine, matrix[:, 2] - matrix[:, :2].sum(axis=1) * (fine - 1) / (2 * fine)
    swapped = step[::-1, ::-1]  # scipy counts (row, column)
    side = px * fine
    dense = affine_transform(signal, swapped, corner[::-1], (side, side), order=1, mode="constant", cval=outside)
    return dense.reshape(px, fine, px, fine).mean(axis=(1, 3)) if fine > 1 else dense


def _shrunk(signal: np.ndarray, down: int, across: int) -> np.ndarray:
    """Means of blocks of `down` x `across` pixels; what is left over at the end is dropped."""
    if down == across == 1:
        return signal
    rows, columns = signal.shape[0] // down * down, signal.shape[1] // across * across
    blocks = [signal[i:rows:down, j:columns:across] for i in range(down) for j in range(across)]
    return sum(blocks[1:], blocks[0].astype(np.float32)) / (down * across)


def outside_share(plane: Plane, center: np.ndarray, axes: tuple[np.ndarray, np.ndarray], px: int, mm: float) -> float:
    """Share of such a grid's pixels that lie outside the image, 0 to 1."""
    matrix = sampling_matrix(plane, center, axes, px, mm)
    y, x = np.mgrid[:px, :px]
    image_x, image_y = np.einsum("ij,jyx->iyx", matrix, np.stack([x, y, np.ones_like(x)]))
    inside = (image_x >= 0) & (image_x <= plane.shape[1] - 1) & (image_y >= 0) & (image_y <= plane.shape[0] - 1)
    return float(1 - inside.mean())


def as_bytes(signal: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """The signal between two values (see `dicom.Series.window`) as uint8, 0 to 255."""
    low, high = window
    return np.clip((signal - low) * (255 / (high - low)), 0, 255).round().astype(np.uint8)
