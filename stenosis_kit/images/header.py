"""One DICOM file's header, checked before any memory is allocated for its image.

The files are untrusted: every size in a header is compared with the file's own.
"""

from __future__ import annotations

import math
import re
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.datadict import dictionary_VR
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from pydicom.values import convert_value

from stenosis_kit.images.file import PREFIX, PREFIX_AT, BoundedFile, Kind, UnreadableSlice, open_image
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.pixels import Coding, check_decoder, find_pixels
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
_PLACE = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
_SCALE = ("RescaleSlope", "RescaleIntercept")
_GAPS = ("SliceThickness", "SpacingBetweenSlices")
_WHOLE = ("PixelPaddingValue", "PixelPaddingRangeLimit")
_PADDING = {  # by the element with the pixels: the tags that say which stored values are padding
    "PixelData": _WHOLE,
    "FloatPixelData": ("FloatPixelPaddingValue", "FloatPixelPaddingRangeLimit"),
    "DoubleFloatPixelData": ("DoubleFloatPixelPaddingValue", "DoubleFloatPixelPaddingRangeLimit"),
}
_PADDING_TAGS = [keyword for keywords in _PADDING.values() for keyword in keywords]
_PER_FRAME = Tag("PerFrameFunctionalGroupsSequence")  # where Enhanced MR keeps the places of its frames
_BARE_STARTS = (b"\x02\x00", b"\x08\x00", b"\x00\x08")  # groups 0002 and 0008: what files without preamble start with
_DECIMAL = re.compile(rb"[+-]?(0|[0-9]{4,})?,[0-9]+|[+-]?[0-9]*,([0-9]{1,2}|[0-9]{4,})")  # no comma between thousands
_TAGS = {
    keyword: Tag(keyword) for keyword in (*_OPTIONS.values(), _PHOTOMETRIC, *_PLACE, *_SCALE, *_GAPS, *_PADDING_TAGS)
}


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
    _check_start(file)
    dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=[*_TAGS.values(), _PER_FRAME])
    slope, intercept = (_number(dataset, keyword, absent) for keyword, absent in zip(_SCALE, (1.0, 0.0), strict=True))
    options, syntax = _decoding_options(dataset), _transfer_syntax(file, dataset)
    check_decoder(syntax, options)
    coding = find_pixels(file, syntax, options, *dataset.original_encoding)
    if coding.options["pixel_keyword"] == "PixelData":
        _check_there(options, _NEEDED_OF_INTEGERS)
    photometric = _values(dataset, _PHOTOMETRIC)
    inverted = options["photometric_interpretation"] == _GREY[1]
    spaced = all(_TAGS[keyword] in dataset for keyword in _GAPS)
    plane, padding = _plane(dataset, coding.shape), _padding(dataset, coding)
    return Header(plane, inverted, bool(photometric), slope or 1.0, intercept, spaced, coding, padding)


def _check_start(file: BoundedFile) -> None:
    """Refuses what is no DICOM file: pydicom is told to read files without preamble, and would try to read any."""
    head = file.read(min(PREFIX_AT + len(PREFIX), file.size))
    file.seek(0)
    if not head[PREFIX_AT:] == PREFIX and not head.startswith(_BARE_STARTS):
        raise UnreadableSlice(f"expected a DICOM file; found one that starts with {head[:4]!r}")


def _transfer_syntax(file: BoundedFile, dataset: Dataset) -> UID:
    """As the file says; where it does not, the one that its elements are written in."""
    implicit, little = dataset.original_encoding
    written = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian if little else ExplicitVRBigEndian
    return DeflatedExplicitVRLittleEndian if file.inflated else dataset.file_meta.get("TransferSyntaxUID") or written


def _plane(dataset: Dataset, shape: tuple[int, int]) -> Plane:
    try:
        return Plane.from_tags(*(_values(dataset, keyword) for keyword in _PLACE), shape)
    except ValueError as error:
        if _PER_FRAME in dataset:  # the SOP class does not tell: the competition's files give a wrong one
            raise _several_frames("an Enhanced MR image") from None
        raise UnreadableSlice(str(error), Kind.PLACE) from None


def _several_frames(found: str) -> UnreadableSlice:
    remedy = "export the series as MR Image Storage, one file a slice"
    return UnreadableSlice(f"expected one frame a file, with its place; found {found}: {remedy}", Kind.FRAMES)


