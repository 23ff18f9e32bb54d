"""What adopt reads of a file: which study and series it is of, where each of its frames lies, and how it was acquired.

Texts (descriptions, names of protocols) are looked through for words and never written anywhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from stenosis_kit.adopt.sources import Source
from stenosis_kit.images.file import BoundedFile, UnreadableSlice, open_image
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.header import check_start

_FRAMES = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence")
_TEXTS = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
_CODES = ("ImageType", "ScanningSequence", "SequenceVariant", "ScanOptions", "EchoPulseSequence")
_TIMES = ("RepetitionTime", "EchoTime", "InversionTime")
_READ = (
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber", "Modality"),
    *("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns", "NumberOfFrames"),
    *("BodyPartExamined", "ContrastBolusAgent", "AccessionNumber", "SpecificCharacterSet", "InversionRecovery"),
    *(*_FRAMES, *_TEXTS, *_CODES, *_TIMES),
)
_GROUPS = {  # attribute: the functional group that holds it (PS3.3 C.7.6.16, C.8.13.5), and its name there
    "ImagePositionPatient": ("PlanePositionSequence", "ImagePositionPatient"),
    "ImageOrientationPatient": ("PlaneOrientationSequence", "ImageOrientationPatient"),
    "PixelSpacing": ("PixelMeasuresSequence", "PixelSpacing"),
    "SliceThickness": ("PixelMeasuresSequence", "SliceThickness"),
    "SpacingBetweenSlices": ("PixelMeasuresSequence", "SpacingBetweenSlices"),
    "RescaleSlope": ("PixelValueTransformationSequence", "RescaleSlope"),
    "RescaleIntercept": ("PixelValueTransformationSequence", "RescaleIntercept"),
    "RepetitionTime": ("MRTimingAndRelatedParametersSequence", "RepetitionTime"),
    "EchoTime": ("MREchoSequence", "EffectiveEchoTime"),
    "InversionTime": ("MRModifierSequence", "InversionTimes"),
    "ImageType": ("MRImageFrameTypeSequence", "FrameType"),
    "AcquisitionContrast": ("MRImageFrameTypeSequence", "AcquisitionContrast"),
}


@dataclass(frozen=True)
class Acquisition:
    """How an image was acquired, as its header says; empty and None where it does not.

    Attributes:
        modality: MR, CT …
        sop_class: what kind of object it is.
        codes: words of fixed meaning: image type, scanning sequence and variant, options, acquisition contrast.
        text: descriptions and names, in lower case.
        body_part: in lower case.
        tr, te, ti: repetition, echo and inversion time, ms.
        contrast_agent: whether one was given.
    """

    modality: str
    sop_class: str
    codes: frozenset[str]
    text: str
    body_part: str
    tr: float | None
    te: float | None
    ti: float | None
    contrast_agent: bool


@dataclass(frozen=True, slots=True)
class Image:
    """One frame of a file, or its only one.

    Attributes:
        source: the file.
        frame: its place in the file; None where there is but one, at the top of the header.
        study, series, instance: UIDs.
        number: InstanceNumber.
        plane: where it lies; None where the header does not say.
        acquisition: shared by images that are alike in it.
        accession: AccessionNumber: compared with that of a user's table, never written.
    """

    source: Source
    frame: int | None
    study: str
    series: str
    instance: str
    number: int | None
    plane: Plane | None
    acquisition: Acquisition
    accession: str


def read_dataset(file: Path | bytes, pixels: bool = False) -> Dataset:
    """A file's header, as far as adopt reads it; with its pixels: all of it.

    Raises:
        UnreadableSlice: where it is no DICOM file, or damaged.
    """
    with open_image(file) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _dataset(opened, pixels)
        except (UnreadableSlice, OSError, MemoryError):
            raise
        except Exception:  # untrusted files: pydicom raises errors of many kinds
            raise UnreadableSlice("its header is cut off or damaged: copy the file again") from None


def _dataset(file: BoundedFile, pixels: bool) -> Dataset:
    check_start(file)
    if pixels:
        return pydicom.dcmread(file, force=True)
    return pydicom.dcmread(file, stop_before_pixels=True, force=True, specific_tags=list(_READ))


def images_of(dataset: Dataset, source: Source) -> Iterator[Image]:
    """The frames of a file that was read from a source."""
    named = [str(dataset.get(name) or "") for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]
    number, count = _number(dataset.get("InstanceNumber")), len(dataset.get(_FRAMES[1]) or ())
    for frame in range(count) if count else (None,):
        place = None if frame is None else frame + 1
        given = number if place is None else place
        accession = str(dataset.get("AccessionNumber") or "").strip()
        yield Image(source, frame, *named, given, _plane(dataset, frame), _acquisition(dataset, frame), accession)


def value(dataset: Dataset, frame: int | None, name: str) -> Any:
    """An attribute of a frame: of the frame itself, of all frames, or at the top of the header; None where absent."""
    group, inner = _GROUPS.get(name, ("", ""))
    if frame is not None and group:
        for items in ([dataset.PerFrameFunctionalGroupsSequence[frame]], dataset.get(_FRAMES[0]) or ()):
            for item in items:
                found = item.get(group)
                if found and found[0].get(inner) is not None:
                    return found[0].get(inner)
    return dataset.get(name)


def _plane(dataset: Dataset, frame: int | None) -> Plane | None:
    try:
        names = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing")
        tags = [value(dataset, frame, name) for name in names]
        return Plane.from_tags(*tags, (int(dataset.Rows), int(dataset.Columns)))
    except (ValueError, TypeError, AttributeError):
        return None


def _acquisition(dataset: Dataset, frame: int | None) -> Acquisition:
    codes = [code for name in (*_CODES, "AcquisitionContrast") for code in _several(value(dataset, frame, name))]
    if str(dataset.get("InversionRecovery") or "") == "YES":
        codes.append("IR")
    text = " ".join(str(dataset.get(name) or "") for name in _TEXTS)
    return _shared(
        str(dataset.get("Modality") or ""),
        str(dataset.get("SOPClassUID") or ""),
        frozenset(str(code).upper() for code in codes),
        text.lower(),
        str(dataset.get("BodyPartExamined") or "").lower(),
        *(_time(value(dataset, frame, name)) for name in _TIMES),
        bool(dataset.get("ContrastBolusAgent")),
    )


@lru_cache(maxsize=4096)
def _shared(*values: Any) -> Acquisition:
    return Acquisition(*values)


def _several(found: Any) -> list:
    if found is None or isinstance(found, str | UID):
        return [found] if found else []
    return list(found) if hasattr(found, "__iter__") else [found]


def _number(found: Any) -> int | None:
    try:
        return int(found)
    except (TypeError, ValueError):
        return None


def _time(found: Any) -> float | None:
    try:
        return float(_several(found)[0])
    except (IndexError, TypeError, ValueError):
        return None
