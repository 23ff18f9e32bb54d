import numpy as np
import pytest

from stenosis_kit.answers.bootstrap import estimate, resampled


def test_row_0_is_the_studies_themselves_and_each_other_row_draws_as_many():
    counts = resampled(7, 50)
    assert counts.shape == (51, 7)
    assert (counts[0] == 1).all()
    assert (counts.sum(axis=1) == 7).all()
    assert len(np.unique(counts, axis=0)) > 40
    assert counts[1:].mean() == 1


def test_the_draw_depends_on_the_seed_and_a_generator_goes_on():
    assert (resampled(7, 50) == resampled(7, 50, seed=0)).all()
    generator = np.random.default_rng(0)
    first, second = resampled(7, 50, generator), resampled(7, 50, generator)
    assert (first == resampled(7, 50)).all()
    assert (second != first).any()


def test_the_interval_of_a_mean_is_that_of_its_standard_error():
    values = np.random.default_rng(1).normal(size=400)
    counts = resampled(400, 4000)
    found = estimate(counts @ values / 400)
    assert found.value == pytest.approx(values.mean())
    error = values.std() / 20
    assert (found.low, found.high) == pytest.approx((found.value - 1.96 * error, found.value + 1.96 * error), abs=0.01)


def test_resamples_without_the_statistic_are_left_out():
    drawn = np.arange(101.0)
    assert estimate(np.r_[50.0, drawn, np.nan]) == estimate(np.r_[50.0, drawn]) == pytest.approx((50, 2.5, 97.5))


@pytest.mark.parametrize("values", [[np.nan, 1.0, 2.0], [np.nan, np.nan], [1.0, np.nan]])
def test_what_cannot_be_told_is_nan_without_a_warning(values):
    found = estimate(np.array(values))
    assert found.value == pytest.approx(values[0], nan_ok=True)
    assert np.isnan([found.low, found.high]).all()