def _decoding_options(dataset: Dataset) -> dict[str, Any]:
    """What a decoder has to know of a single greyscale frame, by pydicom's names; without what the header lacks."""
    options: dict[str, Any] = {"number_of_frames": 1, "samples_per_pixel": 1}
    options |= {name: int(values[0]) for name, keyword in _OPTIONS.items() if (values := _values(dataset, keyword))}
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
    photometric = str((_values(dataset, _PHOTOMETRIC) or _GREY)[0])
    if photometric not in _GREY:
        raise UnreadableSlice(f"{_PHOTOMETRIC}: expected {' or '.join(_GREY)}; found {photometric}: no grey image")
    return options | {"photometric_interpretation": photometric}


def _check_there(options: dict[str, Any], names: tuple[str, ...]) -> None:
    for name in names:
        if name not in options:
            raise UnreadableSlice(f"{_OPTIONS[name]}: expected a number; found nothing")


def _number(dataset: Dataset, keyword: str, absent: float) -> float:
    number = (_values(dataset, keyword) or (absent,))[0]
    if not math.isfinite(number):
        raise UnreadableSlice(f"{keyword}: expected a number; found {number}")
    return number


def _padding(dataset: Dataset, coding: Coding) -> Padding | None:
    """The range of padding; a value that is none declares nothing, and a limit that is none leaves the value alone."""
    value, limit = _PADDING[coding.keyword]
    first = _padding_value(dataset, value, coding)
    if first is None and coding.is_float:
        value, limit = _WHOLE  # as some files have it that were made floats later
        first = _padding_value(dataset, value, coding)
    if first is None:
        return None
    last = _padding_value(dataset, limit, coding)
    return (first, first) if last is None else (min(first, last), max(first, last))


def _padding_value(dataset: Dataset, keyword: str, coding: Coding) -> float | None:
    """A padding value as the decoded pixels have it, whatever VR it came in; None where it is absent or no number."""
    if _TAGS[keyword] not in dataset:
        return None
    try:
        value = _values(dataset, keyword)[0]
        if isinstance(value, bytes):  # its VR does not tell whether it is signed; `wrap` does
            value = int.from_bytes(value[:2], "little" if dataset.original_encoding[1] else "big") if value else None
        number = float(value)
        found = number if coding.is_float else coding.wrap(int(number))
    except (UnreadableSlice, IndexError, TypeError, ValueError, OverflowError):
        return None
    return None if math.isnan(found) else found


def _values(dataset: Dataset, keyword: str) -> tuple[Any, ...]:
    """The values of a tag, empty where it is absent.

    `Dataset.get` gives the same, but would make reading a header take a third longer (measured).
    """
    element = dataset.get_item(_TAGS[keyword])
    if not isinstance(element, RawDataElement):
        return ()
    kind = dictionary_VR(element.tag) if element.VR in (None, "UN") else element.VR  # None: implicit VR
    try:
        if kind == "DS":  # pydicom's own numbers (DSfloat) keep the text too, and take twice the time
            text = element.value.strip(b" \0")
            return tuple(map(float, text.split(b"\\"))) if text else ()
        value = convert_value(kind, element)
    except Exception:  # as in `read_header`
        return _with_commas(dataset, keyword, bytes(element.value or b""))
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, MultiValue | list) else (value,)


def _with_commas(dataset: Dataset, keyword: str, text: bytes) -> tuple[float, ...]:
    """The numbers of a text with decimal commas, where some number of the file shows that it has such.

    1,234 alone could be a thousand and more; 0,5 and 12,25 could not.

    Raises:
        UnreadableSlice: of any other text.
    """
    elements = map(dataset.get_item, (tag for tag in _TAGS.values() if tag in dataset))
    texts = [one.value for one in elements if isinstance(one, RawDataElement) and isinstance(one.value, bytes)]
    decimal = any(_DECIMAL.fullmatch(part.strip(b" \0")) for one in texts for part in one.split(b"\\"))
    try:
        return tuple(map(float, text.strip(b" \0").replace(b",", b"." if decimal else b",").split(b"\\")))
    except ValueError:
        found = text[:60].decode("ascii", "replace").strip(" \0")
        kind = Kind.PLACE if keyword in _PLACE else Kind.DAMAGED
        raise UnreadableSlice(f"{keyword}: expected numbers with decimal points; found {found!r}", kind) from None
