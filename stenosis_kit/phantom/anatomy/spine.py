"""One spine: its column, what runs in the canal behind it, and where its 25 label points lie."""

from __future__ import annotations

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.phantom.anatomy.column import FIRST_DISC, L1, L4_L5, S2, Column
from stenosis_kit.phantom.anatomy.places import PLACES
from stenosis_kit.phantom.anatomy.profiles import APEX, bone_profiles, compromise_profiles, sac_profiles
from stenosis_kit.phantom.anatomy.roots import Roots
from stenosis_kit.phantom.anatomy.severity import Severity
from stenosis_kit.phantom.anatomy.wall import Wall


class Spine:
    """A spine in its own frame (L3's centre at the origin, mm), drawn from a generator.

    Attributes:
        column: bodies and discs.
        wall: the coordinates s and b.
        size: of the bones behind the wall beside the mean.
        profiles: of the canal, float32.
        roots: of the cauda equina.
        conus, sac_end: s at which the cord and the sac end, mm.
    """

    def __init__(self, rng: np.random.Generator, severity: Severity, traits: frozenset[str] = frozenset()) -> None:
        """Draws the spine of a study.

        The same generator state and another compromise give the same spine with more or less room.

        Args:
            rng: the study's generator.
            severity: its signals drive disc degeneration, its compromise the room that is left.
            traits: see `column.Column`.
        """
        self.column = Column(rng, severity.signal.mean(0), traits)
        self.wall = wall = Wall(self.column)
        self.size = float(self.column.depths[L1] / 33.3)  # so that it is 1 on average
        self.sac_end = float(wall.s_bodies[S2] + 9 * rng.normal())
        self._canal_depth = APEX[1 - self.column.count :] * np.clip(
            self.size * (1 + 0.05 * rng.normal()), 0.85, 1.12
        )  # mm
        profiles = bone_profiles(rng, wall, self.size, self._canal_depth)
        s = profiles["s"]
        profiles |= compromise_profiles(rng, wall, severity, s)
        profiles |= sac_profiles(rng, wall, self.size, self.sac_end, self.column.degeneration, profiles)
        self.conus = float(wall.s_bodies[L1] + 5 + 9 * rng.normal())
        profiles["bundle"] = np.clip((s - wall.s_discs[L4_L5] + 20) / 75, 0, 1) * (s < self.conus + 5)
        self.profiles = {name: values.astype(np.float32) for name, values in profiles.items()}
        self.roots = Roots(rng, wall, s, self.conus, self.sac_end)

    def point(self, condition: rsna.Condition, level: int) -> np.ndarray:
        """(3,) the label point of a cell, mm; level 0 is L1/L2, and -1 and 5 are its neighbours outside."""
        disc = FIRST_DISC + level
        offset, depth, rise = 0.0, self._canal_depth[disc] / 2, 0.0
        if condition.term in PLACES:
            offset, depth, rise = PLACES[condition.term][min(max(level, 0), 4)]
        y, z = self.wall.at(self.wall.s_discs[disc] + rise, depth)
        side = {rsna.LEFT: 1, rsna.RIGHT: -1, None: 0}[condition.side]
        return np.array([self.column.midline(z) + side * offset * self.size, y, z])

    def canal(self, level: int) -> np.ndarray:
        """(3,) the label point of the canal at a level, mm."""
        return self.point(rsna.condition_of("spinal", None), level)
