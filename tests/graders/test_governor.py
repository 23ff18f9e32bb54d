"""What is trained in the time that is given."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.crops.views import VIEW_BY_NAME, VIEWS
from stenosis_kit.graders.cost import cost_s, grading_s, shortest_s, typical_pixels
from stenosis_kit.graders.governor import plan, startable
from stenosis_kit.graders.plan import Load, Plan, Time
from stenosis_kit.graders.settings import Training

TRAINING = Training()
PIXELS = typical_pixels(TRAINING)
CROPS = {view.name: 1200 if view.term == "spinal" else 2400 for view in VIEWS}
"""Of 240 studies."""


def chosen(seconds: float, crops: int = 1, **given) -> Plan:
    settings = replace(TRAINING, **{name: given.pop(name) for name in ("folds", "grow") if name in given})
    beside = {name: given.pop(name) for name in ("to_grade", "may_widen", "parts", "axial_mm") if name in given}
    load = Load({view: crops * count for view, count in CROPS.items()}, 240 * crops, **beside)
    return plan(settings, load, Time(seconds, **given))


def size(one: Plan) -> tuple[float, ...]:
    return one.graders or len(TRAINING.graders), one.models, one.axial, one.twins, one.scale, one.width


def test_more_time_never_trains_less() -> None:
    plans = [
        chosen(seconds) for seconds in (45, 60, 70, 100, 150, 200, 300, 400, 600, 900, 1800, 3600, 2 * 3600, 24 * 3600)
    ]
    assert [size(one) for one in plans] == sorted(size(one) for one in plans)
    assert size(plans[0]) == (3, 1, 1, 1, 1, 1)
    assert size(plans[-1]) == (6, TRAINING.folds, 1.5, 4, 1.5, 2)


@pytest.mark.parametrize("seconds", [250, 400, 900, 3600])
def test_enough_epochs_of_all_that_is_chosen_fit_the_time(seconds: float) -> None:
    assert cost_s(chosen(seconds), TRAINING, CROPS, PIXELS) <= seconds


def test_a_faster_machine_or_more_workers_train_more() -> None:
    assert chosen(260, pixels=4 * PIXELS).models > chosen(260).models
    assert chosen(260, workers=8).models > chosen(260).models


def test_more_studies_leave_time_for_less() -> None:
    assert size(chosen(900, crops=8)) < size(chosen(900))


def test_networks_grow_only_where_the_settings_let_them_and_all_folds_fit() -> None:
    assert size(chosen(3600, grow=False)) == (6, TRAINING.folds, 1, 1, 1, 1)
    assert chosen(200).models < TRAINING.folds
    assert size(chosen(200))[3:] == (1, 1, 1)


def test_time_that_is_left_over_after_all_folds_makes_several_networks_of_each() -> None:
    assert [chosen(seconds).twins for seconds in (900, 3600)] == [1, 2]
    assert {chosen(seconds).twins for seconds in range(100, 8 * 3600, 100) if chosen(seconds).models < 5} == {1}
    assert chosen(8 * 3600, grow=False).twins == 1


def test_networks_that_start_from_others_stay_as_wide() -> None:
    started = chosen(4 * 3600, may_widen=False)
    assert size(started) == (6, TRAINING.folds, 1.5, 4, 1.5, 1)
    assert chosen(8 * 3600).width > 1
    assert cost_s(started, TRAINING, CROPS, PIXELS) <= 3 * 3600


def test_few_studies_do_not_get_more_networks_than_can_be_started() -> None:
    crops = {view: count // 8 for view, count in CROPS.items()}
    few = [plan(TRAINING, Load(crops, 30, may_widen=False), Time(seconds)) for seconds in (400, 800)]
    assert [(one.models, one.twins) for one in few] == [(TRAINING.folds, 1), (TRAINING.folds, 2)]


def test_of_few_studies_each_network_learns_from_four_fifths_where_there_is_no_time_for_all_folds() -> None:
    crops = {view: count // 24 for view, count in CROPS.items()}
    few, enough = (plan(TRAINING, Load(crops, studies), Time(200)) for studies in (10, 240))
    assert few.models == enough.models < TRAINING.folds
    assert (few.folds, enough.folds) == (TRAINING.folds, enough.models)
    assert plan(TRAINING, Load(crops, 3), Time(200)).folds == 3
    assert plan(replace(TRAINING, folds=2), Load(crops, 10), Time(200)).folds == 2


def test_folds_of_earlier_networks_stay_as_many() -> None:
    assert chosen(8 * 3600, parts=5, may_widen=False).models == TRAINING.folds


def test_axial_inputs_become_finer_before_there_are_three_folds_and_the_others_after_all_folds() -> None:
    plans = {size(chosen(seconds))[1:5] for seconds in range(100, 3600, 20)}
    assert {axial for models, axial, _, _ in plans if models == 1} == {1.0}
    assert {axial for models, axial, _, _ in plans if models == 2} == {1.0, 1.5}
    assert {axial for models, axial, _, _ in plans if models > 2} == {1.5}
    assert {(twins, scale) for models, _, twins, scale in plans if models < TRAINING.folds} == {(1, 1.0)}


def test_of_images_that_are_coarse_themselves_there_are_more_folds_instead() -> None:
    fine, coarse = (chosen(560, axial_mm=mm) for mm in (0.5, 1.0))
    assert fine == chosen(560) and fine.axial > 1
    assert coarse.axial == 1 and coarse.models > fine.models


def test_finer_axial_inputs_show_the_same_part_of_the_crop() -> None:
    finer = Plan(2, axial=1.5).settings(TRAINING).graders
    for before, after in zip(TRAINING.graders, finer, strict=True):
        assert after == replace(before, px=round((1.5 if "axial" in before.view else 1) * before.px))
    assert Plan(2, axial=1.5, scale=1.25).settings(TRAINING).graders[3].px == 60


def test_without_a_limit_it_is_as_the_settings_say() -> None:
    assert size(chosen(math.inf)) == size(Plan(TRAINING.folds))


def test_a_plan_changes_the_settings_and_nothing_else() -> None:
    larger = Plan(3, scale=1.25, width=2).settings(TRAINING)
    assert [grader.px for grader in larger.graders] == [round(1.25 * grader.px) for grader in TRAINING.graders]
    assert [grader.mm for grader in larger.graders] == [grader.mm for grader in TRAINING.graders]
    assert larger.filters == tuple(2 * each for each in TRAINING.filters)
    assert Plan(3, width=1.5).settings(TRAINING).filters == (24, 48, 96, 192, 384)
    assert Plan(3, graders=2).settings(TRAINING).graders == TRAINING.graders[:2]
    assert Plan(3).settings(TRAINING) == TRAINING


@pytest.mark.parametrize(("seconds", "graders"), [(37, 3), (47, 3), (50, 4), (70, 5), (90, 6)])
def test_in_a_short_time_the_last_graders_are_left_out_and_every_term_keeps_one(seconds: float, graders: int) -> None:
    first = startable(TRAINING, 50, Time(seconds))[0].settings(TRAINING)
    assert first == replace(TRAINING, graders=TRAINING.graders[:graders])
    assert {VIEW_BY_NAME[grader.view].term for grader in first.graders} == set(rsna.TERMS)


def test_graders_of_one_term_alone_may_be_left_out_down_to_one() -> None:
    canal = replace(TRAINING, graders=tuple(each for each in TRAINING.graders if each.view.startswith("canal")))
    assert startable(canal, 50, Time(15)) == [Plan(1, graders=1)]


def test_a_single_model_holds_out_a_fifth_of_the_studies() -> None:
    assert (Plan(1).folds, Plan(4).folds) == (5, 4)


def test_a_short_time_starts_fewer_models() -> None:
    one = shortest_s(TRAINING.graders, 1, 0)
    plans = [startable(TRAINING, 50, Time(factor * one)) for factor in (1.1, 2.1, 3.1, 100)]
    assert [len(each) for each in plans] == [1, 2, 3, TRAINING.folds]


def test_too_short_a_time_is_said_with_the_least_that_would_do() -> None:
    with pytest.raises(TimeTooShort, match="expected at least .* for training 3 graders"):
        chosen(20)


def test_there_are_never_more_folds_than_studies() -> None:
    assert plan(TRAINING, Load(CROPS, 2), Time(1e6)).models == 2


def test_one_study_cannot_be_trained_on() -> None:
    with pytest.raises(InputError, match="at least two studies"):
        plan(TRAINING, Load(CROPS, 1), Time(1e6))


def test_wider_networks_are_slower_where_their_speed_is_not_known() -> None:
    wide = replace(TRAINING, filters=tuple(2 * each for each in TRAINING.filters))
    assert typical_pixels(wide) == typical_pixels(TRAINING) / 4
    assert plan(wide, Load(CROPS, 240), Time(400)).models < plan(TRAINING, Load(CROPS, 240), Time(400)).models


def test_time_to_grade_with_the_networks_is_reckoned_with() -> None:
    """Finer inputs and more networks take longer to answer too: 60 pixels for 40 more than twice as long."""
    few, many = (chosen(900, to_grade=studies) for studies in (0, 2000))
    assert few.grading_s == 0
    assert size(many) < size(few)
    assert cost_s(many, TRAINING, CROPS, PIXELS) + many.grading_s <= 900
    one, two = (grading_s(Plan(5), TRAINING, studies, PIXELS) for studies in (200, 400))
    assert grading_s(Plan(5, scale=1.5), TRAINING, 200, PIXELS) - one == pytest.approx(1.25 * (two - one))


def test_grading_never_takes_all_of_the_time() -> None:
    assert chosen(100, to_grade=10**6).grading_s == 50


def test_the_start_that_answers_beside_is_reckoned_with_and_leaves_half_of_the_time() -> None:
    """One network looks three times at a crop, and so does the start's; five networks look five times."""
    alone, beside = (grading_s(Plan(1), TRAINING, 10**5, PIXELS, start_too) for start_too in (False, True))
    assert beside == pytest.approx(2 * alone)
    alone, beside = (grading_s(Plan(5), TRAINING, 10**5, PIXELS, start_too) for start_too in (False, True))
    assert beside == pytest.approx(1.6 * alone, rel=1e-3)
    load = Load(CROPS, 240, to_grade=10**6, start_too=True)
    assert plan(TRAINING, load, Time(100, PIXELS)).grading_s == 50
