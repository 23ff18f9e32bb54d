"""The chain of vertebrae and discs from T8 to S5, and curved coordinates behind it.

Patient axes are DICOM's (mm): x to the left, y to the back, z to the head. The chain lies in a sagittal plane that
scoliosis bends sideways; it is computed in (y, z) with the middle of L3 at (0, 0).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from stenosis_kit.images.geometry import Plane

VERTEBRAE = ("T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1", "S2", "S3", "S4", "S5")
L1, L3, L5, S1, S2 = (VERTEBRAE.index(name) for name in ("L1", "L3", "L5", "S1", "S2"))
FIRST_DISC = L1
"""Index of L1/L2 among the 14 discs; disc i lies between vertebrae i and i + 1."""
GRADED_DISCS = slice(FIRST_DISC, FIRST_DISC + 5)

# Body height and depth: Panjabi 1992 for the lumbar spine, scaled up from its ends to the centre; the rest as seen.
_HEIGHTS = np.array([20, 21, 22, 23, 25, 26.5, 27.3, 27.5, 27.2, 27, 29, 24, 20, 17, 14.0])
_DEPTHS = np.array([28, 29, 30, 30.5, 31, 32, 33, 34, 34.5, 34.5, 31, 20, 14, 10, 8.0])
_WIDTHS = np.array([30, 32, 34, 37, 42, 44, 46, 48, 50, 51.5, 52, 44, 36, 28, 22.0])
_DISC_HEIGHTS = np.array([4, 4.5, 5, 5.5, 6.5, 8, 9.5, 10.5, 11, 9.5, 2.6, 1.5, 1, 1.0])
# Height behind less height in front, mm (Panjabi 1992; the sacrum as seen).
_WEDGES = np.array([2, 2, 2, 2.2, 2.5, 1.8, 0.8, -0.3, -1.5, -4.5, -5, -1, 0, 0, 0.0])
# Inclination of the vertebrae, degrees: reproduces the mean places of the competition's label points.
_INCLINATIONS = np.array([2, -3, -8, -12, -14, -14, -12, -7, 2, 16, 41, 50, 44, 25, 0.0])


@dataclass(frozen=True, eq=False)
class Column:
    """Vertebral bodies and discs.

    Attributes:
        centers: (15, 2) body centres (y, z), mm.
        angles: (15,) inclinations, radians: positive tips the front of the body down.
        heights, depths, widths: (15,) body sizes, mm.
        wedges: (15,) half the change of a body's height per mm towards the back.
        disc_centers: (14, 2) disc centres (y, z), mm.
        disc_angles: (14,) radians.
        disc_heights: (14,) mm.
        degeneration: (14,) 0 to 1.
        sideways: (n, 2) table of z and of the midline's x there, mm.
    """

    centers: np.ndarray
    angles: np.ndarray
    heights: np.ndarray
    depths: np.ndarray
    widths: np.ndarray
    wedges: np.ndarray
    disc_centers: np.ndarray
    disc_angles: np.ndarray
    disc_heights: np.ndarray
    degeneration: np.ndarray
    sideways: np.ndarray

    def midline(self, z: np.ndarray | float) -> np.ndarray:
        """X of the midline at heights z, mm."""
        return np.interp(z, *self.sideways.T)


def draw_column(rng: np.random.Generator, burden: np.ndarray, traits: frozenset[str] = frozenset()) -> Column:
    """Draws a column.

    Args:
        rng: the study's generator.
        burden: (5,) mean severity signal of each graded level; it drives disc degeneration.
        traits: any of transitional, scoliosis, slip, off_centre.
    """
    scale = 1.04 + 0.06 * rng.normal()  # gives the competition's mean steps from level to level: 35 to 27 mm
    heights = _HEIGHTS * scale * (1 + 0.03 * rng.normal(size=15))
    depths = _DEPTHS * scale * (1 + 0.03 * rng.normal(size=15))
    widths = _WIDTHS * scale * (1 + 0.03 * rng.normal(size=15))
    degeneration = _degeneration(rng, burden)
    discs = (
        _DISC_HEIGHTS * scale * (1 + 0.12 * rng.normal(size=14)) * (1 - 0.5 * degeneration * rng.uniform(0.5, 1, 14))
    )
    discs = np.maximum(discs, 0.8)
    discs[S1] = max(0.6, discs[S1] * rng.uniform(0.4, 1.6))
    lordosis = np.clip(1 + 0.22 * rng.normal(), 0.35, 1.6)
    angles = _INCLINATIONS * lordosis + 3 * rng.normal() + 2 * rng.normal(size=15)
    angles[S1 + 1 :] = angles[S1] + (_INCLINATIONS[S1 + 1 :] - _INCLINATIONS[S1]) * rng.uniform(0.4, 1.4)
    if "transitional" in traits:
        _make_transitional(rng, heights, discs, angles)
    slip = np.zeros(14)
    if "slip" in traits:
        slip[rng.choice([L3, L3 + 1, L3 + 1, L5])] = rng.uniform(2, 6)
    angles = np.deg2rad(angles)
    centers, disc_centers = _chain(heights, depths, discs, angles, slip)
    return Column(
        centers=centers,
        angles=angles,
        heights=heights,
        depths=depths,
        widths=widths,
        wedges=(_WEDGES + np.where(np.arange(15) <= S1, 0.8, 0.2) * rng.normal(size=15)) / (2 * depths),
        disc_centers=disc_centers,
        disc_angles=(angles[:-1] + angles[1:]) / 2,
        disc_heights=discs,
        degeneration=degeneration,
        sideways=_sideways(rng, traits),
    )


def _degeneration(rng: np.random.Generator, burden: np.ndarray) -> np.ndarray:
    age = rng.uniform(-0.25, 0.35)
    values = 0.32 + age + 0.15 * rng.normal(size=14)
    values[GRADED_DISCS] += 0.16 * burden + np.array([-0.05, 0, 0.05, 0.1, 0.1])
    values[S1:] += 0.3
    return np.clip(values, 0, 1)


def _make_transitional(rng: np.random.Generator, heights: np.ndarray, discs: np.ndarray, angles: np.ndarray) -> None:
    """Turns L5 into a half-sacral or S1 into a half-lumbar vertebra, in place."""
    if rng.random() < 0.5:
        discs[L5] *= 0.5
        heights[L5] *= 0.93
        angles[L5] += 6
    else:
        discs[S1] = rng.uniform(4, 8)
        heights[S1] *= 0.95
        angles[S1 + 1 :] += 5


def _chain(
    heights: np.ndarray, depths: np.ndarray, discs: np.ndarray, angles: np.ndarray, slip: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Centres of bodies (15, 2) and discs (14, 2), stacked from L3 both ways."""
    between = (angles[:-1] + angles[1:]) / 2
    centers, middles = np.zeros((15, 2)), np.zeros((14, 2))
    for i in range(L3 - 1, -1, -1):
        middles[i] = centers[i + 1] + _up(angles[i + 1]) * heights[i + 1] / 2 + _up(between[i]) * discs[i] / 2
        centers[i] = middles[i] + _up(between[i]) * discs[i] / 2 + _up(angles[i]) * heights[i] / 2
    for i in range(L3, 14):
        middles[i] = centers[i] - _up(angles[i]) * heights[i] / 2 - _up(between[i]) * discs[i] / 2
        # Below S1 the back walls line up, not the centres; a slip moves the lower body back.
        shift = slip[i] + (0.4 * (depths[i + 1] - depths[i]) / -2 if i >= S1 else 0)
        centers[i + 1] = middles[i] - _up(between[i]) * discs[i] / 2 - _up(angles[i + 1]) * heights[i + 1] / 2
        centers[i + 1] += _back(between[i]) * shift
    return centers, middles


