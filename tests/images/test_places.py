"""Series whose slices cannot lie where they say, and odd ones that can."""

import numpy as np
import pytest
from fabricate import blobs, plane, tilted, write_dicom, write_series

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.places import placeless
from stenosis_kit.images.series import read_series

SHAPE = (30, 60)


def axial(*places):
    return [plane("axial", z, shape=SHAPE) for z in places]


def moved_to(item, origin):
    return Plane(np.array(origin, float), item.row, item.column, item.spacing, item.shape)


def stack(count, start=0.0):
    return [start + 4.0 * i for i in range(count)]


def blocks(count, each):
    """Stacks of slices, each turned another way."""
    return [
        tilted(plane("axial", 30.0 * block + 4 * i, shape=SHAPE), 6.0 * block, "x")
        for block in range(count)
        for i in range(each)
    ]


# --- No geometry ---------------------------------------------------------------------------------


@pytest.mark.parametrize("jitter", [0.0, 1e-6, 0.01, 0.05])
@pytest.mark.parametrize("count", [3, 20])
def test_one_place_for_all_slices_is_no_place(count, jitter):
    steps = np.random.default_rng(1).uniform(-jitter, jitter, count)
    assert placeless(axial(*steps)) == set(range(count))


@pytest.mark.parametrize("places", [2, 3])
def test_few_places_for_twenty_slices_are_none(places):
    assert placeless(axial(*(4.0 * (i % places) for i in range(20)))) == set(range(20))


def test_one_place_along_the_normal_is_none_wherever_the_corners_lie():
    planes = [moved_to(item, (i, -2 * i, 5)) for i, item in enumerate(axial(*stack(9)))]
    assert placeless(planes) == set(range(9))


@pytest.mark.parametrize("each", [1, 2, 4])
def test_one_corner_for_slices_of_many_orientations_is_no_place(each):
    planes = [moved_to(item, (0, 0, 0)) for item in blocks(5, each)]
    assert placeless(planes) == set(range(5 * each))


def test_images_of_several_sizes_in_one_place():
    planes = [plane("axial", 0.0, mm, shape) for mm, shape in ((1.0, (30, 40)), (2.0, (15, 20)), (0.5, (60, 80)))]
    assert placeless([moved_to(item, (0, 0, 0)) for item in planes]) == {0, 1, 2}


def test_one_stack_in_one_place_does_not_touch_the_others():
    planes = blocks(5, 4)
    planes[8:12] = [planes[8]] * 4
    assert placeless(planes) == {8, 9, 10, 11}


def test_slices_that_lost_their_place_do_not_touch_those_that_kept_it():
    assert placeless(axial(*stack(5), *[500.0] * 12)) == set(range(5, 17))


# --- Geometry all the same -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "places",
    [
        [],
        [0.0],
        [0.0, 0.0],
        stack(3),
        [0.0, 0.0, *stack(5)],
        stack(15) + stack(3, 20.0),
        stack(10) * 2,
        stack(3) * 3,
        [0.0, 0.0, 4.0, 4.0],
        [0.3 * i for i in range(40)],
        [0.0] * 3 + stack(12, 4.0),
    ],
    ids=[
        "no slice",
        "one slice",
        "one slice twice",
        "three slices",
        "a slice thrice, one of many",
        "a few slices twice",
        "all twice",
        "all three times",
        "two slices twice",
        "thin slices",
        "three repeats",
    ],
)
def test_repeated_slices_keep_their_place(places):
    assert placeless(axial(*places)) == set()


def test_single_slices_of_many_orientations_keep_their_place():
    assert placeless(blocks(6, 1)) == placeless(blocks(6, 3)) == set()


# --- A series ------------------------------------------------------------------------------------


def test_a_series_in_one_place_has_no_slices_and_says_why(tmp_path):
    series = read_series(write_series(tmp_path, blobs(np.zeros((1, 3))), axial(*[7.0] * 6)), 5, rsna.AXIAL_T2)
    assert series.slices == []
    assert list(series.skipped) == [f"{number}.dcm" for number in range(1, 7)]
    (why,) = set(series.skipped.values())
    assert why.startswith("ImagePositionPatient: one place for too many slices")


def test_slices_across_the_series_do_not_count_where_it_is_looked_for(tmp_path):
    scene = blobs(np.zeros((1, 3)))
    write_series(tmp_path, scene, axial(*[7.0] * 5))
    for number in range(10, 20):
        write_dicom(tmp_path / f"{number}.dcm", plane("sagittal", number, shape=SHAPE), np.ones(SHAPE, np.uint16))
    assert read_series(tmp_path, 5, rsna.AXIAL_T2).slices == []
