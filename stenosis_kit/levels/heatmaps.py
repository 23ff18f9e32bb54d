"""The grid of the localiser's output: one map a level, of how likely its canal point lies in each cell."""

from __future__ import annotations

import numpy as np

from stenosis_kit.levels.overview import PX

CELL = 2
"""Pixels of the overview along a map's cell: 4 mm."""
SIDE = PX // CELL


def to_cells(pixels: np.ndarray) -> np.ndarray:
    """Overview pixels (..., 2) as cells of a map; (0, 0) is the middle of the first of either."""
    return (pixels + 0.5) / CELL - 0.5


def to_overview(cells: np.ndarray) -> np.ndarray:
    """The inverse of `to_cells`."""
    return (cells + 0.5) * CELL - 0.5
