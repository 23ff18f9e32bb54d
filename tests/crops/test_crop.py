"""Cutting: in mm, along the patient's axes, whatever the storage."""

import numpy as np
import pytest
from cut_scene import AXIAL, CENTER, KINDS, MIDDLE, SAGITTAL, SCENE, brightest, cut, scene_on, series_of, shown, stack
from fabricate import blobs, plane, render, stored, write_dicom

from stenosis_kit import rsna
from stenosis_kit.crops.views import View
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.series import read_series

# --- What is where -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_a_crop_shows_the_scene_on_the_patient_s_axes_in_mm(tmp_path, kind):
    series = series_of(tmp_path, stack(kind), kind)
    crop = cut(series, CENTER, KINDS[kind])
    assert crop.pixels.shape == (33, 33, 3)
    assert crop.pixels.dtype == np.uint8
    expected = shown(series, scene_on(kind, CENTER, SCENE, KINDS[kind]))
    assert expected.std() > 20
    assert np.abs(crop.pixels - expected).max() < 8  # the images have pixels of 1 mm: linear interpolation


@pytest.mark.parametrize("kind", KINDS)
def test_the_crop_s_centre_pixel_is_the_point(tmp_path, kind):
    point = CENTER + np.array([0.0, 5.5, -6.25] if kind == "sagittal" else [5.5, -6.25, 0.0])
    series = series_of(tmp_path, stack(kind), kind, blobs(point[None], width_mm=2.0))
    crop = cut(series, point, KINDS[kind])
    assert brightest(crop.pixels[:, :, 1]) == pytest.approx((MIDDLE, MIDDLE), abs=0.5)


def test_x_and_y_of_a_crop_are_the_point_on_the_middle_slice(tmp_path):
    series = series_of(tmp_path, stack("axial"), "axial")
    point = CENTER + np.array([1.5, -2.5, 0.75])
    crop = cut(series, point, AXIAL)
    assert crop.slice.number == 3
    assert crop.slice.plane.to_patient(np.array([crop.x, crop.y])) == pytest.approx(point - [0, 0, 0.75])


@pytest.mark.parametrize(
    ("kind", "step", "corner"),
    [
        ("sagittal", (0, 10, 0), "right"),  # to the back
        ("sagittal", (0, 0, 10), "top"),  # to the head
        ("axial", (10, 0, 0), "right"),  # to the patient's left
        ("axial", (0, 10, 0), "bottom"),  # to the back
    ],
)
def test_directions_of_the_patient_on_a_crop(tmp_path, kind, step, corner):
    series = series_of(tmp_path, stack(kind), kind, blobs(CENTER[None] + np.array(step, float), width_mm=2.0))
    x, y = brightest(cut(series, CENTER, KINDS[kind]).pixels[:, :, 1])
    far = 10 / (32 / 33)
    where = {"right": (MIDDLE + far, MIDDLE), "top": (MIDDLE, MIDDLE - far), "bottom": (MIDDLE, MIDDLE + far)}
    assert (x, y) == pytest.approx(where[corner], abs=0.6)


# --- Storage -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["flipped x", "flipped y", "rotated", "reversed", "shuffled"])
def test_however_a_series_is_stored_the_crop_is_the_same(tmp_path, kind, how, mirrored):
    planes = stack(kind)
    usual = cut(series_of(tmp_path / "a", planes, kind), CENTER, KINDS[kind], mirrored)
    numbers = {"reversed": [5, 4, 3, 2, 1], "shuffled": [2, 5, 1, 3, 4]}.get(how)
    other = series_of(tmp_path / "b", planes, kind, numbers=numbers, how="as is" if numbers else how)
    changed = cut(other, CENTER, KINDS[kind], mirrored)
    assert np.abs(changed.pixels.astype(int) - usual.pixels).max() <= 1
    assert changed.padding == usual.padding


