"""What the localiser sees: the same picture however a series is stored, and geometry that leads back."""

import numpy as np
import pytest
from fabricate import blobs, plane, render, tilted, write_dicom, write_series

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.series import read_series
from stenosis_kit.levels.overview import PX, SLICES, STEP_MM, overview, study_overviews, to_pixels

POINTS = np.array([[0.0, 10.0, 40.0], [4.4, 5.0, 0.0], [-4.4, 15.0, -50.0]])
SCENE = blobs(POINTS)
OFFSETS = np.arange(-4, 5) * 4.4


def series_at(folder, planes, kind=rsna.SAGITTAL_T2, how="as is", series_id=1):
    write_series(folder / str(series_id), SCENE, planes, how=how)
    return read_series(folder / str(series_id), series_id, kind)


def planes_of(offsets=OFFSETS, mm=2.5, shape=(90, 80)):
    return [plane("sagittal", x, mm, shape) for x in offsets]


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    return overview(series_at(tmp_path_factory.mktemp("usual"), planes_of()))


def test_it_holds_the_middle_slices_from_right_to_left(usual):
    assert usual.pixels.shape == (SLICES, PX, PX) and usual.pixels.dtype == np.uint8
    assert usual.frames[:, 0, 0] == pytest.approx([-8.8, -4.4, 0, 4.4, 8.8])


@pytest.mark.parametrize("how", ["flipped x", "flipped y", "rotated"])
def test_storage_makes_no_difference(usual, how, tmp_path):
    other = overview(series_at(tmp_path, planes_of(), how=how))
    assert other.pixels.astype(int) == pytest.approx(usual.pixels.astype(int), abs=1)
    assert other.frames == pytest.approx(usual.frames)


def test_the_order_of_the_slices_makes_no_difference(usual, tmp_path):
    assert np.array_equal(overview(series_at(tmp_path, planes_of(OFFSETS[::-1]))).pixels, usual.pixels)


def test_a_bright_ball_is_where_its_point_falls(usual):
    for place, (index, point) in zip((2, 3, 1), enumerate(POINTS), strict=True):
        x, y = to_pixels(usual.frames, POINTS)[place, index].round().astype(int)
        near = usual.pixels[place, y - 12 : y + 13, x - 12 : x + 13].astype(int)
        assert np.abs(np.argwhere(near == near.max()).mean(axis=0) - 12).max() <= 1.5, point


def test_pixels_lead_back_to_the_patient(usual):
    pixels = to_pixels(usual.frames, POINTS)
    for place in range(SLICES):
        assert usual.to_patient(place, pixels[place])[:, 1:] == pytest.approx(POINTS[:, 1:])


def test_padding_is_black_and_nothing_else_changes(usual, tmp_path):
    for number, item in enumerate(planes_of(), start=1):
        pixels = render(SCENE, item)
        pixels[:8] = 4095
        write_dicom(tmp_path / f"{number}.dcm", item, pixels, PixelPaddingValue=4095)
    seen = overview(read_series(tmp_path, 1, rsna.SAGITTAL_T2))
    top = (PX - 90 * 1.25) / 2  # of the image, 90 pixels of 2.5 mm, in the overview
    rows = slice(int(top), int(top + 8 * 1.25))
    assert usual.pixels[:, rows].max() > 50
    assert seen.pixels[:, rows].max() == 0
    below = slice(rows.stop + 3, None)
    assert seen.pixels[:, below].astype(int) == pytest.approx(usual.pixels[:, below].astype(int), abs=12)


def test_a_series_of_few_slices_repeats_its_last(tmp_path):
    found = overview(series_at(tmp_path, planes_of((0.0, 4.4))))
    assert np.array_equal(found.pixels[3], found.pixels[4])


def test_t1_is_cut_on_the_grid_of_t2(tmp_path):
    t2 = series_at(tmp_path, planes_of())
    shifted = [Plane.from_tags(p.origin + (0, 30, -20), [*p.row, *p.column], p.spacing, p.shape) for p in planes_of()]
    t1 = series_at(tmp_path, shifted, rsna.SAGITTAL_T1, series_id=2)
    first, second = study_overviews([t1, t2])
    assert (first.kind, second.kind) == (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1)
    assert np.array_equal(first.frames, second.frames)


@pytest.mark.parametrize("kinds", [(rsna.SAGITTAL_T1,), (rsna.SAGITTAL_T2,)])
def test_one_kind_alone_will_do(kinds, tmp_path):
    found = study_overviews([series_at(tmp_path, planes_of(), kinds[0])])
    assert [one.kind for one in found] == list(kinds)


def test_axial_images_alone_give_none(tmp_path):
    axial = series_at(tmp_path, [plane("axial", z) for z in (0.0, 4.0)], rsna.AXIAL_T2)
    assert study_overviews([axial]) == []


