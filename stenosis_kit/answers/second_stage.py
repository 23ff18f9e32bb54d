"""The second stage: a study's 25 answers are read together, since levels, sides and conditions tell of one another.

A cell's evidence is what was answered beyond the prior, e_k = ln(p_k / p_0) - ln(prior_k / prior_0) for k = moderate,
severe. The second answer is linear in the evidence of the cell and of its kin:

    ln(p'_k / p'_0) = ln(prior_k / prior_0) + sum over f of weight_fk * feature_f

Its weights minimise the metric on out-of-fold answers, for the canal with the term of the worst level in a study
(any_severe_spinal). They start at "leave everything as it is" and are held there with the weight of `TRUST_CELLS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from stenosis_kit import rsna

TRUST_CELLS = 100.0
"""Weight of the starting point: at 240 studies 30 to 100 were best in cross-validation, and it hardly mattered."""
FEATURES = (
    *("own_moderate", "own_severe"),  # the cell's own evidence; below, the same of its kin, or their mean
    *("side_moderate", "side_severe"),  # the other side
    *("above_moderate", "above_severe"),
    *("below_moderate", "below_severe"),
    *("level_1_moderate", "level_1_severe"),  # the two other terms at the same level: on its side, or on both
    *("level_2_moderate", "level_2_severe"),
    *("column_moderate", "column_severe"),  # all levels
    "bias",
)
_CV_FOLDS = 10
_SEVERE = rsna.SEVERITIES.index("severe")


@dataclass(frozen=True)
class SecondStage:
    """Weights by term; as JSON in model.json. A term without weights is left as it is.

    Attributes:
        weights: {term: a row for each of `FEATURES`, with a weight for moderate and one for severe}.
    """

    weights: dict[str, tuple[tuple[float, float], ...]]

    def answer(self, answers: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """(studies, 25, 3) second answers to (studies, 25, 3) first ones; NaN, where there is none, stays.

        Args:
            answers: in the order of `rsna.CELLS`, in severity order.
            prior: (25, 3).
        """
        second, evidence = answers.copy(), evidence_of(answers, prior)
        for term, weights in self.weights.items():
            cells = list(rsna.CELLS_OF_TERM[term])
            second[:, cells] = answers_of(_features(evidence, term) @ np.array(weights), prior[cells])
        return np.where(np.isnan(answers), np.nan, second)


def read_second_stage(weights: dict[str, list[list[float]]]) -> SecondStage:
    """From JSON.

    Raises:
        ValueError: where they are not weights of this version's features.
    """
    shape = (len(FEATURES), 2)
    if any(np.shape(rows) != shape or term not in rsna.TERMS for term, rows in weights.items()):
        raise ValueError(f"expected weights of shape {shape} for terms of {rsna.TERMS}")
    return SecondStage({term: tuple((float(one), float(two)) for one, two in rows) for term, rows in weights.items()})


def fit_second_stage(
    answers: np.ndarray, prior: np.ndarray, severity: np.ndarray, seed: int = 0
) -> tuple[SecondStage, np.ndarray]:
    """Fits the second stage, and keeps of it the terms in which it gains on held-out studies.

    Args:
        answers: (studies, 25, 3) out-of-fold answers; NaN where there are none.
        prior: (25, 3).
        severity: (studies, 25) true class indices; -1 where there is no label.
        seed: of the cross-validation.

    Returns:
        The second stage, and (studies, 25, 3) its answers to the studies given, each by weights that were fitted
        without it.
    """
    held_out = np.random.default_rng(seed).permutation(len(answers)) % _CV_FOLDS
    evidence, honest = evidence_of(answers, prior), answers.copy()
    kept = {}
    for term, places in rsna.CELLS_OF_TERM.items():
        cells = list(places)
        features, truth = _features(evidence, term), severity[:, cells]
        second = np.empty((*truth.shape, len(rsna.SEVERITIES)))
        for fold in np.unique(held_out):
            own = held_out == fold
            weights = _fit(features[~own], truth[~own], prior[cells], term)
            second[own] = answers_of(features[own] @ weights, prior[cells])
        first = np.where(np.isnan(answers[:, cells]), prior[cells], answers[:, cells])
        if _loss(second, truth, term)[0] < _loss(first, truth, term)[0]:
            kept[term] = tuple(map(tuple, _fit(features, truth, prior[cells], term).tolist()))
            honest[:, cells] = second
    return SecondStage(kept), np.where(np.isnan(answers), np.nan, honest)


def evidence_of(answers: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(studies, 25, 2) the log odds against normal_mild beyond the prior's; 0 where there is no answer."""
    beyond = np.log(np.maximum(np.where(np.isnan(answers), prior, answers), 1e-6)) - np.log(prior)
    return beyond[..., 1:] - beyond[..., :1]


