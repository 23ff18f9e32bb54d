"""From the canal to what lies beside it: foramina, recesses, and the canal as axial series show it.

A step is written in the spine's own frame at its level: outward (to the point's side along patient x), back (across
the canal's axis in the sagittal plane) and up (along the axis), mm; so it turns with the lordosis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna

CANAL_SAGITTAL, CANAL_AXIAL = "canal_sagittal", "canal_axial"
FORAMINAL, SUBARTICULAR = "foraminal_sagittal", "subarticular_axial"
"""Names of the views with steps of their own; the first is where the canal point itself lies."""
VIEW_OF_TERM = {"spinal": CANAL_SAGITTAL, "foraminal": FORAMINAL, "subarticular": SUBARTICULAR}
"""The view of the series on which the competition's readers placed a term's points."""

_FIELD_MM = 280.0  # the usual field of view, to which the mean fractions of the label points apply
TYPICAL_CANAL = np.array([[0.0, x * _FIELD_MM, -y * _FIELD_MM] for x, y in rsna.CANAL_FRACTIONS])
"""(5, 3) mean places in the midsagittal plane, mm from the image's corner."""
_TYPICAL_CELLS = 8
"""The typical step counts as so many labels of a level: it is the mean of twelve, two each of six studies, whose sides
stray together."""


@dataclass(frozen=True, eq=False)
class Carry:
    """Steps from the canal points: {view: (5, 3) outward, back, up, mm}.

    A view without steps of its own takes those of its term's own view (`VIEW_OF_TERM`); where that has none either, it
    lies at the canal point itself.
    """

    steps: Mapping[str, np.ndarray]

    def point(self, canal: np.ndarray, view: str, condition: str, level: str) -> np.ndarray:
        """(3,) where a view of a cell is centred, carried from the canal points (5, 3), patient mm."""
        index, kind = rsna.LEVELS.index(level), rsna.CONDITION_BY_NAME[condition]
        steps = self.steps.get(view, self.steps.get(VIEW_OF_TERM[kind.term]))
        if steps is None:
            return canal[index]
        return canal[index] + steps[index] @ _frame(canal, index, kind.side)


def in_frame(canal: np.ndarray, index: int, side: str | None, point: np.ndarray) -> np.ndarray:
    """(3,) outward, back and up of a point (3,) from the canal point of a level: the inverse of `Carry.point`."""
    return _frame(canal, index, side) @ (point - canal[index])


def _frame(canal: np.ndarray, index: int, side: str | None) -> np.ndarray:
    """(3, 3) unit vectors outward (without a side: to the patient's left), back and up, as rows.

    Where neighbouring points are unknown or the same, straight back and up.
    """
    above, below = canal[max(index - 1, 0)], canal[min(index + 1, len(canal) - 1)]
    _, y, z = above - below
    length = np.hypot(y, z)
    y, z = (y / length, z / length) if length > 1 else (0.0, 1.0)
    return np.array([[-1.0 if side == rsna.RIGHT else 1.0, 0.0, 0.0], [0.0, z, -y], [0.0, y, z]])


TYPICAL = Carry(
    {
        FORAMINAL: np.array(rsna.FORAMEN_STEPS_MM),
        SUBARTICULAR: np.array(rsna.RECESS_STEPS_MM),
        CANAL_AXIAL: np.array(rsna.RECESS_STEPS_MM) * (0, 1, 1),  # midway between the recesses
    }
)
"""The steps that the readers took, on average."""


def learn_carry(steps: Mapping[str, list[list[np.ndarray]]]) -> Carry:
    """The mean step of each view and level, drawn towards the typical one where there are few.

    Args:
        steps: {view: for each level its labels' steps (3,), see `in_frame`}.
    """
    learnt = {}
    for view, typical in TYPICAL.steps.items():
        by_level = zip(steps.get(view, [[]] * len(typical)), typical, strict=True)
        learnt[view] = np.array([np.mean([*seen, *[usual] * _TYPICAL_CELLS], axis=0) for seen, usual in by_level])
    learnt[CANAL_AXIAL][:, 0] = 0.0  # neither side has it
    return Carry(learnt)
