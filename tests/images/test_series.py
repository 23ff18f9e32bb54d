"""Series of files as bad as the competition's. Each test names its case."""

import warnings

import numpy as np
import pydicom
import pytest
from fabricate import blobs, plane, render, spoil_pixels, tilted, write_dicom, write_series
from pydicom.uid import JPEG2000Lossless, RLELossless

from stenosis_kit import rsna
from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.names import list_files
from stenosis_kit.images.series import read_series, read_study

SCENE = blobs(np.zeros((1, 3)))
SHAPE = (30, 60)
PLANES = [plane("axial", z, shape=SHAPE) for z in (-8.0, -4.0, 0.0, 4.0, 8.0)]
PIXELS = render(SCENE, PLANES[0])


def axial(folder, series_id=5):
    return read_series(folder, series_id, rsna.AXIAL_T2)


def numbers(series):
    return [item.number for item in series.slices]


def shorten(path, size):
    """Keeps the first bytes of a file, or all but the last where `size` is negative."""
    path.write_bytes(path.read_bytes()[:size])


def write_enhanced(path):
    """A multi-frame file: its geometry stands in functional groups, not at the top."""
    write_dicom(path, PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    header.NumberOfFrames = 3
    header.PixelData = header.PixelData * 3
    del header.ImagePositionPatient, header.ImageOrientationPatient, header.PixelSpacing
    header.save_as(path)


# --- An ordinary series -------------------------------------------------------------------------


def test_pixels_of_a_slice_are_decoded_once(tmp_path):
    series = axial(write_series(tmp_path, SCENE, PLANES))
    first = series.pixels(series.slices[0])
    series.slices[0].path.unlink()
    assert series.pixels(series.slices[0]) is first


# --- 1. Headers that lie -------------------------------------------------------------------------


def test_a_lying_series_description_does_not_change_the_kind_given_by_the_table(tmp_path):
    write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, SeriesDescription="Sagittal T1", Modality="CT")
    series = axial(tmp_path)
    assert series.kind == rsna.AXIAL_T2
    assert series.orientation == "axial"
    assert numbers(series) == [1]


def test_one_uid_on_all_slices_does_not_merge_them(tmp_path):
    for number, item in enumerate(PLANES, start=1):
        write_dicom(tmp_path / f"{number}.dcm", item, PIXELS, SOPInstanceUID="1.2.3", SeriesInstanceUID="1.2")
    assert numbers(axial(tmp_path)) == [1, 2, 3, 4, 5]


def test_frames_of_reference_that_differ_inside_a_series_do_not_split_it(tmp_path):
    for number, item in enumerate(PLANES, start=1):
        write_dicom(tmp_path / f"{number}.dcm", item, PIXELS, FrameOfReferenceUID=f"1.2.{number}")
    assert numbers(axial(tmp_path)) == [1, 2, 3, 4, 5]


def test_the_instance_number_is_the_file_s_name_not_the_header_s(tmp_path):
    write_dicom(tmp_path / "7.dcm", PLANES[0], PIXELS, InstanceNumber=99)
    assert numbers(axial(tmp_path)) == [7]


# --- 2. Order ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "order", [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]], ids=["feet first", "head first", "shuffled"]
)
def test_slices_are_ordered_by_place_whatever_their_numbers(tmp_path, order):
    series = axial(write_series(tmp_path, SCENE, [PLANES[i] for i in order]))
    assert [item.plane.center[2] for item in series.slices] == pytest.approx([-8, -4, 0, 4, 8])
    assert numbers(series) == [order.index(i) + 1 for i in range(5)]


def test_slice_location_tags_do_not_order(tmp_path):
    for number, item in enumerate(PLANES, start=1):
        write_dicom(tmp_path / f"{number}.dcm", item, PIXELS, SliceLocation=-100.0 * number)
    assert numbers(axial(tmp_path)) == [1, 2, 3, 4, 5]


def test_six_orientations_in_one_axial_series_stay_in_blocks_feet_to_head(tmp_path):
    planes = [
        tilted(plane("axial", -30.0 * block - 4.0 * i, shape=SHAPE), 6.0 * block, "x")
        for block in range(6)
        for i in range(3)
    ]
    series = axial(write_series(tmp_path, SCENE, planes))
    assert numbers(series) == list(range(18, 0, -1))


