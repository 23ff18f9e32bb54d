"""Which pixels are no signal, by what a header declares and what the file holds."""

import warnings

import numpy as np
import pydicom
import pytest
from fabricate import plane, write_dicom
from numpy.testing import assert_equal
from pydicom.dataelem import RawDataElement
from pydicom.tag import Tag
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.slice import read_pixels, read_signal, read_slice

SHAPE = (60, 70)
PLANE = plane("axial", 0.0, shape=SHAPE)
PIXELS = np.random.default_rng(5).integers(20, 1500, SHAPE).astype(np.uint16)
BLOCK = np.zeros(SHAPE, bool)
BLOCK[:, :7] = True
OTHERS = PIXELS[~BLOCK]
WIDE = {"BitsStored": 16, "HighBit": 15}
SIGNED = {**WIDE, "PixelRepresentation": 1}


@pytest.fixture(autouse=True)
def no_warnings():
    """Nobody who reads such pixels is told so in a library's words."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def filled(value, dtype=np.uint16, block=BLOCK):
    """The pixels with a block of one value."""
    return np.where(block, np.array(value).astype(dtype), PIXELS.astype(dtype))


def write(tmp_path, pixels, padding=(), **tags):
    """A file of 16-bit pixels; `padding` is the VR and the value, and the range's limit where there is one."""
    path = write_dicom(tmp_path / "1.dcm", PLANE, PIXELS, PixelData=np.ascontiguousarray(pixels).tobytes(), **tags)
    dataset = pydicom.dcmread(path)
    for tag, value in zip((0x00280120, 0x00280121), padding[1:], strict=False):
        dataset.add_new(tag, padding[0], value)
    dataset.save_as(path)
    return path


def write_float(tmp_path, pixels, **tags):
    """A file of float pixels, single or double as the array is."""
    path = write_dicom(tmp_path / "1.dcm", PLANE, PIXELS)
    dataset = pydicom.dcmread(path)
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated = 8 * pixels.itemsize
    setattr(dataset, "FloatPixelData" if pixels.itemsize == 4 else "DoubleFloatPixelData", pixels.tobytes())
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.save_as(path)
    return path


def signal_of(path):
    return read_signal(read_slice(path))


def silent_block(others=OTHERS, block=BLOCK):
    """What is read where the block is silent: as dark as the darkest of the others, which are as they were."""
    values = np.full(SHAPE, others.min())
    values[~block] = others
    return values, block


# --- Padding of whole numbers --------------------------------------------------------------------


def test_padding_that_is_declared_is_silent(tmp_path):
    assert_equal(signal_of(write(tmp_path, filled(65535), ("US", 65535), **WIDE)), silent_block())


def test_the_same_without_the_tag_is_signal_where_it_lies_near_the_others(tmp_path):
    assert_equal(signal_of(write(tmp_path, filled(2000), **WIDE)), (filled(2000), None))


def test_padding_that_is_declared_and_nowhere_there_changes_nothing(tmp_path):
    assert_equal(signal_of(write(tmp_path, PIXELS, ("US", 65535), **WIDE)), (PIXELS, None))


def test_signed_padding(tmp_path):
    assert_equal(signal_of(write(tmp_path, filled(-32768, np.int16), ("SS", -32768), **SIGNED)), silent_block())


@pytest.mark.parametrize(
    ("vr", "value"),
    [("US", 63536), ("SS", -2000), ("SL", -2000), ("IS", "-2000"), ("DS", "-2000.0"), ("LO", "-2000"), ("FD", -2000.0)],
)
def test_the_vr_of_the_padding_does_not_matter(tmp_path, vr, value):
    assert_equal(signal_of(write(tmp_path, filled(-2000, np.int16), (vr, value), **SIGNED)), silent_block())


