"""The weighted prior."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.priors import builtin_prior, prior_rows, smoothed_prior, weighted_prior
from stenosis_kit.tables.grid import grid

CELL = ("spinal_canal_stenosis", "l4_l5")
OTHER = ("left_subarticular_stenosis", "l1_l2")


def cells(*severities: str | None, cell: tuple[str, str] = CELL) -> pl.DataFrame:
    rows = [(*cell, severity) for severity in severities]
    return pl.DataFrame(rows, {"condition": pl.String, "level": pl.String, "severity": pl.String}, orient="row")


def corrected(shares: tuple[float, ...]) -> np.ndarray:
    weighted = np.array(shares) * [1, 2, 4]
    return weighted / weighted.sum()


def test_shares_are_corrected_by_the_weights() -> None:
    prior = weighted_prior(cells("normal_mild", "normal_mild", "moderate", "severe"))[CELL]
    assert prior == pytest.approx([2 / 8, 2 / 8, 4 / 8])


def test_missing_labels_do_not_count() -> None:
    prior = weighted_prior(cells("moderate", None, "severe", None))[CELL]
    assert prior == pytest.approx([0, 1 / 3, 2 / 3])


def test_each_side_and_level_has_a_prior_of_its_own() -> None:
    labels = pl.concat([cells("severe"), cells("moderate", cell=OTHER)])
    priors = weighted_prior(labels)
    assert priors[CELL] == pytest.approx([0, 0, 1])
    assert priors[OTHER] == pytest.approx([0, 1, 0])


def test_a_cell_without_labels_has_the_typical_shares() -> None:
    priors = weighted_prior(cells("severe", None))
    assert priors[OTHER] == pytest.approx(corrected(rsna.typical_shares(*OTHER)))


def test_pseudo_cells_keep_unseen_classes_possible() -> None:
    prior = weighted_prior(cells("severe"), pseudo_cells=10.0)[CELL]
    counts = np.array(rsna.typical_shares(*CELL)) * 10 + [0, 0, 1]
    assert prior == pytest.approx(corrected(tuple(counts)))
    assert prior.min() > 0.01


def test_many_labels_outweigh_pseudo_cells() -> None:
    prior = weighted_prior(cells(*["moderate"] * 5000), pseudo_cells=20.0)[CELL]
    assert prior[1] > 0.99


def test_the_builtin_prior_is_the_typical_shares_of_all_25_cells() -> None:
    priors = builtin_prior()
    assert set(priors) == set(rsna.CELLS)
    for cell, prior in priors.items():
        assert prior == pytest.approx(corrected(rsna.typical_shares(*cell)))


def test_no_constant_beats_the_prior_on_its_own_labels() -> None:
    labels = [0] * 11 + [1] * 5 + [2] * 2
    weights = np.array(rsna.SEVERITY_WEIGHTS)[labels]

    def loss(answer: np.ndarray) -> float:
        return float(-(np.log(answer)[labels] * weights).sum() / weights.sum())

    prior = weighted_prior(cells(*[rsna.SEVERITIES[k] for k in labels]))[CELL]
    others = np.random.default_rng(0).dirichlet(20 * prior, size=200)
    assert all(loss(prior) < loss(other) for other in others)


def test_prior_rows_follow_the_grid() -> None:
    rows = grid([102, 101])
    priors = {cell: np.full(3, float(number)) for number, cell in enumerate(rsna.CELLS)}
    assert prior_rows(rows, priors)[:, 0].tolist() == [*range(25), *range(25)]
    assert prior_rows(rows[::-1], priors)[:, 0].tolist() == [*range(24, -1, -1)] * 2


def test_the_smoothed_prior_is_alike_on_both_sides_and_between_the_labels_and_the_typical_shares() -> None:
    condition, other = "left_subarticular_stenosis", "right_subarticular_stenosis"
    cells = pl.DataFrame({"condition": [condition] * 300, "level": ["l4_l5"] * 300, "severity": ["severe"] * 300})
    smoothed, own, typical = smoothed_prior(cells), weighted_prior(cells), builtin_prior()
    assert smoothed[condition, "l4_l5"] == pytest.approx(smoothed[other, "l4_l5"])
    assert typical[condition, "l4_l5"][2] < smoothed[condition, "l4_l5"][2] < own[condition, "l4_l5"][2] == 1
    assert smoothed["spinal_canal_stenosis", "l1_l2"] == pytest.approx(typical["spinal_canal_stenosis", "l1_l2"])