# --- 3. Instance numbers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "named", [[1, 2, 4, 8, 9], [17, 18, 19, 20, 21], [5045, 5046, 5047, 5048, 5049], [0, 1, 2, 3, 999_999_999]]
)
def test_instance_numbers_with_gaps_or_not_from_one_are_keys_not_places(tmp_path, named):
    series = axial(write_series(tmp_path, SCENE, PLANES, named))
    assert numbers(series) == named
    assert [series.index_of(number) for number in named] == [0, 1, 2, 3, 4]
    assert series.index_of(6) is None


def test_numbers_are_not_sorted_as_text(tmp_path):
    planes = [PLANES[0]] * 2  # of one position, so that the number decides
    assert numbers(axial(write_series(tmp_path, SCENE, planes, [100, 9]))) == [9, 100]


# --- 4. Several series, positions, sizes ---------------------------------------------------------


def test_duplicate_positions_keep_both_slices(tmp_path):
    series = axial(write_series(tmp_path, SCENE, [PLANES[0], PLANES[1], PLANES[1], PLANES[2]]))
    assert numbers(series) == [1, 2, 3, 4]
    assert [item.plane.center[2] for item in series.slices] == pytest.approx([-8, -4, -4, 0])


def test_several_matrix_sizes_in_one_series_each_have_their_own_spacing(tmp_path):
    sizes = [(0.5, (60, 120)), (1.0, (30, 60)), (2.0, (16, 30))]
    planes = [plane("axial", 4.0 * i, mm, shape) for i, (mm, shape) in enumerate(sizes)]
    series = axial(write_series(tmp_path, SCENE, planes))
    assert [item.plane.spacing[0] for item in series.slices] == [0.5, 1.0, 2.0]
    assert [series.pixels(item).shape for item in series.slices] == [(60, 120), (30, 60), (16, 30)]
    low, high = series.window()
    assert low < high


def test_several_axial_series_of_a_study_stay_apart(tmp_path):
    for series_id, planes in ((11, PLANES[:2]), (12, PLANES[2:])):
        write_series(tmp_path / "3" / str(series_id), SCENE, planes)
    study = read_study(tmp_path, 3, [(11, rsna.AXIAL_T2), (12, rsna.AXIAL_T2)])
    assert [(one.series_id, len(one.slices)) for one in study] == [(11, 2), (12, 3)]


# --- 5. Missing and broken files -----------------------------------------------------------------


@pytest.mark.parametrize("missing", ["images", "study", "series"])
def test_a_missing_folder_gives_an_empty_series(tmp_path, missing):
    folder = tmp_path / "images"
    if missing != "images":
        folder.mkdir()
    if missing == "series":
        (folder / "3").mkdir()
    (series,) = read_study(folder, 3, [(11, rsna.AXIAL_T2)])
    assert (series.slices, series.skipped) == ([], {})


def test_an_empty_folder_gives_an_empty_series(tmp_path):
    assert list_files(tmp_path) == []
    assert axial(tmp_path).slices == []


def test_the_window_of_an_empty_series_is_an_error_not_a_hang(tmp_path):
    with pytest.raises(UnreadableSlice):
        axial(tmp_path).window()


def test_a_series_missing_from_the_study_does_not_touch_the_others(tmp_path):
    write_series(tmp_path / "3" / "12", SCENE, PLANES)
    study = read_study(tmp_path, 3, [(11, rsna.SAGITTAL_T1), (12, rsna.AXIAL_T2)])
    assert [len(one.slices) for one in study] == [0, 5]


def test_a_file_of_no_bytes_is_skipped_with_a_reason(tmp_path):
    write_series(tmp_path, SCENE, PLANES)
    (tmp_path / "3.dcm").write_bytes(b"")
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 4, 5]
    assert "no bytes" in series.skipped["3.dcm"]


@pytest.mark.parametrize("size", [64, 131, 140, 200, 400])
def test_a_file_cut_off_in_its_header_is_skipped_with_a_reason(tmp_path, size):
    write_series(tmp_path, SCENE, PLANES)
    shorten(tmp_path / "3.dcm", size)
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 4, 5]
    assert series.skipped["3.dcm"]


@pytest.mark.parametrize("size", [-1, -2, -1000, -PIXELS.nbytes], ids=str)
def test_a_file_cut_off_in_its_pixels_is_skipped_from_its_header_alone(tmp_path, size):
    write_series(tmp_path, SCENE, PLANES)
    shorten(tmp_path / "3.dcm", size)
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 4, 5]
    assert "bytes of pixels" in series.skipped["3.dcm"]


