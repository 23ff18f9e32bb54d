"""One file's pixels: finding and checking them without reading them, and decoding them."""

from __future__ import annotations

import os
import warnings
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.pixels import get_decoder
from pydicom.uid import UID, JPEGExtended12Bit, RLELossless

from stenosis_kit.images import packbits
from stenosis_kit.images.file import BoundedFile, Kind, UnreadableSlice, open_image

CODECS = 'pip install "stenosis-kit[codecs]"'
"""What brings decoders for JPEG, JPEG-LS and JPEG 2000 files."""

_KEYWORDS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}  # elements of group 7FE0
_UNDEFINED = 0xFFFFFFFF  # the length that pixel data in fragments has (PS3.5 A.4)

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 1000  # of one frame, chosen by hand: a file has room for millions of empty ones

_STREAM_START = 1 << 16  # bytes of a code stream in which its own size has to stand; chosen by hand
_CODECS_PLUGIN = "pylibjpeg"  # of the extra, with a decoder of RLE in Rust, which takes half the time of `packbits`
_RUST_PANIC = "PanicException"  # pylibjpeg-rle's decoder may panic, and what Python sees then is no Exception
_J2K_START = b"\xff\x4f\xff\x51"
_JPEG_SIZES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}  # SOF markers of JPEG and JPEG-LS


@dataclass(frozen=True)
class Coding:
    """How a file's pixels are coded, and where.

    Attributes:
        syntax: transfer syntax.
        options: what else a decoder has to know, by the names of pydicom's decoding options.
        value_at: offset in the file of the value of the element with the pixels, bytes.
        frame_at: offset in the file of the first fragment's value, bytes; 0 where the pixels are not compressed.
        lowest_bit: of a stored value, at which the pixel's begins: 0 unless left-justified (HighBit, PS3.5 8.1.1).
    """

    syntax: UID
    options: dict[str, Any]
    value_at: int
    frame_at: int
    lowest_bit: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return self.options["rows"], self.options["columns"]

    @property
    def keyword(self) -> str:
        """Of the element with the pixels."""
        return self.options["pixel_keyword"]

    @property
    def is_float(self) -> bool:
        """Whether the pixels are floating point numbers."""
        return self.keyword != "PixelData"

    def wrap(self, value: int) -> int:
        """A whole number as `decode` would give it, had it stood in a pixel: its bits, with the pixels' sign."""
        bits = self.options.get("bits_stored", 16) - self.lowest_bit
        if not -(1 << (bits - 1)) <= value < 1 << bits:
            value >>= self.lowest_bit
        value &= (1 << bits) - 1
        return value - (1 << bits) if self.options.get("pixel_representation") == 1 and value >> (bits - 1) else value


def check_decoder(syntax: UID, options: dict[str, Any]) -> None:
    """Refuses pixels that no installed decoder reads, and says what would help.

    Args:
        syntax: transfer syntax.
        options: as in `Coding`.

    Raises:
        UnreadableSlice: where there is none.
    """
    try:
        decoder = get_decoder(syntax)
    except NotImplementedError:
        remedy = "convert the files to Explicit VR Little Endian"
    else:
        eight_bits_only = syntax == JPEGExtended12Bit and decoder.available_plugins == ("pillow",)
        if decoder.is_available and not (eight_bits_only and options.get("bits_stored") != 8):
            return
        remedy = CODECS
    named = str(syntax) if syntax.name == syntax else f"{syntax.name} ({syntax})"
    raise UnreadableSlice(f"expected pixels that a decoder is installed for; found {named}: {remedy}", Kind.DECODER)


