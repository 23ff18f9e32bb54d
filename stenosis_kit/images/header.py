"""One DICOM file's header, checked before any memory is allocated for its image.

The files are untrusted: every size in a header is compared with the file's own.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.tag import Tag

from stenosis_kit.images.coding import Coding, check_decoder, find_pixels
from stenosis_kit.images.elements import Elements, read_elements
from stenosis_kit.images.file import PREFIX, PREFIX_AT, BoundedFile, Kind, UnreadableSlice, open_image
from stenosis_kit.images.geometry import FIELD_MM, PLACE, Plane
from stenosis_kit.images.padding import PADDING_TAGS, declared_padding
from stenosis_kit.images.plain_elements import plain_elements
from stenosis_kit.images.silence import Padding

# Values that break the rules of their VR are common and harmless: what is used is checked here.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

MAX_PIXELS = 2048 * 2048
"""Larger images are refused before memory is taken for them; the competition's largest is 1024 x 1024."""

_OPTIONS = {  # what a decoder is told, by pydicom's names, and the tags that say it
    "rows": "Rows",
    "columns": "Columns",
    "number_of_frames": "NumberOfFrames",
    "samples_per_pixel": "SamplesPerPixel",
    "bits_allocated": "BitsAllocated",
    "bits_stored": "BitsStored",
    "high_bit": "HighBit",
    "pixel_representation": "PixelRepresentation",
}
_NEEDED = ("rows", "columns", "bits_allocated")
_NEEDED_OF_INTEGERS = ("bits_stored", "pixel_representation")
_PHOTOMETRIC = "PhotometricInterpretation"
_GREY = ("MONOCHROME2", "MONOCHROME1")  # the first is taken where a file says nothing
_SCALE = ("RescaleSlope", "RescaleIntercept")
_GAPS = ("SliceThickness", "SpacingBetweenSlices")
_PER_FRAME = int(Tag("PerFrameFunctionalGroupsSequence"))  # where Enhanced MR keeps the places of its frames
_BARE_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # groups 0002 and 0008: what files without preamble start with
_TAGS = {keyword: int(Tag(keyword)) for keyword in (*_OPTIONS.values(), _PHOTOMETRIC, *PLACE, *_SCALE, *_GAPS)}
_READ = frozenset({*_TAGS.values(), *PADDING_TAGS, _PER_FRAME})


@dataclass(frozen=True)
class Header:
    """What a file's header says of its image.

    Attributes:
        plane: where it lies in the patient.
        inverted: whether MONOCHROME1: larger is darker.
        says_grey: whether PhotometricInterpretation is there; where it is not, larger is taken for brighter.
        slope, intercept: signal = stored * slope + intercept (PS3.3 C.11.1).
        spaced: whether SliceThickness and SpacingBetweenSlices are both there.
        coding: of its pixels.
        padding: the stored values that are no signal; None where none are declared.
    """

    plane: Plane
    inverted: bool
    says_grey: bool
    slope: float
    intercept: float
    spaced: bool
    coding: Coding
    padding: Padding | None


