"""Pixels that lie: code streams are checked before they are decoded, and decoders may fail in any way."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from hostile import PIXELS, SHAPE, refuse, rewritten
from pydicom.uid import UID, JPEGExtended12Bit, JPEGLosslessSV1, RLELossless

from stenosis_kit.images.coding import readable_syntaxes
from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.pixels import stream_shape
from stenosis_kit.images.slice import read_pixels, read_slice
from stenosis_kit.phantom.files.encode import jpeg2000

pytestmark = pytest.mark.usefixtures("little_memory")


def test_the_file_that_is_made_hostile_here_is_a_good_one(path: Path) -> None:
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


def test_plain_pixels_are_read_without_pydicoms_decoders(path: Path, monkeypatch) -> None:
    monkeypatch.setattr("stenosis_kit.images.pixels.get_decoder", None)
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

    item = read_slice(rewritten(path, "1.2.840.10008.1.2.4.90", jpeg2000(PIXELS)))
    monkeypatch.setattr("stenosis_kit.images.pixels.get_decoder", raising(panic("index out of bounds")))
    with pytest.raises(UnreadableSlice, match="found some that cannot be decoded"):
        read_pixels(item)
    monkeypatch.setattr("stenosis_kit.images.pixels.get_decoder", raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        read_pixels(item)


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


@pytest.mark.parametrize(
    ("syntax", "remedy"),
    [
        ("1.2.840.10008.1.2.4.57", 'pip install "stenosis-kit[codecs]"'),
        ("1.2.840.10008.1.2.4.70", 'pip install "stenosis-kit[codecs]"'),
        ("1.2.840.10008.1.2.4.80", 'pip install "stenosis-kit[codecs]"'),
        ("1.2.840.10008.1.2.4.90", 'pip install "stenosis-kit[codecs]"'),
        ("1.2.840.10008.1.2.4.100", "convert the files to Explicit VR Little Endian"),
        ("1.2.840.113619.5.2", "convert the files to Explicit VR Little Endian"),
    ],
    ids=["JPEG Lossless", "JPEG Lossless, first order", "JPEG-LS", "JPEG 2000", "MPEG2", "of a vendor"],
)
def test_a_transfer_syntax_that_no_installed_decoder_reads_is_refused_from_the_header_alone_with_what_to_do(
    path: Path, monkeypatch, syntax: str, remedy: str
) -> None:
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", False)
    rewritten(path, syntax, b"frame")
    with pytest.raises(UnreadableSlice) as raised:
        read_slice(path)
    name = UID(syntax).name
    named = syntax if name == syntax else f"{name} ({syntax})"
    assert str(raised.value) == f"expected pixels that a decoder is installed for; found {named}: {remedy}"
    assert raised.value.reason.kind is Kind.DECODER


@pytest.mark.parametrize("plugins", [("pillow",), ("pillow", "pylibjpeg")])
def test_a_decoder_of_eight_bits_alone_is_none_for_twelve(path: Path, monkeypatch, plugins: tuple[str, ...]) -> None:
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", True)
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.available_plugins", plugins)
    rewritten(path, JPEGExtended12Bit, b"frame")
    if plugins == ("pillow",):
        with pytest.raises(UnreadableSlice, match="expected pixels that a decoder is installed for"):
            read_slice(path)
    else:
        assert read_slice(path).header


@pytest.mark.parametrize("available", [True, False])
def test_syntaxes_are_readable_where_a_decoder_of_them_is_installed(monkeypatch, available: bool) -> None:
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", available)
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.available_plugins", ("pillow",))
    found = set(readable_syntaxes())
    assert {RLELossless, JPEGLosslessSV1} <= found if available else not found
    assert not found & {JPEGExtended12Bit, "1.2.840.10008.1.2.4.100"}, "of eight bits alone, and a film's"


def test_pixels_in_fragments_under_an_uncompressed_syntax_are_refused_from_the_header_alone(path: Path) -> None:
    rewritten(path, RLELossless, b"frame")
    data = path.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")
    path.write_bytes(data)
    with pytest.raises(UnreadableSlice, match="not stored as its transfer syntax, Explicit VR Little Endian, says"):
        read_slice(path)
