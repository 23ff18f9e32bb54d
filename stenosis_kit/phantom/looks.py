"""What varies from patient to patient and tells nothing about severity."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from stenosis_kit.phantom.column import S1

Organ = tuple[float, float, float, float, float, float, float, bool]


@dataclass(frozen=True, eq=False)
class Looks:
    """Details of a patient; arrays are by vertebra (15) or disc (14).

    Attributes:
        contrast: T1, T2 or STIR: set for each series.
        waist, concavity, wedge, body_gain: of the bodies.
        cortex, cortex_fade, cortex_depth: where the cortex begins outside the body and how far it fades inside, mm,
            and how much darker it is than marrow, as a share.
        mottle: depth of the marrow's texture.
        bands, band_reach, band_place: (2, 15) gain of bands under the upper and lower end plates (Modic changes), how
            far they reach, mm, and whether they lie in front or behind.
        spots: (15, 5) depth, height, side, radius (mm) and gain of a round spot (haemangioma, node).
        vein, vein_width, vein_reach: the basivertebral vein.
        osteophyte, disc_wedge, nucleus, cleft: of the discs.
        organs: (side, back, z, three half axes, brightness, has a dark wall), mm.
        vessels: (side, back, radius, drift) of aorta and cava, mm.
        muscle_fat: 0 to 1, how far fat has replaced muscle.
        muscle_size: factor.
        fat_behind: mm of fat under the skin of the back.
        half_width: of the trunk, mm.
        paleness: of the bowel's fat.
    """

    contrast: str
    waist: np.ndarray
    concavity: np.ndarray
    wedge: np.ndarray
    body_gain: np.ndarray
    cortex: float
    cortex_fade: float
    cortex_depth: float
    mottle: float
    bands: np.ndarray
    band_reach: np.ndarray
    band_place: np.ndarray
    spots: np.ndarray
    vein: float
    vein_width: float
    vein_reach: np.ndarray
    osteophyte: np.ndarray
    disc_wedge: np.ndarray
    nucleus: np.ndarray
    cleft: np.ndarray
    organs: tuple[Organ, ...]
    vessels: tuple[tuple[float, float, float, float], ...]
    muscle_fat: float
    muscle_size: float
    fat_behind: float
    half_width: float
    paleness: float

    def on(self, contrast: str) -> Looks:
        """The same patient on a series of this contrast."""
        return replace(self, contrast=contrast)


def draw_looks(rng: np.random.Generator) -> Looks:
    """Draws a patient's details."""
    uniform = rng.uniform
    return Looks(
        contrast="T2",
        waist=uniform(0.02, 0.08, 15),
        concavity=np.r_[uniform(0.06, 0.17, S1), uniform(0.02, 0.05, 15 - S1)],
        wedge=np.r_[uniform(-0.03, 0.04, S1), np.zeros(15 - S1)],
        body_gain=1 + 0.06 * rng.normal(size=15),
        cortex=uniform(0.0, 0.5),
        cortex_fade=uniform(0.5, 1.4),
        cortex_depth=uniform(0.45, 1.0),
        mottle=uniform(0.05, 0.2),
        bands=np.where(rng.random((2, 15)) < 0.1, uniform(0.4, 1.8, (2, 15)), 1.0),
        band_reach=uniform(2, 8, 15),
        band_place=uniform(-0.6, 0.6, 15),
        spots=_spots(rng),
        vein=uniform(0.2, 1),
        vein_width=uniform(0.6, 2.2),
        vein_reach=uniform(0.3, 0.9, 15),
        osteophyte=uniform(0, 2.2, 14),
        disc_wedge=uniform(0.0, 0.32, 14),
        nucleus=uniform(0.55, 0.85, 14),
        cleft=rng.random(14) < 0.4,
        organs=tuple(_organs(rng)),
        vessels=((uniform(-2, 12), uniform(-58, -48), uniform(6.5, 11), uniform(-0.1, 0.1)),)
        + ((uniform(-24, -12), uniform(-56, -46), uniform(7, 12), uniform(-0.05, 0.1)),),
        muscle_fat=float(np.clip(rng.beta(1.6, 2.6), 0.03, 0.95)),
        muscle_size=uniform(0.88, 1.12),
        fat_behind=uniform(6, 42),
        half_width=uniform(140, 195),
        paleness=uniform(0.4, 1.1),
    )


def _spots(rng: np.random.Generator) -> np.ndarray:
    gain = np.where(rng.random(15) < 0.25, rng.uniform(0.4, 1.8, 15), 1.0)
    place = [rng.uniform(-reach, reach, 15) for reach in (9, 8, 14)]
    return np.stack([*place, rng.uniform(2, 6, 15), gain], axis=1)


def _organs(rng: np.random.Generator) -> list[Organ]:
    """Kidneys beside the upper lumbar spine, and bowel, bladder and the like in front of it."""
    kidneys = [
        (sign * rng.uniform(52, 68), rng.uniform(-35, -12), rng.uniform(25, 75), 25.0, 28.0, 52.0, 1.1, False)
        for sign in (1, -1)
    ]
    bowel = []
    for _ in range(rng.integers(10, 22)):
        place = (rng.uniform(-110, 110), rng.uniform(-150, -62), rng.uniform(-170, 170))
        size = rng.uniform(8, 26, size=3)
        bowel.append((*place, *size, rng.uniform(0, 2.0), bool(rng.random() < 0.5)))
    for _ in range(rng.integers(1, 4)):  # what lies in front of the sacrum
        place = (rng.uniform(-25, 25), rng.uniform(-105, -45), rng.uniform(-170, -95))
        bowel.append((*place, *rng.uniform(12, 32, size=3), rng.uniform(0, 2.4), bool(rng.random() < 0.6)))
    return kidneys + bowel
