"""DICOM files with the competition's headers: the same elements, the same oddities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.encode import Value, encode_file, jpeg2000, rle

_ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"  # what the real files' meta header says of single-frame files
_UID_ROOT = "1.2.826.0.1.3680043.8.498."


@dataclass(frozen=True)
class Header:
    """What the headers of one series share.

    Attributes:
        study_id, series_id: as in the tables.
        description: DICOM's SeriesDescription: T1, T2 or empty; never what the table says.
        thickness, distance: mm.
        frame: last part of a FrameOfReferenceUID that is random for each series.
        time: ContentTime.
        faults: of the study.
    """

    study_id: int
    series_id: int
    description: str
    thickness: float
    distance: float
    frame: str
    time: str
    faults: frozenset[str]


def write_slice(path: Path, pixels: np.ndarray, plane: Plane, number: int, header: Header) -> None:
    """Writes one slice.

    Args:
        path: of the new file.
        pixels: (rows, columns) uint16 of at most 12 bits.
        plane: where the slice lies, in patient space, mm.
        number: InstanceNumber.
        header: of the series.
    """
    stored, described = _stored(pixels, header.faults)
    syntax = _syntax(stored, header.faults)
    frame = {RLELossless: rle, JPEG2000Lossless: jpeg2000}.get(syntax, np.ndarray.tobytes)(stored)
    elements = _header(header, number) | _plane_elements(plane, header.faults) | described
    meta: dict[str, Value] = {"MediaStorageSOPClassUID": _ENHANCED_MR}
    meta["MediaStorageSOPInstanceUID"] = elements["SOPInstanceUID"]
    path.write_bytes(encode_file(elements, frame, syntax, meta))


def _header(header: Header, number: int) -> dict[str, Value]:
    faults = header.faults
    elements: dict[str, Value] = {
        "SOPInstanceUID": f"{header.study_id}.1.{number}",
        "ContentDate": "20240503",
        "ContentTime": header.time,
        "SeriesDescription": header.description,
        "PatientID": str(header.study_id),
        "PatientPosition": "FFS" if "feet_first" in faults else "HFS",
        "StudyInstanceUID": str(header.study_id),
        "SeriesInstanceUID": f"{header.study_id}.{header.series_id}",
        "InstanceNumber": str(number),
        "FrameOfReferenceUID": _UID_ROOT + header.frame,
    }
    if "no_spacing_tags" not in faults:
        elements |= {"SliceThickness": str(header.thickness), "SpacingBetweenSlices": str(header.distance)}
    return elements


def _plane_elements(plane: Plane, faults: frozenset[str]) -> dict[str, Value]:
    elements: dict[str, Value] = {"SliceLocation": _decimals(plane.origin @ plane.normal)}
    if "empty_position" in faults:
        elements["ImagePositionPatient"] = None
    elif "no_position" not in faults:
        elements["ImagePositionPatient"] = _decimals(*plane.origin)
    if "no_orientation" not in faults:
        elements["ImageOrientationPatient"] = _decimals(*plane.row, *plane.column)
    if "no_pixel_spacing" not in faults:
        elements["PixelSpacing"] = _decimals(*plane.spacing)
    return elements


def _stored(pixels: np.ndarray, faults: frozenset[str]) -> tuple[np.ndarray, dict[str, Value]]:
    """The pixels as they are stored, and the elements that say how."""
    elements: dict[str, Value] = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2"}
    elements |= {"BitsAllocated": 16, "BitsStored": 12, "PixelRepresentation": 0}
    if "constant_image" in faults:
        pixels = np.zeros_like(pixels)
    if "monochrome1" in faults:
        elements["PhotometricInterpretation"] = "MONOCHROME1"
        pixels = np.uint16(4095) - pixels
    if "signed_pixels" in faults:
        elements["PixelRepresentation"] = 1
        pixels = (pixels.astype(np.int16) - 1024).clip(-1024, 2047)
    elif "eight_bit" in faults:
        elements |= {"BitsAllocated": 8, "BitsStored": 8}
        pixels = (pixels >> 4).astype(np.uint8)
    elif "sixteen_bit" in faults:
        elements["BitsStored"] = 16
        pixels = pixels * np.uint16(15)
    elements |= {"Rows": pixels.shape[0], "Columns": pixels.shape[1], "HighBit": elements["BitsStored"] - 1}
    typical = float(np.partition(pixels[::6, ::6].ravel(), -9)[-9])  # so the window differs from slice to slice
    elements |= {"WindowCenter": str(round(typical * 0.45, 1)), "WindowWidth": str(max(1.0, round(typical, 1)))}
    if not faults.isdisjoint({"rescale_tags", "rescale_slope"}):
        odd = "rescale_slope" in faults
        elements |= {"RescaleIntercept": "-64" if odd else "0", "RescaleSlope": "2.5" if odd else "1"}
    return np.ascontiguousarray(pixels), elements


def _syntax(pixels: np.ndarray, faults: frozenset[str]) -> UID:
    if "jpeg2000" in faults and pixels.dtype == np.uint16:
        return JPEG2000Lossless
    if "rle" in faults and pixels.dtype == np.uint16:
        return RLELossless
    return ImplicitVRLittleEndian if "implicit_vr" in faults else ExplicitVRLittleEndian


def _decimals(*values: float) -> str:
    """Numbers as Decimal Strings of at most 16 characters each."""
    return "\\".join(f"{float(value):.8g}" for value in values)