@pytest.mark.parametrize("how", ["flipped x", "flipped y", "rotated"])
def test_slices_of_one_series_stored_differently_still_make_one_crop(tmp_path, how):
    planes = stack("sagittal")
    usual = cut(series_of(tmp_path / "a", planes, "sagittal"), CENTER, SAGITTAL)
    for number, item in enumerate(planes, start=1):
        changed, pixels = stored(item, render(SCENE, item), how if number % 2 else "as is")
        write_dicom(tmp_path / "b" / f"{number}.dcm", changed, pixels)
    mixed = cut(read_series(tmp_path / "b", 1, SAGITTAL.series_kind), CENTER, SAGITTAL)
    assert np.abs(mixed.pixels.astype(int) - usual.pixels).max() <= 1


# --- Mirroring -----------------------------------------------------------------------------------


SIDE = np.array([13.0, -4.0, 6.0])  # a place on the left; the right one is its mirror image
RIGHT_OF_IT = SIDE * np.array([-1, 1, 1])


def test_mirroring_an_axial_crop_swaps_its_left_and_right(tmp_path):
    series = series_of(tmp_path, stack("axial"), "axial")
    plain, mirrored = (cut(series, CENTER, AXIAL, flag).pixels for flag in (False, True))
    assert np.abs(mirrored.astype(int) - plain[:, ::-1]).max() <= 1
    assert not np.array_equal(mirrored, plain)


def test_mirroring_a_sagittal_crop_swaps_the_order_of_its_slices_alone(tmp_path):
    series = series_of(tmp_path, stack("sagittal"), "sagittal")
    plain, mirrored = (cut(series, CENTER, SAGITTAL, flag).pixels for flag in (False, True))
    assert np.array_equal(mirrored, plain[:, :, ::-1])
    assert not np.array_equal(mirrored, plain)


def symmetric(places):
    """The same on the left and on the right of x = 0."""
    return blobs(np.array([[20.0, -8.0, 2.0], [9.0, 3.0, 9.0]]), width_mm=4.0)(
        np.abs(places * [1, 0, 0]) + places * [0, 1, 1]
    )


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_symmetric_scene_the_mirrored_right_crop_is_the_left_crop(tmp_path, kind):
    planes = stack(kind, np.arange(-24.0, 25.0, 4.0), about=np.array([0, 0, 6.0]), shape=(71, 71))
    series = series_of(tmp_path, planes, kind, symmetric)
    left, right = cut(series, SIDE, KINDS[kind]), cut(series, RIGHT_OF_IT, KINDS[kind], mirrored=True)
    unmirrored = cut(series, RIGHT_OF_IT, KINDS[kind])
    assert np.abs(right.pixels.astype(int) - left.pixels).max() <= 1
    assert np.abs(unmirrored.pixels.astype(int) - left.pixels).max() > 40


@pytest.mark.parametrize("kind", KINDS)
def test_on_a_scene_that_is_not_symmetric_left_and_mirrored_right_differ(tmp_path, kind):
    planes = stack(kind, np.arange(-24.0, 25.0, 4.0), about=np.array([0, 0, 6.0]), shape=(71, 71))
    series = series_of(tmp_path, planes, kind, blobs(SIDE[None], width_mm=4.0))
    left, right = cut(series, SIDE, KINDS[kind]), cut(series, RIGHT_OF_IT, KINDS[kind], mirrored=True)
    assert np.abs(right.pixels.astype(int) - left.pixels).max() > 40


@pytest.mark.parametrize("gap", [2.0, 3.0, 8.0])
def test_left_and_mirrored_right_take_mirrored_slices_where_a_step_falls_between_two(tmp_path, gap):
    view = View("sagittal", "foraminal", rsna.SAGITTAL_T1, mm=32.0, px=33, slices=5, step_mm=gap / 2 * 3)
    planes = stack("sagittal", np.arange(-10, 11) * gap, about=np.zeros(3), shape=(71, 71))
    series = series_of(tmp_path, planes, "sagittal", lambda places: 100 + np.abs(places) @ (10.0, 1.0, 0.0))
    left = cut(series, np.array([4 * gap, 0, 0]), view)
    right = cut(series, np.array([-4 * gap, 0, 0]), view, mirrored=True)
    assert right.pixels[MIDDLE, MIDDLE].tolist() == left.pixels[MIDDLE, MIDDLE].tolist()


