"""From hidden severity signals to labels, and to the best answer that anyone can give.

A study has 25 correlated signals, one a cell. A reader sees signal plus reading noise and compares it with two
thresholds; the anatomy is drawn from the signal alone. So the noise sets how well any grader can do at all.
The loadings reproduce the polychoric correlations of the public training labels (root mean square error .06),
the thresholds their prevalences, the reliabilities the scores of the competition's best graders.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna

# L5/S1 behaves as if it lay farther away than one level.
_POSITIONS = np.array([0.0, 1.0, 2.0, 3.0, 6.0])

# Factor loadings: overall, along the spine, of the condition, of the side, of condition and side, of the cell.
_LOADINGS = {
    "spinal": (0.26, 0.91, 0.0, 0.0, 0.0, 0.32),
    "foraminal": (0.45, 0.43, 0.36, 0.21, 0.57, 0.34),
    "subarticular": (0.435, 0.69, 0.11, 0.29, 0.37, 0.32),
}

THRESHOLDS = {
    "spinal": np.array([(1.70, 2.30), (1.26, 1.93), (0.92, 1.54), (0.68, 1.13), (1.81, 2.34)]),
    "foraminal": np.array([(1.80, 2.70), (1.34, 2.60), (0.74, 2.04), (0.285, 1.49), (0.36, 1.28)]),
    "subarticular": np.array([(1.47, 2.19), (0.94, 1.74), (0.44, 1.29), (-0.125, 0.727), (0.565, 1.40)]),
}
"""(levels, 2) bounds of moderate and of severe on a scale where what a reader sees has variance 1."""

RELIABILITY = {"spinal": 0.86, "foraminal": 0.66, "subarticular": 0.715}
"""Share of the signal in the variance of what a reader sees, at noise 1."""

_READER_SHARE = 0.2  # of the reading noise's variance is one reader's bias, the same for a study and term: by hand
_FLOOR = 1e-4  # smallest probability of the oracle before it is normalised: chosen by hand


@dataclass(frozen=True, eq=False)
class Severity:
    """What is known and what was read of one study; conditions in `rsna.CONDITIONS`' order, levels from L1/L2 down.

    Attributes:
        signal: (5, 5) noiseless severity signals.
        compromise: (5, 5) share of the room that is lost, 0 to 1: 1/3 at the moderate threshold, 2/3 at the severe.
        labels: (5, 5) severities as read, 0, 1, 2, or -1 where the reader gave none.
        oracle: (5, 5, 3) the metric's optimal probabilities given the signal.
    """

    signal: np.ndarray
    compromise: np.ndarray
    labels: np.ndarray
    oracle: np.ndarray


def draw(rng: np.random.Generator, noise: float = 1.0) -> Severity:
    """Draws one study.

    Args:
        rng: the study's generator.
        noise: factor of the reading noise's variance: 0 makes readers perfect, 1 is as in the competition.
    """
    terms = [condition.term for condition in rsna.CONDITIONS]
    latents = _correlated(rng)
    bias = {term: rng.normal() for term in rsna.TERMS}
    bias = np.array([[bias[term]] for term in terms])
    variance = np.array([[(1 - RELIABILITY[term]) * noise] for term in terms])
    thresholds = np.array([THRESHOLDS[term] for term in terms])
    signal = np.sqrt(1 - variance) * latents
    reading = math.sqrt(_READER_SHARE) * bias + math.sqrt(1 - _READER_SHARE) * rng.normal(size=(5, 5))
    seen = signal + np.sqrt(variance) * reading
    return Severity(
        signal=signal,
        compromise=compromise_of(signal, thresholds),
        labels=(seen[..., None] > thresholds).sum(-1),
        oracle=weighted_posterior(signal, thresholds, np.sqrt(variance)),
    )


def compromise_of(signal: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """Signals (...) to the share of room lost: 1/3 and 2/3 at the two thresholds (..., 2) (Lurie 2008)."""
    moderate, severe = thresholds[..., 0], thresholds[..., 1]
    return 1 / (1 + 2 ** np.clip(1 - 2 * (signal - moderate) / (severe - moderate), -8, 8))


def weighted_posterior(signal: np.ndarray, thresholds: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """(..., 3) probabilities p_k ~ w_k q_k: what minimises the metric when the label is signal + N(0, sd) in bins.

    Args:
        signal: (...) noiseless signals.
        thresholds: (..., 2) bounds of moderate and severe.
        sd: standard deviation of the reading noise; it broadcasts with the signals.
    """
    z = (thresholds - signal[..., None]) / np.maximum(sd, 1e-6)[..., None]
    below = 0.5 * np.vectorize(math.erfc)(-z / math.sqrt(2))
    posterior = np.diff(below, axis=-1, prepend=0, append=1)
    weighted = posterior * rsna.SEVERITY_WEIGHTS
    weighted = np.maximum(weighted / weighted.sum(-1, keepdims=True), _FLOOR)
    return weighted / weighted.sum(-1, keepdims=True)


def _correlated(rng: np.random.Generator) -> np.ndarray:
    """(5, 5) latents of variance 1, condition by level."""
    overall, spine = rng.normal(), _along_spine(rng, 0.71)
    of_term = {term: _along_spine(rng, 0.72) for term in ("foraminal", "subarticular")}
    of_side = {side: _along_spine(rng, 0.58) for side in (rsna.LEFT, rsna.RIGHT)}
    rows = []
    for condition in rsna.CONDITIONS:
        a, b, c, d, e, f = _LOADINGS[condition.term]
        row = a * overall + b * spine + f * rng.normal(size=5)
        if condition.side:
            row = row + c * of_term[condition.term] + d * of_side[condition.side] + e * _along_spine(rng, 0.58)
        rows.append(row)
    return np.array(rows)


def _along_spine(rng: np.random.Generator, correlation: float) -> np.ndarray:
    """(5,) normal deviates whose correlation falls with the distance between levels."""
    distance = np.abs(_POSITIONS[:, None] - _POSITIONS)
    return np.linalg.cholesky(correlation**distance) @ rng.normal(size=5)
