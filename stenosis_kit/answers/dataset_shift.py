"""How far other data lie from a model's training data, and pulling its answers back to the prior where they do.

Of a scanner, a protocol or a cohort that it never saw, a model is surer than it is right. The shift shows in the mean
of its evidence (see `second_stage`), which lies elsewhere than on held-out training studies: at the distance d, in
standard deviations of a study's mean. `lean` takes that offset away and multiplies what is left by 1 / (1 + d^2). The
part of the offset that the sampling error of a few studies would explain is not counted, so that data like the
training's stay nearly as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.second_stage import answers_of, evidence_of

Moments = dict[str, tuple[tuple[float, float], tuple[float, float]]]
"""{term: (mean, standard deviation) over studies of the mean evidence for moderate and for severe}."""

_LEAST_SD = 0.05  # chosen by hand: keeps d finite where a model's answers hardly differ from study to study


@dataclass(frozen=True)
class Leaning:
    """What leaning on the prior does to a term.

    Attributes:
        term: of the metric.
        distance: of the answers from those in training, standard deviations of a study.
        trust: factor of the evidence, 0 to 1.
        shift: (2,) taken from the evidence first.
    """

    term: str
    distance: float
    trust: float
    shift: np.ndarray


def moments(answers: np.ndarray, prior: np.ndarray) -> Moments:
    """Of (studies, 25, 3) held-out answers in training, NaN where there are none; (25, 3) the prior."""
    return {
        term: (tuple(rows.mean(axis=0).tolist()), tuple(rows.std(axis=0).tolist()))
        for term, rows in _study_means(answers, prior).items()
        if len(rows) > 1
    }


def leanings(answers: np.ndarray, prior: np.ndarray, training: Moments) -> list[Leaning]:
    """How far the answers to a whole split lie from those in training, term by term.

    Args:
        answers: (studies, 25, 3), NaN where there are none.
        prior: (25, 3).
        training: the model's.
    """
    found = []
    for term, rows in _study_means(answers, prior).items():
        if term in training:
            mean, sd = np.array(training[term][0]), np.maximum(training[term][1], _LEAST_SD)
            shift, by_chance = rows.mean(axis=0) - mean, 1 / len(rows)
            beyond = max(0.0, float(np.mean((shift / sd) ** 2)) - by_chance)  # d^2
            found.append(Leaning(term, beyond**0.5, 1 / (1 + beyond), shift * beyond / (beyond + by_chance)))
    return found


def lean(answers: np.ndarray, prior: np.ndarray, found: list[Leaning]) -> np.ndarray:
    """(studies, 25, 3) answers without the offset, and nearer to the prior; NaN stays."""
    evidence = evidence_of(answers, prior)
    for leaning in found:
        cells = list(rsna.CELLS_OF_TERM[leaning.term])
        evidence[:, cells] = leaning.trust * (evidence[:, cells] - leaning.shift)
    return np.where(np.isnan(answers), np.nan, answers_of(evidence, prior))


def _study_means(answers: np.ndarray, prior: np.ndarray) -> dict[str, np.ndarray]:
    """{term: (studies with an answer, 2) the mean evidence of their cells}."""
    evidence = np.where(np.isnan(answers).any(axis=2, keepdims=True), np.nan, evidence_of(answers, prior))
    means = {}
    for term, cells in rsna.CELLS_OF_TERM.items():
        own = evidence[:, list(cells)]
        own = own[np.isfinite(own[..., 0]).any(axis=1)]
        if len(own):
            means[term] = np.nanmean(own, axis=1)
    return means
