"""Steps from the canal to foramina and recesses, in the spine's own frame."""

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.levels.carry import (
    CANAL_AXIAL,
    CANAL_SAGITTAL,
    FORAMINAL,
    SUBARTICULAR,
    TYPICAL,
    in_frame,
    learn_carry,
)

CANAL = np.array([[5.0, 6.0 + 2 * level, 100.0 - 30 * level] for level in range(5)])
LEFT, RIGHT = (rsna.condition_of("foraminal", side).name for side in (rsna.LEFT, rsna.RIGHT))
SPINAL = rsna.condition_of("spinal", None).name


def turned(points, degrees):
    """The points turned about the patient's left-right axis."""
    a = np.deg2rad(degrees)
    return points @ np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]).T


@pytest.mark.parametrize("level", rsna.LEVELS)
@pytest.mark.parametrize("view", [FORAMINAL, SUBARTICULAR])
def test_left_lies_at_plus_x_and_right_mirrors_it(view, level):
    left, right = (TYPICAL.point(CANAL, view, name, level) for name in (LEFT, RIGHT))
    index = rsna.LEVELS.index(level)
    away = (rsna.FORAMEN_STEPS_MM if view == FORAMINAL else rsna.RECESS_STEPS_MM)[index][0]
    assert (left[0] - 5, right[0] - 5) == pytest.approx((away, -away))
    assert left[1:] == pytest.approx(right[1:])
    assert left[1] < CANAL[index][1]  # in front of the canal's middle


def test_the_sagittal_canal_is_carried_nowhere_and_the_axial_one_to_the_front():
    assert TYPICAL.point(CANAL, CANAL_SAGITTAL, SPINAL, "l3_l4") == pytest.approx(CANAL[2])
    x, y, _ = TYPICAL.point(CANAL, CANAL_AXIAL, SPINAL, "l3_l4")
    assert x == pytest.approx(5) and CANAL[2][1] - 6 < y < CANAL[2][1]


@pytest.mark.parametrize("degrees", [-20.0, 35.0])
def test_a_step_turns_with_the_spine(degrees):
    point = TYPICAL.point(CANAL, FORAMINAL, LEFT, "l4_l5")
    assert TYPICAL.point(turned(CANAL, degrees), FORAMINAL, LEFT, "l4_l5") == pytest.approx(turned(point, degrees))


@pytest.mark.parametrize("view", TYPICAL.steps)
def test_the_bundled_localiser_takes_the_typical_steps(view, bundled):
    assert bundled.carry.steps[view] == pytest.approx(TYPICAL.steps[view])


def test_the_axial_canal_lies_midway_between_the_recesses():
    left, right = (rsna.condition_of("subarticular", side).name for side in (rsna.LEFT, rsna.RIGHT))
    for level in rsna.LEVELS:
        sides = [TYPICAL.point(CANAL, SUBARTICULAR, name, level) for name in (left, right)]
        assert TYPICAL.point(CANAL, CANAL_AXIAL, SPINAL, level) == pytest.approx(np.mean(sides, axis=0))


def test_without_neighbours_a_step_goes_straight_back_and_up():
    alone = np.where(np.arange(5)[:, None] == 2, CANAL, np.nan)
    assert TYPICAL.point(alone, FORAMINAL, RIGHT, "l3_l4") == pytest.approx(
        CANAL[2] + TYPICAL.steps[FORAMINAL][2] * (-1, 1, 1)
    )


@pytest.mark.parametrize("condition", [LEFT, RIGHT])
def test_a_step_read_back_is_the_step_that_was_taken(condition):
    point = TYPICAL.point(CANAL, FORAMINAL, condition, "l2_l3")
    step = in_frame(CANAL, 1, rsna.CONDITION_BY_NAME[condition].side, point)
    assert step == pytest.approx(TYPICAL.steps[FORAMINAL][1])


@pytest.mark.parametrize(("count", "least", "most"), [(1, 0.0, 0.15), (4000, 0.98, 1.0)])
def test_many_labels_outweigh_the_typical_step_and_few_do_not(count, least, most):
    away = np.array([3.0, 2.0, -4.0])
    seen = [[] for _ in rsna.LEVELS]
    seen[3] = [TYPICAL.steps[FORAMINAL][3] + away] * count
    learnt = learn_carry({FORAMINAL: seen})
    share = (learnt.steps[FORAMINAL][3] - TYPICAL.steps[FORAMINAL][3]) / away
    assert np.all((least <= share) & (share <= most))
    assert learnt.steps[FORAMINAL][2] == pytest.approx(TYPICAL.steps[FORAMINAL][2])
    assert learnt.steps[SUBARTICULAR] == pytest.approx(TYPICAL.steps[SUBARTICULAR])
