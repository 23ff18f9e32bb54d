"""The second stage: a study's 25 answers are read together, since levels, sides and conditions tell of one another.

A cell's evidence is what was answered beyond the prior, e_k = ln(p_k / p_0) - ln(prior_k / prior_0) for k = moderate,
severe. The second answer is linear in the evidence of the cell and of its kin (multinomial logistic regression):

    ln(p'_k / p'_0) = ln(prior_k / prior_0) + sum over f of weight_fk * feature_f

Its weights minimise the metric on out-of-fold answers, for the canal with the term of the worst level in a study
(any_severe_spinal), beside a quadratic penalty on their distance from "leave everything as it is".

Tied weights are seven constants a term: one for each of `TIES`, the same for both severities, and their shifts. The
bundled graders' answers, which lean on the prior (see `lean`), are read together with these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import softmax

from stenosis_kit import rsna
from stenosis_kit.answers.priors import filled

TRUST_CELLS = 100.0
"""Weight of the penalty, in cells: at 240 studies 30 to 100 were best in cross-validation, and it hardly mattered."""
_TRUST_TIED = 30.0
"""The same for tied weights. On the bundled graders' answers to 1,201 real studies, each half read with what was fitted
on the other, 10, 30 and 100 give .689, .693 and .702 (recesses; without reading together .741), .642, .642 and .644
(foramina; .650), .468, .466 and .464 (canal; .477)."""
KIN = ("own", "side", "above", "below", "level_1", "level_2", "column")
"""Whose mean evidence a cell hears of: its own; the other side's; that of the level above and below; at the same level
and on its side that of the two other terms, in the order of `rsna.TERMS`; of all levels.
"""
TIES = (("own",), ("side",), ("above", "below"), ("level_1",), ("level_2",))
"""Kin whose evidence has one weight together."""
FEATURES = (*(f"{kin}_{severity}" for kin in KIN for severity in rsna.SEVERITIES[1:]), "bias")
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
    answers: np.ndarray, prior: np.ndarray, severity: np.ndarray, seed: int = 0, tied: bool = False
) -> tuple[SecondStage, np.ndarray]:
    """Fits the second stage, and keeps of it the terms in which it gains on held-out studies.

    Of fewer answered studies than the cross-validation has folds it keeps none: there a gain is chance.

    Args:
        answers: (studies, 25, 3) out-of-fold answers; NaN where there are none.
        prior: (25, 3).
        severity: (studies, 25) true class indices; -1 where there is no label.
        seed: of the cross-validation.
        tied: that weights are tied.

    Returns:
        The second stage, and (studies, 25, 3) its answers to the studies given, each by weights that were fitted
        without it.
    """
    answered = np.isfinite(answers).all(axis=2)
    if answered.any(axis=1).sum() < _CV_FOLDS:
        return SecondStage({}), answers
    severity = np.where(answered, severity, -1)  # without an answer there is nothing to learn from
    held_out = np.random.default_rng(seed).permutation(len(answers)) % _CV_FOLDS
    evidence, honest = evidence_of(answers, prior), answers.copy()
    kept, form = {}, (_TIED, _TRUST_TIED) if tied else (np.eye(2 * len(FEATURES)), TRUST_CELLS)
    for term, places in rsna.CELLS_OF_TERM.items():
        cells = list(places)
        features, truth = _features(evidence, term), severity[:, cells]
        second = np.empty((*truth.shape, len(rsna.SEVERITIES)))
        for fold in np.unique(held_out):
            own = held_out == fold
            weights = _fit(features[~own], truth[~own], prior[cells], term, *form)
            second[own] = answers_of(features[own] @ weights, prior[cells])
        first = filled(answers[:, cells], prior[cells])
        if _loss(second, truth, term)[0] < _loss(first, truth, term)[0]:
            kept[term] = tuple(map(tuple, _fit(features, truth, prior[cells], term, *form).tolist()))
            honest[:, cells] = second
    return SecondStage(kept), np.where(np.isnan(answers), np.nan, honest)


def evidence_of(answers: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(studies, 25, 2) the log odds against normal_mild beyond the prior's; 0 where there is no answer."""
    beyond = np.log(np.maximum(filled(answers, prior), 1e-6)) - np.log(prior)
    return beyond[..., 1:] - beyond[..., :1]


