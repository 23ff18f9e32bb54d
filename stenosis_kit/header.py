"""One DICOM file's header: what it says of the image, checked before anything is taken or allocated for it.

The files come from strangers. Every size that a header claims is compared with the file that is there.
"""

from __future__ import annotations

import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, RawDataElement
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, RLELossless

# Values that break a VR's rules are common in the wild and harmless here: what we use, we check ourselves.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

MAX_PIXELS = 2048 * 2048
"""Larger images are refused before memory is taken for them; the competition's largest is 1024 x 1024."""

MAX_BYTES = 1 << 27
"""Larger files are not opened; the largest image allowed takes a quarter of that."""

_POSITION, _ORIENTATION, _SPACING = Tag("ImagePositionPatient"), Tag("ImageOrientationPatient"), Tag("PixelSpacing")
_ROWS, _COLUMNS, _SAMPLES = Tag("Rows"), Tag("Columns"), Tag("SamplesPerPixel")
_FRAMES, _BITS, _PHOTOMETRIC = Tag("NumberOfFrames"), Tag("BitsAllocated"), Tag("PhotometricInterpretation")
_SLOPE, _INTERCEPT = Tag("RescaleSlope"), Tag("RescaleIntercept")
_THICKNESS, _DISTANCE = Tag("SliceThickness"), Tag("SpacingBetweenSlices")
_TAGS: list[Any] = [_POSITION, _ORIENTATION, _SPACING, _ROWS, _COLUMNS, _SAMPLES, _FRAMES, _BITS, _PHOTOMETRIC]
_TAGS += [_SLOPE, _INTERCEPT, _THICKNESS, _DISTANCE]

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_MOST_FRAGMENTS = 1000  # of one frame


class UnreadableSlice(Exception):
    """A file that cannot serve as a slice; the message says why."""


@dataclass(frozen=True)
class Header:
    """What a file says of its image.

    Attributes:
        position, orientation, spacing: the values of ImagePositionPatient, ImageOrientationPatient and PixelSpacing,
            empty where absent; not yet checked.
        shape: (rows, columns).
        inverted: whether MONOCHROME1: larger is darker.
        slope, intercept: signal = stored * slope + intercept (PS3.3 C.11.1).
        syntax: transfer syntax.
        spaced: whether SliceThickness and SpacingBetweenSlices are both there.
        frame_at: where the coded frame begins in the file, bytes; 0 where the pixels are not compressed.
    """

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    shape: tuple[int, int]
    inverted: bool
    slope: float
    intercept: float
    syntax: UID
    spaced: bool
    frame_at: int


class Measured(io.BufferedReader):
    """A file that refuses to be read for more bytes than it has: lengths in it may lie."""

    def __init__(self, path: Path) -> None:
        """Opens a file.

        Raises:
            UnreadableSlice: where it is empty, no ordinary file (reading a pipe would wait for ever), or too large.
        """
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableSlice("not a file but a folder, pipe or device")
        if found.st_size == 0:
            raise UnreadableSlice("a file of no bytes")
        if found.st_size > MAX_BYTES:
            raise UnreadableSlice(f"expected at most {MAX_BYTES} bytes; found {found.st_size}")
        self.size = found.st_size
        super().__init__(io.FileIO(path))

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads some bytes, never all that is left: pydicom does that to inflate a file, without a limit."""
        if size is None or not 0 <= size <= self.size:
            raise ValueError(f"a length of {size} bytes in a file of {self.size}")
        return super().read(size)


def read_header(path: Path) -> Header:
    """Reads a file's header, and checks that its pixels are there without reading them.

    Raises:
        UnreadableSlice: where it is not a whole single-frame greyscale image of a size that can be true.
        OSError: where the file cannot be opened.
    """
    with Measured(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break a VR's rules and the like
        try:
            return _header(file)
        except UnreadableSlice:
            raise
        except Exception as error:  # a stranger's file: pydicom's errors are of many kinds, and none may end the run
            raise UnreadableSlice(reason(error)) from None


def reason(error: Exception) -> str:
    """The first line of an error, for a log."""
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def _header(file: Measured) -> Header:
    dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
    syntax = dataset.file_meta.get("TransferSyntaxUID") or UID("")
    shape = (_integer(dataset, _ROWS, "Rows"), _integer(dataset, _COLUMNS, "Columns"))
    frames = int((_numbers(dataset, _FRAMES) or (1,))[0])
    samples = _integer(dataset, _SAMPLES, "SamplesPerPixel", 1)
    if frames != 1 or samples != 1:
        raise UnreadableSlice(f"expected one frame of one sample; found {frames} frame(s) of {samples}")
    if shape[0] * shape[1] > MAX_PIXELS:
        raise UnreadableSlice(f"Rows, Columns: expected at most {MAX_PIXELS} pixels; found {shape[0]} x {shape[1]}")
    needed = shape[0] * shape[1] * max(1, _integer(dataset, _BITS, "BitsAllocated", 16) // 8)
    frame_at = _check_pixels(file, syntax, dataset, needed)
    return Header(
        position=_numbers(dataset, _POSITION),
        orientation=_numbers(dataset, _ORIENTATION),
        spacing=_numbers(dataset, _SPACING),
        shape=shape,
        inverted=_text(dataset, _PHOTOMETRIC) == "MONOCHROME1",
        slope=(_numbers(dataset, _SLOPE) or (1.0,))[0] or 1.0,
        intercept=(_numbers(dataset, _INTERCEPT) or (0.0,))[0],
        syntax=syntax,
        spaced=_THICKNESS in dataset and _DISTANCE in dataset,
        frame_at=frame_at,
    )


def _check_pixels(file: Measured, syntax: UID, dataset: Dataset, needed: int) -> int:
    """Checks that the pixel data are as long as they have to be; returns where a coded frame begins, else 0."""
    implicit, little = dataset.original_encoding
    head = file.read(8 if implicit else 12)
    if len(head) < 8 or syntax == DeflatedExplicitVRLittleEndian:
        raise UnreadableSlice("no pixel data")
    length = int.from_bytes(head[-4:], "little" if little else "big")
    if length != 0xFFFFFFFF:
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


def _raw(dataset: Dataset, tag: BaseTag, *kinds: str) -> Any:
    """An element's undecoded value where it has one of the VRs (or none, as in implicit files), else what it holds.

    pydicom's own conversion would take longer than all the rest of reading a header.
    """
    element = dataset.get_item(tag)
    if isinstance(element, RawDataElement) and isinstance(element.value, bytes) and element.VR in (None, *kinds):
        return element.value
    return None if element is None else dataset[tag].value


def _numbers(dataset: Dataset, tag: BaseTag) -> tuple[float, ...]:
    value = _raw(dataset, tag, "DS", "IS")
    if isinstance(value, bytes):
        value = value.strip(b" \0")
        return tuple(float(part) for part in value.split(b"\\")) if value else ()
    if value is None or isinstance(value, str | int | float):
        return (float(value),) if value not in (None, "") else ()
    return tuple(float(part) for part in value)


def _integer(dataset: Dataset, tag: BaseTag, name: str, default: int | None = None) -> int:
    value = _raw(dataset, tag, "US")
    if isinstance(value, bytes):
        value = int.from_bytes(value[:2], "little" if dataset.original_encoding[1] else "big") if value else None
    if value is None or value == "":
        value = default
    if value is None:
        raise UnreadableSlice(f"{name}: expected a number; found nothing")
    return int(value)


def _text(dataset: Dataset, tag: BaseTag) -> str:
    value = _raw(dataset, tag, "CS")
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")).strip(" \0")
