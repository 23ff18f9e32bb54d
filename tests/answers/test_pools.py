"""Log-linear pools of several graders and the prior."""

from __future__ import annotations

import numpy as np
import pytest

from stenosis_kit.answers.pools import Pool, fit_pool

PRIOR = np.array([0.5, 0.3, 0.2])


def truths(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).choice(3, count, p=PRIOR)


def sharp(severity: np.ndarray, right: float = 0.9) -> np.ndarray:
    """Answers that give the truth this much."""
    return np.where(np.eye(3)[severity] == 1, right, (1 - right) / 2)


def noise(count: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet([1, 1, 1], count)


def loss(answer: np.ndarray, severity: np.ndarray) -> float:
    return float(-np.log(answer[np.arange(len(severity)), severity]).mean())


def fitted(graded: list[np.ndarray], severity: np.ndarray, weight: np.ndarray | None = None) -> Pool:
    prior = np.tile(PRIOR, (len(severity), 1))
    names = [f"view {k}" for k in range(len(graded))]
    return fit_pool(names, graded, prior, severity, np.ones(len(severity)) if weight is None else weight)


def test_the_prior_alone_is_the_answer_where_graders_have_no_power() -> None:
    prior = np.tile(PRIOR, (5, 1))
    assert Pool(("a",), (0.0,), 1.0).answer([noise(5)], prior) == pytest.approx(prior)


def test_a_grader_alone_is_the_answer_where_the_prior_has_no_power() -> None:
    graded = noise(5)
    assert Pool(("a",), (1.0,), 0.0).answer([graded], np.tile(PRIOR, (5, 1))) == pytest.approx(graded)


def test_two_graders_are_multiplied() -> None:
    one, other = np.array([[0.5, 0.25, 0.25]]), np.array([[0.2, 0.2, 0.6]])
    answer = Pool(("a", "b"), (1.0, 1.0), 0.0).answer([one, other], PRIOR[None])
    assert answer == pytest.approx(np.array([[0.1, 0.05, 0.15]]) / 0.3)


def test_a_power_below_one_softens() -> None:
    answer = Pool(("a",), (0.5,), 0.0).answer([np.array([[0.81, 0.09, 0.1]])], PRIOR[None])
    roots = np.array([0.9, 0.3, 0.1**0.5])
    assert answer[0] == pytest.approx(roots / roots.sum())


def test_answers_are_finite_and_sum_to_one_even_for_zeros() -> None:
    graded = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    answer = Pool(("a",), (3.0,), 3.0).answer([graded], np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]))
    assert np.isfinite(answer).all()
    assert answer.sum(axis=1) == pytest.approx([1, 1])


def test_no_answers_to_learn_from_leave_the_starting_powers() -> None:
    pool = fitted([noise(0), noise(0)], truths(0))
    assert pool.views == ("view 0", "view 1")
    assert pool.powers == pytest.approx((0.3, 0.3))
    assert pool.prior_power == pytest.approx(0.4)


def test_few_answers_hardly_move_the_powers() -> None:
    severity = truths(3)
    pool = fitted([noise(3)], severity)
    assert pool.powers[0] == pytest.approx(0.6, abs=0.15)
    assert pool.prior_power == pytest.approx(0.4, abs=0.15)


def test_a_grader_that_learnt_nothing_loses_its_power() -> None:
    severity = truths(3000)
    pool = fitted([noise(3000)], severity)
    assert pool.powers[0] < 0.1
    assert pool.prior_power > 0.8
    prior = np.tile(PRIOR, (3000, 1))
    assert loss(pool.answer([noise(3000)], prior), severity) < loss(prior, severity) + 0.01


def test_a_good_grader_gains_power_over_a_useless_one() -> None:
    severity = truths(3000)
    pool = fitted([sharp(severity, 0.7), noise(3000)], severity)
    assert pool.powers[0] > 1
    assert pool.powers[1] < 0.1


def test_an_overconfident_grader_is_softened() -> None:
    severity = truths(3000)
    wrong = np.random.default_rng(2).random(3000) < 0.4
    claimed = np.where(wrong, (severity + 1) % 3, severity)
    graded = sharp(claimed, 0.999)
    pool = fitted([graded], severity)
    assert 0 < pool.powers[0] < 0.5
    assert loss(pool.answer([graded], np.tile(PRIOR, (3000, 1))), severity) < 0.5 * loss(graded, severity)


def test_the_weights_count() -> None:
    severity = np.array([0, 2] * 500)
    graded = np.tile([0.1, 0.1, 0.8], (1000, 1))  # right on the severe cells alone
    heavy = fitted([graded], severity, np.where(severity == 2, 10.0, 1.0))
    light = fitted([graded], severity, np.where(severity == 2, 1.0, 10.0))
    assert heavy.powers[0] > light.powers[0] + 0.3


def test_fitting_never_depends_on_the_order_of_rows() -> None:
    severity, graded = truths(400), noise(400)
    turned = fitted([graded[::-1]], severity[::-1])
    assert turned.powers == pytest.approx(fitted([graded], severity).powers, abs=1e-3)