def _sideways(rng: np.random.Generator, traits: frozenset[str]) -> np.ndarray:
    z = np.linspace(-220, 220, 89)
    strong = "scoliosis" in traits
    tilt = np.deg2rad((4.5 if strong else 1.5) * rng.normal())
    bend = (6 if strong else 1.2) * rng.normal()
    offset = rng.choice([-1, 1]) * rng.uniform(6, 9) if "off_centre" in traits else 0.0
    x = offset + np.tan(tilt) * z + bend * np.cos(z / 55 + rng.uniform(-1, 1))
    return np.stack([z, x], axis=1)


def _up(angle: float) -> np.ndarray:
    """(2,) unit (y, z) towards the head of something inclined by angle."""
    return np.array([-np.sin(angle), np.cos(angle)])


def _back(angle: float) -> np.ndarray:
    """(2,) unit (y, z) towards the back of something inclined by angle."""
    return np.array([np.cos(angle), np.sin(angle)])


class Wall:
    """The back wall of bodies and discs as a curve, and coordinates that follow it.

    s is the length along the curve, mm, growing towards the head; b the distance behind it, mm.

    Attributes:
        s_bodies: (15,) s of the body centres.
        s_discs: (14,) s of the disc centres.
        start, end: range of s.
    """

    _STEP = 4.0  # mm between the nodes of the map from (y, z) to (s, b)

    def __init__(self, column: Column) -> None:
        bodies = column.centers + _backs(column.angles) * column.depths[:, None] / 2
        depths = np.minimum(column.depths[:-1], column.depths[1:])
        discs = column.disc_centers + _backs(column.disc_angles) * depths[:, None] / 2
        anchors = np.empty((29, 2))
        anchors[0::2], anchors[1::2] = bodies, discs
        anchors = anchors[::-1]  # feet to head
        ends = 60 * np.stack([anchors[0] - anchors[2], anchors[-1] - anchors[-3]])
        ends /= np.linalg.norm(ends, axis=1, keepdims=True)
        anchors = np.vstack([anchors[0] + ends[0], anchors, anchors[-1] + ends[1]])
        length = np.r_[0, np.cumsum(np.linalg.norm(np.diff(anchors, axis=0), axis=1))]
        steps = np.arange(0, length[-1], 1.0)
        curve = np.stack([np.interp(steps, length, anchors[:, i]) for i in (0, 1)], axis=1)
        kernel = np.exp(-0.5 * (np.arange(-12, 13) / 4.0) ** 2)
        padded = np.pad(curve, ((12, 12), (0, 0)), mode="reflect", reflect_type="odd")
        self.curve = np.stack([np.convolve(padded[:, i], kernel / kernel.sum(), "valid") for i in (0, 1)], axis=1)
        self.s = np.r_[0, np.cumsum(np.linalg.norm(np.diff(self.curve, axis=0), axis=1))]
        tangent = np.gradient(self.curve, axis=0)
        self._tangent = tangent / np.linalg.norm(tangent, axis=1, keepdims=True)
        self._back = np.stack([self._tangent[:, 1], -self._tangent[:, 0]], axis=1)
        self.s_bodies, self.s_discs = self._s_of(bodies), self._s_of(discs)
        self.start, self.end = 0.0, float(self.s[-1])
        self._map = self._make_map(column)

    def at(self, s: float, b: float) -> np.ndarray:
        """(2,) the (y, z) of a place given by s and b, mm."""
        point = np.array([np.interp(s, self.s, self.curve[:, i]) for i in (0, 1)])
        back = np.array([np.interp(s, self.s, self._back[:, i]) for i in (0, 1)])
        return point + b * back / np.linalg.norm(back)

    def locate(self, plane: Plane) -> np.ndarray:
        """(rows, columns, 4) of a plane's pixels, float32 mm: s, b, x of the midline, and y of the smoothed wall."""
        right, down = plane.row[1:] * plane.spacing[1], plane.column[1:] * plane.spacing[0]
        matrix = np.stack([right, down, plane.origin[1:] - self._corner], axis=1) / self._STEP
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self._map, matrix, plane.shape[::-1], flags=flags, borderMode=cv2.BORDER_REPLICATE)

    def _s_of(self, points: np.ndarray) -> np.ndarray:
        nearest = np.argmin(((points[:, None] - self.curve) ** 2).sum(-1), axis=1)
        along = ((points - self.curve[nearest]) * self._tangent[nearest]).sum(-1)
        return self.s[nearest] + along

    def _make_map(self, column: Column) -> np.ndarray:
        low, high = self.curve.min(0) - (170, 20), self.curve.max(0) + (130, 20)
        self._corner = low
        y, z = (np.arange(low[i], high[i], self._STEP, dtype=np.float32) for i in (0, 1))
        curve = self.curve[::2].astype(np.float32)
        squares = (y[None, :, None] - curve[:, 0]) ** 2 + (z[:, None, None] - curve[:, 1]) ** 2
        nearest = 2 * np.argmin(squares, axis=2)
        offset = np.stack(np.broadcast_arrays(y[None, :], z[:, None]), axis=-1) - self.curve[nearest]
        s = self.s[nearest] + (offset * self._tangent[nearest]).sum(-1)
        b = (offset * self._back[nearest]).sum(-1)
        order = np.argsort(self.curve[:, 1])
        wall = np.interp(z, self.curve[order, 1], self.curve[order, 0])
        kernel = np.hanning(27)
        smooth = np.convolve(np.pad(wall, 13, "edge"), kernel / kernel.sum(), "valid")
        columns = [np.broadcast_to(value[:, None], s.shape) for value in (column.midline(z), smooth)]
        return np.stack([s, b, *columns], axis=-1).astype(np.float32)


def _backs(angles: np.ndarray) -> np.ndarray:
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