def find_pixels(file: BoundedFile, syntax: UID, options: dict[str, Any], implicit: bool, little: bool) -> Coding:
    """Checks that the pixels are as long as they have to be, without reading them.

    Args:
        file: read as far as the element with the pixels.
        syntax: its transfer syntax.
        options: what its header says of the pixels, see `Coding`.
        implicit: whether the file's elements have no VR.
        little: whether they are little endian.

    Raises:
        UnreadableSlice: where there are none, they are cut off, or there are more or fewer than the header says.
    """
    head, order = file.read(8 if implicit else 12), "little" if little else "big"
    keyword = _KEYWORDS.get(int.from_bytes(head[2:4], order))
    if not keyword:
        raise UnreadableSlice("no pixel data")
    found = {"pixel_keyword": keyword} | ({} if implicit else {"pixel_vr": head[4:6].decode("ascii", "replace")})
    needed = options["rows"] * options["columns"] * max(1, options.get("bits_allocated", 16) // 8)
    lowest_bit = _lowest_bit(options) if keyword == "PixelData" else 0
    found |= {"bits_stored": options["bits_stored"] + lowest_bit} if lowest_bit else {}
    options = {name: value for name, value in options.items() if name != "high_bit"}
    value_at = file.tell()
    frame_at = _check_length(file, syntax, int.from_bytes(head[-4:], order), needed)
    return Coding(syntax, options | found, value_at, frame_at, lowest_bit)


def _lowest_bit(options: dict[str, Any]) -> int:
    """The bit at which a pixel's value begins, by BitsAllocated, BitsStored and HighBit."""
    if not {"bits_allocated", "bits_stored", "high_bit"} <= options.keys():
        return 0
    allocated, stored, high = (options[name] for name in ("bits_allocated", "bits_stored", "high_bit"))
    if stored >= allocated:  # there is but one place for them; or more than fit, which `decode` refuses
        return 0
    if not stored <= high + 1 <= allocated:
        bits = f"{stored} bits stored in {allocated}"
        raise UnreadableSlice(f"HighBit: expected {stored - 1} to {allocated - 1}, with {bits}; found {high}")
    return high + 1 - stored


def _check_length(file: BoundedFile, syntax: UID, length: int, needed: int) -> int:
    """Checks a value of that many bytes, which the file is at; returns the first fragment's offset, else 0."""
    if (length == _UNDEFINED) != syntax.is_compressed:
        raise UnreadableSlice(f"its pixels are not stored as its transfer syntax, {syntax.name}, says: damaged")
    if length != _UNDEFINED:
        there = min(length, file.size - file.tell())
        if there < needed:
            raise UnreadableSlice(f"expected {needed} bytes of pixels; found {there}: cut off, or a wrong header")
        return 0
    frame_at, coded = _walk_fragments(file)
    if syntax == RLELossless and coded > 2 * needed + 65536:  # RLE at its worst doubles a frame; the rest is its header
        raise UnreadableSlice(f"expected a frame of {needed} bytes; found {coded} bytes of code for it")
    return frame_at


def _walk_fragments(file: BoundedFile) -> tuple[int, int]:
    """Offset of the first fragment after the offset table, and the bytes of all fragments (PS3.5 A.4).

    pydicom.encaps.parse_fragments does not see that the last one is cut off, and takes a second for a million of them.
    """
    starts, coded = [], 0
    while len(starts) < _MOST_FRAGMENTS and (head := file.read(8)).startswith(_ITEM):
        length = int.from_bytes(head[4:], "little")
        starts.append(file.tell())
        coded += length
        file.seek(length, os.SEEK_CUR)
    strange = len(head) == 8 and not head.startswith((_ITEM, _END))
    if len(starts) < 2 or strange or file.tell() > file.size:
        raise UnreadableSlice("its compressed pixels are cut off or damaged")
    return starts[1], coded


def decode(path: Path, coding: Coding) -> np.ndarray:
    """(rows, columns) stored values of a file, whose header is not read again.

    Raises:
        UnreadableSlice: where the pixels cannot be decoded or are not what the header says.
    """
    try:
        with open_image(path) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of padding and the like
            if coding.frame_at:
                _check_stream(file, coding)
            file.seek(coding.value_at)
            stored = _as_array(file, coding)
    except (UnreadableSlice, MemoryError):
        raise
    except BaseException as error:  # untrusted files: decoders raise errors of many kinds, and none may end the run
        if isinstance(error, Exception) or type(error).__name__ == _RUST_PANIC:
            why = f"expected pixels ({coding.syntax.name}) as its header describes; found some that cannot be decoded"
            raise UnreadableSlice(f"{why}: copy the file again") from None
        raise
    if stored.shape != coding.shape:  # of several frames
        raise UnreadableSlice(f"expected {coding.shape} pixels; found {stored.shape}")
    return _shifted(stored, coding) if coding.lowest_bit else stored


def _as_array(file: BoundedFile, coding: Coding) -> np.ndarray:
    decoder = get_decoder(coding.syntax)
    if coding.syntax == RLELossless and _CODECS_PLUGIN not in decoder.available_plugins:
        packbits.register()
        with suppress(Exception):  # what it refuses the slower decoders may read
            return decoder.as_array(file, decoding_plugin=packbits.LABEL, **coding.options)[0]
        file.seek(coding.value_at)
    return decoder.as_array(file, **coding.options)[0]


def _shifted(stored: np.ndarray, coding: Coding) -> np.ndarray:
    """Left-justified values moved to the right; what stands below them, such as overlays, falls out.

    Values that use the bits below, and none above BitsStored, are not left-justified, whatever HighBit says.
    """
    bits = coding.options["bits_stored"] - coding.lowest_bit
    below = np.bitwise_and(stored, (1 << coding.lowest_bit) - 1).any()
    if below and np.isin(stored >> bits, (0, -1)).all():
        above = 8 * stored.itemsize - bits
        return stored << above >> above  # so that the sign of signed values is that of their own highest bit
    return stored >> coding.lowest_bit


def _check_stream(file: BoundedFile, coding: Coding) -> None:
    """Refuses a code stream that gives itself another size: decoders allocate memory by that."""
    file.seek(coding.frame_at)
    found = stream_shape(file.read(min(_STREAM_START, file.size - coding.frame_at)))
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
