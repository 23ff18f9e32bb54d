"""Spines that are unlike others."""

from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order


def test_transitional_and_slipped_spines_have_points_too():
    for trait in ("transitional", "slip", "scoliosis", "off_centre", "metal"):
        study = plan_study(Order(6, 3, "train", mode="none", forced=(trait,)))
        assert len(study.points) == 25
        z = [study.points[4, level][4][2] for level in range(5)]
        assert all(20 < a - b < 60 for a, b in zip(z, z[1:], strict=False))
