"""The back wall of the vertebral column as a curve, and coordinates that follow it."""

from __future__ import annotations

import cv2
import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.column import Column, back_of

_STEP = 4.0
"""mm between the nodes of the map from (y, z) to (s, b): chosen by hand, cheap and still smooth."""


class Wall:
    """The back wall of bodies and discs.

    s is the arc length along the curve, mm, growing towards the head; b the distance behind it, mm.

    Attributes:
        curve: (n, 2) its points (y, z), about 1 mm apart, mm.
        s: (n,) arc length at these points, mm.
        s_bodies: (bodies,) s of the body centres.
        s_discs: (discs,) s of the disc centres.
    """

    def __init__(self, column: Column) -> None:
        bodies = column.centers + back_of(column.angles) * column.depths[:, None] / 2
        depths = np.minimum(column.depths[:-1], column.depths[1:])
        discs = column.disc_centers + back_of(column.disc_angles) * depths[:, None] / 2
        self.curve = _smooth_curve(bodies, discs)
        self.s = _arc_length(self.curve)
        tangent = np.gradient(self.curve, axis=0)
        self._tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
        self._back = np.stack([self._tangent[:, 1], -self._tangent[:, 0]], axis=1)
        self.s_bodies, self.s_discs = (
            self._coordinates(points, np.argmin(((points[:, None] - self.curve) ** 2).sum(-1), axis=1))[0]
            for points in (bodies, discs)
        )
        self._corner = self.curve.min(0) - (170, 20)
        self._map = self._make_map(column)

    @property
    def end(self) -> float:
        """The largest s, mm; the smallest is 0."""
        return float(self.s[-1])

    def at(self, s: float, b: float) -> np.ndarray:
        """(2,) the (y, z) of a place given by s and b, mm."""
        point, back = (
            np.array([np.interp(s, self.s, values[:, i]) for i in (0, 1)]) for values in (self.curve, self._back)
        )
        return point + b * back / np.linalg.norm(back)

    def locate(self, plane: Plane) -> np.ndarray:
        """(rows, columns, 4) of a plane's pixels, float32 mm: s, b, x of the midline, and y of the smoothed wall."""
        right, down = plane.row[1:] * plane.spacing[1], plane.column[1:] * plane.spacing[0]
        matrix = np.stack([right, down, plane.origin[1:] - self._corner], axis=1) / _STEP
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self._map, matrix, plane.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def _coordinates(self, points: np.ndarray, nearest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """S and b of points (..., 2), from the index (...) of the curve's point that is nearest to each."""
        offset = points - self.curve[nearest]
        along, behind = ((offset * axis[nearest]).sum(-1) for axis in (self._tangent, self._back))
        return self.s[nearest] + along, behind

    def _make_map(self, column: Column) -> np.ndarray:
        """(z, y, 4) what `locate` interpolates, at nodes `_STEP` apart."""
        high = self.curve.max(0) + (130, 20)
        y, z = (np.arange(self._corner[i], high[i], _STEP, dtype=np.float32) for i in (0, 1))
        curve = self.curve[::2].astype(np.float32)
        squares = (y[None, :, None] - curve[:, 0]) ** 2 + (z[:, None, None] - curve[:, 1]) ** 2
        nodes = np.stack(np.broadcast_arrays(y[None, :], z[:, None]), axis=-1)
        s, b = self._coordinates(nodes, 2 * np.argmin(squares, axis=2))
        order = np.argsort(self.curve[:, 1])
        wall = np.interp(z, self.curve[order, 1], self.curve[order, 0])
        smooth = _weighted(np.pad(wall, 13, "edge"), np.hanning(27))
        by_height = [np.broadcast_to(values[:, None], s.shape) for values in (column.midline(z), smooth)]
        return np.stack([s, b, *by_height], axis=-1).astype(np.float32)


def _smooth_curve(bodies: np.ndarray, discs: np.ndarray) -> np.ndarray:
    """(n, 2) a smooth curve through points behind bodies and discs from the feet to the head, 1 mm longer each way."""
    anchors = np.empty((len(bodies) + len(discs), 2))
    anchors[0::2], anchors[1::2] = bodies[::-1], discs[::-1]
    ends = 60 * np.stack([anchors[0] - anchors[2], anchors[-1] - anchors[-3]])  # the 60 cancels but for rounding
    ends /= np.linalg.norm(ends, axis=1, keepdims=True)
    anchors = np.vstack([anchors[0] + ends[0], anchors, anchors[-1] + ends[1]])
    length = _arc_length(anchors)
    steps = np.arange(0, length[-1], 1.0)
    kernel = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
    lines = (np.interp(steps, length, values) for values in anchors.T)
    padded = (np.pad(line, 12, mode="reflect", reflect_type="odd") for line in lines)
    return np.stack([_weighted(line, kernel) for line in padded], axis=1)


def _arc_length(points: np.ndarray) -> np.ndarray:
    """(n,) length of the polygon (n, 2) up to each of its points."""
    return np.r_[0, np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))]


def _weighted(values: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Running mean with the kernel as weights; shorter by the kernel's length less one."""
    return np.convolve(values, kernel / kernel.sum(), "valid")