@pytest.mark.parametrize("vr", ["UN", "OW", "OB"])
def test_padding_whose_vr_is_not_known_is_two_bytes(tmp_path, vr):
    path = write(tmp_path, filled(-2000, np.int16), **SIGNED)
    dataset = pydicom.dcmread(path)
    tag = Tag(0x00280120)
    dataset._dict[tag] = RawDataElement(tag, vr, 2, (-2000).to_bytes(2, "little", signed=True), 0, False, True)
    dataset.save_as(path)
    assert_equal(signal_of(path), silent_block())


@pytest.mark.parametrize(("value", "vr"), [(65535, "US"), (-2000, "SS")])
def test_padding_without_a_vr(tmp_path, value, vr):
    tags = WIDE if vr == "US" else SIGNED
    path = write(tmp_path, filled(value, np.int16 if value < 0 else np.uint16), (vr, value), **tags)
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(path, implicit_vr=True, little_endian=True)
    assert_equal(signal_of(path), silent_block())


def test_padding_in_a_big_endian_file(tmp_path):
    path = write(tmp_path, filled(-2000, np.int16), ("SS", -2000), **SIGNED)
    dataset = pydicom.dcmread(path)
    dataset.PixelData = filled(-2000, np.int16).astype(">i2").tobytes()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)
    assert_equal(signal_of(path), silent_block())


def test_compressed_padding(tmp_path):
    path = write(tmp_path, filled(65535), ("US", 65535), **WIDE)
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    assert_equal(signal_of(path), silent_block())


def test_padding_wider_than_the_bits_stored_is_cut_as_the_pixels_are(tmp_path):
    assert pydicom.dcmread(write(tmp_path, PIXELS)).BitsStored == 12
    assert_equal(signal_of(write(tmp_path, filled(65535), ("US", 65535))), silent_block())


@pytest.mark.parametrize("limits", [(60000, 65535), (65535, 60000)], ids=["up", "down"])
def test_a_range_of_padding(tmp_path, limits):
    pixels = filled(65535)
    pixels[:, :3] = 60000
    pixels[:, 3] = 62000
    assert_equal(signal_of(write(tmp_path, pixels, ("US", *limits), **WIDE)), silent_block())


def test_a_signed_range_of_padding(tmp_path):
    pixels = filled(-32768, np.int16)
    pixels[:, 3:5] = -1500
    assert_equal(signal_of(write(tmp_path, pixels, ("SS", -32768, -1000), **SIGNED)), silent_block())


def test_padding_is_of_stored_values_not_of_rescaled_ones(tmp_path):
    path = write(tmp_path, filled(4000), ("US", 4000), RescaleSlope=2.0, RescaleIntercept=-100.0)
    assert_equal(signal_of(path), silent_block(OTHERS * 2.0 - 100))


def test_padding_of_monochrome1_is_dark_however_dark_it_was_stored(tmp_path):
    path = write(tmp_path, filled(0), ("US", 0), PhotometricInterpretation="MONOCHROME1")
    assert_equal(signal_of(path), silent_block(-OTHERS.astype(float)))


@pytest.mark.parametrize("padding", [("LO", "none"), ("US", None), ("DS", ""), ("FL", float("nan"))], ids=str)
def test_padding_that_is_no_number_declares_nothing(tmp_path, padding):
    assert_equal(signal_of(write(tmp_path, filled(2000), padding, **WIDE)), (filled(2000), None))


def test_a_limit_without_a_value_declares_nothing(tmp_path):
    path = write(tmp_path, filled(2000), **WIDE)
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00280121, "US", 2000)
    dataset.save_as(path)
    assert_equal(signal_of(path), (filled(2000), None))


def test_an_image_of_nothing_but_padding_is_refused(tmp_path):
    path = write(tmp_path, np.full(SHAPE, 65535, np.uint16), ("US", 65535), **WIDE)
    with pytest.raises(UnreadableSlice, match="^no signal: all of its pixels"):
        signal_of(path)


# --- Padding that is the image's own -------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.3, 0.9])
def test_zero_where_air_is_zero_too_stays_signal(tmp_path, share):
    pixels = PIXELS.copy()
    pixels[:, : int(share * SHAPE[1])] = 0
    assert_equal(signal_of(write(tmp_path, pixels, ("US", 0))), (pixels, None))