def read_header(path: Path) -> Header:
    """Reads a file's header, and checks that its pixels are there without reading them.

    Raises:
        UnreadableSlice: where it is not a whole single-frame greyscale image with a place in the patient, of a size
            that can be true and in a transfer syntax that an installed decoder reads; where it cannot be opened.
    """
    with open_image(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break the rules of their VR, for instance
        try:
            return _header(file)
        except (UnreadableSlice, OSError, MemoryError):
            raise
        except Exception:  # untrusted files: pydicom raises errors of many kinds, and none may end the run
            raise UnreadableSlice("its header is cut off or damaged: copy the file again") from None


def _header(file: BoundedFile) -> Header:
    check_start(file)
    elements = plain_elements(file, _READ) or read_elements(file, _READ)
    slope, intercept = (_number(elements, keyword, absent) for keyword, absent in zip(_SCALE, (1.0, 0.0), strict=True))
    options = _decoding_options(elements)
    check_decoder(elements.syntax, options)
    coding = find_pixels(file, elements.syntax, options, elements.implicit, elements.little)
    if coding.options["pixel_keyword"] == "PixelData":
        _check_there(options, _NEEDED_OF_INTEGERS)
    photometric = _values(elements, _PHOTOMETRIC)
    inverted = options["photometric_interpretation"] == _GREY[1]
    spaced = all(_TAGS[keyword] in elements.raw for keyword in _GAPS)
    plane, padding = _plane(elements, coding.shape), declared_padding(elements, coding)
    return Header(plane, inverted, bool(photometric), slope or 1.0, intercept, spaced, coding, padding)


def check_start(file: BoundedFile) -> None:
    """Refuses what is no DICOM file: pydicom is told to read files without preamble, and would try to read any.

    Raises:
        UnreadableSlice: where it begins like none; else the file is at its beginning again.
    """
    head = file.read(min(PREFIX_AT + len(PREFIX), file.size))
    file.seek(0)
    if not head[PREFIX_AT:] == PREFIX and not head.startswith(_BARE_STARTS):
        raise UnreadableSlice(f"expected a DICOM file; found one that starts with {head[:4]!r}")


def _plane(elements: Elements, shape: tuple[int, int]) -> Plane:
    try:
        plane = Plane.from_tags(*(_values(elements, keyword) for keyword in PLACE), shape)
    except ValueError as error:
        if _PER_FRAME in elements.raw:  # the SOP class does not tell: the competition's files give a wrong one
            raise _several_frames("an Enhanced MR image") from None
        raise UnreadableSlice(str(error), Kind.PLACE) from None
    longest = max(np.multiply(shape, plane.spacing))
    if not FIELD_MM[0] <= longest <= FIELD_MM[1]:
        expected = f"an image of {FIELD_MM[0]:.0f} to {FIELD_MM[1]:.0f} mm"
        raise UnreadableSlice(f"PixelSpacing: expected {expected}; found {longest:.4g} mm", Kind.PLACE)
    return plane


def _several_frames(found: str) -> UnreadableSlice:
    remedy = "export the series as MR Image Storage, one file a slice"
    return UnreadableSlice(f"expected one frame a file, with its place; found {found}: {remedy}", Kind.FRAMES)


def _decoding_options(elements: Elements) -> dict[str, Any]:
    """What a decoder has to know of a single greyscale frame, by pydicom's names; without what the header lacks."""
    options: dict[str, Any] = {"number_of_frames": 1, "samples_per_pixel": 1}
    options |= {name: int(values[0]) for name, keyword in _OPTIONS.items() if (values := _values(elements, keyword))}
    frames, samples = options["number_of_frames"], options["samples_per_pixel"]
    if frames != 1:
        raise _several_frames(f"{frames} frame(s)")
    if samples != 1:
        raise UnreadableSlice(f"expected one sample a pixel, grey; found a colour image of {samples}")
    _check_there(options, _NEEDED)
    shape = f"{options['rows']} x {options['columns']}"
    if min(options["rows"], options["columns"]) < 1:
        raise UnreadableSlice(f"Rows, Columns: expected at least 1; found {shape}")
    if options["rows"] * options["columns"] > MAX_PIXELS:
        raise UnreadableSlice(f"Rows, Columns: expected at most {MAX_PIXELS} pixels; found {shape}")
    photometric = str((_values(elements, _PHOTOMETRIC) or _GREY)[0])
    if photometric not in _GREY:
        raise UnreadableSlice(f"{_PHOTOMETRIC}: expected {' or '.join(_GREY)}; found {photometric}: no grey image")
    return options | {"photometric_interpretation": photometric}


def _check_there(options: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in options:
            raise UnreadableSlice(f"{_OPTIONS[name]}: expected a number; found nothing")


def _number(elements: Elements, keyword: str, absent: float) -> float:
    number = (_values(elements, keyword) or (absent,))[0]
    if not math.isfinite(number):
        raise UnreadableSlice(f"{keyword}: expected a number; found {number}")
    return number


def _values(elements: Elements, keyword: str) -> tuple[Any, ...]:
    return elements.values(_TAGS[keyword], Kind.PLACE if keyword in PLACE else Kind.DAMAGED)
