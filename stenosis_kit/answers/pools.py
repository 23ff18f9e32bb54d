"""Log-linear pools of several graders' answers to a cell and the prior, with powers fitted on out-of-fold answers.

    p_k  proportional to  prior_k^b * prod over views v of q_vk^a_v

A power a is temperature scaling by 1 / a; a grader that learnt nothing gets a = 0, and the prior answers. What training
started from may stand in the prior's place, see `graders.start_answers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

_LEAST = 1e-3
"""Of a probability: what is less counts as this. A network of two studies gave 1e-6 to what was severe: with a power of
.02 that alone costs .3, and 1e-3 half as much. More would take from what few studies bring: trained on 3, 10, 30, 100
real ones (five draws each, mean of three views) graders gain .001, .011, .034 and .066 with 1e-6 as with 1e-3, and
.001, .009, .033 and .065 with .02."""


@dataclass(frozen=True)
class Before:
    """The powers before fitting, and what they count for; the defaults are chosen by hand.

    Attributes:
        views: power of all views together; 1 - this is the prior's.
        trust_cells: weight, in cells: with few out-of-fold answers they hardly move.
    """

    views: float = 0.6
    trust_cells: float = 30.0


@dataclass(frozen=True)
class Pool:
    """The powers for one combination of views; as JSON in model.json."""

    views: tuple[str, ...]
    powers: tuple[float, ...]
    prior_power: float

    def answer(self, graded: Sequence[np.ndarray], prior: np.ndarray) -> np.ndarray:
        """(rows, 3) pooled probabilities of the views' (rows, 3) answers and the prior's, in severity order."""
        return _pool(np.stack([*graded, prior]), np.array([*self.powers, self.prior_power]))


def fit_pool(
    views: Sequence[str],
    graded: Sequence[np.ndarray],
    prior: np.ndarray,
    severity: np.ndarray,
    weight: np.ndarray,
    before: Before | None = None,
) -> Pool:
    """Finds the powers that minimise the weighted log loss.

    Args:
        views: names of the views.
        graded: for each, (rows, 3) out-of-fold answers.
        prior: (rows, 3).
        severity: (rows,) true class indices.
        weight: (rows,) the metric's weights.
        before: the powers before fitting.
    """
    before = before or Before()
    start = np.array([before.views / len(views)] * len(views) + [1 - before.views])
    answers = np.stack([*graded, prior])
    rows = np.arange(len(severity))

    def loss(powers: np.ndarray) -> float:
        right = _pool(answers, powers)[rows, severity]
        nats = -np.log(np.maximum(right, 1e-12)) @ weight / weight.sum()
        return float(nats + before.trust_cells / len(rows) * ((powers - start) ** 2).mean())

    found = minimize(loss, start, bounds=[(0.0, 3.0)] * len(start), method="L-BFGS-B").x if len(rows) else start
    return Pool(tuple(views), tuple(found[:-1].tolist()), float(found[-1]))


def _pool(answers: np.ndarray, powers: np.ndarray) -> np.ndarray:
    """(rows, 3) the pool of (answers, rows, 3)."""
    return softmax(np.tensordot(powers, np.log(np.maximum(answers, _LEAST)), axes=1), axis=1)
