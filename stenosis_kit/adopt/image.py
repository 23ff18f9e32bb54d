"""What adopt reads of a file: whose it is, where each of its frames lies, and how it was acquired.

Texts (descriptions, names of protocols) are looked through for words and never written anywhere.
"""

from __future__ import annotations

import warnings
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from stenosis_kit.adopt.sources import Source
from stenosis_kit.images.file import UnreadableSlice, open_image
from stenosis_kit.images.geometry import PLACE, Plane
from stenosis_kit.images.header import check_start

_OWNERS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "AccessionNumber")
_CODES = ("ImageType", "FrameType", "AcquisitionContrast", "ScanningSequence", "ScanOptions", "EchoPulseSequence")
_TEXTS = ("SeriesDescription", "ProtocolName", "SequenceName", "PulseSequenceName")
_TIMES = (("RepetitionTime",), ("EffectiveEchoTime", "EchoTime"), ("InversionTimes", "InversionTime"))
_SHARED, _PER_FRAME = "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"
_READ = [
    *(*PLACE, *_OWNERS, *_CODES, *_TEXTS, *(name for names in _TIMES for name in names), _SHARED, _PER_FRAME),
    *("SOPClassUID", "Modality", "InstanceNumber", "Rows", "Columns", "BodyPartExamined", "ContrastBolusAgent"),
    *("InversionRecovery", "SpecificCharacterSet"),
]
_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage: a DICOMDIR


@dataclass(frozen=True)
class Acquisition:
    """How an image was acquired, as its header says; empty and None where it does not.

    Attributes:
        modality, sop_class: MR, CT …, and what kind of object it is.
        codes: words of fixed meaning: image type, scanning sequence, options, acquisition contrast.
        text, body_part: descriptions and names, BodyPartExamined; in lower case.
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
        source, frame: the file, and the frame's place in it; None where the file's header is of one image.
        study, series, instance, accession: UIDs, and AccessionNumber: compared with a user's table, never written.
        number: InstanceNumber.
        plane: where it lies; None where the header does not say.
        acquisition: shared by images that are alike in it.
    """

    source: Source
    frame: int | None
    study: str
    series: str
    instance: str
    accession: str
    number: int | None
    plane: Plane | None
    acquisition: Acquisition


def read_images(file: Path | bytes, source: Source) -> list[Image]:
    """The frames of a file, or of its bytes; none of a DICOMDIR.

    Raises:
        UnreadableSlice: where it is no DICOM file, damaged, or does not say whose it is.
    """
    dataset = read_dataset(file, stop_before_pixels=True, specific_tags=_READ)
    if dataset.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY:
        return []
    if not dataset.get("StudyInstanceUID") or not dataset.get("SeriesInstanceUID"):
        raise UnreadableSlice("no StudyInstanceUID or SeriesInstanceUID: nobody knows whose it is")
    try:
        return [_image(dataset, source, frame) for frame in range(len(dataset.get(_PER_FRAME) or ())) or (None,)]
    except Exception:  # untrusted files: pydicom raises errors of many kinds when values are looked at
        raise UnreadableSlice("its header is damaged: copy the file again") from None


def read_dataset(file: Path | bytes, **options: Any) -> Dataset:
    """A file, or its bytes, as `pydicom.dcmread` reads it; raises UnreadableSlice where it is no DICOM, or damaged."""
    with open_image(file) as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_start(opened)
        try:
            return pydicom.dcmread(opened, force=True, **options)
        except (UnreadableSlice, OSError, MemoryError):
            raise
        except Exception:
            raise UnreadableSlice("its header is cut off or damaged: copy the file again") from None


def frame_header(dataset: Dataset, frame: int | None) -> dict[str, Any]:
    """{keyword: value} for a frame: its own functional groups, those of all frames (PS3.3 C.7.6.16), the file's."""
    found = {element.keyword: element.value for element in dataset}
    if frame is not None:
        for groups in (*(dataset.get(_SHARED) or ())[:1], dataset[_PER_FRAME].value[frame]):
            for group in groups:
                if group.VR == "SQ" and group.value:
                    found |= {element.keyword: element.value for element in group.value[0]}
    return found


def _image(dataset: Dataset, source: Source, frame: int | None) -> Image:
    header, plane, number = frame_header(dataset, frame), None, frame
    with suppress(TypeError, ValueError, KeyError):
        plane = Plane.from_tags(*(header.get(name) for name in PLACE), (int(header["Rows"]), int(header["Columns"])))
    with suppress(TypeError, ValueError):
        number = int(header.get("InstanceNumber")) if frame is None else frame + 1
    owners = (str(header.get(name) or "").strip() for name in _OWNERS)
    return Image(source, frame, *owners, number, plane, _acquisition(header))


def _acquisition(header: dict[str, Any]) -> Acquisition:
    codes = [str(code).upper() for name in _CODES for code in several(header.get(name))]
    codes += ["IR"] if header.get("InversionRecovery") == "YES" else []
    first, text, part = (
        " ".join(str(header.get(name) or "") for name in names)
        for names in (("Modality",), _TEXTS, ("BodyPartExamined",))
    )
    times = (_time(next((header[name] for name in names if header.get(name)), None)) for names in _TIMES)
    agent = bool(header.get("ContrastBolusAgent"))
    return _shared(first, str(header.get("SOPClassUID")), frozenset(codes), text.lower(), part.lower(), *times, agent)


@lru_cache(maxsize=4096)
def _shared(*values: Any) -> Acquisition:
    return Acquisition(*values)


def several(found: Any) -> list:
    """An element's values; none where it is empty."""
    return list(found) if isinstance(found, MultiValue | list) else [] if found in (None, "") else [found]


def _time(found: Any) -> float | None:
    with suppress(IndexError, TypeError, ValueError):
        return float(several(found)[0])
    return None
