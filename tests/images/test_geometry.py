"""Pixels and patient space: the formula of PS3.3, and what is built on it."""

import numpy as np
import pytest
from fabricate import plane, stored, tilted

from stenosis_kit.images.geometry import AXIAL, SAGITTAL, Plane, SquareGrid, midpoint, sampling_matrix

PIXELS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [13.25, 40.5], [-3.0, 200.0]])


def oblique() -> Plane:
    """Tilted about two axes, not square, with different spacing between rows and between columns."""
    item = Plane.from_tags((-61.5, -80.25, 33.0), (1, 0, 0, 0, 1, 0), (0.8, 0.5), (120, 90))
    return tilted(tilted(item, 21.0, "x"), -9.0, "z")


def tags(item: Plane) -> tuple[list[float], list[float], list[float]]:
    """ImagePositionPatient, ImageOrientationPatient, PixelSpacing."""
    return item.origin.tolist(), [*item.row.tolist(), *item.column.tolist()], list(item.spacing)


def test_pixel_maps_to_patient_by_the_formula_of_ps3_3():
    row, column = np.array([0.6, 0.8, 0.0]), np.array([0.0, 0.0, -1.0])
    item = Plane.from_tags((10, 20, 30), (*row, *column), (2.0, 0.5), (50, 40))
    # P = IPP + x * PixelSpacing[1] * IOP[:3] + y * PixelSpacing[0] * IOP[3:], with x = 4 and y = 3
    assert item.to_patient(np.array([4, 3])) == pytest.approx([10 + 1.2, 20 + 1.6, 30 - 6])


def test_first_pixel_s_centre_is_the_image_position():
    assert oblique().to_patient(np.array([0, 0])) == pytest.approx(oblique().origin)


def test_pixels_come_back_from_patient_space():
    assert oblique().to_pixel(oblique().to_patient(PIXELS)) == pytest.approx(PIXELS)


def skewed() -> Plane:
    """Its axes are as far from perpendicular as is accepted."""
    sine = 0.049
    return Plane.from_tags((-61.5, -80.25, 33.0), (1, 0, 0, sine, np.sqrt(1 - sine**2), 0), (0.8, 0.5), (512, 512))


def test_pixels_come_back_where_the_axes_are_not_perpendicular():
    item, pixels = skewed(), np.array([[0.0, 0.0], [511.0, 0.0], [0.0, 511.0], [511.0, 511.0]])
    points = item.to_patient(pixels)
    assert item.to_pixel(points) == pytest.approx(pixels, abs=1e-9)
    assert item.to_pixel(points + 7 * item.normal) == pytest.approx(pixels, abs=1e-9)
    matrix = sampling_matrix(item, SquareGrid(points[3], item.display_axes(AXIAL), px=33, mm=66.0))
    assert matrix @ [16, 16, 1] == pytest.approx(pixels[3])


def test_pixel_to_patient_agrees_with_highdicom():
    spatial = pytest.importorskip("highdicom.spatial")
    item = oblique()
    transform = spatial.PixelToReferenceTransformer(*tags(item))
    whole = np.array([[0, 0], [7, 2], [-1, 119]])
    assert item.to_patient(whole) == pytest.approx(transform(whole))


def test_patient_to_pixel_and_distance_agree_with_highdicom():
    spatial = pytest.importorskip("highdicom.spatial")
    item = oblique()
    points = np.random.default_rng(0).uniform(-90, 90, (20, 3))
    transform = spatial.ReferenceToPixelTransformer(*tags(item), round_output=False)
    theirs = transform(points)
    assert item.to_pixel(points) == pytest.approx(theirs[:, :2])
    assert np.abs(item.distance(points)) == pytest.approx(np.abs(theirs[:, 2]))


def test_orientation_vectors_slightly_off_unit_length_are_made_unit():
    item = Plane.from_tags((0, 0, 0), (1.004, 0, 0, 0, 0.997, 0), (1, 1), (10, 10))
    assert item.to_patient(np.array([5, 7])) == pytest.approx([5, 7, 0])


def test_distance_is_signed_along_the_normal_and_nil_in_the_plane():
    item = oblique()
    inside = item.to_patient(np.array([30.0, 60.0]))
    assert item.distance(inside) == pytest.approx(0)
    assert item.distance(np.stack([inside + 3 * item.normal, inside - 4 * item.normal])) == pytest.approx([3, -4])


def test_distance_of_a_tilted_plane_is_not_a_difference_of_z():
    item = tilted(plane("axial", 0.0), 30.0, "x")
    assert abs(item.distance(np.array([0.0, 0.0, 10.0]))) == pytest.approx(10 * np.cos(np.deg2rad(30)))


def test_drop_gives_the_foot_of_the_perpendicular():
    item = oblique()
    foot = item.to_patient(np.array([11.0, 22.0]))
    assert item.drop(foot + 8.5 * item.normal) == pytest.approx(foot)


def test_center_is_the_middle_of_the_image_not_its_corner():
    item = oblique()
    corners = item.to_patient(np.array([[0, 0], [89, 0], [0, 119], [89, 119]]))
    assert item.center == pytest.approx(corners.mean(axis=0))


