"""A crop's scale is in mm, whatever the matrix and the pixels of its image."""

import numpy as np
import pytest
from cut_scene import AXIAL, CENTER, KINDS, MIDDLE, brightest, cut, series_of, stack
from fabricate import blobs, plane, tilted, write_dicom

from stenosis_kit import rsna
from stenosis_kit.crops.views import View
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.series import read_series


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("spacing", "shape"),
    [((0.5, 0.5), (140, 120)), ((1.4, 1.4), (50, 44)), ((1.0, 1.0), (60, 90)), ((0.6, 1.2), (120, 60))],
    ids=["fine", "coarse", "wide image", "pixels not square"],
)
def test_the_scale_is_in_mm_on_any_matrix(tmp_path, kind, spacing, shape):
    reference = series_of(tmp_path / "a", stack(kind), kind)
    half = [(shape[1] - 1) / 2 * spacing[1], (shape[0] - 1) / 2 * spacing[0]]
    planes = []
    for usual in stack(kind):
        origin = usual.center - half[0] * usual.row - half[1] * usual.column
        planes.append(Plane(origin, usual.row, usual.column, spacing, shape))
    series = series_of(tmp_path / "b", planes, kind)
    low, high = reference.window()
    other_low, other_high = series.window()
    expected = cut(reference, CENTER, KINDS[kind]).pixels * ((high - low) / 255) + low
    found = cut(series, CENTER, KINDS[kind]).pixels * ((other_high - other_low) / 255) + other_low
    inside = (expected > max(low, other_low) + 5) & (expected < min(high, other_high) - 5)
    assert inside.mean() > 0.9
    assert np.abs(found - expected)[inside].max() < 40  # of a signal from about 300 to 1600


def test_balls_at_known_distances_in_mm_are_there_in_the_crop(tmp_path):
    # 32 mm on 33 pixels, cut from pixels of 0.5 x 1.25 mm
    item = Plane.from_tags((-40, -40, 0), (1, 0, 0, 0, 1, 0), (0.5, 1.25), (160, 64))
    series = series_of(tmp_path, [item], "axial", blobs(np.array([[-10.0, 0, 0], [0, 12.0, 0]]), width_mm=2.0))
    layer = cut(series, np.zeros(3), AXIAL).pixels[:, :, 1]
    assert brightest(layer[:20]) == pytest.approx((MIDDLE - 10 * 33 / 32, MIDDLE), abs=1)
    assert brightest(layer[20:]) == pytest.approx((MIDDLE, MIDDLE - 20 + 12 * 33 / 32), abs=1)


def test_fine_images_are_averaged_not_thinned_out(tmp_path):
    item = plane("axial", 0.0, mm=0.25, shape=(200, 200))
    pixels = np.where(np.indices((200, 200)).sum(axis=0) % 2, 1000, 0).astype(np.uint16)  # a chequerboard
    pixels[0] = 500  # of two values alone, it would be no image
    write_dicom(tmp_path / "1.dcm", item, pixels)
    view = View("axial", "subarticular", rsna.AXIAL_T2, mm=32.0, px=32, slices=1, step_mm=4.0)
    on_a_pixel = np.array([0.125, 0.125, 0.0])  # so that every fourth pixel, all of one colour, would be taken
    crop = cut(read_series(tmp_path, 1, rsna.AXIAL_T2), on_a_pixel, view)
    assert np.abs(crop.pixels - 127.5).max() < 40


def test_pixels_that_are_long_one_way_are_averaged_only_the_other_way(tmp_path):
    item = Plane.from_tags((-24.5, -24.875, 0.0), (1, 0, 0, 0, 1, 0), (0.25, 1.0), (200, 50))
    columns = np.where(np.arange(50) % 2, 1000, 0) * np.ones((200, 1))  # stripes as wide as the view's pixels
    columns[0] = 500  # of two values alone, it would be no image
    write_dicom(tmp_path / "1.dcm", item, columns.astype(np.uint16))
    view = View("axial", "subarticular", rsna.AXIAL_T2, mm=32.0, px=32, slices=1, step_mm=4.0)
    row = cut(read_series(tmp_path, 1, rsna.AXIAL_T2), np.zeros(3), view).pixels[16, :, 0].astype(float)
    assert np.abs(np.diff(row)).min() > 100


@pytest.mark.parametrize("degrees", [15.0, -35.0])
def test_a_tilted_axial_slice_is_cut_in_its_own_plane(tmp_path, degrees):
    item = tilted(plane("axial", CENTER[2], shape=(90, 90)), degrees, "x")
    right, down = np.array([1.0, 0, 0]), np.array([0, np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))])
    point = item.drop(CENTER)
    series = series_of(tmp_path, [item], "axial", blobs(np.stack([point, point + 8 * right + 10 * down]), width_mm=2.0))
    layer = cut(series, point, AXIAL).pixels[:, :, 1]
    assert brightest(layer[:21, :21]) == pytest.approx((MIDDLE, MIDDLE), abs=1)
    assert brightest(layer[21:, 21:]) == pytest.approx((MIDDLE - 21 + 8.25, MIDDLE - 21 + 10.3), abs=1)
