"""Where in a stored value the pixel's bits are: BitsAllocated, BitsStored and HighBit."""

import numpy as np
import pydicom
import pytest
from fabricate import plane, write_dicom
from pydicom.uid import RLELossless

from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.slice import read_pixels, read_signal, read_slice

SHAPE = (30, 60)
PLANE = plane("axial", 0.0, shape=SHAPE)
PIXELS = np.random.default_rng(6).integers(0, 4096, SHAPE).astype(np.uint16)
SIGNED = PIXELS.astype(np.int16) - 2048
HALF = np.arange(PIXELS.size).reshape(SHAPE) % 2 == 0


def write(tmp_path, cells, high_bit=11, **tags):
    """A file of 12 bits stored in 16, the last of them at `high_bit`."""
    tags = {"HighBit": high_bit, "PixelData": cells.tobytes(), **tags}
    if cells.dtype.kind == "i":
        tags["PixelRepresentation"] = 1
    path = write_dicom(tmp_path / "1.dcm", PLANE, PIXELS, **tags)
    assert pydicom.dcmread(path).BitsStored == tags.get("BitsStored", 12)
    return path


def compressed(path):
    dataset = pydicom.dcmread(path)
    dataset.compress(RLELossless)
    dataset.save_as(path)
    return path


def pixels_of(path):
    return read_pixels(read_slice(path))


@pytest.mark.parametrize("pixels", [PIXELS, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("high_bit", [11, 12, 15])
@pytest.mark.parametrize("coded", [False, True], ids=["plain", "RLE"])
def test_values_end_at_their_high_bit(tmp_path, pixels, high_bit, coded):
    path = write(tmp_path, pixels << (high_bit - 11), high_bit)
    assert np.array_equal(pixels_of(compressed(path) if coded else path), pixels)


def test_what_stands_above_the_value_is_not_of_it(tmp_path):
    assert np.array_equal(pixels_of(write(tmp_path, np.where(HALF, PIXELS | 0x8000, PIXELS))), PIXELS)


def test_what_stands_above_a_signed_value_is_not_of_it(tmp_path):
    cells = (SIGNED & 0x0FFF).astype(np.int16)  # the sign's bit is the twelfth
    assert cells.min() >= 0
    assert np.array_equal(pixels_of(write(tmp_path, np.where(HALF, cells | 0x4000, cells))), SIGNED)


def test_what_stands_above_and_below_is_not_of_the_value(tmp_path):
    cells = (PIXELS << 2) | np.where(HALF, 0x8001, 0x0002).astype(np.uint16)
    assert np.array_equal(pixels_of(write(tmp_path, cells, 13)), PIXELS)


@pytest.mark.parametrize("pixels", [PIXELS, SIGNED], ids=["unsigned", "signed"])
@pytest.mark.parametrize("high_bit", [12, 15])
def test_values_that_contradict_their_high_bit_begin_at_the_lowest(tmp_path, pixels, high_bit):
    assert np.array_equal(pixels_of(write(tmp_path, pixels, high_bit)), pixels)


def test_signed_values_that_contradict_their_high_bit_keep_their_sign(tmp_path):
    assert np.array_equal(pixels_of(write(tmp_path, (SIGNED & 0x0FFF).astype(np.int16), 15)), SIGNED)


@pytest.mark.parametrize(("stored", "high_bit"), [(12, 16), (12, 10), (12, 7)])
def test_a_high_bit_that_the_other_bits_contradict_is_refused_from_the_header_alone(tmp_path, stored, high_bit):
    path = write(tmp_path, PIXELS, high_bit, BitsStored=stored)
    with pytest.raises(UnreadableSlice, match=f"^HighBit: expected {stored - 1} to 15, .*; found {high_bit}$"):
        read_slice(path)


@pytest.mark.parametrize("high_bit", [0, 11, 15, 16])
def test_values_that_fill_their_place_need_no_high_bit(tmp_path, high_bit):
    cells = PIXELS << 4
    assert np.array_equal(pixels_of(write(tmp_path, cells, high_bit, BitsStored=16)), cells)


def test_without_a_high_bit_values_begin_at_the_lowest(tmp_path):
    assert np.array_equal(pixels_of(write_dicom(tmp_path / "1.dcm", PLANE, PIXELS, drop=("HighBit",))), PIXELS)


@pytest.mark.parametrize("padding", [0xFFFF, 0xFFF0, 0x0FFF], ids=hex)
def test_padding_of_left_justified_values_may_be_left_justified_too(tmp_path, padding):
    pixels = PIXELS % 3000
    pixels[HALF] = 4095
    path = write(tmp_path, pixels << 4, 15, PixelPaddingValue=padding)
    assert np.array_equal(read_signal(read_slice(path)).silent, HALF)
