"""Which slices make a crop, and what becomes of one where some cannot be read."""

import numpy as np
import pytest
from cut_scene import AXIAL, CENTER, KINDS, MIDDLE, SCENE, brightest, cut, series_of, stack
from fabricate import blobs, plane, tilted, write_dicom, write_series

from stenosis_kit import rsna
from stenosis_kit.images.series import read_series

# --- Neighbours ----------------------------------------------------------------------------------


def by_slice(kind):
    """A scene whose signal tells the depth, the patient's x or z, and is no constant in a slice far from the middle."""
    depth = 0 if kind == "sagittal" else 2
    return lambda places: 500 + 10.0 * places[..., depth] + np.clip(np.abs(places[..., 1] - CENTER[1]) - 20, 0, 9)


def depths(crop, series, kind, center):
    """The depth of each layer of a crop, mm from the middle, read off the pixels of `by_slice`."""
    low, high = series.window()
    signal = crop.pixels[MIDDLE, MIDDLE] * ((high - low) / 255) + low
    return ((signal - 500) / 10 - center[0 if kind == "sagittal" else 2]).round(1).tolist()


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_neighbours_run_right_to_left_and_feet_to_head(tmp_path, kind, reverse):
    planes = stack(kind, np.arange(-20.0, 21.0, 4.0))
    series = series_of(tmp_path, planes[::-1] if reverse else planes, kind, by_slice(kind))
    crop = cut(series, CENTER, KINDS[kind])
    assert depths(crop, series, kind, CENTER) == pytest.approx([-4, 0, 4], abs=0.3)


def test_neighbours_are_chosen_by_distance_not_by_count(tmp_path):
    planes = stack("axial", np.arange(-20.0, 21.0, 1.0))  # a thin 3-D series: one slice each mm
    series = series_of(tmp_path, planes, "axial", by_slice("axial"))
    assert depths(cut(series, CENTER, AXIAL), series, "axial", CENTER) == pytest.approx([-4, 0, 4], abs=0.3)


def test_a_gap_repeats_a_slice(tmp_path):
    planes = stack("axial", [-30.0, -4.0, 0.0, 30.0])
    series = series_of(tmp_path, planes, "axial", by_slice("axial"))
    crop = cut(series, CENTER, AXIAL)
    assert depths(crop, series, "axial", CENTER) == pytest.approx([-4, 0, 0], abs=0.4)
    assert np.array_equal(crop.pixels[:, :, 1], crop.pixels[:, :, 2])
    assert not np.array_equal(crop.pixels[:, :, 0], crop.pixels[:, :, 1])


def test_a_single_slice_is_repeated(tmp_path):
    crop = cut(series_of(tmp_path, stack("axial", [0.0]), "axial"), CENTER, AXIAL)
    assert np.array_equal(crop.pixels[:, :, 0], crop.pixels[:, :, 2])
    assert crop.pixels.max() > 200


def test_neighbours_come_from_the_same_orientation_block(tmp_path):
    block = [tilted(plane("axial", z, shape=(70, 60)), 25.0, "x") for z in (-4.4, 0.0, 4.4)]
    across = [plane("axial", z, shape=(70, 60)) for z in (-3.9, 4.0)]
    for number, item in enumerate(block + across, start=1):
        pixels = np.full((70, 60), 100 * number, np.uint16)
        pixels[:9] += np.arange(9, dtype=np.uint16)[:, None]  # of one value alone, it would be no image
        write_dicom(tmp_path / f"{number}.dcm", item, pixels)
    series = read_series(tmp_path, 1, rsna.AXIAL_T2)
    low, high = series.window()
    crop = cut(series, np.zeros(3), AXIAL)
    signal = crop.pixels[MIDDLE, MIDDLE] * ((high - low) / 255) + low
    assert signal == pytest.approx([100, 200, 300], abs=2)


def test_duplicate_positions_do_not_disturb_a_crop(tmp_path):
    planes = stack("axial")
    usual = cut(series_of(tmp_path / "a", planes, "axial"), CENTER, AXIAL)
    doubled = cut(series_of(tmp_path / "b", [item for item in planes for _ in range(2)], "axial"), CENTER, AXIAL)
    assert np.array_equal(doubled.pixels, usual.pixels)


