"""Files from strangers: what they claim is checked before memory or time is taken for it."""

from __future__ import annotations

import os
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from campaigns.mutations import MUTATIONS, mutate
from fabricate import plane, write_dicom
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from stenosis_kit.images.file import MAX_BYTES, BoundedFile, UnreadableSlice
from stenosis_kit.images.pixels import stream_shape
from stenosis_kit.images.slice import Slice, read_pixels, read_slice
from stenosis_kit.phantom.files.encode import jpeg2000

SHAPE = (64, 80)
PLANE = plane("axial", 0.0, mm=2.0, shape=SHAPE)
PIXELS = (np.arange(SHAPE[0] * SHAPE[1]) % 4096).astype(np.uint16).reshape(SHAPE)
_PIXEL_DATA = b"\xe0\x7f\x10\x00"


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """No test here may take more than a few megabytes."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_dicom(tmp_path / "1.dcm", PLANE, PIXELS)


def rewritten(path: Path, syntax: str, frame: bytes) -> Path:
    """The file with its pixels coded."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)
    return path


def put_first(path: Path, element: bytes) -> None:
    """Puts an element before all others of the data set."""
    data = path.read_bytes()
    start = 144 + struct.unpack("<I", data[140:144])[0]  # after the meta group
    path.write_bytes(data[:start] + element + data[start:])


def refuse(path: Path, reason: str) -> None:
    with pytest.raises(UnreadableSlice, match=reason):
        read_pixels(read_slice(path))


def test_the_file_that_is_made_hostile_here_is_a_good_one(path: Path) -> None:
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


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


def test_an_rle_bomb_is_refused_before_it_is_decoded(path: Path) -> None:
    frame = struct.pack("<16I", 2, 64, 64 + 400_000, *[0] * 13) + b"\x81\0" * 400_000
    refuse(rewritten(path, RLELossless, frame), f"expected a frame of {PIXELS.nbytes} bytes; found")


def test_a_decoder_that_panics_costs_its_slice_alone_and_an_interruption_passes(path: Path, monkeypatch) -> None:
    """A panic of a decoder written in Rust, as the codecs extra has them, reaches Python as no Exception."""
    panic = type("PanicException", (BaseException,), {})

    def raising(error: BaseException):
        def get_decoder(syntax):
            raise error

        return get_decoder

    monkeypatch.setattr(
        "stenosis_kit.images.pixels.get_decoder", raising(panic("index out of bounds: the len is 10240"))
    )
    with pytest.raises(UnreadableSlice, match="index out of bounds"):
        read_pixels(read_slice(path))
    monkeypatch.setattr("stenosis_kit.images.pixels.get_decoder", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        read_pixels(read_slice(path))


def test_a_code_stream_of_another_size_is_refused_before_it_is_decoded(path: Path) -> None:
    stream = bytearray(jpeg2000(PIXELS))
    assert stream_shape(bytes(stream)) == SHAPE
    stream[8:16] = struct.pack(">II", 60000, 60000)
    refuse(rewritten(path, "1.2.840.10008.1.2.4.90", bytes(stream)), r"found a code stream of \(60000, 60000\)")


@pytest.mark.parametrize("marker", [0xC0, 0xC3, 0xF7], ids=["baseline", "lossless", "JPEG-LS"])
def test_the_size_of_a_jpeg_stands_after_other_segments(marker: int) -> None:
    application = b"\xff\xe0\x00\x06abcd"
    frame = bytes([0xFF, marker]) + b"\x00\x0b\x08" + struct.pack(">HH", 300, 200) + b"\x01\x01\x11\x00"
    assert stream_shape(b"\xff\xd8" + application + frame) == (300, 200)
    assert stream_shape(b"\xff\xd8" + application) is None
    assert stream_shape(b"\x02\0\0\0") is None


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    refuse(path, "not a file but")


def test_a_device_is_not_read(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")
    refuse(path, "not a file but")


def test_a_giant_file_is_not_opened(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    refuse(path, f"expected at most {MAX_BYTES} bytes")


def test_a_file_is_never_read_to_its_end_in_one_go(path: Path) -> None:
    with BoundedFile(path) as file, pytest.raises(ValueError, match="a length of -1"):
        file.read()


# --- Fuzzing ------------------------------------------------------------------------------------


def coded(path: Path, how: str) -> bytes:
    """The file in one of the ways in which such files are stored."""
    dataset = pydicom.dcmread(path)
    if how == "RLE":
        dataset.compress(RLELossless)
        dataset.save_as(path)
    elif how == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    elif how == "JPEG 2000":
        rewritten(path, "1.2.840.10008.1.2.4.90", jpeg2000(PIXELS))
    return path.read_bytes()


@pytest.mark.parametrize("how", ["explicit", "implicit", "RLE", "JPEG 2000"])
def test_whatever_happens_to_a_file_it_is_read_or_refused_with_a_reason(path: Path, how: str) -> None:
    rng = np.random.default_rng(8)
    whole = coded(path, how)
    kinds, refused = set(), 0
    for _ in range(300):
        kind, damaged = mutate(whole, rng)
        path.write_bytes(damaged)
        kinds.add(kind)
        try:
            found = read_slice(path)
            assert isinstance(found, Slice)
            assert read_pixels(found).shape == found.plane.shape
        except UnreadableSlice as error:
            assert str(error)
            refused += 1
    assert kinds == set(MUTATIONS)
    assert 30 < refused < 290
