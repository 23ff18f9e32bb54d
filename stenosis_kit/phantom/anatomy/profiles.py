"""The canal's profiles: what lies behind the wall at each s (see `wall.Wall`), as arrays over s.

They say how wide the dural sac is, how far the disc bulges, how much room each side has lost. A severity's compromise
enters here and nowhere else. Spreads without a source are chosen by hand.
"""

from __future__ import annotations

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.phantom.anatomy.column import GRADED_DISCS, L1_L2, L4_L5, L5_S1, S1
from stenosis_kit.phantom.anatomy.places import FORAMINA, RECESSES, on_all_discs
from stenosis_kit.phantom.anatomy.severity import Severity
from stenosis_kit.phantom.anatomy.wall import Wall

STEP = 0.5
"""mm of s between the entries of a profile; the first is at s = 0."""

Profiles = dict[str, np.ndarray]
"""Name to (n,) values; lengths in mm, shares from 0 to 1."""

# By disc, C5/C6 … S4/S5, mm. Half width of the canal at the recess (5 mm behind the wall) …
_SHOULDER = np.r_[
    (12, 12, 11.5, 10.5, 10, 9.5, 9.5, 9.5, 9.5, 9.5),
    (9.5, 9.5, 9.5, 10, 11, 12, 12.4, 13, 14, 15.5, 12, 9, 7, 6.0),
]
# … depth of the canal at the midline (Panjabi 1992: 17-19 bony) …
APEX = np.array(
    [15, 15, 15.5, 16, 16, 16, 16, 16, 16, 16, 16, 16, 16.5, 17, 18.5, 19.5, 19.3, 19, 19.5, 20, 16, 11, 8, 7.0]
)
# … and by vertebra: width of the pedicle and distance of its axis from the midline (Panjabi 1992).
_PEDICLE_WIDTH = np.r_[
    (5.5, 5.5, 6, 7.5, 7, 6, 5, 5, 5, 5.5),
    (6, 6.5, 7, 7.5, 7.5, 7.8, 8, 9, 11, 14, 14, 12, 10, 9, 8.0),
]
_PEDICLE_OFFSET = np.r_[
    (15, 15, 15, 14, 13, 12.5, 12, 12, 12, 12),
    (12, 12, 12, 12.5, 13, 13.5, 14, 15, 16.5, 19, 20, 18, 15, 13, 12.0),
]
# How far bodies (C5 … S5) and the discs above them are oval behind (1) and not straight (0), and so make room at the
# sides for lower foramina: they lie ever farther in front of the canal.
OVAL = np.r_[np.zeros(15), 0, 0, 0.1, 0.5, 1, 1, np.zeros(4)]
# … and how far their rear corners reach behind the straight back, mm: what the foramina's places ask for.
HORN = np.r_[np.full(15, 2.0), 3.6, 3.4, 2.6, 0.6, 0, np.zeros(5)]

_DISC_REACH = 6.5
"""mm, sd of a disc's influence along the canal: chosen by hand."""


