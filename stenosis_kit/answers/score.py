"""The official metric, its terms, baselines beside it, and a paired bootstrap."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.bootstrap import estimate, resampled
from stenosis_kit.answers.priors import Priors, builtin_prior, prior_rows, weighted_prior
from stenosis_kit.answers.submission import answer_frame, read_submission
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.labels import read_solution

ANY_SEVERE = "any_severe_spinal"
ALL_TERMS = (*rsna.TERMS, ANY_SEVERE)
Table = Path | str | pl.DataFrame
"""A CSV's path, or what it holds."""
_EPS = np.finfo(np.float64).eps  # scikit-learn's log_loss clips here


@dataclass(frozen=True)
class StudyLosses:
    """What each study adds to each term, so that a resampled score is a ratio of sums.

    Attributes:
        studies: the study ids.
        loss: (studies, 4) sum of weight x log loss, the terms in the order of `ALL_TERMS`.
        weight: (studies, 4) sum of weights.
    """

    studies: tuple[int, ...]
    loss: np.ndarray
    weight: np.ndarray

    def terms(self, counts: np.ndarray | None = None) -> np.ndarray:
        """(..., 4) the terms where study i counts `counts[..., i]` times (once by default); NaN without rows."""
        counts = np.ones(len(self.studies)) if counts is None else counts
        weight = counts @ self.weight
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weight > 0, (counts @ self.loss) / weight, np.nan)


def score(submission: Table, labels: Table) -> dict[str, float | int | None]:
    """The official metric (lower is better).

    1. Each labelled row counts with weight 1, 2 or 4 by its true severity; rows without label are ignored.
    2. `spinal`, `foraminal`, `subarticular`: sum of w * -ln(p of the true severity) over sum of w, sides pooled.
    3. `any_severe_spinal`: one value a study over its spinal rows: label = any severe, weight = the largest weight,
       prediction = the largest submitted `severe`, raw; weighted binary log loss.
    4. `score` = the plain mean of the four.

    Rows are joined by row_id, in float64. As on the host, a row that does not sum to 1 is divided by its sum for
    the three log losses (not for any_severe_spinal).

    Args:
        submission: a CSV, or its frame (row_id and the three severities).
        labels: a train.csv, a solution.csv, or a frame as `tables.read_solution` gives it.

    Returns:
        score, spinal, foraminal, subarticular, any_severe_spinal, rows, studies, rows_ignored. A term without rows
        is None, and then so is the score.

    Raises:
        InputError: where a file cannot be used, or the submission lacks a labelled row (the first is named).
    """
    frame, name = _submission(submission)
    truth = _truth(labels)
    losses = study_losses(frame, truth, name)
    terms = losses.terms()
    known = dict(zip(ALL_TERMS, (None if np.isnan(term) else float(term) for term in terms), strict=True))
    mean = None if None in known.values() else float(terms.mean())
    counts = {"rows": truth.height, "studies": len(losses.studies), "rows_ignored": frame.height - truth.height}
    return {"score": mean, **known, **counts}


def baselines(labels: Table) -> dict[str, float | None]:
    """Scores of constants on the same labels: uniform, the public training set's prior, these labels' own prior.

    The last is the best that any constant per condition and level can do here; on few studies it is flattered.
    """
    truth = _truth(labels)
    uniform = {cell: np.full(3, 1 / 3) for cell in rsna.CELLS}
    constants: dict[str, Priors] = {"uniform": uniform, "prior": builtin_prior(), "own_prior": weighted_prior(truth)}
    return {name: score(constant_answers(truth, priors), truth)["score"] for name, priors in constants.items()}


