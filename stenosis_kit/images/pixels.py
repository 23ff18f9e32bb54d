"""One file's pixels: where they lie in it, checked without reading them, and decoding them."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.pixels import get_decoder
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

from stenosis_kit.images.file import Measured, UnreadableSlice, reason

_KEYWORDS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}  # elements of group 7FE0
_UNDEFINED = 0xFFFFFFFF  # length of pixel data in fragments

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 1000  # of one frame

_LOOKED_AT = 1 << 16  # bytes of a code stream in which its own size has to stand
_PANIC = "PanicException"  # of a decoder written in Rust (pylibjpeg-rle): no Exception by its class
_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}  # SOF of JPEG and JPEG-LS


@dataclass(frozen=True)
class Coding:
    """How a file's pixels are coded, and where.

    Attributes:
        syntax: transfer syntax.
        options: what a decoder has to know beside it, by the names of pydicom's decoding options.
        value_at: where the value of the element with the pixels begins in the file, bytes.
        frame_at: where the coded frame begins in that; 0 where the pixels are not compressed.
    """

    syntax: UID
    options: dict[str, Any]
    value_at: int
    frame_at: int

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.options["rows"], self.options["columns"]


def find_pixels(file: Measured, syntax: UID, options: dict[str, Any], implicit: bool, little: bool) -> Coding:
    """Checks that the pixels are as long as they have to be, without reading them.

    Args:
        file: read as far as the element with the pixels.
        syntax: its transfer syntax.
        options: what its header says of the pixels, see `Coding`.
        implicit: whether the file's elements have no VR.
        little: whether they are little endian.

    Raises:
        UnreadableSlice: where there are none, or they are cut off, or another number than the header says.
    """
    head, order = file.read(8 if implicit else 12), "little" if little else "big"
    keyword = _KEYWORDS.get(int.from_bytes(head[2:4], order))
    if len(head) < 8 or not keyword or syntax == DeflatedExplicitVRLittleEndian:
        raise UnreadableSlice("no pixel data")
    found = {"pixel_keyword": keyword} | ({} if implicit else {"pixel_vr": head[4:6].decode("ascii", "replace")})
    needed = options["rows"] * options["columns"] * max(1, options.get("bits_allocated", 16) // 8)
    value_at = file.tell()
    frame_at = _check_length(file, syntax, int.from_bytes(head[-4:], order), needed)
    return Coding(syntax, options | found, value_at, frame_at)


def _check_length(file: Measured, syntax: UID, length: int, needed: int) -> int:
    """Checks a value of so many bytes, which the file is at; returns where a coded frame begins, else 0."""
    if length != _UNDEFINED:
        there = min(length, file.size - file.tell())
        if there < needed:
            raise UnreadableSlice(f"expected {needed} bytes of pixels; found {there}: cut off, or a wrong header")
        return 0
    frame_at, coded = _walk_fragments(file)
    if syntax == RLELossless and coded > 2 * needed + 65536:  # at worst a byte takes two
        raise UnreadableSlice(f"expected a frame of {needed} bytes; found {coded} bytes of code for it")
    return frame_at


def _walk_fragments(file: Measured) -> tuple[int, int]:
    """Where the first fragment after the offset table begins, and the bytes of all fragments (PS3.5 A.4)."""
    starts, coded = [], 0
    while len(starts) < _MOST_FRAGMENTS:
        head = file.read(8)
        if len(head) < 8 or head[:4] == _END:
            break
        length = int.from_bytes(head[4:], "little")
        if head[:4] != _ITEM or length > file.size - file.tell():
            raise UnreadableSlice("its compressed pixels are cut off or damaged")
        starts.append(file.tell())
        coded += length
        file.seek(length, os.SEEK_CUR)
    if len(starts) < 2:
        raise UnreadableSlice("its compressed pixels are cut off or damaged")
    return starts[1], coded


def decode(path: Path, coding: Coding) -> np.ndarray:
    """(rows, columns) stored values of a file, whose header is not read again.

    Raises:
        UnreadableSlice: where the pixels cannot be decoded or are not what the header says.
    """
    try:
        with Measured(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padding and the like
            if coding.frame_at:
                _check_stream(file, coding)
            file.seek(coding.value_at)
            stored, _ = get_decoder(coding.syntax).as_array(file, **coding.options)
    except UnreadableSlice:
        raise
    except BaseException as error:  # decoders of strangers' files: errors of many kinds, and none may end the run
        if isinstance(error, Exception) or type(error).__name__ == _PANIC:
            raise UnreadableSlice(reason(error)) from None
        raise
    if stored.shape != coding.shape:
        raise UnreadableSlice(f"expected {coding.shape} pixels; found {stored.shape}")
    return stored


def _check_stream(file: Measured, coding: Coding) -> None:
    """Refuses a code stream that says it is of another size: decoders take memory for what the stream says."""
    file.seek(coding.frame_at)
    found = stream_shape(file.read(min(_LOOKED_AT, file.size - coding.frame_at)))
    if found and found != coding.shape:
        raise UnreadableSlice(f"expected {coding.shape} pixels; found a code stream of {found}")


def stream_shape(data: bytes) -> tuple[int, int] | None:
    """The (rows, columns) that a JPEG, JPEG-LS or JPEG 2000 code stream gives itself; None where it is none of them."""
    if data.startswith(_J2K_START):  # SIZ: length, capabilities, then four bytes each of width, height and offsets
        width, height, left, top = (int.from_bytes(data[at : at + 4], "big") for at in (8, 12, 16, 20))
        return height - top, width - left
    at = 2
    while data.startswith(b"\xff\xd8") and at + 9 <= len(data) and data[at] == 0xFF:
        if data[at + 1] in _JPEG_SIZES:
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
