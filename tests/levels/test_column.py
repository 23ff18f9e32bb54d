"""The chain decoder: five points that make a column, even where a map points elsewhere."""

import numpy as np
import pytest

from stenosis_kit.levels.column import Steps, decode

SIDE = 40
COLUMN = np.array([[20.0, 6.0], [19.0, 12.0], [18.5, 18.0], [19.0, 24.0], [21.0, 29.0]])


def maps_at(*peaks):
    """Maps of sum 1; each of `peaks` is a list of (x, y, share) for one level."""
    y, x = np.mgrid[:SIDE, :SIDE]
    layers = []
    for level in peaks:
        layer = sum(share * np.exp(-((x - px) ** 2 + (y - py) ** 2) / 2) for px, py, share in level)
        layers.append(layer / layer.sum())
    return np.stack(layers)


def clear(points=COLUMN):
    return [[(x, y, 1.0)] for x, y in points]


@pytest.fixture(scope="module")
def steps():
    rng = np.random.default_rng(0)
    return Steps.of(COLUMN + rng.normal(0, 0.5, (200, 5, 2)))


def test_clear_maps_are_taken_at_their_word(steps):
    points, confidence = decode(maps_at(*clear()), steps)
    assert points == pytest.approx(COLUMN, abs=0.05)
    assert (confidence > 0.9).all()


def test_points_lie_between_cells(steps):
    moved = COLUMN + 0.37
    assert decode(maps_at(*clear(moved)), steps)[0] == pytest.approx(moved, abs=0.1)


def test_a_peak_that_breaks_the_column_loses_to_a_weaker_one_that_does_not(steps):
    levels = clear()
    levels[2] = [(5.0, 35.0, 1.0), (*COLUMN[2], 0.2)]
    points, confidence = decode(maps_at(*levels), steps)
    assert points == pytest.approx(COLUMN, abs=0.1)
    assert confidence[2] < 0.3 < confidence[1]


def test_a_level_that_points_at_its_neighbour_is_put_between_the_others(steps):
    """Its own place is offered by another level's map, where its own map shows almost nothing."""
    levels = clear()
    levels[1] = [(*COLUMN[2], 1.0), (*COLUMN[1], 0.02)]
    assert decode(maps_at(*levels), steps)[0] == pytest.approx(COLUMN, abs=0.1)


def test_if_most_maps_say_shifted_the_column_shifts_as_a_whole(steps):
    shifted = np.vstack([COLUMN[1:], [24.0, 34.0]])
    levels = clear(shifted)
    levels[0] = [(*COLUMN[0], 1.0), (*shifted[0], 0.3)]
    assert decode(maps_at(*levels), steps)[0] == pytest.approx(shifted, abs=0.1)


def test_peaks_at_the_border_are_points_too(steps):
    points, _ = decode(maps_at(*clear(COLUMN - [0, 6])), steps)
    assert points[0] == pytest.approx([20, 0], abs=0.6)


def test_steps_are_learnt_from_the_points_that_are_known():
    points = np.tile(COLUMN, (50, 1, 1)) + np.random.default_rng(1).normal(0, 0.4, (50, 5, 2))
    points[:10, 3] = np.nan
    steps = Steps.of(points)
    assert steps.mean == pytest.approx(np.diff(COLUMN, axis=0), abs=0.3)
    assert np.isfinite(steps.precision).all()
    own, other = steps.log_odds(0, COLUMN[:1], COLUMN[[1, 2]])[0]
    assert own > other


@pytest.mark.parametrize("known", [0, 1, 9])
def test_a_step_that_hardly_any_column_shows_is_the_usual_one(steps, known):
    points = np.tile(COLUMN, (50, 1, 1)) + np.random.default_rng(1).normal(0, 0.4, (50, 5, 2))
    points[known:, 0] = np.nan
    found = Steps.of(points, steps)
    np.testing.assert_array_equal(found.mean[0], steps.mean[0])
    np.testing.assert_array_equal(found.precision[0], steps.precision[0])
    assert (found.mean[1:] != steps.mean[1:]).all()
    assert np.isfinite(found.precision).all()
