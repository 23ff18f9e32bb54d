"""Headers that lie, for whose claims no memory is taken; those that say less than they should, or otherwise."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from fabricate import write_dicom
from hostile import PIXELS, PLANE, bare, put_text, refuse
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.slice import read_pixels, read_slice

pytestmark = pytest.mark.usefixtures("little_memory")


def put_first(path: Path, element: bytes) -> None:
    """Puts an element before all others of the data set."""
    data = path.read_bytes()
    start = 144 + struct.unpack("<I", data[140:144])[0]  # after the meta group
    path.write_bytes(data[:start] + element + data[start:])


@pytest.mark.parametrize(("rows", "columns"), [(65535, 65535), (65535, 1), (1, 65535), (2000, 2000)])
def test_an_image_larger_than_its_file_is_refused(path: Path, rows: int, columns: int) -> None:
    write_dicom(path, PLANE, PIXELS, Rows=rows, Columns=columns)
    refuse(path, "expected .* pixels; found")


@pytest.mark.parametrize(
    "lie", [{"Columns": 79}, {"Rows": 32}, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}], ids=str
)
def test_an_image_smaller_than_its_pixels_is_refused(path: Path, lie: dict[str, int]) -> None:
    write_dicom(path, PLANE, PIXELS, **lie)
    refuse(path, f"bytes of pixels; found {PIXELS.nbytes}: a wrong header")


def test_some_bytes_after_the_pixels_are_padding(path: Path) -> None:
    write_dicom(path, PLANE, PIXELS, PixelData=PIXELS.tobytes() + bytes(100))
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


def test_an_element_that_claims_gigabytes_takes_none(path: Path) -> None:
    put_first(path, b"\x08\x00\x05\x00UT\0\0\xf0\xff\xff\x7f")  # a character set of 2 GB
    refuse(path, "a length of 2147483632 bytes in a file of")


@pytest.mark.parametrize("depth", [50, 5000, 100_000])
def test_deep_sequences_end_without_a_crash(path: Path, depth: int) -> None:
    sequence = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    put_first(path, sequence * depth)
    with pytest.raises(UnreadableSlice):
        read_slice(path)


def test_a_number_that_cannot_be_read_is_refused_by_its_tags_name(path: Path) -> None:
    write_dicom(path, PLANE, PIXELS, RescaleSlope="123")
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x00123 ", b"DS\x04\x001x3 "))
    refuse(path, "RescaleSlope: expected numbers with decimal points; found '1x3'")


def test_spacing_tags_that_cannot_be_read_are_not_asked(path: Path) -> None:
    write_dicom(path, PLANE, PIXELS, SliceThickness="123", SpacingBetweenSlices="4")
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x00123 ", b"DS\x04\x001x3 "))
    header = read_slice(path).header
    assert header is not None and header.spaced


@pytest.mark.parametrize("data", [b"<html>404</html>" * 50, bytes(200), b"\xff\xd8\xff\xe0JFIF", b"DICM"])
def test_what_is_no_dicom_file_is_said_to_be_none(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    refuse(path, "expected a DICOM file; found one that starts with b")


# --- Bare data sets ------------------------------------------------------------------------------


def test_a_file_without_preamble_is_read(path: Path) -> None:
    path.write_bytes(path.read_bytes()[132:])
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


@pytest.mark.parametrize(
    ("implicit", "little", "syntax"),
    [
        (True, True, ImplicitVRLittleEndian),
        (False, True, ExplicitVRLittleEndian),
        (False, False, ExplicitVRBigEndian),
    ],
)
def test_a_data_set_alone_is_read_in_whatever_way_it_is_written(
    path: Path, implicit: bool, little: bool, syntax: str
) -> None:
    item = read_slice(bare(path, implicit, little))
    assert item.header.coding.syntax == syntax
    assert np.array_equal(read_pixels(item), PIXELS)


# --- PhotometricInterpretation -------------------------------------------------------------------


@pytest.mark.parametrize("how", ["absent", "empty"])
def test_an_image_that_does_not_say_what_its_numbers_mean_is_brighter_where_they_are_larger(
    path: Path, how: str
) -> None:
    write_dicom(path, PLANE, PIXELS, **{"PhotometricInterpretation": None})
    if how == "absent":
        write_dicom(path, PLANE, PIXELS, drop=("PhotometricInterpretation",))
    item = read_slice(path)
    assert not item.header.says_grey
    assert np.array_equal(read_pixels(item), PIXELS)
    assert read_slice(write_dicom(path, PLANE, PIXELS)).header.says_grey


@pytest.mark.parametrize("found", ["RGB", "PALETTE COLOR", "GRAY"])
def test_numbers_that_are_no_grey_values_are_refused(path: Path, found: str) -> None:
    write_dicom(path, PLANE, PIXELS, PhotometricInterpretation=found)
    refuse(path, f"PhotometricInterpretation: expected MONOCHROME2 or MONOCHROME1; found {found}: no grey image")


@pytest.mark.parametrize("keyword", ["BitsAllocated", "BitsStored", "PixelRepresentation", "Rows"])
def test_a_number_that_pixels_need_is_missed_by_its_name(path: Path, keyword: str) -> None:
    write_dicom(path, PLANE, PIXELS, drop=(keyword,))
    with pytest.raises(UnreadableSlice, match=f"{keyword}: expected a number; found nothing"):
        read_slice(path)


def test_a_number_of_a_wrong_length_is_refused_by_its_tags_name(path: Path) -> None:
    data = path.read_bytes()
    rows = b"\x28\x00\x10\x00US\x02\x00"
    assert rows in data
    path.write_bytes(data.replace(rows + data[data.index(rows) + 8 :][:2], b"\x28\x00\x10\x00US\x03\x00123"))
    refuse(path, "Rows: expected a value of VR US; found 3 bytes that are none")


# --- Decimal commas ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "spacing"),
    [
        ("0,5\\0,75", (0.5, 0.75)),
        ("0,5\\2", (0.5, 2)),
        ("1,250\\0,750", (1.25, 0.75)),
        ("12,5E-1\\,5", (1.25, 0.5)),
        ("1,2345\\1,2345", (1.2345, 1.2345)),
    ],
)
def test_decimal_commas_that_can_be_nothing_else_are_read(path: Path, text: str, spacing: tuple[float, float]) -> None:
    assert read_slice(put_text(path, "PixelSpacing", text)).plane.spacing == spacing


def test_another_number_of_the_file_may_show_that_its_commas_are_decimal(path: Path) -> None:
    put_text(path, "ImagePositionPatient", "-100,125\\-99,250\\1,500")
    refuse(path, "ImagePositionPatient: expected numbers with decimal points; found '-100,125", Kind.PLACE)
    put_text(path, "PixelSpacing", "0,625\\0,625")
    assert read_slice(path).plane.origin.tolist() == [-100.125, -99.25, 1.5]


@pytest.mark.parametrize("text", ["1,250\\1,250", "0,5,0,5", "1.250,5\\1", "0;5\\0;5", "x"])
def test_commas_that_may_stand_between_thousands_or_numbers_are_refused(path: Path, text: str) -> None:
    put_text(path, "PixelSpacing", text)
    refuse(path, "PixelSpacing: expected numbers with decimal points; found '", Kind.PLACE)


# --- Several frames ------------------------------------------------------------------------------


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_enhanced_mr_is_refused_with_what_to_do(path: Path, frames: int) -> None:
    dataset = pydicom.dcmread(write_dicom(path, PLANE, PIXELS, NumberOfFrames=frames, drop=("ImagePositionPatient",)))
    dataset.PerFrameFunctionalGroupsSequence = [Dataset()]
    dataset.save_as(path)
    refuse(path, "expected one frame a file, .*: export the series as MR Image Storage, one file a slice", Kind.FRAMES)


@pytest.mark.parametrize("tag", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_an_image_without_a_place_is_of_that_kind(path: Path, tag: str) -> None:
    refuse(write_dicom(path, PLANE, PIXELS, drop=(tag,)), tag, Kind.PLACE)


# --- Sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mm", [0.08, 0.6, 8.8, 20.0])
def test_an_image_of_a_size_that_no_scanner_makes_is_refused(path: Path, mm: float) -> None:
    longest = f"{max(PIXELS.shape) * mm:.4g}"
    refuse(write_dicom(path, PLANE, PIXELS, PixelSpacing=[mm, mm]), f"of 50 to 700 mm; found {longest} mm", Kind.PLACE)


@pytest.mark.parametrize("mm", [0.64, 8.7])
def test_the_smallest_and_the_largest_image_are_read(path: Path, mm: float) -> None:
    assert read_slice(write_dicom(path, PLANE, PIXELS, PixelSpacing=[mm, mm])).plane.spacing == (mm, mm)
