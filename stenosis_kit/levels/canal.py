"""The canal at the five levels of a study, as something found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.levels.carry import TYPICAL, Carry
from stenosis_kit.tables.study import Cell, Study


@dataclass(frozen=True, eq=False)
class FoundPoint:
    """A place (3,), patient mm, what found it, and how sure: 0 to 1, see `CanalPoints`."""

    point: np.ndarray
    method: str
    confidence: float


@dataclass(frozen=True, eq=False)
class CanalPoints:
    """The canal at the five levels, and what found it.

    Attributes:
        points: (5, 3) patient mm, L1/L2 first.
        method: which way found them.
        confidence: (5,) 0 to 1: about the share of such points that lie within 10 mm.
        is_on_midline: whether the points were moved sideways to where axial slices show the midline.
        foramina: those that were found themselves; the others are carried from here.
    """

    points: np.ndarray
    method: str
    confidence: np.ndarray
    is_on_midline: bool = False
    foramina: Mapping[Cell, FoundPoint] = field(default_factory=dict)

    def place(self, carry: Carry, view: str, condition: str, level: str) -> FoundPoint:
        """Where a view of a cell is centred: at its foramen where that was found, else carried from the canal."""
        if found := self.foramina.get((condition, level)):
            return found
        confidence = float(self.confidence[rsna.LEVELS.index(level)])
        return FoundPoint(carry.point(self.points, view, condition, level), self.method, confidence)


@dataclass(frozen=True)
class LocatedStudy:
    """A study, and where its levels are.

    Attributes:
        study: as the tables know it.
        canal: where the localiser found the levels; None: left to `fallback`, when the study is read.
        carry: the steps from there to foramina and recesses.
        accident: why the levels could not be looked for this time; empty where they could.
        is_looked_for: whether a localiser has looked for them, or was to: not where label points are to say it.
    """

    study: Study
    canal: CanalPoints | None = None
    carry: Carry = TYPICAL
    accident: str = ""
    is_looked_for: bool = True

    @property
    def study_id(self) -> int:
        """The study's."""
        return self.study.study_id