def test_a_file_whose_pixels_cannot_be_decoded_is_skipped_when_they_are_wanted(tmp_path):
    write_series(tmp_path, SCENE, PLANES)
    spoil_pixels(tmp_path / "3.dcm")
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 3, 4, 5]
    with pytest.raises(UnreadableSlice):
        series.pixels(series.slices[2])
    assert numbers(series) == [1, 2, 4, 5]
    assert series.skipped["3.dcm"]


def test_a_truncated_rle_file_is_skipped_from_its_header_alone(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    header.compress(RLELossless)
    header.save_as(path)
    assert numbers(axial(tmp_path)) == [1]
    shorten(path, -300)
    assert axial(tmp_path).skipped == {"1.dcm": "its compressed pixels are cut off or damaged"}


def test_the_window_passes_over_unreadable_slices(tmp_path):
    write_series(tmp_path / "without", SCENE, [PLANES[i] for i in (0, 1, 3, 4)])
    write_series(tmp_path / "broken", SCENE, PLANES)
    spoil_pixels(tmp_path / "broken" / "3.dcm")
    series = axial(tmp_path / "broken")
    assert series.window() == axial(tmp_path / "without").window()
    assert numbers(series) == [1, 2, 4, 5]


def test_where_all_of_the_window_s_sample_is_unreadable_other_slices_are_taken(tmp_path):
    planes = [plane("axial", 2.0 * i, shape=SHAPE) for i in range(9)]
    write_series(tmp_path, SCENE, planes)
    for number in (1, 3, 5, 7, 9):
        spoil_pixels(tmp_path / f"{number}.dcm")
    series = axial(tmp_path)
    low, high = series.window()
    assert low < high
    assert numbers(series) == [2, 4, 6, 8]


@pytest.mark.parametrize(
    "name", [".DS_Store", "Thumbs.db", "1.dcm.part", "one.dcm", "-1.dcm", "1.DCM", "1 .dcm", "\u0661.dcm"]
)
def test_a_stray_file_is_not_a_slice(tmp_path, name):
    write_series(tmp_path, SCENE, PLANES, [11, 12, 13, 14, 15])
    (tmp_path / name).write_bytes(b"stray")
    series = axial(tmp_path)
    assert numbers(series) == [11, 12, 13, 14, 15]
    assert list(series.skipped) == [name]


def test_a_folder_named_like_a_slice_is_skipped(tmp_path):
    write_series(tmp_path, SCENE, PLANES)
    (tmp_path / "6.dcm").mkdir()
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 3, 4, 5]
    assert list(series.skipped) == ["6.dcm"]


def test_a_link_to_nowhere_is_skipped(tmp_path):
    write_series(tmp_path, SCENE, PLANES)
    (tmp_path / "6.dcm").symlink_to(tmp_path / "gone.dcm")
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 3, 4, 5]
    assert list(series.skipped) == ["6.dcm"]


def test_a_file_that_is_not_dicom_is_skipped(tmp_path):
    write_series(tmp_path, SCENE, PLANES)
    (tmp_path / "6.dcm").write_bytes(b"<html>404</html>" * 50)
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 3, 4, 5]
    assert "DICOM" in series.skipped["6.dcm"]


def test_two_names_of_one_number_give_one_slice(tmp_path):
    for name, item in zip(("7", "007.dcm", "7.dcm", "7.DCM"), PLANES, strict=False):
        write_dicom(tmp_path / name, item, PIXELS)
    series = axial(tmp_path)
    assert [item.path.name for item in series.slices] == ["7.dcm"]
    assert series.skipped == dict.fromkeys(("7", "007.dcm", "7.DCM"), "the same instance number as 7.dcm")
    assert {why.kind for why in series.skipped.values()} == {Kind.TWICE}


def test_where_the_file_of_the_usual_name_is_broken_another_of_its_number_is_read(tmp_path):
    (tmp_path / "7.dcm").write_bytes(b"")
    write_dicom(tmp_path / "7.DCM", PLANES[0], PIXELS)
    series = axial(tmp_path)
    assert [item.path.name for item in series.slices] == ["7.DCM"]
    assert series.skipped == {"7.dcm": "a file of no bytes"}


@pytest.mark.parametrize("name", ["7", "7.DCM", "7.Dcm", "007.dcm", "0007"])
def test_a_file_is_read_whose_name_is_its_number_alone_or_in_capitals(tmp_path, name):
    write_dicom(tmp_path / name, PLANES[0], PIXELS)
    series = axial(tmp_path)
    assert (numbers(series), series.skipped) == ([7], {})
    assert np.array_equal(series.pixels(series.slices[0]), PIXELS)


