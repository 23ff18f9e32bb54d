"""From five maps to five points that make a plausible column: in order, and at the steps that spines have.

A chain model: every map's peaks are candidates for every level, a step from one level to the next has a Gaussian
density, and the best chain is found by dynamic programming (Viterbi).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import cdist

_PEAKS = 8  # candidates from each map, chosen by hand
_SPREAD = 0.15  # share of a step by which zoom and rotation move it, added to the covariance; chosen by hand
_FEW = 10  # columns that tell too little of a step, chosen by hand
_LEAST = 1e-6  # share: a map is never certain that a place is wrong
_NEAR = 2  # cells to each side of a peak, whose centre of mass is the point; a target's standard deviation is 1.2


@dataclass(frozen=True, eq=False)
class Steps:
    """How far one level's point lies from the next above, cells.

    Attributes:
        mean: (4, 2) of (x, y).
        precision: (4, 2, 2) inverse covariance.
    """

    mean: np.ndarray
    precision: np.ndarray

    @classmethod
    def of(cls, points: np.ndarray, usual: Steps | None = None) -> Steps:
        """Learns steps from (n, 5, 2) points, cells, NaN where unknown; what hardly any column shows is as usual."""
        mean, precision = [], []
        for level, steps in enumerate(np.diff(points, axis=1).swapaxes(0, 1)):
            known = steps[np.isfinite(steps).all(axis=1)]
            if usual and len(known) < _FEW:
                mean.append(usual.mean[level])
                precision.append(usual.precision[level])
                continue
            mean.append(known.mean(axis=0))
            extra = (_SPREAD * np.linalg.norm(mean[-1])) ** 2
            precision.append(np.linalg.inv(np.cov(known.T) + extra * np.eye(2)))
        return cls(np.array(mean), np.array(precision))

    def log_odds(self, level: int, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """(a, b) log density, up to a constant, of steps from (a, 2) to (b, 2) cells."""
        return -0.5 * cdist(above + self.mean[level], below, "mahalanobis", VI=self.precision[level]) ** 2


def decode(maps: np.ndarray, steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """The most plausible column.

    Args:
        maps: (5, side, side), each of sum 1.
        steps: what columns look like.

    Returns:
        (5, 2) points (x, y) in cells, and (5,) the share of each map that lies around its point.
    """
    candidates = np.unique(np.concatenate([_peaks(one) for one in maps]), axis=0)
    around = np.array([_around(one, candidates) for one in maps])
    support = np.log(np.maximum(around, _LEAST))
    total, origin = support[0], []
    for level in range(1, len(maps)):
        ways = total[:, None] + steps.log_odds(level - 1, candidates, candidates)
        origin.append(ways.argmax(axis=0))
        total = ways.max(axis=0) + support[level]
    chosen = [int(total.argmax())]
    for back in reversed(origin):
        chosen.insert(0, int(back[chosen[0]]))
    points = [_center_of_mass(one, candidates[place]) for one, place in zip(maps, chosen, strict=True)]
    return np.array(points), around[range(len(maps)), chosen]


def _peaks(share: np.ndarray) -> np.ndarray:
    """(k, 2) cells (x, y) of a map's highest local maxima."""
    y, x = np.nonzero(share >= ndimage.maximum_filter(share, 3))
    order = np.argsort(-share[y, x], kind="stable")[:_PEAKS]
    return np.stack([x[order], y[order]], axis=1)


def _around(share: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(k,) the share within `_NEAR` cells of (k, 2) cells."""
    window = np.ones((2 * _NEAR + 1, 2 * _NEAR + 1))
    return ndimage.correlate(share, window, mode="constant")[cells[:, 1], cells[:, 0]]


def _center_of_mass(share: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """(2,) the point (x, y) around a cell (2,); the cell itself where the map is empty there."""
    x, y = cell
    top, left = max(0, y - _NEAR), max(0, x - _NEAR)
    part = share[top : y + _NEAR + 1, left : x + _NEAR + 1]
    if not part.sum() > 0:
        return np.array(cell, float)
    down, right = ndimage.center_of_mass(part)
    return np.array([left + right, top + down])
