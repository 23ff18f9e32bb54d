"""How like a model's training data other data are, and leaning on the prior where they are not.

Of a scanner, a protocol or a cohort that it never saw, a model answers worse than it thinks. It shows: the mean of its
evidence (see `second_stage`) lies elsewhere than it did on held-out training studies. How far, in standard deviations
of a study, is the distance d. Leaning brings the mean back and takes the evidence for 1 / (1 + d^2) of its worth.
What the few studies' own chance would explain is not counted, so that data like the training's stay nearly as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.second_stage import answers_of, evidence_of

Moments = dict[str, tuple[tuple[float, float], tuple[float, float]]]
"""{term: (mean, standard deviation) over studies of the mean evidence for moderate and for severe}."""

_LEAST_SD = 0.05


@dataclass(frozen=True)
class Leaning:
    """What leaning does to a term.

    Attributes:
        term: of the metric.
        distance: of the answers from those in training, standard deviations of a study.
        trust: what the evidence counts for, 0 to 1.
        shift: (2,) taken from it.
    """

    term: str
    distance: float
    trust: float
    shift: np.ndarray


def moments(answers: np.ndarray, prior: np.ndarray) -> Moments:
    """Of (studies, 25, 3) held-out answers in training, NaN where there are none; (25, 3) the prior."""
    means = _study_means(answers, prior)
    return {
        term: (tuple(np.mean(rows, axis=0).tolist()), tuple(np.std(rows, axis=0).tolist()))
        for term, rows in means.items()
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
        if term not in training:
            continue
        mean, sd = np.array(training[term][0]), np.maximum(training[term][1], _LEAST_SD)
        shift = np.mean(rows, axis=0) - mean
        beyond_chance = max(0.0, float(np.mean((shift / sd) ** 2)) - 1 / len(rows))
        found.append(Leaning(term, beyond_chance**0.5, 1 / (1 + beyond_chance), shift * _certain(beyond_chance, rows)))
    return found


def lean(answers: np.ndarray, prior: np.ndarray, found: list[Leaning]) -> np.ndarray:
    """The answers, brought back and softened; NaN stays."""
    evidence = evidence_of(answers, prior)
    for leaning in found:
        cells = list(rsna.CELLS_OF_TERM[leaning.term])
        evidence[:, cells] = leaning.trust * (evidence[:, cells] - leaning.shift)
    return np.where(np.isnan(answers), np.nan, answers_of(evidence, prior))


def _certain(beyond_chance: float, rows: np.ndarray) -> float:
    """Share of a shift that is not chance."""
    return beyond_chance / (beyond_chance + 1 / len(rows))


def _study_means(answers: np.ndarray, prior: np.ndarray) -> dict[str, np.ndarray]:
    """{term: (studies with an answer, 2) the mean evidence of their cells}."""
    evidence, answered = evidence_of(answers, prior), np.isfinite(answers).all(axis=2)
    means = {}
    for term, cells in rsna.CELLS_OF_TERM.items():
        own = answered & np.isin(np.arange(len(rsna.CELLS)), cells)
        studies = own.any(axis=1)
        total = np.where(own[..., None], evidence, 0.0).sum(axis=1)[studies]
        if studies.any():
            means[term] = total / own.sum(axis=1)[studies][:, None]
    return means
