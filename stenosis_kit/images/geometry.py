"""From pixels to patient space and back: the only module with this arithmetic.

Patient space is DICOM's LPS in mm: +x to the patient's left, +y to the back, +z to the head.
Pixel coordinates are (x, y) = (column, row); (0, 0) is the centre of the first pixel.
A pixel maps to `P = IPP + x * PixelSpacing[1] * IOP[:3] + y * PixelSpacing[0] * IOP[3:]`
(DICOM PS3.3 C.7.6.2.1.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

SAGITTAL, AXIAL = "sagittal", "axial"

# For each orientation: where x and y of a displayed image point in the patient, and along which patient axis slices
# are ordered. Sagittal: anterior at the left, head up, slices from the patient's right to left. Axial: the
# patient's right at the left, anterior up, slices from feet to head.
_DISPLAY_AXES = {
    SAGITTAL: (np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0]), np.array([1.0, 0.0, 0.0])),
    AXIAL: (np.array([1.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, 1.0])),
}

_SPACING_MM = (0.01, 50.0)  # wider than any scanner's; chosen by hand
FIELD_MM = (50.0, 700.0)
"""Of an image's longer side; the competition's lie between 120 and 400. Else its PixelSpacing is in other units."""
PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
"""The elements that say where an image lies, in the order in which `Plane.from_tags` takes them."""


@dataclass(frozen=True, eq=False)
class Plane:
    """Where the pixels of one slice lie in the patient.

    Attributes:
        origin: (3,) ImagePositionPatient, the centre of the first pixel, mm.
        row: (3,) unit vector along a row (growing x), IOP[:3].
        column: (3,) unit vector down a column (growing y), IOP[3:].
        spacing: PixelSpacing, mm: (between rows, between columns).
        shape: (rows, columns) of the image.
    """

    origin: np.ndarray
    row: np.ndarray
    column: np.ndarray
    spacing: tuple[float, float]
    shape: tuple[int, int]

    @classmethod
    def from_tags(
        cls,
        position: Sequence[float],
        orientation: Sequence[float],
        spacing: Sequence[float],
        shape: tuple[int, int],
    ) -> Plane:
        """From ImagePositionPatient, ImageOrientationPatient, PixelSpacing and (Rows, Columns).

        Raises:
            ValueError: where the numbers do not describe a plane; the message names the tag.
        """
        origin = _vector(position, 3, "ImagePositionPatient")
        axes = _vector(orientation, 6, "ImageOrientationPatient").reshape(2, 3)
        steps = _vector(spacing, 2, "PixelSpacing")
        lengths = np.linalg.norm(axes, axis=1)
        if max(abs(lengths - 1)) > 0.05 or abs(axes[0] @ axes[1]) > 0.05:
            raise ValueError(f"ImageOrientationPatient: expected two orthogonal unit vectors; found {axes.ravel()}")
        if min(steps) < _SPACING_MM[0] or max(steps) > _SPACING_MM[1]:
            raise ValueError(f"PixelSpacing: expected two numbers from .01 to 50 mm; found {steps}")
        if min(shape) < 1:
            raise ValueError(f"Rows, Columns: expected at least 1; found {shape}")
        row, column = axes / lengths[:, None]
        return cls(origin, row, column, (float(steps[0]), float(steps[1])), (int(shape[0]), int(shape[1])))

    @cached_property
    def normal(self) -> np.ndarray:
        """(3,) unit vector row x column."""
        normal = _cross(self.row, self.column)
        return normal / np.linalg.norm(normal)

    @cached_property
    def pixels_a_mm(self) -> np.ndarray:
        """(3, 2) by which a step (3,), mm, is multiplied to be one of pixels (x, y)."""
        # Headers' axes may be three degrees from perpendicular, and `to_patient` takes them as they are. Its exact
        # inverse takes of each what is perpendicular to the other: of perpendicular axes, the axes themselves.
        skew = self.row @ self.column
        across, down = self.row - skew * self.column, self.column - skew * self.row
        return np.column_stack([across / self.spacing[1], down / self.spacing[0]]) / (1 - skew**2)

    @cached_property
    def center(self) -> np.ndarray:
        """(3,) the middle of the image, mm; to compare planes by, since ImagePositionPatient is a corner."""
        rows, columns = self.shape
        return self.to_patient(np.array([(columns - 1) / 2, (rows - 1) / 2]))

    def to_patient(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 2) pixels (x, y) to (..., 3) points, mm."""
        pixels = np.asarray(pixels, float)
        return (
            self.origin + pixels[..., :1] * self.spacing[1] * self.row + pixels[..., 1:] * self.spacing[0] * self.column
        )

    def to_pixel(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) points, mm, projected on the plane along its normal, to (..., 2) pixels (x, y)."""
        return (np.asarray(points, float) - self.origin) @ self.pixels_a_mm

    def distance(self, points: np.ndarray) -> np.ndarray:
        """Signed distance of (..., 3) points from the plane along its normal, mm: (...)."""
        return (np.asarray(points, float) - self.origin) @ self.normal

    def drop(self, point: np.ndarray) -> np.ndarray:
        """(3,) a point (3,) projected on the plane along its normal, mm."""
        return np.asarray(point, float) - self.distance(point) * self.normal

    def shows(self, point: np.ndarray) -> bool:
        """Whether a point (3,), projected on the plane, falls inside the image."""
        return self.holds(*self.to_pixel(point).tolist())

    def holds(self, x: float, y: float) -> bool:
        """Whether pixel coordinates fall inside the image, which ends at the edges of its outermost pixels."""
        return -0.5 <= x <= self.shape[1] - 0.5 and -0.5 <= y <= self.shape[0] - 0.5

    def extent(self, axis: np.ndarray) -> float:
        """Length of the image along a unit vector (3,) that is parallel to its rows or columns, mm."""
        rows, columns = self.shape
        return float(
            abs(axis @ self.row) * columns * self.spacing[1] + abs(axis @ self.column) * rows * self.spacing[0]
        )

    def display_axes(self, orientation: str) -> tuple[np.ndarray, np.ndarray]:
        """Unit vectors (3,), (3,) inside the plane along which a crop's x and y run.

        They are the patient axes of that orientation (`SAGITTAL` or `AXIAL`) projected on the plane, so they do not
        depend on how the series was stored (flipped, reversed or rotated).
        """
        return self._sagittal_axes if orientation == SAGITTAL else self._axial_axes

    @cached_property
    def _sagittal_axes(self) -> tuple[np.ndarray, np.ndarray]:
        return self._dropped_axes(SAGITTAL)

    @cached_property
    def _axial_axes(self) -> tuple[np.ndarray, np.ndarray]:
        return self._dropped_axes(AXIAL)

    def _dropped_axes(self, orientation: str) -> tuple[np.ndarray, np.ndarray]:
        right, down, _ = _DISPLAY_AXES[orientation]
        # One patient axis is projected, the other one is perpendicular to it in the plane. The first is the one that
        # such planes are usually turned about: head-feet in sagittal planes, left-right in axial ones.
        lead = down if orientation == SAGITTAL else right
        lead = lead - (lead @ self.normal) * self.normal
        lead = lead / np.linalg.norm(lead)
        other = _cross(self.normal, lead)
        follow = right if orientation == SAGITTAL else down
        other = other if other @ follow >= 0 else -other
        return (other, lead) if orientation == SAGITTAL else (lead, other)

    def display_corner(self, orientation: str) -> np.ndarray:
        """(3,) the upper left corner of the image as it is displayed, however it is stored, mm."""
        right, down = self.display_axes(orientation)
        return self.center - self.extent(right) / 2 * right - self.extent(down) / 2 * down

    def tilt_deg(self, orientation: str) -> float:
        """Angle between the plane and the untilted one of that orientation, degrees: 0 to 90."""
        return float(np.rad2deg(np.arccos(min(1.0, abs(self.normal @ stacking_axis(orientation))))))

    def stacking_normal(self, orientation: str) -> np.ndarray:
        """(3,) the unit normal that points along the patient axis by which slices are ordered."""
        return self.normal if self.normal @ stacking_axis(orientation) >= 0 else -self.normal


class SquareGrid(NamedTuple):
    """Where pixels are wanted: a square grid in a slice's plane.

    Attributes:
        center: (3,) its middle, patient mm; it is projected on the plane.
        axes: unit vectors (3,) of its x and y, see `Plane.display_axes`.
        px: its side, pixels.
        mm: its side, mm.
    """

    center: np.ndarray
    axes: tuple[np.ndarray, np.ndarray]
    px: int
    mm: float

    def along(self) -> np.ndarray:
        """(px,) how far its pixels lie from the middle along either axis, mm."""
        return (np.arange(self.px) - (self.px - 1) / 2) * (self.mm / self.px)


def midpoint(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(3,) the point half way between two points (3,), mm."""
    return (np.asarray(first, float) + np.asarray(second, float)) / 2


