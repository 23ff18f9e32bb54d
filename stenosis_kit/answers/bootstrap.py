"""Bootstrap over studies: the cells of one study are not independent, so whole studies are resampled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Estimate(NamedTuple):
    """A statistic with its central 95 % percentile interval; NaN where it cannot be told."""

    value: float
    low: float
    high: float


def resampled(studies: int, resamples: int = 2000, seed: int | np.random.Generator = 0) -> np.ndarray:
    """(1 + resamples, studies) how often each study counts: in row 0 once each, then as drawn with replacement."""
    drawn = np.random.default_rng(seed).multinomial(studies, np.full(studies, 1 / studies), size=resamples)
    return np.concatenate([np.ones((1, studies)), drawn])


def estimate(values: np.ndarray) -> Estimate:
    """From a statistic's (1 + resamples,) values over `resampled`; resamples in which it is NaN are left out."""
    drawn = values[1:][np.isfinite(values[1:])]
    if not np.isfinite(values[0]) or not len(drawn):
        return Estimate(float(values[0]), float("nan"), float("nan"))
    return Estimate(float(values[0]), *np.quantile(drawn, [0.025, 0.975]).tolist())