# --- 6. Missing spacing tags ---------------------------------------------------------------------


def test_distances_come_from_positions_where_spacing_tags_are_missing(tmp_path):
    series = axial(write_series(tmp_path, SCENE, PLANES))
    header = pydicom.dcmread(series.slices[0].path)
    assert "SpacingBetweenSlices" not in header
    assert "SliceThickness" not in header
    gaps = np.diff([item.plane.center[2] for item in series.slices])
    assert gaps == pytest.approx([4, 4, 4, 4])


def test_spacing_tags_that_lie_change_nothing(tmp_path):
    for number, item in enumerate(PLANES, start=1):
        write_dicom(tmp_path / f"{number}.dcm", item, PIXELS, SpacingBetweenSlices=77.0, SliceThickness=0.0)
    gaps = np.diff([item.plane.center[2] for item in axial(tmp_path).slices])
    assert gaps == pytest.approx([4, 4, 4, 4])


# --- 7. Intensity --------------------------------------------------------------------------------


def test_window_tags_are_ignored(tmp_path):
    write_series(tmp_path / "without", SCENE, PLANES)
    for number, item in enumerate(PLANES, start=1):
        tags = {"WindowCenter": 10.0 * number, "WindowWidth": 1.0 + number}
        write_dicom(tmp_path / "with" / f"{number}.dcm", item, render(SCENE, item), **tags)
    without, tagged = axial(tmp_path / "without"), axial(tmp_path / "with")
    assert tagged.window() == without.window()
    assert np.array_equal(tagged.pixels(tagged.slices[2]), without.pixels(without.slices[2]))


def test_the_window_is_percentiles_so_that_a_few_hot_pixels_do_not_matter(tmp_path):
    pixels = np.tile(np.arange(100, dtype=np.uint16), 20).reshape(40, 50)
    pixels[0, :5] = 4000
    item = plane("axial", 0.0, shape=(40, 50))
    write_dicom(tmp_path / "1.dcm", item, pixels)
    low, high = axial(tmp_path).window()
    assert low == pytest.approx(np.percentile(pixels, 1))
    assert high == pytest.approx(np.percentile(pixels, 99.5))
    assert high < 100


def test_the_window_is_of_signal_alone(tmp_path):
    for number, item in enumerate(PLANES, start=1):
        write_dicom(
            tmp_path / "cut" / f"{number}.dcm", plane("axial", 4.0 * number, shape=(30, 36)), render(SCENE, item)[:, 4:]
        )
        padded = render(SCENE, item)
        padded[:, :4] = 4095
        write_dicom(tmp_path / "padded" / f"{number}.dcm", item, padded, PixelPaddingValue=4095)
    assert axial(tmp_path / "padded").window() == axial(tmp_path / "cut").window()


def test_silent_pixels_are_as_dark_as_what_lies_outside_an_image(tmp_path):
    for number, item in enumerate(PLANES, start=1):
        padded = render(SCENE, item) + np.uint16(100 * number)
        padded[:, :4] = 4095
        write_dicom(tmp_path / f"{number}.dcm", item, padded, PixelPaddingValue=4095)
    series = axial(tmp_path)
    for item in series.slices:
        pixels = series.pixels(item)
        assert (pixels[:, :4] == np.float32(series.dark())).all()
        assert pixels[:, 4:].max() < 4095


def test_a_slice_without_signal_is_skipped_when_it_is_wanted(tmp_path):
    write_series(tmp_path, SCENE, PLANES)
    write_dicom(tmp_path / "3.dcm", PLANES[2], np.full(SHAPE, 4095, np.uint16), PixelPaddingValue=4095)
    series = axial(tmp_path)
    series.window()
    assert numbers(series) == [1, 2, 4, 5]
    assert series.skipped["3.dcm"].startswith("no signal")


def test_only_five_slices_are_decoded_for_the_window(tmp_path):
    planes = [plane("axial", 1.0 * i, shape=SHAPE) for i in range(17)]
    write_series(tmp_path, SCENE, planes)
    for number in (2, 3, 4, 6, 7, 8, 10, 11, 12, 14, 15, 16):
        spoil_pixels(tmp_path / f"{number}.dcm")
    series = axial(tmp_path)
    series.window()
    assert len(series.slices) == 17
    assert series.skipped == {}


