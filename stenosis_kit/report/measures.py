"""How good answers are: confusion matrix, weighted kappa, AUC, sensitivity, calibration.

Kappa, AUC and sensitivity take the counts of `answers.bootstrap.resampled` and give a value for each resample at once:
scikit-learn's functions, against which they are tested, would be called 43,000 times for one page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from stenosis_kit import rsna

RESAMPLES = 400
"""Of the studies, for the page's intervals; chosen by hand: the whole section takes half a second."""
SEVERE = rsna.SEVERITIES.index("severe")
_CLASSES = len(rsna.SEVERITIES)
# Cohen's kappa with linear weights: an answer two grades away is twice as wrong as one a grade away.
_DISAGREEMENT = np.abs(np.subtract.outer(np.arange(_CLASSES), np.arange(_CLASSES))) / (_CLASSES - 1)


@dataclass(frozen=True)
class Graded:
    """Answers beside the truth.

    Attributes:
        truth: (n,) severity indices.
        answers: (n, 3) probabilities in severity order.
        study: (n,) number of the study, 0 to `studies` - 1.
        studies: number of studies resampled, also those without a cell here.
    """

    truth: np.ndarray
    answers: np.ndarray
    study: np.ndarray
    studies: int

    @classmethod
    def of(cls, cells: pl.DataFrame) -> Graded:
        """From a frame with study_id, severity and a column of each severity's name."""
        truth = np.array([rsna.SEVERITIES.index(name) for name in cells["severity"]], int)
        studies, study = np.unique(cells["study_id"].to_numpy(), return_inverse=True)
        return cls(truth, cells.select(rsna.SEVERITIES).to_numpy().astype(float), study, len(studies))

    def part(self, mask: np.ndarray) -> Graded:
        """Some of the cells, of the same studies."""
        return Graded(self.truth[mask], self.answers[mask], self.study[mask], self.studies)

    @property
    def chosen(self) -> np.ndarray:
        """(n,) the most probable severity of each cell."""
        return self.answers.argmax(axis=1)


def confusion(graded: Graded) -> np.ndarray:
    """(3, 3) counts: rows the truth, columns the most probable severity."""
    return _confusions(graded, np.ones((1, graded.studies)))[0].astype(int)


def _confusions(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples, 3, 3) confusion matrices; arguments as `kappas`."""
    of_study = np.zeros((graded.studies, _CLASSES, _CLASSES))
    np.add.at(of_study, (graded.study, graded.truth, graded.chosen), 1)
    return np.tensordot(counts, of_study, axes=1)


def kappas(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples,) linearly weighted kappa where study i counts `counts[:, i]` times: (resamples, studies)."""
    tables = _confusions(graded, counts)
    chance = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :]
    observed, expected = ((each * _DISAGREEMENT).sum(axis=(1, 2)) for each in (tables, chance))
    return 1 - _ratio(observed * tables.sum(axis=(1, 2)), expected)


def aucs(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples,) area under the ROC curve of `severe` against the rest, ties counting half; arguments as `kappas`."""
    order = np.argsort(graded.answers[:, SEVERE], kind="stable")
    _, starts = np.unique(graded.answers[order, SEVERE], return_index=True)
    severe = (graded.truth == SEVERE)[order]
    weight = counts[:, graded.study[order]]
    positive = np.add.reduceat(weight * severe, starts, axis=1)
    negative = np.add.reduceat(weight * ~severe, starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    return _ratio((positive * below).sum(axis=1), positive.sum(axis=1) * negative.sum(axis=1))


def sensitivities(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples,) share of the severe cells whose most probable severity is severe; arguments as `kappas`."""
    severe = _confusions(graded, counts)[:, SEVERE]
    return _ratio(severe[:, SEVERE], severe.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient, NaN where both are 0."""
    with np.errstate(invalid="ignore"):
        return part / whole


MEASURES: dict[str, Callable[[Graded, np.ndarray], np.ndarray]] = {
    "kappa": kappas,
    "AUC of severe": aucs,
    "sensitivity for severe": sensitivities,
}


def reliability(graded: Graded, severity: int, bins: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Points of a reliability curve: mean predicted probability and observed share of a severity in each bin.

    The `bins` hold about equally many cells, and at least one. Both figures carry the metric's weights, since what the
    metric rewards, and what is submitted, is the weighted posterior. scikit-learn's `calibration_curve` takes no
    weights.
    """
    weight = np.asarray(rsna.SEVERITY_WEIGHTS)[graded.truth]
    said = graded.answers[:, severity]
    parts = np.array_split(np.argsort(said, kind="stable"), bins)
    mean = [np.average(said[part], weights=weight[part]) for part in parts]
    share = [np.average(graded.truth[part] == severity, weights=weight[part]) for part in parts]
    return np.array(mean), np.array(share)


def nats(graded: Graded) -> np.ndarray:
    """(n,) weighted log loss of each cell, nats: weight x -ln(probability of the true severity)."""
    right = graded.answers[np.arange(len(graded.truth)), graded.truth]
    return -np.log(np.clip(right, 1e-15, 1)) * np.asarray(rsna.SEVERITY_WEIGHTS)[graded.truth]
