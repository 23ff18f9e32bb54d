"""Decoding one file's pixels, after its header was checked."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from pydicom.pixels import pixel_array

from stenosis_kit.header import Measured, UnreadableSlice, reason

_LOOKED_AT = 1 << 16  # bytes of a code stream in which its own size has to stand
_PANIC = "PanicException"  # of a decoder written in Rust (pylibjpeg-rle): no Exception by its class
_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}  # SOF of JPEG and JPEG-LS


def decode(path: Path, shape: tuple[int, int], frame_at: int = 0) -> np.ndarray:
    """(rows, columns) stored values of a file whose header says `shape`; see `header.Header` for `frame_at`.

    Raises:
        UnreadableSlice: where the pixels cannot be decoded or are not what the header says.
    """
    try:
        with Measured(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padding and the like
            if frame_at:
                _check_stream(file, shape, frame_at)
            stored = pixel_array(file)
    except UnreadableSlice:
        raise
    except BaseException as error:  # decoders of strangers' files: errors of many kinds, and none may end the run
        if isinstance(error, Exception) or type(error).__name__ == _PANIC:
            raise UnreadableSlice(reason(error)) from None
        raise
    if stored.shape != shape:
        raise UnreadableSlice(f"expected {shape} pixels; found {stored.shape}")
    return stored


def _check_stream(file: Measured, shape: tuple[int, int], frame_at: int) -> None:
    """Refuses a code stream that says it is of another size: decoders take memory for what the stream says."""
    file.seek(frame_at)
    found = stream_shape(file.read(min(_LOOKED_AT, file.size - frame_at)))
    if found and found != shape:
        raise UnreadableSlice(f"expected {shape} pixels; found a code stream of {found}")


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