def bone_profiles(rng: np.random.Generator, wall: Wall, size: float, apex: np.ndarray) -> Profiles:
    """What the bones behind the wall look like; size is theirs beside the mean, apex (discs,) the canal's depth, mm."""
    s, discs, bodies = np.arange(0.0, wall.end, STEP), len(wall.s_discs), len(wall.s_bodies)
    disc = np.argmin(np.abs(s[:, None] - wall.s_discs), axis=1)
    body = np.argmin(np.abs(s[:, None] - wall.s_bodies), axis=1)
    by_disc = lambda values: np.interp(s, wall.s_discs[::-1], values[::-1])  # noqa: E731
    shoulder = _SHOULDER[-discs:] * size * (1 + 0.05 * rng.normal())
    behind = on_all_discs(FORAMINA[:, 1] - FORAMINA[2, 1], discs)  # beside that of L3/L4
    shorter = np.where(np.arange(-discs, 0) < L5_S1, 1, 0.65)
    spinous = rng.uniform(22, 32) * (1 + 0.1 * rng.normal(size=discs)) * shorter
    profiles = {
        "s": s,
        "disc_index": disc,
        "body_index": body,
        "disc": wall.s_discs[disc],
        "body": wall.s_bodies[body],
        "lower_disc": wall.s_discs[np.minimum(body, discs - 1)],
        "oval": np.interp(s, wall.s_bodies[::-1], OVAL[-bodies:][::-1]),
        "horn": np.interp(s, wall.s_bodies[::-1], HORN[-bodies:][::-1]),
        "recess": by_disc(on_all_discs(RECESSES[:, 0], discs)) * size,
        "recess_depth": by_disc(on_all_discs(RECESSES[:, 1], discs)),
        "pedicle_width": _PEDICLE_WIDTH[-bodies:][body] * size,
        "pedicle_offset": _PEDICLE_OFFSET[-bodies:][body] * size,
        "shoulder": by_disc(shoulder),
        "apex": by_disc(apex) + _interlaminar(rng, s, wall.s_discs),
        # How far the laminae's roof is a vault (1) and not a gable (0): less so farther down.
        # … and where the joints bulge into the canal, as they do most at L4/L5, its sides are convex (below 0).
        "vault": np.clip(
            np.interp(s, wall.s_discs[[L5_S1, L4_L5, L1_L2]], [0, -0.3, 0.35]) + 0.2 * rng.normal(), -0.5, 0.9
        ),
        "mobile": np.clip((s - wall.s_discs[L5_S1] + 14) / 4, 0, 1),  # facets and interlaminar gaps end at L5/S1
        "spinous": spinous[disc],
        "tips": by_disc(spinous) + 3,
        "spinous_height": rng.uniform(6.5, 10.5, size=discs)[disc],
        "spinous_rise": rng.uniform(-2, 3, size=discs)[disc],
        "arch_gain": rng.uniform(0.85, 1.2, size=discs)[disc],
        "facet_half": (7.5 * size * (1 + 0.1 * rng.normal(size=discs)))[disc],  # 14 to 16 mm wide (Panjabi 1993)
        # The lower joints lie farther in front, as their foramina do.
        "facet_depth": (15.0 * size + 0.5 * behind + 0.8 * rng.normal(size=discs))[disc],
    }
    profiles |= {name: values[disc] for name, values in _joint_shapes(rng.spawn(1)[0], discs).items()}
    for side in (rsna.LEFT, rsna.RIGHT):
        profiles[f"fluid_{side}"] = np.clip(rng.gamma(2.0, 0.28, size=discs), 0.15, 1.8)[disc]
        profiles[f"root_rise_{side}"] = rng.uniform(-1.5, 1.5, size=discs)[disc]
        profiles[f"root_back_{side}"] = rng.uniform(-1, 1, size=discs)[disc]
        profiles[f"root_radius_{side}"] = rng.uniform(2.0, 2.9, size=discs)[disc]  # L1 to L5: Khasawneh 2023
    return profiles | _foramen_profiles(rng, wall, size, s)


def _foramen_profiles(rng: np.random.Generator, wall: Wall, size: float, s: np.ndarray) -> Profiles:
    """Where foramina lie and how large they are, of the nearest one; see `imaging.foramina`."""
    discs = len(wall.s_discs)
    nearest = np.argmin(np.abs(s[:, None] - wall.s_discs - 4.5), axis=1)
    by_foramen = lambda values: values[nearest]  # noqa: E731
    lean = on_all_discs(np.array([-0.2, -0.22, -0.08, -0.1, -0.18]), discs)  # foramina are upright, and the wall is not
    profiles = {
        "foramen": by_foramen(wall.s_discs + on_all_discs(FORAMINA[:, 2], discs)),
        "foramen_side": by_foramen(on_all_discs(FORAMINA[:, 0], discs)) * size,
        "foramen_depth": by_foramen(on_all_discs(FORAMINA[:, 1], discs)),
        "foramen_lean": by_foramen(lean + 0.06 * rng.normal(size=discs)),
        "foramen_tall": by_foramen(size * rng.uniform(0.80, 1.09, size=discs)),  # of 18 mm
        "articular_tip": by_foramen(rng.uniform(0, 9, size=discs)),
        "pocket": by_foramen(np.clip(rng.uniform(-0.3, 1.5, size=discs), 0, 1)),
    }
    for side in (rsna.LEFT, rsna.RIGHT):
        profiles[f"foramen_wide_{side}"] = by_foramen(size * rng.uniform(3.2, 4.8, size=discs))
        profiles[f"foramen_slit_{side}"] = by_foramen(rng.uniform(1.6, 2.4, size=discs))  # half widths
    return profiles


def _joint_shapes(rng: np.random.Generator, discs: int) -> Profiles:
    """(discs,) of facet joints seen from above: cosine and sine of their angle to the sagittal plane, and their bend.

    Upper joints are steep, lower ones face forwards: 37, 48, 53 degrees at L3/L4 to L5/S1 (van Schaik 1985), 25 to 28
    above (Panjabi 1993). The bend is 1/mm: how far ends stand back beside the middle, over their distance squared.
    """
    angle = np.deg2rad(on_all_discs(np.array([26, 29, 37, 48, 53]), discs) + 6 * rng.normal(size=discs))
    return {
        "facet_cos": np.cos(angle),
        "facet_sin": np.sin(angle),
        "facet_bend": rng.uniform(0.01, 0.05, size=discs),
    }


