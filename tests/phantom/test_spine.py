"""Spines: where their label points lie, and some that are unlike others."""

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.levels.carry import in_frame
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order

READERS_STEPS = {"foraminal": rsna.FORAMEN_STEPS_MM, "subarticular": rsna.RECESS_STEPS_MM}


@pytest.fixture(scope="module")
def spines():
    return [plan_study(Order(15, index, "test")).spine for index in range(60)]


@pytest.mark.parametrize("side", [rsna.LEFT, rsna.RIGHT])
@pytest.mark.parametrize("term", READERS_STEPS)
def test_label_points_lie_where_the_readers_put_theirs_on_average(term, side, spines):
    condition = rsna.condition_of(term, side)
    steps = []
    for spine in spines:
        canal = np.array([spine.canal(level) for level in range(5)])
        steps.append([in_frame(canal, level, side, spine.point(condition, level)) for level in range(5)])
    assert np.abs(np.mean(steps, axis=0) - READERS_STEPS[term]).max() < 0.6  # mm; of an sd of about 1


def test_transitional_and_slipped_spines_have_points_too():
    for trait in ("transitional", "slip", "scoliosis", "off_centre", "metal"):
        study = plan_study(Order(6, 3, "train", mode="none", forced=(trait,)))
        assert len(study.points) == 25
        z = [study.points[4, level][4][2] for level in range(5)]
        assert all(20 < a - b < 60 for a, b in zip(z, z[1:], strict=False))
