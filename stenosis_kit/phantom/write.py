"""DICOM files with the competition's headers: the same elements, the same oddities."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from stenosis_kit.geometry import Plane

_ENHANCED_MR = "1.2.840.10008.5.1.4.1.1.4.4"  # what the real files' meta header says of single-frame files
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
    data = _header(header, number)
    _describe_plane(data, plane, header.faults)
    pixels = _describe_pixels(data, pixels, header.faults)
    _attach(data, pixels, _syntax(header.faults, pixels))
    pydicom.dcmwrite(path, data, enforce_file_format=True)


def _header(header: Header, number: int) -> Dataset:
    faults = header.faults
    data = Dataset()
    data.SOPInstanceUID = f"{header.study_id}.1.{number}"
    data.ContentDate, data.ContentTime = "20240503", header.time
    data.SeriesDescription, data.PatientID = header.description, str(header.study_id)
    if "no_spacing_tags" not in faults:
        data.SliceThickness, data.SpacingBetweenSlices = str(header.thickness), str(header.distance)
    data.PatientPosition = "FFS" if "feet_first" in faults else "HFS"
    data.StudyInstanceUID = str(header.study_id)
    data.SeriesInstanceUID = f"{header.study_id}.{header.series_id}"
    data.InstanceNumber = str(number)
    data.FrameOfReferenceUID = _UID_ROOT + header.frame
    return data


def _describe_plane(data: Dataset, plane: Plane, faults: frozenset[str]) -> None:
    if "empty_position" in faults:
        data.ImagePositionPatient = None
    elif "no_position" not in faults:
        data.ImagePositionPatient = [_decimal(value) for value in plane.origin]
    if "no_orientation" not in faults:
        data.ImageOrientationPatient = [_decimal(value) for value in (*plane.row, *plane.column)]
    data.SliceLocation = _decimal(plane.origin @ plane.normal)
    if "no_pixel_spacing" not in faults:
        data.PixelSpacing = [_decimal(value) for value in plane.spacing]


def _describe_pixels(data: Dataset, pixels: np.ndarray, faults: frozenset[str]) -> np.ndarray:
    """Describes the pixels, and returns them as they will be stored."""
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.Rows, data.Columns = pixels.shape
    data.BitsAllocated, data.BitsStored, data.PixelRepresentation = 16, 12, 0
    if "constant_image" in faults:
        pixels = np.zeros_like(pixels)
    if "monochrome1" in faults:
        data.PhotometricInterpretation = "MONOCHROME1"
        pixels = np.uint16(4095) - pixels
    if "signed_pixels" in faults:
        data.PixelRepresentation = 1
        pixels = (pixels.astype(np.int16) - 1024).clip(-1024, 2047)
    elif "eight_bit" in faults:
        data.BitsAllocated = data.BitsStored = 8
        pixels = (pixels >> 4).astype(np.uint8)
    elif "sixteen_bit" in faults:
        data.BitsStored = 16
        pixels = pixels * np.uint16(15)
    data.HighBit = data.BitsStored - 1
    typical = float(np.percentile(pixels[::4, ::4], 99))  # so the window differs from slice to slice
    data.WindowCenter, data.WindowWidth = str(round(typical * 0.45, 1)), str(max(1.0, round(typical, 1)))
    if not faults.isdisjoint({"rescale_tags", "rescale_slope"}):
        slope = "2.5" if "rescale_slope" in faults else "1"
        data.RescaleIntercept, data.RescaleSlope = ("-64" if slope != "1" else "0"), slope
    return np.ascontiguousarray(pixels)


def _syntax(faults: frozenset[str], pixels: np.ndarray) -> pydicom.uid.UID:
    if "jpeg2000" in faults and pixels.dtype == np.uint16:
        return JPEG2000Lossless
    if "rle" in faults and pixels.dtype == np.uint16:
        return RLELossless
    return ImplicitVRLittleEndian if "implicit_vr" in faults else ExplicitVRLittleEndian


def _attach(data: Dataset, pixels: np.ndarray, syntax: pydicom.uid.UID) -> None:
    """Adds the encoded pixels and the meta header."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = _ENHANCED_MR
    meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID
    meta.TransferSyntaxUID = syntax
    data.file_meta = meta
    if syntax.is_compressed:
        frame = rle(pixels) if syntax == RLELossless else _jpeg2000(pixels)
        data.PixelData = encapsulate([frame])
        data["PixelData"].is_undefined_length = True
    else:
        data.PixelData = pixels.tobytes()
    data["PixelData"].VR = "OB" if syntax.is_compressed or pixels.dtype == np.uint8 else "OW"


def rle(pixels: np.ndarray) -> bytes:
    """A frame of RLE Lossless (PS3.5 G): the high bytes as runs, the noisy low bytes as literals.

    Args:
        pixels: (rows, columns) uint16.
    """
    segments = [_runs((pixels >> 8).astype(np.uint8)), _literals((pixels & 255).astype(np.uint8))]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = [2, 64, 64 + len(segments[0])]
    return np.array(offsets + [0] * 13, "<u4").tobytes() + b"".join(segments)


def _runs(plane: np.ndarray) -> bytes:
    """Every run of equal bytes in a row as a count and the byte."""
    starts_row = np.zeros(plane.shape, bool)
    starts_row[:, ::128] = True  # the longest run
    starts_row[:, 1:] |= plane[:, 1:] != plane[:, :-1]
    starts = np.flatnonzero(starts_row)
    lengths = np.diff(np.append(starts, plane.size))
    counts = np.where(lengths == 1, 0, 257 - lengths).astype(np.uint8)
    return np.stack([counts, plane.ravel()[starts]], axis=1).tobytes()


def _literals(plane: np.ndarray) -> bytes:
    """Rows cut into stretches of at most 128 bytes, each after its length."""
    parts = []
    for start in range(0, plane.shape[1], 128):
        part = plane[:, start : start + 128]
        parts += [np.full((len(plane), 1), part.shape[1] - 1, np.uint8), part]
    return np.hstack(parts).tobytes()


def _jpeg2000(pixels: np.ndarray) -> bytes:
    """A JPEG 2000 codestream; OpenCV wraps it in a JP2 file, which DICOM does not want."""
    import cv2

    _, encoded = cv2.imencode(".jp2", pixels, [cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, 1000])
    whole = encoded.tobytes()
    return whole[whole.index(b"\xff\x4f\xff\x51") :]


def _decimal(value: float) -> str:
    """A number as a Decimal String of at most 16 characters."""
    return f"{float(value):.8g}"
