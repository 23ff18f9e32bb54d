"""Faults: their rates, and that each shows in what is planned."""

from collections import Counter

import numpy as np
import pytest

from stenosis_kit import rsna
from stenosis_kit.phantom.faults import RATES
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order

PLANNED = {
    "missing_t1": lambda s: Counter(x.kind for x in s.series.values())[rsna.SAGITTAL_T1] == 0,
    "missing_t2": lambda s: Counter(x.kind for x in s.series.values())[rsna.SAGITTAL_T2] == 0,
    "missing_axial": lambda s: Counter(x.kind for x in s.series.values())[rsna.AXIAL_T2] == 0,
    "two_t1": lambda s: Counter(x.kind for x in s.series.values())[rsna.SAGITTAL_T1] == 2,
    "two_axial": lambda s: Counter(x.kind for x in s.series.values())[rsna.AXIAL_T2] == 2,
    "three_axial": lambda s: Counter(x.kind for x in s.series.values())[rsna.AXIAL_T2] == 3,
    "uncovered_l1_l2": lambda s: (s.labels[[1, 3], 0] == -1).all() and (s.labels[4] >= 0).all(),
    "uncovered_l2_l3": lambda s: (s.labels[[1, 3], :2] == -1).all(),
    "missing_side": lambda s: (s.labels[0] == -1).all(),
    "missing_canal": lambda s: (s.labels[4] == -1).all(),
    "instance_offset": lambda s: all(x.numbers[0] > 1 for x in s.series.values()),
    "instance_huge": lambda s: all(x.numbers[-1] > 5000 for x in s.series.values()),
    "instance_gap": lambda s: any(n > len(x.numbers) for x in s.series.values() for n in x.numbers),
    "thin_axial": lambda s: any(len(x.planes) > 100 for x in s.series.values()),
    "steep_axial": lambda s: any(
        40 < abs(np.rad2deg(np.arccos(abs(x.planes[0].normal[2])))) < 60 for x in s.series.values()
    ),
    "mixed_shapes": lambda s: any(len({p.shape for p in x.planes}) == 2 for x in s.series.values()),
    "duplicate_positions": lambda s: any(
        a is b for x in s.series.values() for a, b in zip(x.planes, x.planes[1:], strict=False)
    ),
    "swapped_sides": lambda s: s.points[0, 2][4][0] < s.points[2, 2][4][0],
    "shifted_levels": lambda s: abs(s.points[4, 2][4][2] - s.true_points[4, 2][4][2]) > 20,
    "tall_field": lambda s: any(p.shape[0] * p.spacing[0] > 345 for x in s.series.values() for p in x.planes),
    "reversed_sagittal": lambda s: next(iter(s.series.values())).planes[0].origin[0] > 0,
}


@pytest.mark.parametrize("fault", sorted(PLANNED))
def test_a_forced_fault_shows_in_the_plan(fault):
    study = plan_study(Order(8, 1, "train", mode="none", forced=(fault,)))
    assert fault in study.faults
    assert PLANNED[fault](study)


def test_every_fault_has_rates_and_hard_ones_are_no_rarer():
    assert all(0 <= real <= hard <= 1 for real, hard in RATES.values())
    assert set(PLANNED) <= set(RATES)
