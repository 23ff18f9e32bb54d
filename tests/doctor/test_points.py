"""What the doctor finds in label points: each of a study's is where the phantom put it, until a test moves it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from stenosis_kit.doctor.images import examine_study
from stenosis_kit.doctor.points import POINT_CONSEQUENCES
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import LabelPoint, Study


@pytest.fixture(scope="module")
def task(cohort: Path) -> Study:
    return Root(cohort).checked().labelled_studies()[0]


def test_nothing_is_odd_about_points_where_they_belong(task: Study) -> None:
    assert task.points
    assert not examine_study(task).counts.keys() & POINT_CONSEQUENCES.keys()


Points = dict[tuple[str, str], LabelPoint]
CANAL, LEFT_FORAMEN = "spinal_canal_stenosis", "left_neural_foraminal_narrowing"


def missing_instance(points: Points) -> None:
    points[CANAL, "l1_l2"] = replace(points[CANAL, "l1_l2"], instance_number=4000)


def outside(points: Points) -> None:
    points[CANAL, "l1_l2"] = replace(points[CANAL, "l1_l2"], x=-9.0)


def exchanged_levels(points: Points) -> None:
    one, other = (LEFT_FORAMEN, "l2_l3"), (LEFT_FORAMEN, "l3_l4")
    points[one], points[other] = points[other], points[one]


def shifted_level(points: Points) -> None:
    points[LEFT_FORAMEN, "l1_l2"] = replace(points[LEFT_FORAMEN, "l1_l2"], y=2.0)


@pytest.mark.parametrize(
    ("change", "key"),
    [
        (missing_instance, "points_without_image"),
        (outside, "points_outside_their_image"),
        (exchanged_levels, "levels_out_of_order"),
        (exchanged_levels, "sides_at_unlike_heights"),
        (shifted_level, "levels_at_implausible_distance"),
        (shifted_level, "sides_at_unlike_heights"),
    ],
)
def test_a_point_that_cannot_be_right_is_found(task: Study, change: Callable[[Points], None], key: str) -> None:
    points = dict(task.points)
    change(points)
    found = examine_study(replace(task, points=points))
    assert found.counts[key]
    assert str(task.study_id) in found.examples[key][0]