def stacking_axis(orientation: str) -> np.ndarray:
    """(3,) the patient axis by which slices are ordered: to the left (sagittal) or to the head (axial)."""
    return _DISPLAY_AXES[orientation][2]


def sampling_matrix(plane: Plane, grid: SquareGrid) -> np.ndarray:
    """(2, 3) affine from a grid's pixels (x, y) to the image's."""
    step, (right, down) = grid.mm / grid.px, grid.axes
    corner = np.asarray(grid.center, float) - (grid.px - 1) / 2 * step * (right + down)
    return (np.array([step * right, step * down, corner - plane.origin]) @ plane.pixels_a_mm).T


def _cross(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """(3,) the cross product of two vectors (3,): `np.cross` is made for many, and takes ten times as long for two."""
    (a, b, c), (x, y, z) = one.tolist(), other.tolist()
    return np.array([b * z - c * y, c * x - a * z, a * y - b * x])


def _vector(values: Sequence[float], size: int, tag: str) -> np.ndarray:
    try:
        vector = np.array([float(value) for value in values])
    except (TypeError, ValueError):
        vector = np.empty(0)
    if vector.shape != (size,) or not np.isfinite(vector).all():
        raise ValueError(f"{tag}: expected {size} finite numbers; found {values!r}")
    return vector