def study_losses(submission: pl.DataFrame, truth: pl.DataFrame, name: str = "the submission") -> StudyLosses:
    """Per-study sums of the four terms; `name` is what an error calls the submission.

    Raises:
        InputError: where the submission lacks a labelled row.
    """
    joined = truth.join(submission, on="row_id", how="left", maintain_order="left")
    lost = joined.filter(pl.col(rsna.SEVERITIES[0]).is_null())
    if lost.height:
        found = f"{lost.height} labelled row(s) missing, the first {lost['row_id'][0]}"
        raise InputError(name, "every labelled row", found, "Do the submission and the labels belong together?")
    raw = joined.select(rsna.SEVERITIES).to_numpy()
    label = np.array([rsna.SEVERITIES.index(name) for name in joined["severity"]], int)
    weight = np.asarray(rsna.SEVERITY_WEIGHTS)[label]
    clipped = np.clip(raw, _EPS, 1 - _EPS)
    nats = -np.log((clipped / clipped.sum(axis=1, keepdims=True))[np.arange(len(label)), label])
    term = np.array([rsna.TERMS.index(rsna.CONDITION_BY_NAME[name].term) for name in joined["condition"]], int)
    studies, place = np.unique(joined["study_id"].to_numpy(), return_inverse=True)
    loss, weights = np.zeros((2, len(studies), len(ALL_TERMS)))
    np.add.at(loss, (place, term), weight * nats)
    np.add.at(weights, (place, term), weight)
    spinal = term == rsna.TERMS.index("spinal")
    loss[:, -1], weights[:, -1] = _any_severe(
        len(studies), place[spinal], label[spinal], weight[spinal], raw[spinal, 2]
    )
    return StudyLosses(tuple(int(study) for study in studies), loss, weights)


def _any_severe(
    n: int, place: np.ndarray, label: np.ndarray, weight: np.ndarray, severe: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(n,) weighted binary log loss and (n,) weight of each study; both 0 for studies without spinal rows."""
    truth, weights, prediction = np.zeros(n), np.zeros(n), np.zeros(n)
    np.maximum.at(truth, place, label == 2)
    np.maximum.at(weights, place, weight)
    np.maximum.at(prediction, place, severe)
    prediction = np.clip(prediction, _EPS, 1 - _EPS)
    return weights * -(truth * np.log(prediction) + (1 - truth) * np.log(1 - prediction)), weights


@dataclass(frozen=True)
class Comparison:
    """A paired bootstrap over studies: `difference` = first score - second (negative: the first is better)."""

    difference: float
    low: float
    high: float
    share_better: float


def compare(submission: Table, other: Table, labels: Table, resamples: int = 2000) -> Comparison:
    """Is the first submission better than the other? Studies are resampled, the same ones for both.

    Returns:
        The difference of the scores, its central 95 % interval, and the share of resamples that the first wins.

    Raises:
        InputError: as `score`; also where a term has no rows.
    """
    truth = _truth(labels)
    first, second = (study_losses(frame, truth, name) for frame, name in map(_submission, (submission, other)))
    counts = resampled(len(first.studies), resamples)
    differences = (first.terms(counts) - second.terms(counts)).mean(axis=1)
    found = estimate(differences)
    if np.isnan(found.low):
        raise InputError("labels", "labels of all three terms", "a term without rows", "Compare on more labels.")
    drawn = differences[1:][~np.isnan(differences[1:])]  # a resample may miss a term altogether
    return Comparison(*found, float((drawn < 0).mean()))


def _submission(given: Table) -> tuple[pl.DataFrame, str]:
    """The table of a submission, and what an error calls it."""
    return (given, "the submission") if isinstance(given, pl.DataFrame) else (read_submission(Path(given)), str(given))


def _truth(labels: Table) -> pl.DataFrame:
    if isinstance(labels, pl.DataFrame):
        return labels
    truth = read_solution(Path(labels))
    if truth.is_empty():
        raise InputError(labels, "at least one labelled cell", "none", "Give a train.csv or a solution.csv.")
    return truth


def constant_answers(truth: pl.DataFrame, priors: Priors) -> pl.DataFrame:
    """A submission's frame that answers each row of `truth` (row_id, condition, level) with its cell's prior."""
    return answer_frame(truth["row_id"], prior_rows(truth, priors))
