"""What training a network takes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stenosis_kit.crops.views import VIEWS
from stenosis_kit.graders.cost import cost_s, grading_s, typical_pixels, work
from stenosis_kit.graders.governor import plan
from stenosis_kit.graders.plan import Load, Plan, Time
from stenosis_kit.graders.settings import Training

TRAINING = Training()
PIXELS = typical_pixels(TRAINING)
CROPS = {view.name: 1200 if view.term == "spinal" else 2400 for view in VIEWS}
"""Of 240 studies."""


def test_work_follows_crops_pixels_epochs_and_the_settings_share() -> None:
    grader = replace(TRAINING.graders[0], time=1.0, repeats=1.0)
    usual = work(grader, TRAINING, 10_000)
    for more in (replace(grader, px=2 * grader.px), replace(grader, repeats=4.0)):
        assert work(more, TRAINING, 10_000) == pytest.approx(4 * usual, rel=0.05)
    assert work(grader, TRAINING, 40_000) == pytest.approx(4 * usual, rel=0.05)
    assert work(replace(grader, time=3.0), TRAINING, 10_000) == pytest.approx(3 * usual)


def test_a_network_with_hardly_any_crops_still_has_time_to_start() -> None:
    few, none = (work(TRAINING.graders[0], TRAINING, crops) for crops in (10, 0))
    assert 0 < few < 1.2 * none


def test_folds_that_are_there_already_count_for_the_cost() -> None:
    """Of two models each learns from half of the studies; in folds of five that were given from four fifths."""
    two = replace(TRAINING, folds=2, grow=False)
    own, given = (plan(two, Load(CROPS, 240, parts), Time(1e9)) for parts in (None, 5))
    assert cost_s(given, TRAINING, CROPS, PIXELS) > 1.4 * cost_s(own, TRAINING, CROPS, PIXELS)


def test_several_networks_of_each_fold_cost_as_much_each() -> None:
    one, two, three = (cost_s(Plan(5, twins=twins), TRAINING, CROPS, PIXELS) for twins in (1, 2, 3))
    assert three - two == pytest.approx(two - one)
    assert 0.9 * one < two - one < one  # their graphs are made once


def test_one_network_answers_at_all_zooms_and_three_at_one_each() -> None:
    one, three, six = (grading_s(Plan(models), TRAINING, 100_000, PIXELS) for models in (1, 3, 6))
    assert three == pytest.approx(one, rel=0.01) and six == pytest.approx(2 * one, rel=0.01)
