"""From five maps to five points that make a plausible column: in order, and at the steps that spines have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_PEAKS = 8  # of each map; all maps' peaks are offered to every level
_LEAST = 1e-6  # share: a map is never certain that a place is wrong
_NEAR = 2  # cells around a peak over which its centre of mass is taken


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
    def of(cls, points: np.ndarray, spread: float = 0.15) -> Steps:
        """Learns steps from (n, 5, 2) points, cells; NaN where unknown.

        Args:
            points: known points.
            spread: share of a step by which zoom and rotation move it, added to the covariance.
        """
        steps = np.diff(points, axis=1)
        mean, precision = [], []
        for level in range(steps.shape[1]):
            known = steps[:, level][np.isfinite(steps[:, level]).all(axis=1)]
            mean.append(known.mean(axis=0))
            extra = (spread * np.linalg.norm(mean[-1])) ** 2
            precision.append(np.linalg.inv(np.cov(known.T) + extra * np.eye(2)))
        return cls(np.array(mean), np.array(precision))

    def log_odds(self, level: int, above: np.ndarray, below: np.ndarray) -> np.ndarray:
        """(a, b) log density, up to a constant, of steps from (a, 2) to (b, 2) cells."""
        off = below[None] - above[:, None] - self.mean[level]
        return -0.5 * np.einsum("abi,ij,abj->ab", off, self.precision[level], off)


def decode(shares: np.ndarray, steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """The most plausible column, by dynamic programming over the maps' peaks.

    Args:
        shares: (side, side, 5) maps, each of sum 1.
        steps: what columns look like.

    Returns:
        (5, 2) points (x, y) in cells, and (5,) the share of each map that lies around its point.
    """
    offers = np.unique(np.concatenate([_peaks(shares[..., level]) for level in range(shares.shape[-1])]), axis=0)
    around = [_around(shares[..., level], offers) for level in range(shares.shape[-1])]
    support = np.log(np.maximum(np.array(around), _LEAST))
    total, origin = support[0], []
    for level in range(1, len(support)):
        ways = total[:, None] + steps.log_odds(level - 1, offers, offers)
        origin.append(ways.argmax(axis=0))
        total = ways.max(axis=0) + support[level]
    chosen = [int(total.argmax())]
    for back in reversed(origin):
        chosen.append(int(back[chosen[-1]]))
    chosen = chosen[::-1]
    points = [_center_of_mass(shares[..., level], offers[place]) for level, place in enumerate(chosen)]
    return np.array(points), np.array([around[level][place] for level, place in enumerate(chosen)])


def _peaks(share: np.ndarray) -> np.ndarray:
    """(k, 2) cells (x, y) of a map's highest local maxima."""
    padded = np.pad(share, 1, constant_values=-1)
    rows, columns = share.shape
    neighbours = [padded[1 + y : 1 + y + rows, 1 + x : 1 + x + columns] for y in (-1, 0, 1) for x in (-1, 0, 1)]
    y, x = np.nonzero(share >= np.max(neighbours, axis=0))
    order = np.argsort(-share[y, x], kind="stable")[:_PEAKS]
    return np.stack([x[order], y[order]], axis=1)


def _around(share: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """(k,) the share within `_NEAR` cells of (k, 2) cells."""
    side = 2 * _NEAR + 1
    sums = np.pad(share, _NEAR + 1).cumsum(axis=0).cumsum(axis=1)
    x, y = cells.T
    return sums[y + side, x + side] - sums[y, x + side] - sums[y + side, x] + sums[y, x]


def _center_of_mass(share: np.ndarray, cell: np.ndarray) -> np.ndarray:
    x, y = cell
    rows, columns = share.shape
    top, left = max(0, y - _NEAR), max(0, x - _NEAR)
    part = share[top : min(rows, y + _NEAR + 1), left : min(columns, x + _NEAR + 1)]
    if not part.sum() > 0:
        return np.array(cell, float)
    down, right = np.mgrid[: part.shape[0], : part.shape[1]]
    return np.array([left + (part * right).sum() / part.sum(), top + (part * down).sum() / part.sum()])