def answers_of(evidence: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(studies, cells, 3) probabilities of (studies, cells, 2) evidence beyond the prior (cells, 3)."""
    return softmax(np.log(prior) + np.pad(evidence, ((0, 0), (0, 0), (1, 0))), axis=2)


def _features(evidence: np.ndarray, term: str) -> np.ndarray:
    """(studies, cells of the term, features)."""
    cells = [_kin(evidence, *rsna.CELLS[place]) for place in rsna.CELLS_OF_TERM[term]]
    return np.stack([np.concatenate([*kin, np.ones((len(evidence), 1))], axis=1) for kin in cells], axis=1)


def _kin(evidence: np.ndarray, name: str, level: str) -> list[np.ndarray]:
    """Evidence, (studies, 2) each, in the order of `FEATURES`; 0 where a cell has no such kin."""
    own, index = rsna.CONDITION_BY_NAME[name], rsna.LEVELS.index(level)
    other = rsna.mirrored(own).name

    def at(names: Sequence[str], levels: Sequence[int]) -> np.ndarray:
        places = [rsna.CELLS.index((each, rsna.LEVELS[k])) for each in names for k in levels if 0 <= k < 5]
        return evidence[:, places].mean(axis=1) if places else np.zeros((len(evidence), 2))

    level_kin = [
        [each.name for each in rsna.CONDITIONS if each.term == term and _share_a_side(each, own)]
        for term in rsna.TERMS
        if term != own.term
    ]
    return [
        at([name], [index]),
        at([other] if other != name else [], [index]),
        at([name], [index - 1]),
        at([name], [index + 1]),
        *(at(names, [index]) for names in level_kin),
        at([name], range(len(rsna.LEVELS))),
    ]


def _share_a_side(one: rsna.Condition, other: rsna.Condition) -> bool:
    return one.side is None or other.side is None or one.side == other.side


def _fit(features: np.ndarray, severity: np.ndarray, prior: np.ndarray, term: str) -> np.ndarray:
    """(features, 2) weights."""
    start = np.zeros((len(FEATURES), 2))
    start[0, 0] = start[1, 1] = 1.0
    pull = TRUST_CELLS / max((severity >= 0).sum(), 1)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        """The metric's part and the pull back to the start, with the slope."""
        weights = flat.reshape(start.shape)
        nats, slope = _loss(answers_of(features @ weights, prior), severity, term)
        slope = np.einsum("scf,sck->fk", features, slope[..., 1:]) + 2 * pull * (weights - start)
        return nats + pull * float(((weights - start) ** 2).sum()), slope.ravel()

    return minimize(loss, start.ravel(), jac=True, method="L-BFGS-B").x.reshape(start.shape)


def _loss(answers: np.ndarray, severity: np.ndarray, term: str) -> tuple[float, np.ndarray]:
    """What a term contributes to the metric, and its (studies, cells, 3) slope with respect to the logits."""
    truth = np.eye(len(rsna.SEVERITIES))[severity] * (severity >= 0)[..., None]
    weight = truth @ np.asarray(rsna.SEVERITY_WEIGHTS)
    whole = max(weight.sum(), 1e-9)
    nats = -float((weight * np.log(np.maximum((truth * answers).sum(axis=2), 1e-12)))[severity >= 0].sum()) / whole
    slope = weight[..., None] * (answers - truth) / whole
    if term != "spinal":
        return nats, slope
    worst, worst_slope = _any_severe_loss(answers, severity, weight)
    return nats + worst, slope + worst_slope


def _any_severe_loss(answers: np.ndarray, severity: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """The metric's any_severe_spinal, in which the level with the greatest `severe` speaks for its study."""
    studies = np.arange(len(answers))
    level = np.where(severity >= 0, answers[..., _SEVERE], -1.0).argmax(axis=1)
    said = np.clip(answers[studies, level, _SEVERE], 1e-9, 1 - 1e-9)
    label, weight = (severity == _SEVERE).any(axis=1), weight.max(axis=1)
    whole = max(weight.sum(), 1e-9)
    nats = -float(weight @ np.where(label, np.log(said), np.log1p(-said))) / whole
    slope = np.zeros_like(answers)
    onehot = np.eye(len(rsna.SEVERITIES))[_SEVERE]
    by_said = weight * (said - label) / (said * (1 - said)) / whole
    slope[studies, level] = (by_said * said)[:, None] * (onehot - answers[studies, level])
    return nats, slope
