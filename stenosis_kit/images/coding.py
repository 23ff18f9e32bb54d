"""How a file's pixels are coded, and where: found and checked without reading them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from pydicom.pixels import get_decoder
from pydicom.uid import UID, AllTransferSyntaxes, JPEGExtended12Bit, RLELossless

from stenosis_kit.images.file import BoundedFile, Kind, UnreadableSlice

CODECS = 'pip install "stenosis-kit[codecs]"'
"""What brings decoders for JPEG, JPEG-LS and JPEG 2000 files."""

_KEYWORDS = {0x0010: "PixelData", 0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData"}  # elements of group 7FE0
_UNDEFINED = 0xFFFFFFFF  # the length that pixel data in fragments has (PS3.5 A.4)

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 1000  # of one frame, chosen by hand: a file has room for millions of empty ones


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

    @property
    def is_unsigned(self) -> bool:
        """Whether no pixel can be negative."""
        return not self.is_float and self.options.get("pixel_representation") == 0

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


def readable_syntaxes() -> list[str]:
    """The compressed transfer syntaxes that an installed decoder reads, with all depths that images have."""
    return [str(syntax) for syntax in AllTransferSyntaxes if syntax.is_compressed and _is_readable(syntax)]


def _is_readable(syntax: UID) -> bool:
    try:
        check_decoder(syntax, {"bits_stored": 12})
    except UnreadableSlice:
        return False
    return True


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
    size = max(1, options.get("bits_allocated", 16) // 8)
    needed = options["rows"] * options["columns"] * size
    line = min(options["rows"], options["columns"]) * size
    lowest_bit = _lowest_bit(options) if keyword == "PixelData" else 0
    found |= {"bits_stored": options["bits_stored"] + lowest_bit} if lowest_bit else {}
    options = {name: value for name, value in options.items() if name != "high_bit"}
    value_at = file.tell()
    frame_at = _check_length(file, syntax, int.from_bytes(head[-4:], order), needed, line)
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


def _check_length(file: BoundedFile, syntax: UID, length: int, needed: int, line: int) -> int:
    """Checks a value of that many bytes, which the file is at; returns the first fragment's offset, else 0.

    More than a row or a column too much shows that Rows, Columns or BitsAllocated is wrong; less is padding.
    """
    if (length == _UNDEFINED) != syntax.is_compressed:
        raise UnreadableSlice(f"its pixels are not stored as its transfer syntax, {syntax.name}, says: damaged")
    if length != _UNDEFINED:
        there = min(length, file.size - file.tell())
        if there < needed:
            raise UnreadableSlice(f"expected {needed} bytes of pixels; found {there}: cut off, or a wrong header")
        if there >= needed + line:
            raise UnreadableSlice(f"expected {needed} bytes of pixels; found {there}: a wrong header")
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
