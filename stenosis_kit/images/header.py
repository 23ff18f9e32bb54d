"""One DICOM file's header: what it says of the image, checked before anything is taken or allocated for it.

The files come from strangers. Every size that a header claims is compared with the file that is there.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset, RawDataElement
from pydicom.tag import BaseTag, Tag
from pydicom.uid import UID

from stenosis_kit.images.file import Measured, UnreadableSlice, reason
from stenosis_kit.images.pixels import Coding, find_pixels

# Values that break a VR's rules are common in the wild and harmless here: what we use, we check ourselves.
pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE

MAX_PIXELS = 2048 * 2048
"""Larger images are refused before memory is taken for them; the competition's largest is 1024 x 1024."""

_POSITION, _ORIENTATION, _SPACING = Tag("ImagePositionPatient"), Tag("ImageOrientationPatient"), Tag("PixelSpacing")
_ROWS, _COLUMNS, _SAMPLES = Tag("Rows"), Tag("Columns"), Tag("SamplesPerPixel")
_FRAMES, _BITS, _PHOTOMETRIC = Tag("NumberOfFrames"), Tag("BitsAllocated"), Tag("PhotometricInterpretation")
_SLOPE, _INTERCEPT = Tag("RescaleSlope"), Tag("RescaleIntercept")
_THICKNESS, _DISTANCE = Tag("SliceThickness"), Tag("SpacingBetweenSlices")
_STORED, _SIGNED = Tag("BitsStored"), Tag("PixelRepresentation")
_TAGS: list[Any] = [_POSITION, _ORIENTATION, _SPACING, _ROWS, _COLUMNS, _SAMPLES, _FRAMES, _BITS, _PHOTOMETRIC]
_TAGS += [_SLOPE, _INTERCEPT, _THICKNESS, _DISTANCE, _STORED, _SIGNED]


@dataclass(frozen=True)
class Header:
    """What a file says of its image.

    Attributes:
        position, orientation, spacing: the values of ImagePositionPatient, ImageOrientationPatient and PixelSpacing,
            empty where absent; not yet checked.
        inverted: whether MONOCHROME1: larger is darker.
        slope, intercept: signal = stored * slope + intercept (PS3.3 C.11.1).
        spaced: whether SliceThickness and SpacingBetweenSlices are both there.
        coding: of its pixels.
    """

    position: tuple[float, ...]
    orientation: tuple[float, ...]
    spacing: tuple[float, ...]
    inverted: bool
    slope: float
    intercept: float
    spaced: bool
    coding: Coding


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


def _header(file: Measured) -> Header:
    dataset = pydicom.dcmread(file, stop_before_pixels=True, specific_tags=_TAGS)
    syntax = dataset.file_meta.get("TransferSyntaxUID") or UID("")
    return Header(
        position=_numbers(dataset, _POSITION),
        orientation=_numbers(dataset, _ORIENTATION),
        spacing=_numbers(dataset, _SPACING),
        inverted=_text(dataset, _PHOTOMETRIC) == "MONOCHROME1",
        slope=(_numbers(dataset, _SLOPE) or (1.0,))[0] or 1.0,
        intercept=(_numbers(dataset, _INTERCEPT) or (0.0,))[0],
        spaced=_THICKNESS in dataset and _DISTANCE in dataset,
        coding=find_pixels(file, syntax, _decoding_options(dataset), *dataset.original_encoding),
    )


def _decoding_options(dataset: Dataset) -> dict[str, Any]:
    """What a decoder has to know of a single greyscale frame, by pydicom's names; without what the header lacks."""
    rows, columns = _integer(dataset, _ROWS, "Rows"), _integer(dataset, _COLUMNS, "Columns")
    frames = int((_numbers(dataset, _FRAMES) or (1,))[0])
    samples = _integer(dataset, _SAMPLES, "SamplesPerPixel", 1)
    if frames != 1 or samples != 1:
        raise UnreadableSlice(f"expected one frame of one sample; found {frames} frame(s) of {samples}")
    if rows * columns > MAX_PIXELS:
        raise UnreadableSlice(f"Rows, Columns: expected at most {MAX_PIXELS} pixels; found {rows} x {columns}")
    options = {
        "rows": rows,
        "columns": columns,
        "number_of_frames": 1,
        "samples_per_pixel": 1,
        "photometric_interpretation": _text(dataset, _PHOTOMETRIC) or None,
        "bits_allocated": _number(dataset, _BITS),
        "bits_stored": _number(dataset, _STORED),
        "pixel_representation": _number(dataset, _SIGNED),
    }
    return {name: value for name, value in options.items() if value is not None}


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
    value = _number(dataset, tag)
    if value is None:
        value = default
    if value is None:
        raise UnreadableSlice(f"{name}: expected a number; found nothing")
    return value


def _number(dataset: Dataset, tag: BaseTag) -> int | None:
    value = _raw(dataset, tag, "US")
    if isinstance(value, bytes):
        return int.from_bytes(value[:2], "little" if dataset.original_encoding[1] else "big") if value else None
    return None if value is None or value == "" else int(value)


def _text(dataset: Dataset, tag: BaseTag) -> str:
    value = _raw(dataset, tag, "CS")
    return (value.decode("ascii", "replace") if isinstance(value, bytes) else str(value or "")).strip(" \0")
