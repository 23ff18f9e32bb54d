"""What varies from patient to patient and tells nothing about severity."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from stenosis_kit.phantom.column import S1

Organ = tuple[float, float, float, float, float, float, float, bool]


class Vessel(NamedTuple):
    """Aorta or cava.

    Attributes:
        side, back, radius: mm, at the height of L3.
        drift: to the side, mm a mm of height.
        winding, phase: how far it winds, mm, and where in the winding it is at L3.
        end: z of its lower end, mm.
        gain: brightness beside a vessel's whose blood is too fast to show.
    """

    side: float
    back: float
    radius: float
    drift: float
    winding: float
    phase: float
    end: float
    gain: float


@dataclass(frozen=True, eq=False)
class Looks:
    """Details of a patient; arrays are by vertebra (15) or disc (14).

    Attributes:
        contrast: T1, T2 or STIR: set for each series.
        waist, concavity, body_gain: of the bodies; rim and lip: how round their corners are and how far they stand
            out, mm.
        cortex, end_plate, cortex_fade, cortex_depth: how thick the walls' cortex is, how much thicker the end plates
            are, how far both fade, mm, and how much darker than marrow walls are, as a share.
        mottle: depth of the marrow's texture; rim_gain: how much brighter marrow is at the end plates, as a share.
        bands, band_reach, band_place: (2, 15) gain of bands under the upper and lower end plates (Modic changes), how
            far they reach, mm, and whether they lie in front or behind.
        spots: (15, 5) depth, height, side, radius (mm) and gain of a round spot (haemangioma, node).
        vein, vein_width, vein_reach, vein_fat: the basivertebral vein.
        osteophyte, nucleus, nucleus_edge, cleft: of the discs.
        organs: (side, back, z, three half axes, brightness, has a dark wall), mm.
        vessels: aorta and cava.
        interspinous: 0 to 1, how much of the ligaments between spinous processes is fat.
        muscle_fat: 0 to 1, how far fat has replaced muscle.
        muscle_size: factor.
        retroperitoneum: share of fat in front of the column; edema: fluid along the fascia of the back; flecks: small
            veins in muscle.
        fat_behind: mm of fat under the skin of the back; septa: how dark the walls in it are; skin: its brightness.
        half_width: of the trunk, mm.
        paleness: of the bowel's fat.
    """

    contrast: str
    waist: np.ndarray
    concavity: np.ndarray
    rim: np.ndarray
    lip: np.ndarray
    body_gain: np.ndarray
    cortex: float
    end_plate: float
    cortex_fade: float
    cortex_depth: float
    mottle: float
    rim_gain: float
    bands: np.ndarray
    band_reach: np.ndarray
    band_place: np.ndarray
    spots: np.ndarray
    vein: float
    vein_width: float
    vein_reach: np.ndarray
    vein_fat: float
    osteophyte: np.ndarray
    nucleus: np.ndarray
    nucleus_edge: np.ndarray
    cleft: np.ndarray
    organs: tuple[Organ, ...]
    vessels: tuple[Vessel, ...]
    interspinous: float
    muscle_fat: float
    muscle_size: float
    retroperitoneum: float
    edema: float
    flecks: float
    fat_behind: float
    septa: float
    skin: float
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
        waist=uniform(0.03, 0.11, 15),
        concavity=np.r_[uniform(0.03, 0.16, S1), uniform(0.02, 0.05, 15 - S1)],
        rim=uniform(1.0, 3.2, 15),
        lip=uniform(0.0, 1.2, 15),
        body_gain=1 + 0.06 * rng.normal(size=15),
        cortex=uniform(-0.2, 0.4),
        end_plate=uniform(0.0, 0.7),
        cortex_fade=uniform(0.5, 1.4),
        cortex_depth=uniform(0.4, 1.0),
        mottle=uniform(0.06, 0.26),
        rim_gain=uniform(-0.2, 0.25),
        bands=np.where(rng.random((2, 15)) < 0.1, uniform(0.4, 1.8, (2, 15)), 1.0),
        band_reach=uniform(2, 8, 15),
        band_place=uniform(-0.6, 0.6, 15),
        spots=_spots(rng),
        vein=uniform(0.2, 1),
        vein_width=uniform(0.6, 2.2),
        vein_reach=uniform(0.3, 0.9, 15),
        vein_fat=uniform(0, 1),
        osteophyte=uniform(0, 2.2, 14),
        nucleus=uniform(0.5, 0.85, 14),
        nucleus_edge=uniform(0.8, 3.5, 14),
        cleft=rng.random(14) < 0.4,
        organs=tuple(_organs(rng)),
        vessels=(_vessel(rng, (3, 19)), _vessel(rng, (-28, -13))),
        interspinous=uniform(0.1, 0.75),
        muscle_fat=float(np.clip(rng.beta(1.6, 2.6), 0.03, 0.95)),
        muscle_size=uniform(0.88, 1.12),
        retroperitoneum=uniform(0.35, 0.95),
        edema=max(0.0, uniform(-0.6, 0.9)),
        flecks=uniform(0.0, 0.7),
        fat_behind=uniform(6, 42),
        septa=max(0.0, uniform(-0.2, 0.5)),
        skin=uniform(0.3, 2.0),
        half_width=uniform(140, 195),
        paleness=uniform(0.4, 1.1),
    )


def _vessel(rng: np.random.Generator, sides: tuple[float, float]) -> Vessel:
    return Vessel(
        side=rng.uniform(*sides),
        back=rng.uniform(-54, -43),
        radius=rng.uniform(6.5, 11),
        drift=rng.uniform(-0.1, 0.1),
        winding=rng.uniform(0, 6),
        phase=rng.uniform(0, 6.3),
        end=rng.uniform(-80, -45),
        gain=rng.uniform(0.7, 5),
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
