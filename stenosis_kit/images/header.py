"""One DICOM file's header, checked before any memory is allocated for its image.

The files are untrusted: every size in a header is compared with the file's own.
"""

from __future__ import annotations

import math
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
from pydicom.uid import UID
from pydicom.values import convert_value

from stenosis_kit.base.errors import first_line
from stenosis_kit.images.file import BoundedFile, UnreadableSlice
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.pixels import Coding, find_pixels
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
_PHOTOMETRIC = "PhotometricInterpretation"
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
_TAGS = {
    keyword: Tag(keyword) for keyword in (*_OPTIONS.values(), _PHOTOMETRIC, *_PLACE, *_SCALE, *_GAPS, *_PADDING_TAGS)
}


@dataclass(frozen=True)
class Header:
    """What a file's header says of its image.

    Attributes:
        plane: where it lies in the patient.
        inverted: whether MONOCHROME1: larger is darker.
        slope, intercept: signal = stored * slope + intercept (PS3.3 C.11.1).
        spaced: whether SliceThickness and SpacingBetweenSlices are both there.
        coding: of its pixels.
        padding: the stored values that are no signal; None where none are declared.
    """

    plane: Plane
    inverted: bool
    slope: float
    intercept: float
    spaced: bool
    coding: Coding
    padding: Padding | None


def read_header(path: Path) -> Header:
    """Reads a file's header, and checks that its pixels are there without reading them.

    Raises:
        UnreadableSlice: where it is not a whole single-frame greyscale image with a place in the patient and of a size
            that can be true.
        OSError: where the file cannot be opened.
    """
    with BoundedFile(path) as file, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of values that break the rules of their VR, for instance
        try:
            return _header(file)
        except Exception as error:  # untrusted files: pydicom raises errors of many kinds, and none may end the run
            raise UnreadableSlice(first_line(error)) from None


def _header(file: BoundedFile) -> Header:
    dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=list(_TAGS.values()))
    place, (slopes, intercepts) = ([_values(dataset, keyword) for keyword in part] for part in (_PLACE, _SCALE))
    slope, intercept = float((slopes or (1,))[0]) or 1.0, float((intercepts or (0,))[0])
    syntax = dataset.file_meta.get("TransferSyntaxUID") or UID("")
    coding = find_pixels(file, syntax, _decoding_options(dataset), *dataset.original_encoding)
    if not (math.isfinite(slope) and math.isfinite(intercept)):
        raise UnreadableSlice(f"RescaleSlope, RescaleIntercept: expected numbers; found {slope}, {intercept}")
    inverted = coding.options.get("photometric_interpretation") == "MONOCHROME1"
    spaced = all(_TAGS[keyword] in dataset for keyword in _GAPS)
    plane, padding = Plane.from_tags(*place, coding.shape), _padding(dataset, coding)
    return Header(plane, inverted, slope, intercept, spaced, coding, padding)


def _decoding_options(dataset: Dataset) -> dict[str, Any]:
    """What a decoder has to know of a single greyscale frame, by pydicom's names; without what the header lacks."""
    options = {"number_of_frames": 1, "samples_per_pixel": 1}
    options |= {name: int(values[0]) for name, keyword in _OPTIONS.items() if (values := _values(dataset, keyword))}
    frames, samples = options["number_of_frames"], options["samples_per_pixel"]
    if frames != 1 or samples != 1:
        raise UnreadableSlice(f"expected one frame of one sample; found {frames} frame(s) of {samples}")
    for name in ("rows", "columns"):
        if name not in options:
            raise UnreadableSlice(f"{_OPTIONS[name]}: expected a number; found nothing")
    if options["rows"] * options["columns"] > MAX_PIXELS:
        shape = f"{options['rows']} x {options['columns']}"
        raise UnreadableSlice(f"Rows, Columns: expected at most {MAX_PIXELS} pixels; found {shape}")
    photometric = _values(dataset, _PHOTOMETRIC)
    return options | ({"photometric_interpretation": str(photometric[0])} if photometric else {})


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
    except Exception as error:  # as in `read_header`
        raise UnreadableSlice(f"{keyword}: {first_line(error)}") from None
    if value is None or value == "":
        return ()
    return tuple(value) if isinstance(value, MultiValue | list) else (value,)
