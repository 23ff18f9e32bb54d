"""What varies from patient to patient and tells nothing about severity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from stenosis_kit.phantom.anatomy.column import S1, USUAL


class Organ(NamedTuple):
    """An ellipsoid in front of or beside the spine.

    Attributes:
        place: its middle: to the side, to the back and to the head of L3's, mm.
        axes: half axes in that order, mm.
        gain: brightness as a share of `viscera`.
        walled: whether it has a dark wall.
    """

    place: Sequence[float]
    axes: Sequence[float]
    gain: float
    walled: bool


class Vessel(NamedTuple):
    """Aorta or inferior vena cava.

    Attributes:
        side, back, radius: mm, at the height of L3.
        drift: to the side, mm a mm of height.
        winding, phase: amplitude, mm, and phase at L3, radians, of its winding.
        end: z of its lower end, mm.
        gain: brightness as a share of `vessel`, which is blood too fast to show.
    """

    side: float
    back: float
    radius: float
    drift: float
    winding: float
    phase: float
    end: float
    gain: float


class Looks:
    """Details of a patient, drawn from a generator; all ranges are chosen by hand, and wide.

    Attributes:
        waist, concavity: of the vertebrae: how much narrower the middle and lower the centre is, as shares.
        rim, lip: radius of the end plates' rims and how far they stand out, mm.
        body_gain: brightness of each vertebra's marrow beside the mean.
        cortex, end_plate, cortex_fade, cortex_depth: how thick the walls' cortex is, how much thicker the end plates
            are, over how much both fade, mm, and how much darker than marrow walls are, as a share.
        mottle: depth of the marrow's texture; rim_gain: how much brighter marrow is at the end plates, as a share.
        bands, band_reach, band_place: (2, vertebrae) gain of bands under the upper and lower end plates (Modic
            changes), how far they reach, mm, and whether they lie in front (-) or behind (+).
        spots: (vertebrae, 5) depth, height, side, radius (mm) and gain of a round spot (haemangioma, Schmorl's node).
        vein, vein_width, vein_reach, vein_fat: the basivertebral vein: contrast, mm, share of the body's depth, share
            of fat.
        osteophyte: of a worn disc's rim, mm.
        nucleus, nucleus_edge, cleft: its share of the disc's depth, how sharp it is, whether it has a dark cleft.
        organs, vessels: in the belly.
        interspinous: share of fat in the ligaments between spinous processes.
        muscle_fat: share of muscle that fat has replaced; muscle_size: factor.
        retroperitoneum: share of fat in front of the column; edema: fluid along the fascia of the back; flecks: small
            veins in muscle.
        fat_behind: fat under the skin of the back, mm; septa: how dark the walls in it are; skin: its brightness.
        half_width: of the trunk, mm.
        paleness: share of fat in the bowel's surroundings.
    """

    def __init__(self, rng: np.random.Generator, count: int = USUAL) -> None:
        """Draws them for a column of that many vertebrae."""
        uniform = rng.uniform
        # --- vertebrae
        self.waist = uniform(0.03, 0.11, count)
        self.concavity = np.r_[uniform(0.03, 0.16, count + S1), uniform(0.02, 0.05, -S1)]
        self.rim = uniform(1.0, 3.2, count)
        self.lip = uniform(0.0, 1.2, count)
        self.body_gain = 1 + 0.06 * rng.normal(size=count)
        self.cortex = uniform(-0.2, 0.4)
        self.end_plate = uniform(0.0, 0.7)
        self.cortex_fade = uniform(0.5, 1.4)
        self.cortex_depth = uniform(0.4, 1.0)
        self.mottle = uniform(0.06, 0.26)
        self.rim_gain = uniform(-0.2, 0.25)
        self.bands = np.where(rng.random((2, count)) < 0.1, uniform(0.4, 1.8, (2, count)), 1.0)
        self.band_reach = uniform(2, 8, count)
        self.band_place = uniform(-0.6, 0.6, count)
        self.spots = _draw_spots(rng, count)
        self.vein = uniform(0.2, 1)
        self.vein_width = uniform(0.6, 2.2)
        self.vein_reach = uniform(0.3, 0.9, count)
        self.vein_fat = uniform(0, 1)
        # --- discs
        self.osteophyte = uniform(0, 2.2, count - 1)
        self.nucleus = uniform(0.5, 0.85, count - 1)
        self.nucleus_edge = uniform(0.8, 3.5, count - 1)
        self.cleft = rng.random(count - 1) < 0.4
        # --- surroundings
        self.organs = [*_draw_kidneys(rng), *_draw_bowel(rng)]
        self.vessels = [_draw_vessel(rng, sides) for sides in ((3, 19), (-28, -13))]
        self.interspinous = uniform(0.1, 0.75)
        self.muscle_fat = float(np.clip(rng.beta(1.6, 2.6), 0.03, 0.95))
        self.muscle_size = uniform(0.88, 1.12)
        self.retroperitoneum = uniform(0.35, 0.95)
        self.edema = max(0.0, uniform(-0.6, 0.9))
        self.flecks = uniform(0.0, 0.7)
        self.fat_behind = uniform(6, 42)
        self.septa = max(0.0, uniform(-0.2, 0.5))
        self.skin = uniform(0.3, 2.0)
        self.half_width = uniform(140, 195)
        self.paleness = uniform(0.4, 1.1)


def _draw_spots(rng: np.random.Generator, count: int) -> np.ndarray:
    gain = np.where(rng.random(count) < 0.25, rng.uniform(0.4, 1.8, count), 1.0)
    place = [rng.uniform(-reach, reach, count) for reach in (9, 8, 14)]
    return np.stack([*place, rng.uniform(2, 6, count), gain], axis=1)


def _draw_kidneys(rng: np.random.Generator) -> list[Organ]:
    """Beside the upper lumbar spine."""
    places = [(sign * rng.uniform(52, 68), rng.uniform(-35, -12), rng.uniform(25, 75)) for sign in (1, -1)]
    return [Organ(place, (25.0, 28.0, 52.0), 1.1, False) for place in places]


def _draw_bowel(rng: np.random.Generator) -> Iterator[Organ]:
    """Bowel in front of the column, then bladder and the like in front of the sacrum."""
    bowel = ((-110, 110), (-150, -62), (-170, 170)), (8, 26), 2.0, 0.5
    pelvis = ((-25, 25), (-105, -45), (-170, -95)), (12, 32), 2.4, 0.6
    for (places, axes, brightest, walled), counts in ((bowel, (10, 22)), (pelvis, (1, 4))):
        for _ in range(rng.integers(*counts)):
            place, size = [rng.uniform(*span) for span in places], rng.uniform(*axes, size=3)
            yield Organ(place, size, rng.uniform(0, brightest), bool(rng.random() < walled))


def _draw_vessel(rng: np.random.Generator, sides: tuple[float, float]) -> Vessel:
    spans = (sides, (-54, -43), (6.5, 11), (-0.1, 0.1), (0, 6), (0, 6.3), (-80, -45), (0.7, 5))
    return Vessel(*(rng.uniform(*span) for span in spans))
