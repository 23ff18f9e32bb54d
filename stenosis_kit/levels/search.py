"""The lumbar spine in a field of view that is larger than what the localiser sees at once.

A window that cuts the lumbar spine off shows a column all the same: some other five levels, and often with confidence.
But looked at again in a window about that column, the levels that were cut off come into view, and the answer moves
towards them; where it is right, it stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.overview import PX, STEP_MM, Corner, Overview

Look = Callable[[Sequence[Sequence[Overview]]], list[CanalPoints | None]]
"""What finds the canal in each of several sets of overviews of PX x PX pixels."""

# Chosen by hand:
_STRIDE = 64  # px between the first windows at most: two of them show more than half of any lumbar spine
_FOLLOWED, _MOVES = 3, 3  # how many of the best columns are looked at again, and how often
_CUT_MM = 22.0
"""An image that ends so near below L5/S1 was cut above it, and the column is another. Measured on phantoms: columns in
images cut between L1 and L5 end 2 to 20 mm above the cut; of 13 images cut 28 mm below L5/S1, all are answered right.
"""
_SAME_MM = 12.0  # mean distance up to which two columns are the same


def search(look: Look, overviews: Sequence[Overview]) -> CanalPoints | None:
    """The canal in overviews on one grid, of any size; None where no window shows a whole lumbar spine.

    Windows over the whole field are looked at, then windows about the best columns that these show, and so on. Of
    columns that differ in the end the one of most confidence is taken, and has the less of it.
    """
    one = overviews[0]
    corners = first_corners(one.size)
    known: dict[Corner, CanalPoints | None] = {}
    for _ in range(_MOVES + 1):
        new = [corner for corner in corners if corner not in known]
        known |= zip(new, look([[each.window(corner) for each in overviews] for corner in new]), strict=True)
        columns = sorted(filter(None, (known[corner] for corner in corners)), key=_confidence, reverse=True)
        corners = list(dict.fromkeys(one.corner_about(column.points) for column in columns[:_FOLLOWED]))
    if not columns or _is_cut_off(columns[0], one):
        return None
    return _doubted(columns[0], columns[1:])


def first_corners(size: tuple[int, int]) -> list[Corner]:
    """Where the first windows begin in an overview of a size (rows, columns): evenly from end to end."""
    tops, lefts = (
        np.linspace(0, length - PX, -(-(length - PX) // _STRIDE) + 1).round().astype(int).tolist() for length in size
    )
    return [(left, top) for top in tops for left in lefts]


def _confidence(canal: CanalPoints) -> float:
    return float(canal.confidence.mean())


def _is_cut_off(canal: CanalPoints, field: Overview) -> bool:
    """Whether the image ends right below a column; an overview as low as a window does not tell where it ends."""
    rows = field.size[0]
    left_mm = (rows - 0.5 - field.middle_pixels(canal.points)[-1, 1]) * STEP_MM
    return rows > PX and bool(left_mm < _CUT_MM)


def _doubted(best: CanalPoints, others: Sequence[CanalPoints]) -> CanalPoints:
    """The best column, less sure for the best of others that lie elsewhere."""
    away = [one for one in others if np.linalg.norm(one.points - best.points, axis=1).mean() > _SAME_MM]
    rival = max(map(_confidence, away), default=0.0)
    return replace(best, confidence=best.confidence * _confidence(best) / (_confidence(best) + rival))
