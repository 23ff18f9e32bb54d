"""Headers that lie: no memory is taken for what they claim."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest
from fabricate import write_dicom
from hostile import PIXELS, PLANE, refuse

from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.slice import read_slice

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


def test_an_element_that_claims_gigabytes_takes_none(path: Path) -> None:
    put_first(path, b"\x08\x00\x05\x00UT\0\0\xf0\xff\xff\x7f")  # a character set of 2 GB
    refuse(path, "a length of 2147483632 bytes in a file of")


@pytest.mark.parametrize("depth", [50, 5000, 100_000])
def test_deep_sequences_end_without_a_crash(path: Path, depth: int) -> None:
    sequence = b"\x40\x00\x75\x02SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    put_first(path, sequence * depth)
    with pytest.raises(UnreadableSlice):
        read_slice(path)


def test_a_deflated_bomb_is_not_inflated(path: Path) -> None:
    data = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99\0\0")
    data = data.replace(b"\x02\x00\x10\x00UI\x14\x00", b"\x02\x00\x10\x00UI\x18\x00")  # four bytes longer,
    size = struct.unpack("<I", data[140:144])[0] + 4
    data = data[:140] + struct.pack("<I", size) + data[144:]  # and so is the meta group
    squeezed = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    bomb = b"".join([*(squeezed.compress(bytes(1 << 20)) for _ in range(500)), squeezed.flush()])
    path.write_bytes(data[: 144 + size] + bomb)
    refuse(path, "a length of -1 bytes in a file of")


def test_a_number_that_cannot_be_read_is_refused_by_its_tags_name(path: Path) -> None:
    write_dicom(path, PLANE, PIXELS, RescaleSlope="123")
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x00123 ", b"DS\x04\x001x3 "))
    refuse(path, "RescaleSlope: could not convert string to float")


def test_spacing_tags_that_cannot_be_read_are_not_asked(path: Path) -> None:
    write_dicom(path, PLANE, PIXELS, SliceThickness="123", SpacingBetweenSlices="4")
    path.write_bytes(path.read_bytes().replace(b"DS\x04\x00123 ", b"DS\x04\x001x3 "))
    header = read_slice(path).header
    assert header is not None and header.spaced
