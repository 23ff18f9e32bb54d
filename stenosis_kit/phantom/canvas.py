"""What painters share: the coordinates of a slice's pixels, soft edges, and laying one value over another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from stenosis_kit.geometry import Plane
from stenosis_kit.phantom.anatomy import TABLE_STEP, Spine
from stenosis_kit.phantom.tissue import Palette, Textures, sample


def cover(distance: np.ndarray, width: float) -> np.ndarray:
    """Share of a pixel inside a shape, from the signed distance to its edge (mm, negative inside)."""
    share = 0.5 - distance * np.float32(1 / width)
    return np.clip(share, 0, 1, out=share)


def lay(image: np.ndarray, value: np.ndarray | float, share: np.ndarray) -> None:
    """Lays a value over an image where share is 1, in part where it is less, in place."""
    image += (value - image) * share


def rounded_box(
    x: np.ndarray, y: np.ndarray, half_x: np.ndarray | float, half_y: float, radius: float
) -> np.ndarray:
    """Signed distance to a rectangle with rounded corners, mm."""
    x, y = np.abs(x) - np.asarray(half_x - radius, np.float32), np.abs(y) - np.float32(half_y - radius)
    outside = np.hypot(np.maximum(x, 0), np.maximum(y, 0))
    return outside + np.minimum(np.maximum(x, y), 0) - np.float32(radius)


@dataclass(frozen=True, eq=False)
class Canvas:
    """A rectangle of a slice that is being painted: a view, so that painting shows in the whole slice.

    Attributes:
        spine, palette, textures: what is painted, how bright, how mottled.
        edge: width of soft edges, mm.
        image: (rows, columns) float32.
        y, z: pixels' patient coordinates in the spine's frame, mm.
        side: x from the midline, mm: positive on the patient's left.
        s, b: along the canal and behind the wall, mm (see `column.Wall`).
        back: y behind the smoothed wall, mm: for what does not follow every vertebra.
        medium, fine: textures at the pixels.
    """

    spine: Spine
    palette: Palette
    textures: Textures
    edge: float
    image: np.ndarray
    y: np.ndarray
    z: np.ndarray
    side: np.ndarray
    s: np.ndarray
    b: np.ndarray
    back: np.ndarray
    medium: np.ndarray
    fine: np.ndarray

    @classmethod
    def blank(cls, spine: Spine, plane: Plane, palette: Palette, textures: Textures, edge: float) -> Canvas:
        """An empty slice; the plane is given in the spine's frame."""
        x, y, z = pixel_positions(plane)
        s, b, midline, wall = np.moveaxis(spine.wall.locate(y, z), -1, 0)
        # One pair of coordinates that is two-dimensional in sagittal and in axial planes alike.
        u, v = 0.8 * x + 0.6 * y, z + 0.6 * x - 0.8 * y
        medium, fine = sample(textures.medium, u, v), sample(textures.fine, u, v)
        image = np.zeros(plane.shape, np.float32)
        return cls(spine, palette, textures, edge, image, y, z, x - midline, s, b, y - wall, medium, fine)

    def crop(self, window: tuple[slice, slice]) -> Canvas:
        """The part of the canvas in a window of rows and columns."""
        names = ("image", "y", "z", "side", "s", "b", "back", "medium", "fine")
        return replace(self, **{name: getattr(self, name)[window] for name in names})

    def warped(self, amount: float) -> Canvas:
        """The same pixels with places that stray smoothly by an sd of `amount`, mm: nothing alive is ruler-straight."""
        u, v = 1.1 * self.y + 0.5 * self.z, 1.1 * self.side - 0.7 * self.z + 0.3 * self.y
        stray = [sample(self.textures.medium, u + shift, v) * np.float32(amount) for shift in (0, 67, 151)]
        return replace(self, side=self.side + stray[0], b=self.b + stray[1], s=self.s + stray[2])

    def table(self, name: str) -> np.ndarray:
        """A table of the spine at the pixels."""
        values = self.spine.tables[name]
        return values[self._entries]

    def above(self, name: str) -> np.ndarray:
        """Height (s) over what a table of places along the canal names, mm."""
        return self.s - self.table(name)

    def side_table(self, name: str) -> np.ndarray:
        """A table that the spine has for left and right, each on its side."""
        if float(self.side.min()) > 0:
            return self.table(f"{name}_left")
        if float(self.side.max()) < 0:
            return self.table(f"{name}_right")
        return np.where(self.side > 0, self.table(f"{name}_left"), self.table(f"{name}_right"))

    @property
    def _entries(self) -> np.ndarray:
        entries = self.__dict__.get("_cached")
        if entries is None:
            last = len(self.spine.tables["s"]) - 1
            entries = np.clip(self.s * np.float32(1 / TABLE_STEP) + 0.5, 0, last).astype(np.int32)
            self.__dict__["_cached"] = entries
        return entries


def pixel_positions(plane: Plane, step: int = 1) -> Iterator[np.ndarray]:
    """x, y and z of every step-th pixel, each (rows, columns) float32, mm."""
    rows = np.arange(0, plane.shape[0], step, dtype=np.float32)[:, None] * np.float32(plane.spacing[0])
    columns = np.arange(0, plane.shape[1], step, dtype=np.float32)[None, :] * np.float32(plane.spacing[1])
    for origin, row, column in zip(plane.origin, plane.row, plane.column, strict=True):
        yield np.float32(origin) + rows * np.float32(column) + columns * np.float32(row)


def window_of(mask: np.ndarray) -> tuple[slice, slice] | None:
    """The smallest window that holds all true pixels of a mask, or None."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
