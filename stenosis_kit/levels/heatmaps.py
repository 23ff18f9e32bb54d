"""The localiser's language: one map a level that says where its canal point is likely to be."""

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


def log_shares(logits: np.ndarray) -> np.ndarray:
    """Logits (..., SIDE, SIDE, 5) as logarithms of shares that sum to 1 over a map's cells."""
    peak = logits.max(axis=(-3, -2), keepdims=True)
    return logits - peak - np.log(np.exp(logits - peak).sum(axis=(-3, -2), keepdims=True))