def test_a_background_of_one_value_above_zero_stays_signal(tmp_path):
    pixels = np.maximum(PIXELS, 200)
    pixels[:, :50] = 200
    assert_equal(signal_of(write(tmp_path, pixels, ("US", 200))), (pixels, None))


@pytest.mark.parametrize(("share", "stays"), [(0.6, True), (0.3, False)])
def test_zero_in_most_of_an_image_is_its_background_though_nothing_else_is_nearly_as_dark(tmp_path, share, stays):
    pixels = PIXELS + np.uint16(500)
    pixels[:, : int(share * SHAPE[1])] = 0
    path = write(tmp_path, pixels, ("US", 0))
    if stays:
        assert_equal(signal_of(path), (pixels, None))
    else:
        assert_equal(signal_of(path), silent_block(pixels[pixels > 0], pixels == 0))


@pytest.mark.parametrize("value", [-32768, 32000])
def test_what_most_of_an_image_has_is_silent_where_it_is_bright_or_less_than_nothing(tmp_path, value):
    block = np.zeros(SHAPE, bool)
    block[:, :45] = True
    path = write(tmp_path, filled(value, np.int16, block), ("SS", value), **SIGNED)
    assert_equal(signal_of(path), silent_block(PIXELS[~block], block))


def test_a_value_as_frequent_as_those_beside_it_stays_signal(tmp_path):
    value = int(np.bincount(PIXELS.ravel()).argmax())
    assert 300 < value < 1400
    assert_equal(signal_of(write(tmp_path, PIXELS, ("US", value))), (PIXELS, None))


def test_a_block_of_a_value_in_the_midst_of_the_signal_is_silent(tmp_path):
    path = write(tmp_path, filled(800), ("US", 800))
    _, silent = signal_of(path)
    assert np.array_equal(silent, filled(800) == 800)


@pytest.mark.parametrize("value", [0, 2000], ids=["dark", "bright"])
def test_padding_far_from_the_image_s_black_is_silent(tmp_path, value):
    pixels = filled(value)
    pixels[~BLOCK] += 1000
    others = pixels[~BLOCK]
    if value:
        others = others[others != value]
    assert_equal(signal_of(write(tmp_path, pixels, ("US", value))), silent_block(others, pixels == value))


def test_less_than_nothing_is_no_air(tmp_path):
    assert_equal(signal_of(write(tmp_path, filled(-1, np.int16), ("SS", -1), **SIGNED)), silent_block())


# --- Floating point ------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, np.finfo(np.float32).max, -1e30])
def test_what_is_no_number_or_too_large_for_one_is_silent(tmp_path, dtype, value):
    assert_equal(signal_of(write_float(tmp_path, filled(value, dtype))), silent_block())


@pytest.mark.parametrize("slope", [2.0, -1.0])
def test_what_is_no_number_stays_none_when_rescaled(tmp_path, slope):
    path = write_float(tmp_path, filled(np.nan, np.float32), RescaleSlope=slope, RescaleIntercept=1.0)
    assert_equal(signal_of(path), silent_block(OTHERS * slope + 1))


