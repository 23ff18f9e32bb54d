"""How good answers are, in numbers: confusions, agreement, discrimination, reliability; intervals over studies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import polars as pl

from stenosis_kit import rsna

RESAMPLES = 400
SEVERE = rsna.SEVERITIES.index("severe")
_CLASSES = len(rsna.SEVERITIES)
# Linear weights: an answer two grades away is twice as wrong as one a grade away.
_DISAGREEMENT = np.abs(np.subtract.outer(np.arange(_CLASSES), np.arange(_CLASSES))) / (_CLASSES - 1)


@dataclass(frozen=True)
class Estimate:
    """A number with the central 95 % of its bootstrap over studies; NaN where it cannot be told."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Graded:
    """Answers beside the truth.

    Attributes:
        truth: (n,) severity indices.
        answers: (n, 3) probabilities in severity order.
        study: (n,) number of the study, 0 to `studies` - 1.
        studies: how many there are in all, with or without a cell here.
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
    counts = np.zeros((_CLASSES, _CLASSES), int)
    np.add.at(counts, (graded.truth, graded.chosen), 1)
    return counts


def kappas(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples,) linearly weighted kappa where study i counts `counts[:, i]` times: (resamples, studies)."""
    each = np.zeros((graded.studies, _CLASSES, _CLASSES))
    np.add.at(each, (graded.study, graded.truth, graded.chosen), 1)
    tables = np.tensordot(counts, each, axes=1)
    total = tables.sum(axis=(1, 2))
    chance = tables.sum(axis=2)[:, :, None] * tables.sum(axis=1)[:, None, :]
    with np.errstate(invalid="ignore", divide="ignore"):
        observed = (tables * _DISAGREEMENT).sum(axis=(1, 2)) / total
        expected = (chance * _DISAGREEMENT).sum(axis=(1, 2)) / total**2
        return 1 - observed / expected


def aucs(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples,) area under the ROC curve of `severe` against the rest, ties counting half; arguments as `kappas`."""
    score = graded.answers[:, SEVERE]
    order = np.argsort(score, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(score[order]) > 0]) if len(order) else np.empty(0, int)
    if not len(starts):
        return np.full(len(counts), np.nan)
    severe = (graded.truth == SEVERE)[order]
    weight = counts[:, graded.study[order]].astype(float)
    positive = np.add.reduceat(weight * severe, starts, axis=1)
    negative = np.add.reduceat(weight * ~severe, starts, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return (positive * below).sum(axis=1) / (positive.sum(axis=1) * negative.sum(axis=1))


def sensitivities(graded: Graded, counts: np.ndarray) -> np.ndarray:
    """(resamples,) share of the severe cells whose most probable severity is severe; arguments as `kappas`."""
    severe = graded.truth == SEVERE
    every, found = np.zeros((2, graded.studies))
    np.add.at(every, graded.study[severe], 1)
    np.add.at(found, graded.study[severe & (graded.chosen == SEVERE)], 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (counts @ found) / (counts @ every)


MEASURES: dict[str, Callable[[Graded, np.ndarray], np.ndarray]] = {
    "kappa": kappas,
    "AUC of severe": aucs,
    "sensitivity for severe": sensitivities,
}


def resampled(studies: int, resamples: int = RESAMPLES, seed: int = 0) -> np.ndarray:
    """(1 + resamples, studies) how often each study counts: first once each, then as drawn with replacement."""
    drawn = np.random.default_rng(seed).multinomial(studies, np.full(studies, 1 / studies), size=resamples)
    return np.concatenate([np.ones((1, studies)), drawn])


def estimate(values: np.ndarray) -> Estimate:
    """From a measure's values over `resampled`: resamples in which it cannot be told are passed over."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(drawn):
        return Estimate(float(values[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(values[0]), float(low), float(high))


def reliability(graded: Graded, severity: int, bins: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Mean probability of a severity, and the share of cells that have it, in bins of about equal count.

    Both are weighted by the metric's weights: what is submitted, and what the metric rewards, is the weighted
    posterior.
    """
    weight = np.asarray(rsna.SEVERITY_WEIGHTS)[graded.truth]
    said = graded.answers[:, severity]
    parts = [part for part in np.array_split(np.argsort(said, kind="stable"), max(bins, 1)) if len(part)]
    mean = [np.average(said[part], weights=weight[part]) for part in parts]
    share = [np.average(graded.truth[part] == severity, weights=weight[part]) for part in parts]
    return np.array(mean), np.array(share)


def nats(graded: Graded) -> np.ndarray:
    """(n,) what each cell adds to the metric's sums: weight x -ln(probability of the truth)."""
    right = graded.answers[np.arange(len(graded.truth)), graded.truth]
    return -np.log(np.clip(right, 1e-15, 1)) * np.asarray(rsna.SEVERITY_WEIGHTS)[graded.truth]
