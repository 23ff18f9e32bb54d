"""Headers read in one piece: as pydicom reads them, or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hostile import deflated
from pydicom.dataelem import RawDataElement
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from stenosis_kit.images.elements import Elements, read_elements
from stenosis_kit.images.file import UnreadableSlice, open_image
from stenosis_kit.images.plain_elements import plain_elements

PIXELS, ROWS, SEQUENCE, POSITION = 0x7FE0_0010, 0x0028_0010, 0x0008_1140, 0x0020_0032
TAGS = frozenset({ROWS, POSITION, SEQUENCE})


def both(path: Path) -> tuple[Elements | None, int, Elements | None, int]:
    """What each way of reading finds, and where it leaves the file; None where it finds nothing."""
    with open_image(path) as file:
        plain = plain_elements(file, TAGS)
        at = file.tell()
        file.seek(0)
        try:
            return plain, at, read_elements(file, TAGS), file.tell()
        except Exception:  # of many kinds
            return plain, at, None, 0


def changed(path: Path, syntax: str | None = None, **tags: object) -> Path:
    dataset = pydicom.dcmread(path)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    if syntax:
        dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(
        path, **({"implicit_vr": syntax == ImplicitVRLittleEndian, "little_endian": True} if syntax else {})
    )
    return path


def test_elements_are_those_of_pydicom(path: Path) -> None:
    plain, at, expected, expected_at = both(path)
    assert plain == Elements(expected.raw, expected.syntax)
    assert set(plain.raw) == {ROWS, POSITION}
    assert at == expected_at
    assert path.read_bytes()[at : at + 4] == b"\xe0\x7f\x10\x00"


def test_a_sequence_of_known_length_is_passed_over(path: Path) -> None:
    plain, *_ = both(changed(path, ReferencedImageSequence=[pydicom.Dataset()]))
    assert isinstance(plain.raw[SEQUENCE], RawDataElement)


@pytest.mark.parametrize("what", ["implicit", "deflated", "bare", "cut off", "empty", "unordered", "long", "sequence"])
def test_what_is_unusual_is_left_to_pydicom(path: Path, what: str) -> None:
    data = path.read_bytes()
    pixels = data.index(b"\xe0\x7f\x10\x00")
    if what == "implicit":
        changed(path, ImplicitVRLittleEndian)
    elif what == "deflated":
        deflated(path)
    elif what == "bare":
        path.write_bytes(data[data.index(b"\x08\x00\x05\x00") if b"\x08\x00\x05\x00" in data else 132 :])
    elif what == "cut off":
        path.write_bytes(data[:pixels])
    elif what == "empty":
        changed(path, ImagePositionPatient=None)
    elif what == "unordered":
        path.write_bytes(data[:pixels] + b"\x28\x00\x10\x00US\x02\x00\x40\x00" + data[pixels:])
    elif what == "long":
        changed(path, ImageComments="a" * 20000)
    else:
        dataset = pydicom.dcmread(path)
        dataset.ReferencedImageSequence = [pydicom.Dataset()]
        dataset["ReferencedImageSequence"].is_undefined_length = True
        dataset.save_as(path)
    plain, at, *_ = both(path)
    assert plain is None
    assert at == 0


def test_big_endian_elements_are_left_to_pydicom(path: Path) -> None:
    data = path.read_bytes().replace(b"1.2.840.10008.1.2.1\0", ExplicitVRBigEndian.encode() + b"\0")
    path.write_bytes(data)
    assert both(path)[0] is None


def test_a_damaged_header_is_read_as_pydicom_reads_it_or_left_to_it(path: Path) -> None:
    whole, rng, read = path.read_bytes(), np.random.default_rng(0), 0
    end = whole.index(b"\xe0\x7f\x10\x00") + 12
    for _ in range(300):
        damaged = bytearray(whole)
        damaged[int(rng.integers(132, end))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            plain, at, expected, expected_at = both(path)
        except UnreadableSlice:  # deflated bytes that are none
            continue
        if plain:
            read += 1
            assert (plain, at) == (expected, expected_at)
    assert 100 < read < 300