@pytest.mark.parametrize(
    ("pixel", "shown"),
    [
        ((0, 0), True),
        ((-0.49, -0.49), True),
        ((89.49, 119.49), True),
        ((-0.51, 50), False),
        ((89.51, 50), False),
        ((50, -0.51), False),
        ((50, 119.51), False),
        ((100, 50), False),  # columns, not rows, bound x
        ((50, 100), True),
    ],
)
def test_shows_reaches_to_the_edge_of_the_outermost_pixels(pixel, shown):
    item = oblique()
    point = item.to_patient(np.array(pixel)) + 40 * item.normal
    assert item.shows(point) is shown


def test_extent_counts_whole_pixels_along_either_side():
    item = Plane.from_tags((0, 0, 0), (0, 1, 0, 0, 0, -1), (0.8, 0.5), (120, 90))
    assert item.extent(np.array([0.0, 1.0, 0.0])) == pytest.approx(45)
    assert item.extent(np.array([0.0, 0.0, -1.0])) == pytest.approx(96)


def test_midpoint_lies_half_way():
    assert midpoint((0, 2, -4), (10, 4, 4)) == pytest.approx([5, 3, 0])


# --- Display axes --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["as is", "flipped x", "flipped y", "rotated"])
@pytest.mark.parametrize("degrees", [0.0, 15.0, -30.0])
@pytest.mark.parametrize(
    ("kind", "orientation", "axis", "right", "down"),
    [("sagittal", SAGITTAL, "z", (0, 1, 0), (0, 0, -1)), ("axial", AXIAL, "x", (1, 0, 0), (0, 1, 0))],
)
def test_display_axes_do_not_depend_on_storage(kind, orientation, axis, right, down, degrees, how):
    item = tilted(plane(kind, 5.0), degrees, axis)
    changed, _ = stored(item, np.zeros(item.shape), how)
    x, y = changed.display_axes(orientation)
    assert np.stack([x, y]) == pytest.approx(np.stack(item.display_axes(orientation)))
    assert [x @ item.normal, y @ item.normal, x @ y] == pytest.approx([0, 0, 0])
    assert [np.linalg.norm(x), np.linalg.norm(y)] == pytest.approx([1, 1])
    assert x @ np.array(right) > 0.8
    assert y @ np.array(down) > 0.8


def test_display_axes_of_a_usual_plane_are_the_patient_s():
    assert np.stack(plane("sagittal", 0.0).display_axes(SAGITTAL)) == pytest.approx(np.array([[0, 1, 0], [0, 0, -1]]))
    assert np.stack(plane("axial", 0.0).display_axes(AXIAL)) == pytest.approx(np.array([[1, 0, 0], [0, 1, 0]]))


# --- Crops' frame --------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["as is", "flipped x", "flipped y", "rotated"])
def test_sampling_matrix_puts_the_point_in_the_middle_and_steps_in_mm(how):
    item, _ = stored(oblique(), np.zeros(oblique().shape), how)
    axes, center = item.display_axes(AXIAL), item.to_patient(np.array([40.0, 50.0]))
    matrix = sampling_matrix(item, SquareGrid(center + 3 * item.normal, axes, px=33, mm=66.0))
    assert item.to_patient(matrix @ [16, 16, 1]) == pytest.approx(center)
    assert item.to_patient(matrix @ [17, 16, 1]) == pytest.approx(center + 2 * axes[0])
    assert item.to_patient(matrix @ [16, 11, 1]) == pytest.approx(center - 10 * axes[1])


# --- Tags that describe no plane -------------------------------------------------------------------

GOOD = {
    "position": (0, 0, 0),
    "orientation": (1, 0, 0, 0, 1, 0),
    "spacing": (1, 1),
    "shape": (8, 8),
}


@pytest.mark.parametrize(
    ("bad", "tag"),
    [
        ({"position": ()}, "ImagePositionPatient"),
        ({"position": (0, 0)}, "ImagePositionPatient"),
        ({"position": (0, 0, float("nan"))}, "ImagePositionPatient"),
        ({"position": (0, 0, "feet")}, "ImagePositionPatient"),
        ({"position": 7}, "ImagePositionPatient"),
        ({"orientation": (1, 0, 0)}, "ImageOrientationPatient"),
        ({"orientation": (0, 0, 0, 0, 0, 0)}, "ImageOrientationPatient"),
        ({"orientation": (1, 0, 0, 1, 0, 0)}, "ImageOrientationPatient"),
        ({"orientation": (2, 0, 0, 0, 2, 0)}, "ImageOrientationPatient"),
        ({"spacing": ()}, "PixelSpacing"),
        ({"spacing": (1,)}, "PixelSpacing"),
        ({"spacing": (0, 1)}, "PixelSpacing"),
        ({"spacing": (1, -1)}, "PixelSpacing"),
        ({"spacing": (1, float("inf"))}, "PixelSpacing"),
        ({"shape": (0, 8)}, "Rows, Columns"),
    ],
)
def test_tags_that_describe_no_plane_are_refused_by_name(bad, tag):
    assert Plane.from_tags(**GOOD).shape == (8, 8)
    with pytest.raises(ValueError, match=tag):
        Plane.from_tags(**(GOOD | bad))
