"""The chain of vertebrae and discs from T8, or from C5 where the field of view is tall, to S5.

Patient axes are DICOM's (mm): x to the left, y to the back, z to the head. The chain lies in a sagittal plane that
scoliosis bends sideways; it is computed in (y, z) with the middle of L3 at (0, 0).
"""

from __future__ import annotations

import numpy as np

VERTEBRAE = (
    *("C5", "C6", "C7", "T1", "T2", "T3", "T4", "T5", "T6", "T7"),
    *("T8", "T9", "T10", "T11", "T12", "L1", "L2", "L3", "L4", "L5", "S1", "S2", "S3", "S4", "S5"),
)
USUAL, TALL = 15, len(VERTEBRAE)
"""Vertebrae of a column: arrays hold the last ones of `VERTEBRAE`, so they are indexed from their end."""
L1, L3, L5, S1, S2 = (VERTEBRAE.index(name) - TALL for name in ("L1", "L3", "L5", "S1", "S2"))
L1_L2, L3_L4, L4_L5, L5_S1, S1_S2 = (upper + 1 for upper in (L1, L3, L5 - 1, L5, S1))
"""Indices of discs, from the end too."""
FIRST_DISC = L1_L2
GRADED_DISCS = slice(FIRST_DISC, FIRST_DISC + 5)

# Body height and depth: Panjabi 1992 for the lumbar spine, scaled up from its ends to the centre; the rest as seen,
# and chosen by hand above T8.
_HEIGHTS = np.r_[
    (12, 12, 13.5, 15, 16, 16.5, 17, 17.5, 18.5, 19),
    (20, 21, 22, 23, 25, 26.5, 27.3, 27.5, 27.2, 27, 29, 24, 20, 17, 14.0),
]
_DEPTHS = np.r_[
    (16, 16.5, 17, 17.5, 18.5, 20, 21.5, 23, 24.5, 26),
    (28, 29, 30, 30.5, 31, 32, 33, 34, 34.5, 34.5, 31, 20, 14, 10, 8.0),
]
_WIDTHS = np.r_[
    (18, 20, 23, 26, 26, 25, 25, 26, 27, 28.5),
    (30, 32, 34, 37, 42, 44, 46, 48, 50, 51.5, 52, 44, 36, 28, 22.0),
]
_DISC_HEIGHTS = np.r_[
    (5, 5, 4.5, 4, 3.5, 3.5, 3.5, 3.5, 3.5, 4),
    (4, 4.5, 5, 5.5, 6.5, 8, 9.5, 10.5, 11, 9.5, 2.6, 1.5, 1, 1.0),
]
# Height behind less height in front, mm (Panjabi 1992; the sacrum as seen).
_WEDGES = np.r_[
    (-0.5, -0.5, 0, 1, 1, 1.2, 1.5, 1.8, 2, 2),
    (2, 2, 2, 2.2, 2.5, 1.8, 0.8, -0.3, -1.5, -4.5, -5, -1, 0, 0, 0.0),
]
# Inclination of the vertebrae, degrees: reproduces the mean places of the competition's label points.
_INCLINATIONS = np.r_[
    (14, 18, 22, 25, 25, 23, 20, 16, 12, 7),
    (2, -3, -8, -12, -14, -14, -12, -7, 2, 16, 41, 50, 44, 25, 0.0),
]


