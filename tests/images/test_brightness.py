"""Grey levels follow what lies about the canal, whatever coil received it and whatever else the images show."""

import numpy as np
import pytest
from fabricate import plane, render, write_dicom, write_series

from stenosis_kit import rsna
from stenosis_kit.images.brightness import Brightness, brightness_of
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import SquareGrid
from stenosis_kit.images.resampling import resample
from stenosis_kit.images.series import read_series

CANAL = np.array([[2.0, -6.0, z] for z in (60.0, 30.0, 0.0, -30.0, -60.0)])
PLANES = [plane("axial", z, mm=1.0, shape=(120, 120)) for z in np.arange(-70.0, 71.0, 10.0)]
SLOPE = 0.025  # five times in 64 mm


def body(places):
    """Tissue of many kinds, in which no direction is brighter than another."""
    x, y, z = np.moveaxis(places, -1, 0)
    return 300 + 250 * np.sin(x / 3 + z) * np.sin(y / 2.5) * np.sin(x / 11 - y / 13)


def under_coil(slope, fat=1.0):
    """The body, brighter towards the back by a slope; from 30 mm behind the canal on there is fat."""

    def scene(places):
        y = places[..., 1]
        return body(places) * np.exp(slope * (y + 6)) * np.where(y > 24, fat, 1.0)

    return scene


def series_of(folder, scene, kind=rsna.AXIAL_T2, planes=PLANES):
    write_series(folder, scene, planes)
    return read_series(folder, 1, kind)


def greys(series, brightness, point=CANAL[2]):
    item = series.slices[series.index_of(8)]
    grid = SquareGrid(point, item.plane.display_axes(series.orientation), 48, 48.0)
    layer = resample(series.pixels(item), item.plane, grid, brightness.dark)
    return brightness.greys(layer, item.plane, grid).astype(int)


def seen_under(folder, scene):
    series = series_of(folder, scene)
    return greys(series, brightness_of(series, CANAL))


@pytest.fixture
def usual(tmp_path):
    series = series_of(tmp_path / "usual", body)
    return greys(series, brightness_of(series, CANAL))


@pytest.mark.parametrize("slope", [SLOPE, -SLOPE])
def test_a_coil_changes_no_grey_levels(tmp_path, usual, slope):
    assert usual.std() > 40
    found = seen_under(tmp_path, under_coil(slope))
    assert np.abs(found - usual).mean() < 4
    assert np.corrcoef(found.ravel(), usual.ravel())[0, 1] > 0.99


def test_bright_fat_that_no_crop_shows_changes_no_grey_levels(tmp_path, usual):
    assert np.abs(seen_under(tmp_path, under_coil(0.0, fat=6.0)) - usual).mean() < 2


def test_the_brightness_of_the_whole_series_would_leave_the_canal_dark(tmp_path, usual):
    series = series_of(tmp_path / "coil", under_coil(SLOPE, fat=2.0))
    assert greys(series, Brightness.of_series(series)).mean() < usual.mean() / 2


def test_the_grey_levels_are_the_same_on_each_slice_of_a_tilted_series(tmp_path):
    """The gain at a place goes by where it lies in the patient, not by its row."""
    level = series_of(tmp_path / "level", under_coil(SLOPE))
    brightness = brightness_of(level, CANAL)
    item = level.slices[level.index_of(8)]
    there = np.array([10.0, 14.0, 0.0])
    grids = [SquareGrid(there, axes, 1, 1.0) for axes in (item.plane.display_axes("axial"), ((0, 1, 0), (1, 0, 0)))]
    one, other = (
        brightness.greys(np.full((1, 1), 500.0), item.plane, grid._replace(axes=tuple(map(np.array, grid.axes))))
        for grid in grids
    )
    assert one == other


