"""Cutting: in mm, along the patient's axes, whatever the storage."""

import numpy as np
import pytest
from fabricate import blobs, plane, render, stored, tilted, write_dicom, write_series

from stenosis_kit import rsna
from stenosis_kit.crops.crop import cut
from stenosis_kit.crops.views import VIEWS, View
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.series import read_series

SAGITTAL = View("sagittal", "foraminal", rsna.SAGITTAL_T1, mm=32.0, px=33, slices=3, step_mm=4.0)
AXIAL = View("axial", "subarticular", rsna.AXIAL_T2, mm=32.0, px=33, slices=3, step_mm=4.0)
KINDS = {"sagittal": SAGITTAL, "axial": AXIAL}
CENTER = np.array([2.0, -3.0, 5.0])
SCENE = blobs(CENTER + np.array([[0, 0, 0], [4, -9, 7], [-4, 8, 4]]), width_mm=3.0)
OFFSETS = (-8.0, -4.0, 0.0, 4.0, 8.0)
MIDDLE = 16  # the middle pixel of a crop; its pixels are 32/33 mm


def stack(kind, offsets=OFFSETS, mm=1.0, shape=(70, 60), about=CENTER):
    """Parallel planes at distances from the slice through a point."""
    return [plane(kind, about[0 if kind == "sagittal" else 2] + offset, mm, shape) for offset in offsets]


def series_of(folder, planes, kind, scene=SCENE, numbers=None, how="as is"):
    write_series(folder, scene, planes, numbers, how)
    return read_series(folder, 1, KINDS[kind].series_kind)


def scene_on(kind, point, scene, view):
    """What a crop should show, straight from the scene: (px, px, slices) signal, without any image between."""
    step = view.mm / view.px
    along = (np.arange(view.px) - (view.px - 1) / 2) * step
    right, down, through = {"sagittal": ([0, 1, 0], [0, 0, -1], [1, 0, 0]), "axial": ([1, 0, 0], [0, 1, 0], [0, 0, 1])}[
        kind
    ]
    grid = point + along[None, :, None] * np.array(right, float) + along[:, None, None] * np.array(down, float)
    depths = (np.arange(view.slices) - view.slices // 2) * view.step_mm
    return np.stack([scene(grid + depth * np.array(through, float)) for depth in depths], axis=-1)


def shown(series, signal):
    low, high = series.window()
    return np.clip((signal - low) * 255 / (high - low), 0, 255)


def brightest(layer):
    """(x, y) of the middle of the brightest pixels of a layer: a ball may be brighter than the window reaches."""
    y, x = np.nonzero(layer == layer.max())
    return float(x.mean()), float(y.mean())


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
    series = series_of(tmp_path, planes, "sagittal", lambda places: 100 + 10 * np.abs(places[..., 0]))
    left = cut(series, np.array([4 * gap, 0, 0]), view)
    right = cut(series, np.array([-4 * gap, 0, 0]), view, mirrored=True)
    assert right.pixels[MIDDLE, MIDDLE].tolist() == left.pixels[MIDDLE, MIDDLE].tolist()


# --- Scale ---------------------------------------------------------------------------------------


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
    write_dicom(tmp_path / "1.dcm", item, pixels)
    view = View("axial", "subarticular", rsna.AXIAL_T2, mm=32.0, px=32, slices=1, step_mm=4.0)
    on_a_pixel = np.array([0.125, 0.125, 0.0])  # so that every fourth pixel, all of one colour, would be taken
    crop = cut(read_series(tmp_path, 1, rsna.AXIAL_T2), on_a_pixel, view)
    assert np.abs(crop.pixels - 127.5).max() < 40


def test_pixels_that_are_long_one_way_are_averaged_only_the_other_way(tmp_path):
    item = Plane.from_tags((-24.5, -24.875, 0.0), (1, 0, 0, 0, 1, 0), (0.25, 1.0), (200, 50))
    columns = np.where(np.arange(50) % 2, 1000, 0) * np.ones((200, 1))  # stripes as wide as the view's pixels
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


# --- Neighbours ----------------------------------------------------------------------------------


def by_slice(kind):
    """A scene whose signal tells the depth alone: the patient's x or z."""
    return lambda places: 500 + 10.0 * places[..., 0 if kind == "sagittal" else 2]


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
        write_dicom(tmp_path / f"{number}.dcm", item, np.full((70, 60), 100 * number, np.uint16))
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
    small = [plane("axial", CENTER[2] + step, shape=(16, 16)) for step in (-4.0, 4.0)]
    whole = plane("axial", CENTER[2], shape=(70, 60))
    series = series_of(tmp_path, [small[0], whole, small[1]], "axial")
    crop = cut(series, CENTER, AXIAL)
    assert (crop.pixels[0, :, 0] == 0).all()
    assert crop.padding == 0


@pytest.mark.parametrize(
    "tags", [{"PhotometricInterpretation": "MONOCHROME1"}, {"RescaleSlope": 1.0, "RescaleIntercept": -4000.0}]
)
def test_padding_is_black_where_all_signal_is_negative(tmp_path, tags):
    item = plane("axial", CENTER[2], shape=(16, 16))
    write_dicom(tmp_path / "1.dcm", item, render(SCENE, item), **tags)
    crop = cut(read_series(tmp_path, 1, rsna.AXIAL_T2), np.array([0.0, 0.0, CENTER[2]]), AXIAL)
    assert crop.pixels[:6].max() == 0
    assert crop.pixels[12:20, 12:20].max() > 100


def test_a_crop_beside_its_image_is_all_padding(tmp_path):
    series = series_of(tmp_path, stack("axial"), "axial")
    crop = cut(series, np.array([200.0, 0.0, CENTER[2]]), AXIAL)
    assert crop.padding == 1
    assert crop.pixels.max() == 0


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


def test_a_constant_image_gives_a_black_crop_not_an_error(tmp_path):
    write_dicom(tmp_path / "1.dcm", plane("axial", CENTER[2]), np.full((120, 100), 700, np.uint16))
    assert cut(read_series(tmp_path, 1, rsna.AXIAL_T2), CENTER, AXIAL).pixels.max() == 0


# --- The views -----------------------------------------------------------------------------------


def test_every_term_has_a_view_on_the_series_its_points_lie_on():
    for condition in rsna.CONDITIONS:
        assert any((view.term, view.series_kind) == (condition.term, condition.series_kind) for view in VIEWS)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_each_view_has_a_middle_slice(tmp_path, view):
    kind = "axial" if view.series_kind == rsna.AXIAL_T2 else "sagittal"
    write_series(tmp_path, SCENE, stack(kind))
    crop = cut(read_series(tmp_path, 1, view.series_kind), CENTER, view)
    assert view.slices % 2 == 1
    assert crop.pixels.shape == (view.px, view.px, view.slices)