class Column:
    """Vertebral bodies and discs, drawn from a generator.

    Attributes:
        count: vertebrae, USUAL or TALL; there is a disc less.
        centers: (count, 2) body centres (y, z), mm.
        angles: (count,) inclinations, radians: positive tips the front of the body down.
        heights, depths, widths: (count,) body sizes, mm.
        wedges: (count,) half the change of a body's height per mm towards the back.
        disc_centers: (count - 1, 2) disc centres (y, z), mm.
        disc_angles: (count - 1,) radians.
        disc_heights: (count - 1,) mm.
        degeneration: (count - 1,) 0 to 1.
    """

    def __init__(self, rng: np.random.Generator, burden: np.ndarray, traits: frozenset[str] = frozenset()) -> None:
        """Draws a column.

        Args:
            rng: the study's generator.
            burden: (5,) mean severity signal of each graded level; it drives disc degeneration.
            traits: any of transitional, scoliosis, slip, off_centre, tall_field.
        """
        self.count = count = TALL if "tall_field" in traits else USUAL
        scale = 1.04 + 0.06 * rng.normal()  # gives the competition's mean steps from level to level: 35 to 27 mm
        self.heights, self.depths, self.widths = (
            mean[-count:] * scale * (1 + 0.03 * rng.normal(size=count)) for mean in (_HEIGHTS, _DEPTHS, _WIDTHS)
        )
        self.degeneration = _degeneration(rng, burden, count - 1)
        discs = _DISC_HEIGHTS[1 - count :] * scale * (1 + 0.12 * rng.normal(size=count - 1))
        discs = np.maximum(discs * (1 - 0.5 * self.degeneration * rng.uniform(0.5, 1, count - 1)), 0.8)
        discs[S1_S2] = max(0.6, discs[S1_S2] * rng.uniform(0.4, 1.6))
        lordosis = np.clip(1 + 0.22 * rng.normal(), 0.35, 1.6)
        angles = _INCLINATIONS[-count:] * lordosis + 3 * rng.normal() + 2 * rng.normal(size=count)
        angles[S1 + 1 :] = angles[S1] + (_INCLINATIONS[S1 + 1 :] - _INCLINATIONS[S1]) * rng.uniform(0.4, 1.4)
        if "transitional" in traits:
            _make_transitional(rng, self.heights, discs, angles)
        slip = np.zeros(count - 1)
        if "slip" in traits:  # most often of L4 on L5
            slip[rng.choice([L3_L4, L4_L5, L4_L5, L5_S1])] = rng.uniform(2, 6)
        self.angles, self.disc_heights = np.deg2rad(angles), discs
        self.disc_angles = (self.angles[:-1] + self.angles[1:]) / 2
        self.centers, self.disc_centers = self._chain(slip)
        stray = np.where(np.arange(-count, 0) <= S1, 0.8, 0.2) * rng.normal(size=count)
        self.wedges = (_WEDGES[-count:] + stray) / (2 * self.depths)
        self._sideways = _sideways(rng, traits)

    def midline(self, z: np.ndarray | float) -> np.ndarray:
        """X of the midline at heights z, mm."""
        return np.interp(z, *self._sideways)

    def _chain(self, slip: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Centres (n, 2) of bodies and of discs, stacked from L3 both ways; slip (discs,): lower bodies back, mm."""
        half = _up(self.angles) * self.heights[:, None] / 2
        gap = _up(self.disc_angles) * self.disc_heights[:, None] / 2
        # Below S1 the back walls line up, not the centres; a slip moves the lower body back.
        shift = slip + np.where(np.arange(-len(slip), 0) >= S1_S2, 0.4 * np.diff(self.depths) / -2, 0)
        back = back_of(self.disc_angles) * shift[:, None]
        centers, middles = np.zeros((self.count, 2)), np.zeros((self.count - 1, 2))
        l3 = self.count + L3
        for i in range(l3 - 1, -1, -1):
            middles[i] = centers[i + 1] + half[i + 1] + gap[i]
            centers[i] = middles[i] + gap[i] + half[i]
        for i in range(l3, self.count - 1):
            middles[i] = centers[i] - half[i] - gap[i]
            centers[i + 1] = middles[i] - gap[i] - half[i + 1] + back[i]
        return centers, middles


def _degeneration(rng: np.random.Generator, burden: np.ndarray, discs: int) -> np.ndarray:
    age = rng.uniform(-0.25, 0.35)
    values = 0.32 + age + 0.15 * rng.normal(size=discs)
    values[GRADED_DISCS] += 0.16 * burden + np.array([-0.05, 0, 0.05, 0.1, 0.1])
    values[S1_S2:] += 0.3
    return np.clip(values, 0, 1)


def _make_transitional(rng: np.random.Generator, heights: np.ndarray, discs: np.ndarray, angles: np.ndarray) -> None:
    """Turns L5 into a half-sacral or S1 into a half-lumbar vertebra, in place."""
    if rng.random() < 0.5:
        discs[L5_S1] *= 0.5
        heights[L5] *= 0.93
        angles[L5] += 6
    else:
        discs[S1_S2] = rng.uniform(4, 8)
        heights[S1] *= 0.95
        angles[S1 + 1 :] += 5


def _sideways(rng: np.random.Generator, traits: frozenset[str]) -> tuple[np.ndarray, np.ndarray]:
    """Heights z and the midline's x there, mm."""
    z = np.linspace(-220, 480, 141)
    strong = "scoliosis" in traits
    tilt = np.deg2rad((4.5 if strong else 1.5) * rng.normal())
    bend = (6 if strong else 1.2) * rng.normal()
    offset = rng.choice([-1, 1]) * rng.uniform(6, 9) if "off_centre" in traits else 0.0
    return z, offset + np.tan(tilt) * z + bend * np.cos(z / 55 + rng.uniform(-1, 1))


def _up(angles: np.ndarray) -> np.ndarray:
    """(n, 2) unit vectors (y, z) towards the head of what is inclined by angles (n,)."""
    return np.stack([-np.sin(angles), np.cos(angles)], axis=1)


def back_of(angles: np.ndarray) -> np.ndarray:
    """(n, 2) unit vectors (y, z) towards the back of what is inclined by angles (n,)."""
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)