@pytest.mark.parametrize("slices", [(2, 5), (8,)])
@pytest.mark.parametrize("how", ["metal", "saturated", "dark border", "padding", "another slope"])
def test_what_two_levels_show_changes_nothing_at_the_others(tmp_path, usual, how, slices):
    tags = {}
    for number, item in enumerate(PLANES, start=1):
        pixels = render(body, item)
        if number in slices:
            rows, columns = np.mgrid[:120, :120]
            about = np.hypot(rows - 54, columns - 62) < 15
            if how == "metal":
                pixels[about] = 3
                pixels[about & (rows < 50)] = 4000
            elif how == "saturated":
                pixels[about] = 4095
            elif how == "another slope":
                tags = {"RescaleSlope": 7.0, "RescaleIntercept": 0.0}
            else:
                pixels[:60] = 0 if how == "dark border" else 4095
                tags = {"PixelPaddingValue": 4095} if how == "padding" else {}
        write_dicom(tmp_path / f"{number}.dcm", item, pixels, **tags)
        tags = {}
    series = read_series(tmp_path, 1, rsna.AXIAL_T2)
    seen = series.index_of(8 if 8 not in slices else 9)
    item, other = series.slices[seen], read_series(tmp_path.parent / tmp_path.name / "usual", 1, rsna.AXIAL_T2)
    brightness, expected = brightness_of(series, CANAL), brightness_of(other, CANAL)
    grid = SquareGrid(CANAL[2], item.plane.display_axes("axial"), 48, 48.0)
    layer = resample(series.pixels(item), item.plane, grid, brightness.dark)
    one, two = (each.greys(layer, item.plane, grid).astype(int) for each in (brightness, expected))
    assert np.abs(one - two).mean() < 4


def test_levels_that_are_unknown_or_not_shown_are_left_out(tmp_path):
    some = CANAL.copy()
    some[[0, 4]] = np.nan
    some[1] += (0, 0, 500)
    series = series_of(tmp_path, under_coil(SLOPE))
    found, expected = brightness_of(series, some), brightness_of(series, CANAL[2:4])
    assert (found.window, found.slope) == (expected.window, expected.slope)


def test_a_series_that_shows_no_level_has_the_brightness_of_all_it_shows(tmp_path):
    series = series_of(tmp_path, body)
    for canal in (np.full((5, 3), np.nan), CANAL + (0, 0, 900), CANAL + (900, 0, 0)):
        found = brightness_of(series, canal)
        assert (found.window, found.slope) == (series.window(), 0)


def test_levels_of_one_value_leave_the_brightness_to_the_whole_series(tmp_path):
    """As where a window was burned into the images, and all about the canal lies beyond it."""

    def clipped(places):
        return np.where(np.hypot(places[..., 0] - 2, places[..., 1] + 6) < 40, 300.0, body(places))

    series = series_of(tmp_path, clipped)
    found = brightness_of(series, CANAL)
    assert (found.window, found.slope) == (series.window(), 0)
    low, high = found.window
    assert greys(series, found) == pytest.approx(255 * (300 - low) / (high - low), abs=0.6)


def test_sagittal_series_are_looked_at_where_their_crops_are_cut(tmp_path):
    """On T1 beside the canal: the slices in the middle may be of any brightness."""
    planes = [plane("sagittal", x, shape=(160, 120)) for x in range(-20, 21, 4)]

    def scene(places):
        return body(places) * np.where(np.abs(places[..., 0]) < 6, 6.0, 1.0)

    plain = series_of(tmp_path / "plain", body, rsna.SAGITTAL_T1, planes)
    bright = series_of(tmp_path / "bright", scene, rsna.SAGITTAL_T1, planes)
    assert brightness_of(bright, CANAL).window == pytest.approx(brightness_of(plain, CANAL).window, rel=0.05)
    assert bright.window()[1] > 3 * plain.window()[1]


def test_a_series_without_readable_slices_has_no_brightness(tmp_path):
    with pytest.raises(UnreadableSlice):
        brightness_of(read_series(tmp_path, 1, rsna.AXIAL_T2), CANAL)
