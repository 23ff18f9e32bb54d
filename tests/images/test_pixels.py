"""Pixels that lie: code streams are checked before they are decoded, and decoders may fail in any way."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hostile import PIXELS, SHAPE, refuse, rewritten
from pydicom.uid import RLELossless

from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.pixels import stream_shape
from stenosis_kit.images.slice import read_pixels, read_slice
from stenosis_kit.phantom.files.encode import jpeg2000

pytestmark = pytest.mark.usefixtures("little_memory")


def test_the_file_that_is_made_hostile_here_is_a_good_one(path: Path) -> None:
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


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


@pytest.mark.parametrize("second", [b"\xfe\xff\xdd\xe0", b"\x10\x00\x10\x00"], ids=["no fragment", "another tag"])
def test_fragments_that_are_none_are_refused_from_the_header_alone(path: Path, second: bytes) -> None:
    rewritten(path, RLELossless, b"frame")
    data = path.read_bytes()
    at = data.index(b"\xfe\xff\x00\xe0")  # the offset table's item, which is empty
    size = int.from_bytes(data[at + 4 : at + 8], "little")
    path.write_bytes(data[: at + 8 + size] + second + data[at + 12 + size :])
    with pytest.raises(UnreadableSlice, match="its compressed pixels are cut off or damaged"):
        read_slice(path)


def test_a_file_of_many_fragments_is_not_walked_to_its_end(path: Path) -> None:
    rewritten(path, RLELossless, b"frame")
    data = path.read_bytes()
    at = data.index(b"\xfe\xff\x00\xe0")
    path.write_bytes(data[:at] + b"\xfe\xff\x00\xe0\0\0\0\0" * 2_000_000)
    assert read_slice(path).header is not None  # walking all of them would take seconds and this test's memory
