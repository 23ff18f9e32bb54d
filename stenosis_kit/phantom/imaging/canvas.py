"""What painters share: the coordinates of a slice's pixels, anti-aliased edges, and alpha blending."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import cv2
import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.profiles import STEP
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.imaging.tissue import TILE, Palette, Textures

Extent = np.ndarray | float


def cover(distance: np.ndarray, width: float) -> np.ndarray:
    """Share of a pixel inside a shape, from the signed distance to its edge (mm, negative inside)."""
    return clip(0.5 - distance * np.float32(1 / width))


def clip(values: np.ndarray, low: float = 0.0, high: float = 1.0) -> np.ndarray:
    """np.clip in place, without its overhead: it is called some ten thousand times a study."""
    np.maximum(values, np.float32(low), out=values)
    return np.minimum(values, np.float32(high), out=values)


def norm(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """np.hypot, many times as fast: nothing here is near overflow."""
    if x.shape == y.shape and x.dtype == y.dtype == np.float32:
        return cv2.magnitude(x, y)
    return np.sqrt(x * x + y * y)


def lay(image: np.ndarray, value: np.ndarray | float, share: np.ndarray) -> None:
    """Blends a value into an image, in place; share is alpha: 1 replaces, 0 keeps."""
    image += (value - image) * share


def horns(side: np.ndarray) -> np.ndarray:
    """How much of a body's rear corners there is at distances from the midline, mm: none to 8, all beyond 15."""
    return clip((np.abs(side) - 8) / 7)


def rounded_box(x: np.ndarray, y: np.ndarray, half_x: Extent, half_y: Extent, radius: Extent) -> np.ndarray:
    """Signed distance to a rectangle with rounded corners, mm."""
    x, y = np.abs(x) - (half_x - radius), np.abs(y) - (half_y - radius)
    return norm(np.maximum(x, 0), np.maximum(y, 0)) + np.minimum(np.maximum(x, y), 0) - radius


def overlap(first: np.ndarray, second: np.ndarray, radius: Extent) -> np.ndarray:
    """Signed distance to what is inside of both shapes, with a round edge where they meet, mm."""
    first, second = first + np.float32(radius), second + np.float32(radius)
    return norm(np.maximum(first, 0), np.maximum(second, 0)) + np.minimum(np.maximum(first, second), 0) - radius


@dataclass(frozen=True, eq=False)
class Canvas:
    """A rectangle of a slice that is being painted: a view, so that painting shows in the whole slice.

    Attributes:
        spine, palette, textures: what is painted, how bright, how mottled.
        edge: width of soft edges, mm.
        image: (rows, columns) float32.
        y, z: pixels' patient coordinates in the spine's frame, mm.
        side: x from the midline, mm: positive on the patient's left.
        s, b: along the canal and behind the wall, mm (see `wall.Wall`).
        back: y behind the smoothed wall, mm: for what does not follow every vertebra.
        medium, fine, stray_side, stray_b: textures at the pixels; the last two displace them, see `warped`.
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
    stray_side: np.ndarray
    stray_b: np.ndarray
    _known: dict[str, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def blank(cls, spine: Spine, plane: Plane, palette: Palette, textures: Textures, edge: float) -> Canvas:
        """An empty slice; the plane is given in the spine's frame."""
        x, y, z = pixel_positions(plane)
        s, b, midline, wall = cv2.split(spine.wall.locate(plane))
        medium, fine, *stray = cv2.split(_grain(textures, plane))
        image = np.zeros(plane.shape, np.float32)
        return cls(spine, palette, textures, edge, image, y, z, x - midline, s, b, y - wall, medium, fine, *stray)

    def crop(self, window: tuple[slice, slice]) -> Canvas:
        """The part of the canvas in a window of rows and columns."""
        names = ("image", "y", "z", "side", "s", "b", "back", "medium", "fine", "stray_side", "stray_b")
        return replace(self, **{name: getattr(self, name)[window] for name in names})

    def warped(self, amount: float) -> Canvas:
        """The same pixels displaced smoothly (sd `amount` mm), so that outlines are irregular as in a body."""
        side, b, s = (self.stray_side, self.stray_b, self.medium)
        return replace(self, side=self.side + amount * side, b=self.b + amount * b, s=self.s + amount * s)

    def profile(self, name: str) -> np.ndarray:
        """A profile of the spine at the pixels."""
        if name not in self._known:
            self._known[name] = self.spine.profiles[name].take(self.entries, mode="clip")
        return self._known[name]

    def above(self, name: str) -> np.ndarray:
        """Height (s) over the place along the canal that a profile names, mm."""
        return self.s - self.profile(name)

    def side_profile(self, name: str) -> np.ndarray:
        """A profile that the spine has for left and right, each on its side."""
        if float(self.side.min()) > 0:
            return self.profile(f"{name}_left")
        if float(self.side.max()) < 0:
            return self.profile(f"{name}_right")
        if name not in self._known:
            self._known[name] = np.where(self.side > 0, self.profile(f"{name}_left"), self.profile(f"{name}_right"))
        return self._known[name]

    @cached_property
    def entries(self) -> np.ndarray:
        """Index into the profiles at the pixels."""
        last = len(self.spine.profiles["s"]) - 1
        return clip(self.s * np.float32(1 / STEP) + 0.5, 0, last).astype(np.intp)

    @cached_property
    def across(self) -> np.ndarray:
        """Distance from the midline, mm."""
        return np.abs(self.side)

    @cached_property
    def inward(self) -> np.ndarray:
        """Distance from the inner face of the laminae towards the canal, mm (negative in the laminae)."""
        shoulder, rise, round_ = self.profile("shoulder"), self.profile("apex") - 5, self.profile("vault")
        u, v = self.across / shoulder, (self.b - 5) / rise
        roof = u + v + round_ * (norm(u, np.maximum(v, 0)) - u - v)
        return (1 - roof) * (1 + 0.3 * round_) * shoulder * rise / norm(rise, shoulder)


def _grain(textures: Textures, plane: Plane) -> np.ndarray:
    """(rows, columns, 4) of the grain at a slice's pixels.

    It is laid out along y and x + z, which is two-dimensional in sagittal and in axial planes alike.
    """
    across, down = plane.row * plane.spacing[1], plane.column * plane.spacing[0]
    (xo, yo, zo), (xr, yr, zr), (xc, yc, zc) = plane.origin, across, down
    matrix = np.array([[yr, yc, yo % TILE], [xr + zr, xc + zc, (xo + zo) % TILE]])
    # Pixels as large as the texture's need no interpolation.
    flags = (cv2.INTER_NEAREST if min(plane.spacing) > 1 else cv2.INTER_LINEAR) | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(textures.grain, matrix, plane.shape[::-1], flags=flags, borderMode=cv2.BORDER_WRAP)


def pixel_positions(plane: Plane) -> Iterator[np.ndarray]:
    """x, y and z of the pixels, each (rows, columns) float32, mm."""
    rows, columns = (
        np.arange(n, dtype=np.float32) * np.float32(mm) for n, mm in zip(plane.shape, plane.spacing, strict=True)
    )
    for origin, row, column in zip(plane.origin, plane.row, plane.column, strict=True):
        yield np.float32(origin) + (rows * np.float32(column))[:, None] + columns * np.float32(row)


def window_of(mask: np.ndarray) -> tuple[slice, slice] | None:
    """The smallest window that holds all true pixels of a mask, or None."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
