"""A series to be made, and the blocks of parallel slices that it consists of. Places are in the spine's frame, mm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from stenosis_kit.images.geometry import Plane


class Size(NamedTuple):
    """How large images are: chosen by hand.

    Attributes:
        sagittal_px, axial_px: pixels, mm.
        slices: fewest and most in a sagittal series.
        block: fewest and most at each level of an axial series in blocks.
        most_slices: in an axial stack.
    """

    sagittal_px: float
    axial_px: float
    slices: tuple[int, int]
    block: tuple[int, int]
    most_slices: int


SIZES = {
    "tiny": Size(1.2, 1.12, (11, 12), (3, 5), 45),
    "fast": Size(0.92, 0.75, (13, 17), (3, 6), 50),
    "full": Size(0.56, 0.52, (15, 19), (4, 6), 60),
}


@dataclass(frozen=True, eq=False)
class Series:
    """One series to be made.

    Attributes:
        kind: as the series table says, one of `rsna.SERIES_KINDS`.
        planes: of its slices in the order of their numbers, in the spine's frame.
        thickness, distance: of its slices, mm.
        numbers: instance numbers.
    """

    kind: str
    planes: list[Plane]
    thickness: float
    distance: float
    numbers: tuple[int, ...] = ()


class Block(NamedTuple):
    """Parallel slices.

    Attributes:
        center: (3,) their middle, mm.
        row, column: (3,) unit vectors along their rows and columns.
        steps: distances of the slices from the middle along row x column, mm.
    """

    center: np.ndarray
    row: np.ndarray
    column: np.ndarray
    steps: np.ndarray

    def planes(self, spacing: float, shape: tuple[int, int]) -> list[Plane]:
        """The slices with pixels of that spacing (mm) and number (rows, columns)."""
        rows, columns = shape
        corner = self.center - self.row * spacing * (columns - 1) / 2 - self.column * spacing * (rows - 1) / 2
        normal = np.cross(self.row, self.column)
        return [Plane(corner + mm * normal, self.row, self.column, (spacing, spacing), shape) for mm in self.steps]


def steps_of(count: int, distance: float) -> np.ndarray:
    """(count,) places of slices about their middle, falling, mm."""
    return (np.arange(count)[::-1] - (count - 1) / 2) * distance


def even(count: float) -> int:
    """The nearest even whole number: scanners' matrices are even."""
    return int(2 * round(count / 2))


def rotation_of(x: float, y: float, z: float) -> np.ndarray:
    """(3, 3) rotation about the patient's axes in that order, radians."""
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(a), np.sin(a)) for a in (x, y, z))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return about_z @ about_y @ about_x