def test_a_double_that_no_single_holds_is_silent(tmp_path):
    assert_equal(
        signal_of(write_float(tmp_path, filled(1e300, np.float64), RescaleSlope=2.0)), silent_block(OTHERS * 2.0)
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_without_silence_are_signal(tmp_path, dtype):
    assert_equal(signal_of(write_float(tmp_path, PIXELS.astype(dtype))), (PIXELS, None))


@pytest.mark.parametrize(("dtype", "name"), [(np.float32, "FloatPixel"), (np.float64, "DoubleFloatPixel")])
def test_padding_of_floats(tmp_path, dtype, name):
    pixels = filled(-1234.1, dtype)
    assert_equal(signal_of(write_float(tmp_path, pixels, **{f"{name}PaddingValue": -1234.1})), silent_block())
    pixels[:, :3] = -3000
    tags = {f"{name}PaddingValue": -4000.5, f"{name}PaddingRangeLimit": -1234.0}
    assert_equal(signal_of(write_float(tmp_path, pixels, **tags)), silent_block())


def test_a_limit_that_is_no_number_leaves_the_padding_its_value(tmp_path):
    tags = {"FloatPixelPaddingValue": -2000.0, "FloatPixelPaddingRangeLimit": float("nan")}
    assert_equal(signal_of(write_float(tmp_path, filled(-2000, np.float32), **tags)), silent_block())


def test_floats_with_the_padding_of_whole_numbers(tmp_path):
    path = write_float(tmp_path, filled(-2000, np.float32))
    dataset = pydicom.dcmread(path)
    dataset.add_new(0x00280120, "SS", -2000)
    dataset.save_as(path)
    assert_equal(signal_of(path), silent_block())


def test_bright_padding_of_floats_below_one_is_silent(tmp_path):
    path = write_float(tmp_path, np.where(BLOCK, 2, PIXELS / 4096).astype(np.float32), FloatPixelPaddingValue=2.0)
    assert_equal(signal_of(path), silent_block((OTHERS / 4096).astype(np.float32)))


def test_a_float_image_without_one_number_is_refused(tmp_path):
    with pytest.raises(UnreadableSlice, match="^no signal: all of its pixels"):
        read_pixels(read_slice(write_float(tmp_path, np.full(SHAPE, np.nan, np.float32))))


# --- Values far off, which nothing declares -------------------------------------------------------


TEXT = np.zeros(SHAPE, bool)
TEXT[3:9, 4:30] = True
FRAME = np.ones(SHAPE, bool)
FRAME[2:-2, 2:-2] = False


@pytest.mark.parametrize("block", [BLOCK, TEXT, FRAME], ids=["columns", "text", "frame"])
@pytest.mark.parametrize(("value", "dtype", "tags"), [(65535, np.uint16, WIDE), (4095, np.uint16, {})])
def test_what_is_far_brighter_than_all_else_is_silent(tmp_path, block, value, dtype, tags):
    path = write(tmp_path, filled(value, dtype, block), **tags)
    assert_equal(signal_of(path), silent_block(PIXELS[~block], block))


@pytest.mark.parametrize("share", [0.1, 0.7])
def test_what_is_far_darker_than_all_else_is_silent(tmp_path, share):
    block = np.zeros(SHAPE, bool)
    block[:, : int(share * SHAPE[1])] = True
    path = write(tmp_path, filled(-32768, np.int16, block), **SIGNED)
    assert_equal(signal_of(path), silent_block(PIXELS[~block], block))


def test_negative_values_that_were_stored_as_unsigned_ones_are_dark(tmp_path):
    values = PIXELS.astype(np.int16) - 100
    path = write(tmp_path, values.view(np.uint16), **WIDE)
    assert_equal(signal_of(path), silent_block(values[values >= 0], values < 0))


@pytest.mark.parametrize("air", [0.3, 0.6, 0.9])
def test_tissue_is_signal_however_much_air_is_masked(tmp_path, air):
    pixels = np.random.default_rng(6).integers(500, 900, SHAPE).astype(np.uint16)
    pixels[:, : int(air * SHAPE[1])] = 0
    assert_equal(signal_of(write(tmp_path, pixels)), (pixels, None))


def test_a_few_bright_pixels_are_signal(tmp_path):
    pixels = PIXELS.copy()
    pixels[0, :2] = 4095
    assert_equal(signal_of(write(tmp_path, pixels)), (pixels, None))


@pytest.mark.parametrize("values", [(0, 0), (4095, 4095), (0, 1)], ids=["black", "white", "mask"])
def test_pixels_of_one_value_or_two_are_no_image(tmp_path, values):
    pixels = np.where(PIXELS > 700, *values).astype(np.uint16)
    with pytest.raises(UnreadableSlice, match="one value or two") as caught:
        signal_of(write(tmp_path, pixels))
    assert caught.value.reason.kind is Kind.BLANK