def answers_of(evidence: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(studies, cells, 3) probabilities of (studies, cells, 2) evidence beyond the prior (cells, 3)."""
    return softmax(np.log(prior) + np.pad(evidence, ((0, 0), (0, 0), (1, 0))), axis=2)


def _is_kin(name: str, level: str, other_name: str, other_level: str) -> tuple[bool, ...]:
    """Whether the other cell is the cell's kin, in the order of `KIN`."""
    own, other = rsna.CONDITION_BY_NAME[name], rsna.CONDITION_BY_NAME[other_name]
    step = rsna.LEVELS.index(other_level) - rsna.LEVELS.index(level)
    same, opposite = own is other, own.side is not None and rsna.mirrored(own) is other
    beside = step == 0 and (None in (own.side, other.side) or own.side == other.side)
    first, second = (beside and other.term == term for term in rsna.TERMS if term != own.term)
    return same and step == 0, opposite and step == 0, same and step == -1, same and step == 1, first, second, same


_KIN_OF_CELL = np.array([[_is_kin(*cell, *other) for other in rsna.CELLS] for cell in rsna.CELLS], float)
_KIN_MEANS = _KIN_OF_CELL / np.maximum(_KIN_OF_CELL.sum(axis=1, keepdims=True), 1)
"""(25, 25, kin): the share of each other cell in the mean over a cell's kin; all 0 where it has no such kin."""


def _features(evidence: np.ndarray, term: str) -> np.ndarray:
    """(studies, cells of the term, features) of (studies, 25, 2) evidence."""
    means = np.einsum("cok,soe->scke", _KIN_MEANS[list(rsna.CELLS_OF_TERM[term])], evidence)
    kin = means.reshape(*means.shape[:2], means.shape[2] * means.shape[3])
    return np.pad(kin, ((0, 0), (0, 0), (0, 1)), constant_values=1.0)


def _tied() -> np.ndarray:
    """(2 * features, constants): the flat weights that each constant stands for, none across severities."""
    weights = np.zeros((len(FEATURES), 2, len(TIES) + 2))
    for place, severity in enumerate(rsna.SEVERITIES[1:]):
        weights[FEATURES.index("bias"), place, len(TIES) + place] = 1.0
        for column, tie in enumerate(TIES):
            weights[[FEATURES.index(f"{kin}_{severity}") for kin in tie], place, column] = 1.0
    return weights.reshape(2 * len(FEATURES), -1)


_TIED = _tied()


def _fit(
    features: np.ndarray, severity: np.ndarray, prior: np.ndarray, term: str, basis: np.ndarray, trust: float
) -> np.ndarray:
    """(features, 2) weights, made of a basis's columns: the flat weights that each constant to fit stands for."""
    shape = len(FEATURES), 2
    unchanged = np.zeros(shape)
    unchanged[0, 0] = unchanged[1, 1] = 1.0
    pull = trust / max((severity >= 0).sum(), 1)

    def loss(fitted: np.ndarray) -> tuple[float, np.ndarray]:
        """The metric's part and the penalty, with the gradient."""
        weights = (basis @ fitted).reshape(shape)
        nats, slope = _loss(answers_of(features @ weights, prior), severity, term)
        slope = np.tensordot(features, slope[..., 1:], ((0, 1), (0, 1))) + 2 * pull * (weights - unchanged)
        return nats + pull * float(((weights - unchanged) ** 2).sum()), slope.ravel() @ basis

    start = np.linalg.pinv(basis) @ unchanged.ravel()
    return (basis @ minimize(loss, start, jac=True, method="L-BFGS-B").x).reshape(shape)


def _loss(answers: np.ndarray, severity: np.ndarray, term: str) -> tuple[float, np.ndarray]:
    """What a term contributes to the metric, and its (studies, cells, 3) gradient with respect to the logits."""
    truth = np.eye(len(rsna.SEVERITIES))[severity] * (severity >= 0)[..., None]
    weight = truth @ np.asarray(rsna.SEVERITY_WEIGHTS)
    whole = max(weight.sum(), 1e-9)
    nats = -float((weight * np.log(np.maximum((truth * answers).sum(axis=2), 1e-12))).sum()) / whole
    slope = weight[..., None] * (answers - truth) / whole
    if term != "spinal":
        return nats, slope
    worst, worst_slope = _any_severe_loss(answers, severity, weight)
    return nats + worst, slope + worst_slope


def _any_severe_loss(answers: np.ndarray, severity: np.ndarray, weight: np.ndarray) -> tuple[float, np.ndarray]:
    """The metric's any_severe_spinal and its gradient: of each study the level with the greatest `severe` counts."""
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