# --- What cannot be cut --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("middle", "expected"), [(4, 5), (6, 7)], ids=["in the window's sample", "not in the window's sample"]
)
def test_an_unreadable_middle_slice_gives_the_next_one(tmp_path, middle, expected):
    planes = stack("axial", np.arange(-12.0, 13.0, 4.0))  # of these seven the window samples 1, 3, 4, 5 and 7
    series = series_of(tmp_path, planes, "axial")
    point = CENTER + np.array([0, 0, 4.0 * (middle - 4) + 0.5])
    broken = tmp_path / f"{middle}.dcm"
    broken.write_bytes(broken.read_bytes()[:-500])
    assert cut(series, point, AXIAL).slice.number == expected
    assert list(series.skipped) == [broken.name]


def test_an_unreadable_neighbour_is_passed_over(tmp_path):
    series = series_of(tmp_path, stack("axial"), "axial")
    broken = tmp_path / "4.dcm"
    broken.write_bytes(broken.read_bytes()[:-500])
    crop = cut(series, CENTER, AXIAL)
    assert crop.slice.number == 3
    assert list(series.skipped) == ["4.dcm"]


def test_a_series_without_a_readable_slice_gives_nothing(tmp_path):
    series = series_of(tmp_path, stack("axial"), "axial")
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-500])
    assert cut(series, CENTER, AXIAL) is None
    assert len(series.skipped) == 5


def test_an_empty_series_gives_nothing(tmp_path):
    assert cut(read_series(tmp_path / "none", 1, rsna.AXIAL_T2), CENTER, AXIAL) is None


@pytest.mark.parametrize(("away", "found"), [(9.9, True), (10.1, False)])
def test_no_slice_within_ten_mm_gives_nothing(tmp_path, away, found):
    series = series_of(tmp_path, stack("axial", [0.0, 4.0]), "axial")
    assert (cut(series, CENTER - np.array([0, 0, away]), AXIAL) is not None) == found


def test_where_the_readable_slices_are_too_far_nothing_is_given(tmp_path):
    series = series_of(tmp_path, stack("axial", [0.0, 15.0, 30.0]), "axial")
    broken = tmp_path / "1.dcm"
    broken.write_bytes(broken.read_bytes()[:-500])
    assert cut(series, CENTER, AXIAL) is None


def test_a_scout_across_the_stack_is_not_cut_as_if_it_were_of_it(tmp_path):
    planes = [*stack("axial", about=np.zeros(3)), plane("sagittal", 0.0, shape=(70, 60))]
    series = series_of(tmp_path, planes, "axial")
    crop = cut(series, np.array([0.0, 0.0, 1.0]), AXIAL)
    assert crop.slice.number == 3


@pytest.mark.parametrize(("stored_as", "named"), [("sagittal", "axial"), ("axial", "sagittal")])
def test_a_series_of_a_kind_that_the_table_got_wrong_gives_nothing_or_an_image(tmp_path, stored_as, named):
    write_series(tmp_path, SCENE, stack(stored_as))
    crop = cut(read_series(tmp_path, 1, KINDS[named].series_kind), CENTER, KINDS[named])
    assert crop is None or (crop.padding < 0.5 and crop.pixels.std() > 10)


def test_several_matrix_sizes_in_one_series_line_up(tmp_path):
    sizes = [(0.5, (140, 120)), (1.0, (70, 60)), (1.25, (60, 52))]
    planes = [plane("axial", CENTER[2] + 4.0 * i, mm, shape) for i, (mm, shape) in enumerate(sizes, start=-1)]
    column = blobs(CENTER + np.array([[0.0, 0, -4], [0, 0, 0], [0, 0, 4]]), width_mm=3.0)
    crop = cut(series_of(tmp_path, planes, "axial", column), CENTER, AXIAL)
    for layer in range(3):
        assert brightest(crop.pixels[:, :, layer]) == pytest.approx((MIDDLE, MIDDLE), abs=1.1)


def test_of_a_constant_image_nothing_is_cut(tmp_path):
    write_dicom(tmp_path / "1.dcm", plane("axial", CENTER[2]), np.full((120, 100), 700, np.uint16))
    assert cut(read_series(tmp_path, 1, rsna.AXIAL_T2), CENTER, AXIAL) is None
