"""DICOM files with the headers of the competition's: the same elements, irregular as they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.files.encode import Elements, encode_file, jpeg2000, rle
from stenosis_kit.phantom.study import Study

_ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.1"  # what the real files' meta header says of single-frame files
_UID_ROOT = "1.2.826.0.1.3680043.8.498."  # pydicom's

_LEFT_OUT = {
    "no_spacing_tags": ("SliceThickness", "SpacingBetweenSlices"),
    "no_position": ("ImagePositionPatient",),
    "no_orientation": ("ImageOrientationPatient",),
    "no_pixel_spacing": ("PixelSpacing",),
}
"""Fault to the elements that it leaves out."""


def draw_header(rng: np.random.Generator, study: Study, series_id: int) -> Elements:
    """The elements that all slices of a series share."""
    study_id, series = study.order.study_id, study.series[series_id]
    name = "T1" if series.kind == rsna.SAGITTAL_T1 else "T2"
    return {
        "SeriesDescription": name if rng.random() < 0.6 else "",  # never what the table says
        "FrameOfReferenceUID": _UID_ROOT + "".join(map(str, [rng.integers(1, 10), *rng.integers(0, 10, 37)])),
        "ContentDate": "20240503",
        "ContentTime": f"22{rng.integers(10, 60)}{rng.integers(10, 60)}.{rng.integers(100000, 999999)}",
        "PatientID": str(study_id),
        "PatientPosition": "FFS" if "feet_first" in study.faults else "HFS",
        "StudyInstanceUID": str(study_id),
        "SeriesInstanceUID": f"{study_id}.{series_id}",
        "SliceThickness": str(series.thickness),
        "SpacingBetweenSlices": str(series.distance),
    }


def write_slice(path: Path, pixels: np.ndarray, plane: Plane, header: Elements, faults: frozenset[str]) -> None:
    """Writes one slice.

    Args:
        path: of the new file, <InstanceNumber>.dcm.
        pixels: (rows, columns) uint16 of at most 12 bits.
        plane: where the slice lies, in patient space, mm.
        header: of the series.
        faults: of the study.
    """
    stored, described = _stored(pixels, faults)
    syntax = _syntax(stored, faults)
    frame = {RLELossless: rle, JPEG2000Lossless: jpeg2000}.get(syntax, np.ndarray.tobytes)(stored)
    name = {"SOPInstanceUID": f"{header['StudyInstanceUID']}.1.{path.stem}", "InstanceNumber": path.stem}
    elements = header | name | _plane_elements(plane) | described
    for fault in faults.intersection(_LEFT_OUT):
        for keyword in _LEFT_OUT[fault]:
            del elements[keyword]
    if "empty_position" in faults:
        elements["ImagePositionPatient"] = None
    meta = {"MediaStorageSOPClassUID": _ENHANCED_MR, "MediaStorageSOPInstanceUID": elements["SOPInstanceUID"]}
    path.write_bytes(encode_file(elements, frame, syntax, meta))


def _plane_elements(plane: Plane) -> Elements:
    return {
        "SliceLocation": _decimals(plane.origin @ plane.normal),
        "ImagePositionPatient": _decimals(*plane.origin),
        "ImageOrientationPatient": _decimals(*plane.row, *plane.column),
        "PixelSpacing": _decimals(*plane.spacing),
    }


def _stored(pixels: np.ndarray, faults: frozenset[str]) -> tuple[np.ndarray, Elements]:
    """The pixels as they are stored, and the elements that say how."""
    photometric, bits, signed = "MONOCHROME2", 12, 0
    if "constant_image" in faults:
        pixels = np.zeros_like(pixels)
    if "monochrome1" in faults:
        photometric, pixels = "MONOCHROME1", np.uint16(4095) - pixels
    if "signed_pixels" in faults:
        signed, pixels = 1, (pixels.astype(np.int16) - 1024).clip(-1024, 2047)
    elif "eight_bit" in faults:
        bits, pixels = 8, (pixels >> 4).astype(np.uint8)
    elif "sixteen_bit" in faults:
        bits, pixels = 16, pixels * np.uint16(15)
    typical = float(np.partition(pixels[::6, ::6].ravel(), -9)[-9])  # so the window differs from slice to slice
    elements: Elements = {
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": photometric,
        "Rows": pixels.shape[0],
        "Columns": pixels.shape[1],
        "BitsAllocated": 8 * pixels.itemsize,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": signed,
        "WindowCenter": str(round(typical * 0.45, 1)),
        "WindowWidth": str(max(1.0, round(typical, 1))),
    }
    if "rescale_slope" in faults:
        elements |= {"RescaleIntercept": "-64", "RescaleSlope": "2.5"}
    elif "rescale_tags" in faults:
        elements |= {"RescaleIntercept": "0", "RescaleSlope": "1"}
    return np.ascontiguousarray(pixels), elements


def _syntax(pixels: np.ndarray, faults: frozenset[str]) -> UID:
    if "jpeg2000" in faults and pixels.dtype == np.uint16:
        return JPEG2000Lossless
    if "rle" in faults and pixels.dtype == np.uint16:
        return RLELossless
    return ImplicitVRLittleEndian if "implicit_vr" in faults else ExplicitVRLittleEndian


def _decimals(*values: float) -> str:
    """Numbers as Decimal Strings (PS3.5 6.2: at most 16 characters each), joined by backslashes."""
    return "\\".join(f"{float(value):.8g}" for value in values)
