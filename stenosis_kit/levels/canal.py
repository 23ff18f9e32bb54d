"""The canal at the five levels of a study, as something found it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit.levels.carry import TYPICAL, Carry
from stenosis_kit.tables.study import Study


@dataclass(frozen=True, eq=False)
class CanalPoints:
    """The canal at the five levels, and what found it.

    Attributes:
        points: (5, 3) patient mm, L1/L2 first.
        method: which way found them.
        confidence: (5,) 0 to 1: about the share of such points that lie within 10 mm.
    """

    points: np.ndarray
    method: str
    confidence: np.ndarray


@dataclass(frozen=True)
class LocatedStudy:
    """A study, and where its levels are.

    Attributes:
        study: as the tables know it.
        canal: where the localiser found the levels; None: left to `fallback`, when the study is read.
        carry: the steps from there to foramina and recesses.
        accident: why the levels could not be looked for this time; empty where they could.
    """

    study: Study
    canal: CanalPoints | None = None
    carry: Carry = TYPICAL
    accident: str = ""