def test_slices_that_cannot_be_decoded_are_passed_over(tmp_path):
    series = series_at(tmp_path, planes_of())
    for number in (5, 6):
        path = tmp_path / "1" / f"{number}.dcm"
        path.write_bytes(path.read_bytes()[:-3000])
    assert overview(series).pixels.shape == (SLICES, PX, PX)
    for path in (tmp_path / "1").iterdir():
        path.write_bytes(path.read_bytes()[:400])
    assert overview(read_series(tmp_path / "1", 1, rsna.SAGITTAL_T2)) is None


def test_an_oblique_series_keeps_its_own_plane(tmp_path):
    found = overview(series_at(tmp_path, [tilted(one, 8.0, "z") for one in planes_of()]))
    _, right, down = found.frames[2]
    assert np.linalg.norm(right) == pytest.approx(STEP_MM) and right @ down == pytest.approx(0)
    assert abs(right[0]) > 0.2


# --- Fields of view that are larger than what the localiser sees


@pytest.mark.parametrize(("shape", "size"), [((136, 100), (PX, PX)), ((220, 80), (276, PX)), ((160, 160), (200, 200))])
def test_a_large_field_is_seen_whole(shape, size, tmp_path):
    found = overview(series_at(tmp_path, planes_of(shape=shape)))
    assert found.size == pytest.approx(size, abs=2)
    assert found.is_window == (size == (PX, PX))


@pytest.fixture(scope="module")
def tall(tmp_path_factory):
    return overview(series_at(tmp_path_factory.mktemp("tall"), planes_of(shape=(220, 80))))


def test_its_middle_is_what_a_usual_field_shows(usual, tall):
    top = (tall.size[0] - PX) // 2
    inner = slice(PX // 2 - 50, PX // 2 + 50)  # where both images reach
    part, whole = (one.pixels[2, inner, inner].astype(float) for one in (tall.window((0, top)), usual))
    between = (np.minimum(part, whole) > 0) & (np.maximum(part, whole) < 255)  # their windows differ,
    assert between.mean() > 0.1
    assert np.corrcoef(part[between], whole[between])[0, 1] > 0.85  # and so does the slope that is taken out


@pytest.mark.parametrize("how", ["flipped x", "flipped y", "rotated"])
def test_storage_makes_no_difference_to_a_tall_field(tall, how, tmp_path):
    other = overview(series_at(tmp_path, planes_of(shape=(220, 80)), how=how))
    assert other.pixels.astype(int) == pytest.approx(tall.pixels.astype(int), abs=1)
    assert other.frames == pytest.approx(tall.frames)


@pytest.mark.parametrize("corner", [(0, 0), (0, 116), (-30, 60), (40, -200), (7, 500)])
def test_a_window_shows_the_same_places(tall, corner):
    part = tall.window(corner)
    assert part.is_window
    moved = to_pixels(tall.frames, POINTS) - corner
    assert to_pixels(part.frames, POINTS) == pytest.approx(moved)
    for x, y in ((0, 0), (80, 80), (159, 159)):
        row, column = y + corner[1], x + corner[0]
        inside = 0 <= row < tall.size[0] and 0 <= column < tall.size[1]
        assert part.pixels[2, y, x] == (tall.pixels[2, row, column] if inside else 0)


def test_a_window_about_a_column_shows_it_in_its_upper_half(tall):
    column = np.array([[0.0, 5, z] for z in (70, 35, 0, -33, -60)]) + (0, 0, 150)
    column[0] = np.nan
    pixels = to_pixels(tall.window(tall.corner_about(column)).frames, column)[2, 1:]
    assert (pixels > 20).all() and (pixels < PX - 20).all()
    assert 50 < pixels[:, 1].mean() < 75
    assert pixels[:, 0].mean() == pytest.approx(PX / 2, abs=3)


@pytest.mark.parametrize("large", [rsna.SAGITTAL_T1, rsna.SAGITTAL_T2])
def test_the_series_of_usual_field_says_where_to_look(large, tmp_path):
    shapes = {kind: (220, 80) if kind == large else (90, 80) for kind in (rsna.SAGITTAL_T2, rsna.SAGITTAL_T1)}
    fields = enumerate(shapes.items())
    study = [series_at(tmp_path, planes_of(shape=shape), kind, series_id=i) for i, (kind, shape) in fields]
    found = study_overviews(study)
    assert [one.kind for one in found] == list(shapes)
    assert all(one.is_window for one in found)


def test_of_two_large_fields_both_are_seen_on_one_grid(tmp_path):
    planes, kinds = planes_of(shape=(200, 80)), enumerate((rsna.SAGITTAL_T1, rsna.SAGITTAL_T2))
    first, second = study_overviews([series_at(tmp_path, planes, kind, series_id=i) for i, kind in kinds])
    assert first.size == second.size == (250, PX)
    assert np.array_equal(first.frames, second.frames)