def _interlaminar(rng: np.random.Generator, s: np.ndarray, s_discs: np.ndarray) -> np.ndarray:
    """How much deeper the canal is between two laminae, where fat lies behind the sac, than under a lamina, mm."""
    return rng.uniform(1.2, 4.5) * (_near(s[:, None] - s_discs + 1, 7).max(1) - 0.7)


def compromise_profiles(rng: np.random.Generator, wall: Wall, severity: Severity, s: np.ndarray) -> Profiles:
    """Share of the room that is lost: in the canal ("spinal"), in each side's foramen and recess ("<term>_<side>")."""
    offset = s[:, None] - wall.s_discs
    at_disc, at_foramen = _near(offset, _DISC_REACH), _near(offset - 4, 9)
    profiles = {}
    for condition, compromise in zip(rsna.CONDITIONS, severity.compromise, strict=True):
        by_disc = rng.uniform(0.02, 0.12, size=len(wall.s_discs))  # the discs that nobody grades
        by_disc[GRADED_DISCS] = compromise
        reach = at_foramen if condition.term == "foraminal" else at_disc
        name = f"{condition.term}_{condition.side}" if condition.side else condition.term
        profiles[name] = (reach * by_disc).max(1)
    return profiles


def sac_profiles(
    rng: np.random.Generator, wall: Wall, size: float, sac_end: float, degeneration: np.ndarray, known: Profiles
) -> Profiles:
    """The dural sac: as wide as the recesses leave it, 14 mm deep where there is room, with cut corners.

    That makes about 200 mm2 (Spine 2021).

    Args:
        rng: the study's generator.
        wall: gives s.
        size: of the bones beside the mean.
        sac_end: s of the sac's end, mm.
        degeneration: (discs,) of the discs.
        known: profiles of bones and compromise.
    """
    s, lost = known["s"], known["spinal"]
    offset = s[:, None] - wall.s_discs
    worn = 2.0 * degeneration * rng.uniform(0.2, 1, len(degeneration))
    bulge = (_near(offset, 4.5) * (0.3 + worn)).max(1) + 4.5 * lost
    width_end = rng.uniform(0.75, 1.0)
    places = [sac_end - 6, sac_end + 4, wall.s_bodies[S1], *wall.s_discs[[L5_S1, L4_L5, L1_L2]]]
    taper = np.interp(s, places, [0.02, 0.28, 0.7 * width_end, 0.9 * width_end, 0.97, 1.0])
    individual = size * (1 + 0.06 * rng.normal())
    # It is flattened more than narrowed; its roots lose their fluid before it loses its area.
    room = 1 - 0.88 * lost
    more = rng.spawn(1)[0]
    breadth = known["recess"] / size + 0.3 + 0.6 * more.normal()
    depth, width = 7.0 * individual * taper * room**0.65, breadth * individual * taper * room**0.35
    # The lower levels' sac is a triangle, the upper ones' an oval; thin fat lies in front of it.
    triangle = np.interp(s, wall.s_discs[[L5_S1, L4_L5, L1_L2]], [0.3, 0.42, 0.16]) + 0.05 * rng.normal() + 0.1 * lost
    low, high = wall.s_discs[L5_S1] - 10, wall.s_discs[L5_S1] + 18
    front = np.interp(s, [low, high], [rng.uniform(1, 4.5), 0.3])
    front = front + rng.uniform(0.1, 1.2) * (1 - _near(offset, _DISC_REACH).max(1))
    ligament = np.interp(s, wall.s_discs[[L5_S1, L4_L5, L1_L2]], [3.8, 4.2, 2.7]) * np.exp(0.15 * more.normal())
    corner = np.interp(s, wall.s_discs[[L5_S1, L4_L5, L1_L2]], [0.75, 0.45, 0.8]) + 0.12 * more.normal()
    flavum = more.uniform(0.9, 1.9) + 2.2 * lost
    return {
        "sac_depth": depth,
        "sac_width": width,
        "sac_center": bulge + front * (1 - 0.7 * lost) + depth,
        "sac_corner": np.clip(corner, 0.3, 0.95) * np.minimum(depth, width * (1 - np.clip(triangle, 0, 0.6))),
        "triangle": np.clip(triangle, 0, 0.6),
        "bulge": bulge,
        "flavum": flavum,
        "flavum_back": np.maximum(ligament - 1.4, 0.8),
    }


def _near(offset: np.ndarray, sd: float) -> np.ndarray:
    """1 where the offset is 0, falling off as a normal curve."""
    return np.exp(-0.5 * (offset / sd) ** 2)