# --- Padding -------------------------------------------------------------------------------------


def test_a_crop_inside_its_image_has_no_padding(tmp_path):
    assert cut(series_of(tmp_path, stack("axial"), "axial"), CENTER, AXIAL).padding == 0


@pytest.mark.parametrize("mirrored", [False, True])
def test_padding_is_the_share_outside_the_image(tmp_path, mirrored):
    series = series_of(tmp_path, stack("axial"), "axial")
    edge = np.array([29.5, 0.0, CENTER[2]])  # on the last column: half of the crop lies outside
    crop = cut(series, edge, AXIAL, mirrored)
    assert crop.padding == pytest.approx(0.5, abs=0.03)
    assert (crop.pixels[:, :12] == 0).all() == mirrored
    assert (crop.pixels[:, -12:] == 0).all() == (not mirrored)


def test_padding_is_that_of_the_middle_slice(tmp_path):
    small = [plane("axial", CENTER[2] + step, shape=(16, 60)) for step in (-4.0, 4.0)]
    whole = plane("axial", CENTER[2], shape=(70, 60))
    series = series_of(tmp_path, [small[0], whole, small[1]], "axial")
    crop = cut(series, CENTER, AXIAL)
    assert (crop.pixels[0, :, 0] == 0).all()
    assert crop.padding == 0


@pytest.mark.parametrize(
    "tags", [{"PhotometricInterpretation": "MONOCHROME1"}, {"RescaleSlope": 1.0, "RescaleIntercept": -4000.0}]
)
def test_padding_is_black_where_all_signal_is_negative(tmp_path, tags):
    item = plane("axial", CENTER[2], shape=(16, 60))
    write_dicom(tmp_path / "1.dcm", item, render(SCENE, item), **tags)
    crop = cut(read_series(tmp_path, 1, rsna.AXIAL_T2), np.array([0.0, 0.0, CENTER[2]]), AXIAL)
    assert crop.pixels[:6].max() == 0
    assert crop.pixels[12:20, 12:20].max() > 100


@pytest.mark.parametrize("kind", KINDS)
def test_padding_of_an_image_is_as_what_lies_outside_it(tmp_path, kind):
    """A quarter of each image is gone: cut off in one series, and in the other one declared to be padding."""
    for number, item in enumerate(stack(kind), start=1):
        pixels = render(SCENE, item)
        gone = item.shape[0] // 4
        origin = item.to_patient(np.array([0, gone]))
        short = Plane(origin, item.row, item.column, item.spacing, (item.shape[0] - gone, item.shape[1]))
        write_dicom(tmp_path / "short" / f"{number}.dcm", short, pixels[gone:])
        pixels[:gone] = 4095
        write_dicom(tmp_path / "padded" / f"{number}.dcm", item, pixels, PixelPaddingValue=4095)
    point = CENTER + np.array([0.0, 0.0, 15.0] if kind == "sagittal" else [0.0, -15.0, 0.0])
    expected, crop = (
        cut(read_series(tmp_path / name, 1, KINDS[kind].series_kind), point, KINDS[kind])
        for name in ("short", "padded")
    )
    assert 0.1 < expected.padding < 0.9
    assert crop.padding == pytest.approx(expected.padding, abs=0.04)
    differ = np.abs(crop.pixels.astype(int) - expected.pixels) > 1
    assert differ.any(axis=1).sum(axis=0).max() <= 2  # rows of the crop at the edge, where pixels are interpolated


def test_a_crop_beside_its_image_is_all_padding(tmp_path):
    series = series_of(tmp_path, stack("axial"), "axial")
    crop = cut(series, np.array([200.0, 0.0, CENTER[2]]), AXIAL)
    assert crop.padding == 1
    assert crop.pixels.max() == 0