@pytest.mark.parametrize("value", [0, 1, 4095])
def test_a_constant_image_is_passed_over_when_its_pixels_are_wanted(tmp_path, value):
    write_dicom(tmp_path / "1.dcm", PLANES[0], np.full(SHAPE, value, np.uint16))
    series = axial(tmp_path)
    with pytest.raises(UnreadableSlice, match="no slice of the series"):
        series.window()
    assert series.skipped["1.dcm"].kind is Kind.BLANK


def test_a_slice_that_has_left_its_series_is_refused_again(tmp_path):
    write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    spoil_pixels(tmp_path / "1.dcm")
    series = axial(tmp_path)
    item = series.slices[0]
    for _ in range(2):
        with pytest.raises(UnreadableSlice, match="cannot be decoded"):
            series.pixels(item)


# --- 12. Not seen yet ----------------------------------------------------------------------------


def test_monochrome1_looks_like_its_monochrome2_twin_once_windowed(tmp_path):
    write_dicom(tmp_path / "a" / "1.dcm", PLANES[0], PIXELS)
    negative = (4095 - PIXELS).astype(np.uint16)
    write_dicom(tmp_path / "b" / "1.dcm", PLANES[0], negative, PhotometricInterpretation="MONOCHROME1")
    shown = []
    for series in (axial(tmp_path / "a"), axial(tmp_path / "b")):
        low, high = series.window()
        shown.append((series.pixels(series.slices[0]) - low) / (high - low))
    assert shown[1] == pytest.approx(shown[0], abs=1e-4)


def test_slopes_that_differ_from_slice_to_slice_give_one_signal(tmp_path):
    for number, slope in ((1, 1.0), (2, 4.0)):
        stored = (PIXELS / slope).round().astype(np.uint16)
        write_dicom(tmp_path / f"{number}.dcm", PLANES[number], stored, RescaleSlope=slope, RescaleIntercept=0.0)
    series = axial(tmp_path)
    first, second = (series.pixels(item) for item in series.slices)
    assert second == pytest.approx(first, abs=2.01)


def test_a_rescale_slope_that_is_not_a_number_never_becomes_signal(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, RescaleSlope="123", RescaleIntercept="0")
    written = b"(\x00S\x10DS\x04\x00123 "
    assert written in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(written, b"(\x00S\x10DS\x04\x00nan "))
    series = axial(tmp_path)
    assert not series.slices or np.isfinite(series.pixels(series.slices[0])).all()


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns"])
def test_a_slice_without_a_place_is_skipped_and_the_tag_named(tmp_path, tag):
    write_series(tmp_path, SCENE, PLANES)
    write_dicom(tmp_path / "3.dcm", PLANES[2], PIXELS, drop=(tag,))
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 4, 5]
    assert tag in series.skipped["3.dcm"]


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_a_slice_with_an_empty_place_is_skipped_and_the_tag_named(tmp_path, tag):
    write_series(tmp_path, SCENE, PLANES)
    write_dicom(tmp_path / "3.dcm", PLANES[2], PIXELS, **{tag: None})
    series = axial(tmp_path)
    assert numbers(series) == [1, 2, 4, 5]
    assert tag in series.skipped["3.dcm"]


def test_a_transfer_syntax_that_cannot_be_decoded_is_skipped_with_a_reason(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    header.PixelData = pydicom.encaps.encapsulate([b"no code stream here."])
    header["PixelData"].is_undefined_length = True
    header.file_meta.TransferSyntaxUID = JPEG2000Lossless
    header.save_as(path)
    series = axial(tmp_path)
    assert numbers(series) == [1]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(UnreadableSlice, match="."):
            series.window()
    assert list(series.skipped) == ["1.dcm"]


def test_a_multi_frame_file_is_skipped_and_said_to_be_one(tmp_path):
    write_enhanced(tmp_path / "1.dcm")
    series = axial(tmp_path)
    assert series.slices == []
    assert "3 frame" in series.skipped["1.dcm"]


def test_a_colour_image_is_skipped(tmp_path):
    write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, SamplesPerPixel=3)
    series = axial(tmp_path)
    assert series.slices == []
    assert "of 3" in series.skipped["1.dcm"]


def test_a_header_that_claims_65535_by_65535_takes_no_memory(tmp_path):
    write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, Rows=65535, Columns=65535)
    series = axial(tmp_path)
    assert series.slices == []
    assert "65535 x 65535" in series.skipped["1.dcm"]


def test_no_rows_or_columns_are_no_image(tmp_path):
    write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, Rows=0)
    assert "Rows" in axial(tmp_path).skipped["1.dcm"]
