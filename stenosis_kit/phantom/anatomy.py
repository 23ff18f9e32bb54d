"""One spine: its column, what runs in the canal behind it, and where its 25 label points lie.

Everything behind the wall is described by tables over s (see `column.Wall`): how wide the dural sac is, how far
the disc bulges, how much room each side has lost. A severity's compromise enters here and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.phantom.column import FIRST_DISC, GRADED_DISCS, L1, L3, L5, S1, S2, Column, Wall, draw_column
from stenosis_kit.phantom.severity import Severity

TABLE_STEP = 0.5
"""mm of s between the entries of a table."""

# By disc, T8/T9 … S4/S5, mm. Half width of the canal at the recess (5 mm behind the wall) …
_SHOULDER = np.array([9.5, 9.5, 9.5, 10, 11, 12, 12.4, 13, 14, 15.5, 12, 9, 7, 6.0])
# … depth of the canal at the midline (Panjabi 1992: 17-19 bony) …
_APEX = np.array([16, 16, 16.5, 17, 18.5, 19.5, 19.3, 19, 19.5, 20, 16, 11, 8, 7.0])
# … and by vertebra: width of the pedicle and distance of its axis from the midline (Panjabi 1992).
_PEDICLE_WIDTH = np.array([6, 6.5, 7, 7.5, 7.5, 7.8, 8, 9, 11, 14, 14, 12, 10, 9, 8.0])
_PEDICLE_OFFSET = np.array([12, 12, 12, 12.5, 13, 13.5, 14, 15, 16.5, 19, 20, 18, 15, 13, 12.0])

_DISC_REACH = 6.5  # mm, sd of a disc's influence along the canal
_SUBARTICULAR_OFFSETS = (10.0, 9.5, 9.0, 8.7, 9.5)
_RECESS_DEPTH = 4.5  # mm behind the wall: subarticular points
_FORAMEN_DEPTH, _FORAMEN_RISE = 4.5, 6.0  # mm behind the wall and above the disc: foraminal points


@dataclass(frozen=True, eq=False)
class Roots:
    """Strands of the cauda equina inside the sac, as tables over s (see `Spine.tables`).

    Attributes:
        across, back: (strands, n) float32 places as shares of the sac's half width and half depth.
        present: (strands, n) float32: 1 inside the sac, 0 before the strand leaves the cord and after it has left.
        radius: (strands,) mm.
        opacity: (strands,) float32: how dark a strand is drawn.
        bundle: how dark they are as a bundle below the cord.
    """

    across: np.ndarray
    back: np.ndarray
    present: np.ndarray
    radius: np.ndarray
    opacity: np.ndarray
    bundle: float


@dataclass(frozen=True, eq=False)
class Spine:
    """A spine in its own frame (L3's centre at the origin, mm).

    Attributes:
        column: bodies and discs.
        wall: the coordinates s and b.
        tables: name to (n,) float32 over s, every `TABLE_STEP` mm from wall.start.
        roots: of the cauda equina.
        conus: s of the cord's end, mm.
        sac_end: s of the sac's end, mm.
        canal_depth: (14,) depth of the canal at each disc, mm.
        size: of the bones behind the wall beside the mean.
    """

    column: Column
    wall: Wall
    tables: dict[str, np.ndarray]
    roots: Roots
    conus: float
    sac_end: float
    canal_depth: np.ndarray
    size: float

    def point(self, condition: rsna.Condition, level: int) -> np.ndarray:
        """(3,) the label point of a cell, mm; level 0 is L1/L2, and -1 and 5 are its neighbours outside."""
        disc = FIRST_DISC + level
        nearest = min(max(level, 0), 4)
        offset, depth, rise = 0.0, self.canal_depth[disc] / 2, 0.0
        if condition.term == "foraminal":
            offset, depth, rise = rsna.FORAMEN_OFFSETS_MM[nearest], _FORAMEN_DEPTH, _FORAMEN_RISE
        elif condition.term == "subarticular":
            offset, depth = _SUBARTICULAR_OFFSETS[nearest], _RECESS_DEPTH
        y, z = self.wall.at(self.wall.s_discs[disc] + rise, depth)
        side = {rsna.LEFT: 1, rsna.RIGHT: -1, None: 0}[condition.side]
        return np.array([self.column.midline(z) + side * offset * self.size, y, z])

    def canal(self, level: int) -> np.ndarray:
        """(3,) the label point of the canal at a level, mm."""
        return self.point(rsna.condition_of("spinal", None), level)


def draw_spine(rng: np.random.Generator, severity: Severity, traits: frozenset[str] = frozenset()) -> Spine:
    """Draws the spine of a study whose severities are given.

    The same generator state and another compromise give the same spine with more or less room.

    Args:
        rng: the study's generator.
        severity: its signals drive disc degeneration, its compromise the room that is left.
        traits: see `column.draw_column`.
    """
    column = draw_column(rng, severity.signal.mean(0), traits)
    wall = Wall(column)
    size = column.depths[L1] / 33.3  # so that it is 1 on average
    sac_end = wall.s_bodies[S2] + 9 * rng.normal()
    apex = _APEX * np.clip(size * (1 + 0.05 * rng.normal()), 0.85, 1.12)
    tables = _landmark_tables(rng, wall, size, apex)
    tables |= _compromise_tables(rng, wall, severity.compromise, tables)
    tables |= _sac_tables(rng, column, wall, tables, sac_end, size)
    conus = wall.s_bodies[L1] + 5 + 9 * rng.normal()
    tables["bundle"] = np.clip((tables["s"] - wall.s_discs[L3]) / 55, 0, 1) * (tables["s"] < conus + 5)
    return Spine(
        column=column,
        wall=wall,
        tables={name: values.astype(np.float32) for name, values in tables.items()},
        roots=_draw_roots(rng, wall, tables["s"], conus, sac_end),
        conus=float(conus),
        sac_end=float(sac_end),
        canal_depth=apex,
        size=float(size),
    )


def _landmark_tables(rng: np.random.Generator, wall: Wall, size: float, apex: np.ndarray) -> dict[str, np.ndarray]:
    """What the bones behind the wall look like along s."""
    s = np.arange(wall.start, wall.end, TABLE_STEP)
    disc = np.argmin(np.abs(s[:, None] - wall.s_discs), axis=1)
    body = np.argmin(np.abs(s[:, None] - wall.s_bodies), axis=1)
    by_disc = lambda values: np.interp(s, wall.s_discs[::-1], values[::-1])  # noqa: E731
    shoulder = _SHOULDER * size * (1 + 0.05 * rng.normal())
    spinous = rng.uniform(22, 32) * (1 + 0.1 * rng.normal(size=14)) * np.where(np.arange(14) < L5, 1, 0.65)
    tables = {
        "s": s,
        "disc_index": disc,
        "body_index": body,
        "disc": wall.s_discs[disc],
        "body": wall.s_bodies[body],
        "lower_disc": wall.s_discs[np.minimum(body, 13)],
        "foramen": wall.s_discs[np.argmin(np.abs(s[:, None] - wall.s_discs - 4.5), axis=1)],
        "pedicle_width": _PEDICLE_WIDTH[body] * size,
        "pedicle_offset": _PEDICLE_OFFSET[body] * size,
        "shoulder": by_disc(shoulder),
        "apex": by_disc(apex) + _interlaminar(rng, s, wall.s_discs),
        # How far the laminae's roof is a vault (1) and not a gable (0): less so farther down.
        "vault": np.clip(np.interp(s, wall.s_discs[[L5, L1]], [0.2, 0.75]) + 0.15 * rng.normal(), 0, 0.9),
        "mobile": np.clip((s - wall.s_discs[L5] + 14) / 4, 0, 1),  # facets and interlaminar gaps end at L5/S1
        "spinous": spinous[disc],
        "tips": by_disc(spinous) + 3,
        "spinous_height": rng.uniform(6.5, 10.5, size=14)[disc],
        "spinous_rise": rng.uniform(-2, 3, size=14)[disc],
        "arch_gain": rng.uniform(0.85, 1.2, size=14)[disc],
        "facet_radius": (5.0 * size * (1 + 0.1 * rng.normal(size=14)))[disc],
        "facet_depth": (15.0 * size + 0.8 * rng.normal(size=14))[disc],
    }
    for side in (rsna.LEFT, rsna.RIGHT):
        tables[f"fluid_{side}"] = np.clip(rng.gamma(2.0, 0.28, size=14), 0.15, 1.8)[disc]
        tables[f"root_rise_{side}"] = rng.uniform(-1.5, 1.5, size=14)[disc]
        tables[f"root_back_{side}"] = rng.uniform(-1, 1, size=14)[disc]
        tables[f"root_radius_{side}"] = rng.uniform(2.4, 3.4, size=14)[disc]
    return tables


def _interlaminar(rng: np.random.Generator, s: np.ndarray, s_discs: np.ndarray) -> np.ndarray:
    """How much deeper the canal is between two laminae, where fat lies behind the sac, than under a lamina, mm."""
    between = np.exp(-0.5 * ((s[:, None] - s_discs + 1) / 7) ** 2).max(1)
    return rng.uniform(1.2, 4.5) * (between - 0.7)


def _compromise_tables(
    rng: np.random.Generator, wall: Wall, compromise: np.ndarray, landmarks: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Room lost along s, 0 to 1, of the canal and of each side's foramen and recess."""
    offset = landmarks["s"][:, None] - wall.s_discs
    at_disc = np.exp(-0.5 * (offset / _DISC_REACH) ** 2)
    at_foramen = np.exp(-0.5 * ((offset - 4) / 9) ** 2)
    tables = {}
    for index, condition in enumerate(rsna.CONDITIONS):
        by_disc = rng.uniform(0.02, 0.12, size=14)  # the discs that nobody grades
        by_disc[GRADED_DISCS] = compromise[index]
        reach = at_foramen if condition.term == "foraminal" else at_disc
        name = condition.term if condition.side is None else f"{condition.term}_{condition.side}"
        tables[name] = (reach * by_disc).max(1)
    return tables


def _sac_tables(
    rng: np.random.Generator, column: Column, wall: Wall, tables: dict[str, np.ndarray], sac_end: float, size: float
) -> dict[str, np.ndarray]:
    """The dural sac: half axes 6.6 x 11.0 mm and cut corners, about 200 mm2, where there is room (Spine 2021)."""
    s, lost = tables["s"], tables["spinal"]
    offset = s[:, None] - wall.s_discs
    at_disc = np.exp(-0.5 * (offset / _DISC_REACH) ** 2)
    narrow = np.exp(-0.5 * (offset / 4.5) ** 2)
    bulge = (narrow * (0.3 + 2.0 * column.degeneration * rng.uniform(0.2, 1, 14))).max(1) + 4.5 * lost
    width_end = rng.uniform(0.75, 1.0)
    known = [sac_end - 6, sac_end + 4, wall.s_bodies[S1], wall.s_discs[L5], wall.s_discs[L5 - 1], wall.s_discs[L1]]
    taper = np.interp(s, known, [0.02, 0.28, 0.7 * width_end, 0.9 * width_end, 0.97, 1.0])
    individual = size * (1 + 0.06 * rng.normal())
    shrink = np.sqrt(np.clip(1 - 0.97 * lost, 0.02, 1))
    depth, width = 6.6 * individual * taper * shrink, 11.0 * individual * taper * shrink**0.75
    # The sac of the lower levels is a triangle, the upper ones' an oval; thin fat lies in front of it.
    triangle = np.interp(s, [wall.s_discs[L5], wall.s_discs[L1]], [0.42, 0.12]) + 0.05 * rng.normal() + 0.15 * lost
    low, high = wall.s_discs[L5] - 10, wall.s_discs[L5] + 18
    front = np.interp(s, [low, high], [rng.uniform(1, 4.5), 0.3]) + rng.uniform(0.1, 1.2) * (1 - at_disc.max(1))
    flavum = 1.4 + 2.5 * lost
    slack = np.maximum(tables["apex"] - flavum - bulge - front - 2 * depth, 0)
    return {
        "sac_depth": depth,
        "sac_width": width,
        "sac_center": bulge + front * (1 - 0.7 * lost) + depth + slack * (0.03 + 0.3 * lost),
        "triangle": np.clip(triangle, 0, 0.62),
        "bulge": bulge,
        "flavum": flavum,
    }


def _draw_roots(rng: np.random.Generator, wall: Wall, s: np.ndarray, conus: float, sac_end: float) -> Roots:
    """Pairs of roots of L2 to S4, two strands each, settled at the back of the sac, the next to leave outermost."""
    leaves = np.r_[wall.s_bodies[L1 + 1 : S1] + 12, wall.s_bodies[S1] + 5, np.full(3, sac_end + 6)]
    outward = np.repeat(np.linspace(0.85, 0.13, len(leaves)), 4)
    leaves, side = np.repeat(leaves, 4)[:, None], np.tile([-1, -1, 1, 1], len(leaves))
    count = len(side)
    across = side * np.clip(outward + 0.1 * rng.normal(size=count), 0.03, 0.88)
    back = np.clip(0.62 - 0.75 * np.abs(across) ** 1.5 + 0.16 * rng.normal(size=count), -0.55, 0.78)[:, None]
    swing, length, phase = (rng.uniform(*span, (count, 1)) for span in ((0.02, 0.07), (25, 70), (0, 6.28)))
    leaving = np.clip((leaves + 18 - s) / 18, 0, 1)
    return Roots(
        across=(across[:, None] + swing * np.sin(2 * np.pi * s / length + phase)).astype(np.float32),
        back=(back + 0.35 * leaving * (-0.6 - back)).astype(np.float32),
        present=(np.clip((s - leaves) / 4, 0, 1) * (s < conus + 25)).astype(np.float32),
        radius=rng.uniform(0.45, 0.85, count),
        opacity=rng.uniform(0.5, 1.0, count).astype(np.float32),
        bundle=float(np.clip(rng.normal(0.35, 0.25), 0, 0.8)),
    )
