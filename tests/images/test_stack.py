"""Planes as a stack: groups, order, and the nearest."""

import numpy as np
import pytest
from fabricate import plane, stored, tilted

from stenosis_kit.images.geometry import AXIAL, SAGITTAL, Plane
from stenosis_kit.images.stack import nearest_plane, orientation_groups, stacking_order

# --- Groups and order ---------------------------------------------------------------------------


def test_planes_of_one_tilt_are_one_group():
    planes = [tilted(plane("axial", z), 12.0, "x") for z in (0, 4, 8)]
    assert orientation_groups(planes) == [[0, 1, 2]]


def test_six_orientations_are_six_groups():
    planes = [tilted(plane("axial", -30.0 * block - 4 * i), 8.0 * block, "x") for block in range(6) for i in range(3)]
    assert orientation_groups(planes) == [[3 * block + i for i in range(3)] for block in range(6)]


def test_interleaved_orientations_are_told_apart():
    planes = [tilted(plane("axial", 4.0 * i), 20.0 * (i % 2), "x") for i in range(6)]
    assert orientation_groups(planes) == [[0, 2, 4], [1, 3, 5]]


def test_rounding_of_orientations_does_not_split_a_group():
    planes = [tilted(plane("axial", 4.0 * i), 0.1 * (i % 3), "x") for i in range(6)]
    assert orientation_groups(planes) == [[0, 1, 2, 3, 4, 5]]


def test_flipped_planes_stay_in_the_group_of_the_others():
    usual = plane("axial", 0.0)
    flipped, _ = stored(plane("axial", 4.0), np.zeros((120, 100)), "flipped x")
    assert flipped.normal @ usual.normal == pytest.approx(-1)
    assert orientation_groups([usual, flipped]) == [[0, 1]]


@pytest.mark.parametrize("degrees", [0.0, 25.0, -25.0])
@pytest.mark.parametrize(("kind", "orientation", "axis"), [("sagittal", SAGITTAL, "z"), ("axial", AXIAL, "x")])
@pytest.mark.parametrize("how", ["as is", "flipped x", "flipped y", "rotated"])
def test_stacking_order_is_right_to_left_and_feet_to_head_however_stored(kind, orientation, axis, degrees, how):
    offsets = [8.0, -4.0, 0.0, 4.0, -8.0]
    turned = tilted(plane(kind, 0.0), degrees, axis)
    lateral = turned.stacking_normal(orientation)
    planes = [
        Plane(turned.origin + o * lateral, turned.row, turned.column, turned.spacing, turned.shape) for o in offsets
    ]
    planes = [stored(item, np.zeros(item.shape), how)[0] for item in planes]
    assert stacking_order(planes, orientation) == [4, 1, 2, 3, 0]


@pytest.mark.parametrize("reverse", [False, True])
def test_stacking_order_goes_along_the_normal_where_one_axis_of_the_position_would_mislead(reverse):
    # parallel planes at 40 degrees whose images shift in-plane, so that z of IPP runs the other way
    base = tilted(plane("axial", 0.0), 40.0, "x")
    planes = [
        Plane(base.origin + 2 * i * base.normal - 12 * i * base.column, base.row, base.column, base.spacing, base.shape)
        for i in range(4)
    ]
    z = [item.origin[2] for item in planes]
    assert z == sorted(z, reverse=True)
    order = [3, 2, 1, 0] if reverse else [0, 1, 2, 3]
    assert stacking_order(planes[::-1] if reverse else planes, AXIAL) == order


def test_stacking_order_keeps_blocks_together_feet_first():
    head = [tilted(plane("axial", z), 0.0, "x") for z in (34, 30, 26)]
    feet = [tilted(plane("axial", z), 25.0, "x") for z in (-26, -30, -34)]
    assert stacking_order(head + feet, AXIAL) == [5, 4, 3, 2, 1, 0]


def test_duplicate_positions_keep_the_order_they_came_in():
    planes = [plane("axial", z) for z in (4, 0, 4, 0)]
    assert stacking_order(planes, AXIAL) == [1, 3, 0, 2]


def test_no_planes_have_an_empty_order():
    assert stacking_order([], SAGITTAL) == []


# --- Nearest plane -------------------------------------------------------------------------------


def test_nearest_plane_is_by_distance_not_by_the_corner_s_z():
    # The corner of the tilted plane is 30 mm away in z, but the plane passes through the point.
    flat, steep = plane("axial", 6.0), tilted(plane("axial", 0.0), 30.0, "x")
    point = np.array([0.0, 20.0, 0.0])
    point = steep.drop(point)
    assert abs(steep.origin[2] - point[2]) > abs(flat.origin[2] - point[2])
    assert nearest_plane([flat, steep], point) == (1, pytest.approx(0))


def test_nearest_plane_gives_its_distance_without_sign():
    planes = [plane("axial", z) for z in (0.0, 10.0)]
    assert nearest_plane(planes, np.array([0, 0, 3.0])) == (0, pytest.approx(3))
    assert nearest_plane(planes, np.array([0, 0, 14.0])) == (1, pytest.approx(4))


def test_a_plane_whose_image_shows_the_point_goes_before_a_closer_one_beside_it():
    closer = plane("axial", 0.0, shape=(20, 20))
    wide = plane("axial", 4.0)
    point = np.array([30.0, 0.0, 0.5])
    assert not closer.shows(point)
    assert wide.shows(point)
    assert nearest_plane([closer, wide], point)[0] == 1


def test_where_no_image_shows_the_point_the_closest_plane_is_taken():
    planes = [plane("axial", z) for z in (0.0, 5.0)]
    point = np.array([300.0, 0.0, 4.0])
    assert nearest_plane(planes, point) == (1, pytest.approx(1))


def test_of_equally_close_planes_the_first_is_taken():
    planes = [plane("axial", z) for z in (5.0, 0.0, 0.0)]
    assert nearest_plane(planes, np.zeros(3))[0] == 1


def test_nearest_of_no_planes_is_an_error():
    with pytest.raises(ValueError):
        nearest_plane([], np.zeros(3))
