"""The weighted prior: the answer where nothing better is known."""

from __future__ import annotations

import numpy as np
import polars as pl

from stenosis_kit import rsna

Priors = dict[tuple[str, str], np.ndarray]
"""(condition, level) -> (3,) probabilities in severity order."""

PSEUDO_CELLS = 100.0
"""Pseudo-count, chosen by hand: `smoothed_prior` adds so many cells of the typical shares to each cell's labels.
At 1,975 studies that is 2 to 5 % of them; at a hundred it keeps one or two readings from deciding the rarest classes
(.4 %)."""


def weighted_prior(cells: pl.DataFrame, pseudo_cells: float = 0.0) -> Priors:
    """For each (condition, level) the weight-corrected class shares: p_k proportional to w_k * n_k.

    Of all constant answers these minimise the metric's weighted log losses.

    Args:
        cells: frame with condition, level and severity; null severities are ignored.
        pseudo_cells: how many labelled cells of the public training set's shares (`rsna.typical_shares`) are
            added to each count, so that few labels do not make a class impossible. Where a cell has no labels
            at all, those shares are the answer.

    Returns:
        (condition, level) -> (3,) probabilities in severity order.
    """
    counted = cells.drop_nulls("severity").group_by("condition", "level", "severity").len()
    counts = {(c, level, s): n for c, level, s, n in counted.iter_rows()}
    priors = {}
    for condition, level in rsna.CELLS:
        count = np.array([counts.get((condition, level, severity), 0) for severity in rsna.SEVERITIES], float)
        typical = np.array(rsna.typical_shares(condition, level))
        total = count + pseudo_cells * typical if count.sum() + pseudo_cells > 0 else typical
        weighted = total * rsna.SEVERITY_WEIGHTS
        priors[condition, level] = weighted / weighted.sum()
    return priors


def smoothed_prior(cells: pl.DataFrame) -> Priors:
    """The prior to submit: left and right counted together, beside `PSEUDO_CELLS` of the public training set's."""
    other_side = pl.col("condition").replace(
        [condition.name for condition in rsna.CONDITIONS],
        [rsna.mirrored(condition).name for condition in rsna.CONDITIONS],
    )
    sides = cells.filter(pl.col("condition") != other_side).with_columns(condition=other_side)
    return weighted_prior(pl.concat([cells, sides.select(cells.columns)]), PSEUDO_CELLS)


def builtin_prior() -> Priors:
    """The weighted prior of the public training set's aggregates, for when no labels are at hand."""
    return weighted_prior(pl.DataFrame(schema={"condition": pl.String, "level": pl.String, "severity": pl.String}))


def cell_priors(priors: Priors) -> np.ndarray:
    """(25, 3) the priors in the order of `rsna.CELLS`."""
    return np.stack([priors[cell] for cell in rsna.CELLS])


def prior_rows(grid: pl.DataFrame, priors: Priors) -> np.ndarray:
    """(rows, 3) the prior of each row of a grid (see `tables.grid.grid`)."""
    return np.stack([priors[cell] for cell in grid.select("condition", "level").iter_rows()])


def filled(answers: np.ndarray, prior: np.ndarray) -> np.ndarray:
    """(studies, cells, 3) answers, with the prior (cells, 3) where there are none (NaN)."""
    return np.where(np.isfinite(answers), answers, prior)
