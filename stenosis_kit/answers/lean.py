"""Leaning a view's answers on the prior, by constants that were fitted on data unlike the graders' training data.

    p_k  proportional to  prior_k^b * q_k^(1 / t) * exp(s_k)

with the temperature t, the prior's weight b and a shift s of each severity: what graders of synthetic studies answer is
surer than it is right on real ones, and one severity comes too often. Several views of a cell are averaged in the
logarithm, each leaning by itself. Pools, fitted on answers to synthetic studies, are left out; the second stage that
follows has tied weights, fitted as these constants were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from stenosis_kit.answers.second_stage import SecondStage

_BOUNDS = ((0.01, 3.0), (0.0, 2.0), (-2.0, 2.0), (-2.0, 2.0))  # of 1 / t, b, and s of moderate and severe
_BEFORE = (0.5, 0.5, 0.0, 0.0)  # as much the prior's as the grader's; chosen by hand
_TRUST_CELLS = 30.0  # weight of these, in cells, as in `pools`


@dataclass(frozen=True)
class Lean:
    """The constants of a view; as JSON in model.json.

    Attributes:
        temperature: the grader's evidence is divided by it, above 0.
        shift: added to the logarithm of each severity.
        prior_weight: power of the prior.
    """

    temperature: float
    shift: tuple[float, float, float]
    prior_weight: float

    def answer(self, graded: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """(..., 3) probabilities of a view's (..., 3) answers and the prior's, in severity order; NaN stays."""
        return softmax(_leant(graded, prior, 1 / self.temperature, self.prior_weight, np.array(self.shift)), axis=-1)


@dataclass(frozen=True)
class Leaning:
    """How graders lean: a lean of each view, and a second stage, by which a study's answers are read together."""

    leans: Mapping[str, Lean]
    second_stage: SecondStage

    def answer(self, by_view: Mapping[str, np.ndarray], prior: np.ndarray) -> np.ndarray:
        """(studies, 25, 3) answers to those of the views, see `lean_views`."""
        return self.second_stage.answer(lean_views(self.leans, by_view, prior), prior)


def fit_lean(probabilities: np.ndarray, severity: np.ndarray, weights: np.ndarray, prior: np.ndarray) -> Lean:
    """The constants that minimise the weighted log loss.

    Args:
        probabilities: (n, 3) a view's answers to cells that its networks have not seen; rows with NaN do not count.
        severity: (n,) true class indices.
        weights: (n,) the metric's.
        prior: (n, 3).

    Raises:
        ValueError: where there is no answer.
    """
    known = np.isfinite(probabilities).all(axis=1)
    if not known.any():
        raise ValueError("expected at least one answer")
    graded, prior, severity, weights = probabilities[known], prior[known], severity[known], weights[known]
    rows = np.arange(len(severity))

    def loss(constants: np.ndarray) -> float:
        """The weighted log loss, and the penalty on the distance from what is expected before fitting."""
        power, prior_weight, *shift = constants
        answers = log_softmax(_leant(graded, prior, power, prior_weight, np.array([0.0, *shift])), axis=1)
        nats = -np.maximum(answers[rows, severity], np.log(1e-12)) @ weights / weights.sum()
        return float(nats + _TRUST_CELLS / len(rows) * ((constants - _BEFORE) ** 2).mean())

    power, prior_weight, *shift = minimize(loss, _BEFORE, bounds=_BOUNDS, method="L-BFGS-B").x.tolist()
    return Lean(1 / power, (0.0, *shift), prior_weight)


def lean_views(leans: Mapping[str, Lean], by_view: Mapping[str, np.ndarray], prior: np.ndarray) -> np.ndarray:
    """(studies, 25, 3) answers of all views together; NaN where none answered.

    Args:
        leans: by view; a view that has none does not count.
        by_view: {view: (studies, 25, 3)}, NaN where there is no answer.
        prior: (25, 3).
    """
    total = np.zeros_like(next(iter(by_view.values())))
    count = np.zeros((*total.shape[:2], 1))
    for view in leans.keys() & by_view.keys():
        own = leans[view].answer(by_view[view], prior)
        known = np.isfinite(own).all(axis=2, keepdims=True)
        total += np.where(known, np.log(np.maximum(own, 1e-12)), 0.0)
        count += known
    with np.errstate(invalid="ignore"):
        return softmax(np.where(count > 0, total / count, np.nan), axis=2)


def _leant(graded: np.ndarray, prior: np.ndarray, power: float, prior_weight: float, shift: np.ndarray) -> np.ndarray:
    """(..., 3) logarithms, up to a sum."""
    return power * np.log(np.maximum(graded, 1e-6)) + prior_weight * np.log(prior) + shift
