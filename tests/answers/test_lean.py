"""Leaning on the prior by fitted constants."""

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.answers.lean import Lean, fit_lean, lean_views
from stenosis_kit.answers.priors import builtin_prior, cell_priors

PRIOR = np.array([0.5, 0.3, 0.2])


def test_a_temperature_of_one_without_prior_and_shift_changes_nothing():
    graded = np.random.default_rng(0).dirichlet([1, 1, 1], 20)
    np.testing.assert_allclose(
        Lean(1.0, (0.0, 0.0, 0.0), 0.0).answer(graded, PRIOR), np.maximum(graded, 1e-6), atol=1e-5
    )


def test_it_is_the_formula_and_nan_stays():
    graded = np.array([[0.7, 0.2, 0.1], [np.nan] * 3])
    shift = np.array([0.1, -0.2, 0.3])
    found = Lean(2.0, tuple(shift), 0.4).answer(graded, PRIOR)
    expected = PRIOR**0.4 * graded[0] ** 0.5 * np.exp(shift)
    np.testing.assert_allclose(found[0], expected / expected.sum())
    assert np.isnan(found[1]).all()


def drawn(count, sharpness, seed=0):
    """Cells with their true probabilities, a severity drawn from each, and answers that are surer than is right."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet([2, 1, 1], count)
    severity = np.array([rng.choice(3, p=row) for row in true])
    graded = true**sharpness
    weights = np.array(rsna.SEVERITY_WEIGHTS)[severity]
    return graded / graded.sum(axis=1, keepdims=True), severity, weights, np.tile(PRIOR, (count, 1))


def loss(answers, severity, weights):
    return np.average(-np.log(answers[np.arange(len(answers)), severity]), weights=weights)


def test_answers_that_are_too_sure_are_made_less_so():
    graded, severity, weights, prior = drawn(3000, 3.0)
    lean = fit_lean(graded, severity, weights, prior)
    assert 2.3 < lean.temperature < 4.0
    fresh, severity, weights, prior = drawn(3000, 3.0, seed=1)
    assert loss(lean.answer(fresh, prior), severity, weights) < loss(fresh, severity, weights) - 0.2


def test_answers_that_tell_nothing_leave_the_prior():
    _, severity, weights, prior = drawn(3000, 1.0)
    noise = np.random.default_rng(5).dirichlet([0.3, 0.3, 0.3], 3000)
    lean = fit_lean(noise, severity, weights, prior)
    assert lean.temperature > 10
    answered, best = lean.answer(noise, prior), np.bincount(severity, weights) / weights.sum()
    assert loss(answered, severity, weights) == pytest.approx(-(best * np.log(best)).sum(), abs=0.01)


def test_few_cells_hardly_move_it_from_halfway_and_what_is_not_answered_does_not_count():
    graded, severity, weights, prior = drawn(3, 1.0)
    graded[2] = np.nan
    lean = fit_lean(graded, severity, weights, prior)
    assert 1.5 < lean.temperature < 3 and 0.3 < lean.prior_weight < 0.7 and np.abs(lean.shift).max() < 0.5
    with pytest.raises(ValueError, match="at least one answer"):
        fit_lean(graded[2:], severity[2:], weights[2:], prior[2:])


def test_views_of_a_cell_are_averaged_and_each_leans_by_itself():
    prior, rng = cell_priors(builtin_prior()), np.random.default_rng(0)
    views = {name: rng.dirichlet([1, 1, 1], (2, 25)) for name in ("a", "b", "unknown")}
    views["b"][1] = np.nan
    views["a"][1, 0] = np.nan
    leans = {
        "a": Lean(2.0, (0.0, 0.1, 0.2), 0.5),
        "b": Lean(3.0, (0.0, 0.0, 0.0), 1.0),
        "other": Lean(1.0, (0.0,) * 3, 0),
    }
    found = lean_views(leans, views, prior)
    a, b = (leans[name].answer(views[name], prior) for name in ("a", "b"))
    both = np.sqrt(a[0] * b[0])
    np.testing.assert_allclose(found[0], both / both.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found[1, 1:], a[1, 1:])
    assert np.isnan(found[1, 0]).all()
