"""What is trained in the time that is given."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from stenosis_kit.errors import InputError, TimeTooShort
from stenosis_kit.governor import SHORTEST_JOB_S, TYPICAL_PIXELS, Plan, cost_s, models_in_time, plan
from stenosis_kit.settings import Training

TRAINING = Training()
CROPS = {"canal_sagittal": 1200, "canal_axial": 1200, "foraminal_sagittal": 2400, "subarticular_axial": 2400}
"""Of 240 studies."""


def chosen(seconds: float, crops: int = 1, **given) -> Plan:
    settings = replace(TRAINING, **{name: given.pop(name) for name in ("folds", "grow") if name in given})
    return plan(settings, {view: crops * count for view, count in CROPS.items()}, 240 * crops, seconds, **given)


def size(one: Plan) -> tuple[float, float, float]:
    return one.models, one.scale, one.width


def test_more_time_never_trains_less() -> None:
    plans = [chosen(seconds) for seconds in (70, 100, 150, 200, 300, 400, 600, 900, 1800, 3600, 4 * 3600)]
    assert [size(one) for one in plans] == sorted(size(one) for one in plans)
    assert plans[0].models == 1
    assert size(plans[-1]) == (TRAINING.folds, 1.5, 2)


@pytest.mark.parametrize("seconds", [150, 400, 900, 3600])
def test_enough_epochs_of_all_that_is_chosen_fit_the_time(seconds: float) -> None:
    assert cost_s(chosen(seconds), TRAINING, CROPS, TYPICAL_PIXELS) <= seconds


def test_a_faster_machine_or_more_workers_train_more() -> None:
    assert chosen(260, pixels=4 * TYPICAL_PIXELS).models > chosen(260).models
    assert chosen(260, workers=8).models > chosen(260).models


def test_more_studies_leave_time_for_less() -> None:
    assert size(chosen(900, crops=8)) < size(chosen(900))


def test_networks_grow_only_where_the_settings_let_them_and_all_folds_fit() -> None:
    assert size(chosen(3600, grow=False)) == (TRAINING.folds, 1.0, 1)
    assert chosen(200).models < TRAINING.folds
    assert size(chosen(200))[1:] == (1.0, 1)


def test_without_a_limit_it_is_as_the_settings_say() -> None:
    assert chosen(math.inf) == Plan(TRAINING.folds)


def test_a_plan_changes_the_settings_and_nothing_else() -> None:
    larger = Plan(3, scale=1.25, width=2).settings(TRAINING)
    assert [grader.px for grader in larger.graders] == [round(1.25 * grader.px) for grader in TRAINING.graders]
    assert [grader.mm for grader in larger.graders] == [grader.mm for grader in TRAINING.graders]
    assert larger.filters == tuple(2 * each for each in TRAINING.filters)
    assert Plan(3).settings(TRAINING) == TRAINING


def test_a_single_model_holds_out_a_fifth_of_the_studies() -> None:
    assert (Plan(1).folds, Plan(4).folds) == (5, 4)


def test_a_short_time_starts_fewer_models() -> None:
    shares = [grader.time for grader in TRAINING.graders]
    one = SHORTEST_JOB_S * sum(shares) / min(shares)
    assert [models_in_time(TRAINING, 50, factor * one) for factor in (1.1, 2.1, 3.1, 100)] == [1, 2, 3, TRAINING.folds]


def test_too_short_a_time_is_said_with_the_least_that_would_do() -> None:
    with pytest.raises(TimeTooShort, match="expected at least .* for training 4 graders"):
        chosen(20)


def test_there_are_never_more_folds_than_studies() -> None:
    assert plan(TRAINING, CROPS, 2, 1e6).models == 2


def test_one_study_cannot_be_trained_on() -> None:
    with pytest.raises(InputError, match="at least two studies"):
        plan(TRAINING, CROPS, 1, 1e6)
