"""DICOM files and their headers."""

from collections import Counter

import numpy as np
import pydicom
import pytest

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.faults import RATES
from stenosis_kit.phantom.files.write import draw_header, write_slice
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order

HEADER = (
    *("SOPInstanceUID", "ContentDate", "ContentTime", "SeriesDescription", "PatientID", "SliceThickness"),
    *("SpacingBetweenSlices", "PatientPosition", "StudyInstanceUID", "SeriesInstanceUID", "InstanceNumber"),
    *("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID", "SliceLocation", "SamplesPerPixel"),
    *("PhotometricInterpretation", "Rows", "Columns", "PixelSpacing", "BitsAllocated", "BitsStored", "HighBit"),
    *("PixelRepresentation", "WindowCenter", "WindowWidth", "PixelData"),
)
WRITTEN = {
    "rescale_tags": lambda d: d.get("RescaleSlope") == 1,
    "rescale_slope": lambda d: d.get("RescaleSlope") == 2.5 and d.RescaleIntercept == -64,
    "no_spacing_tags": lambda d: "SliceThickness" not in d and "SpacingBetweenSlices" not in d,
    "no_pixel_spacing": lambda d: "PixelSpacing" not in d,
    "no_orientation": lambda d: "ImageOrientationPatient" not in d,
    "no_position": lambda d: "ImagePositionPatient" not in d,
    "empty_position": lambda d: d.ImagePositionPatient is None,
    "feet_first": lambda d: d.PatientPosition == "FFS",
    "monochrome1": lambda d: d.PhotometricInterpretation == "MONOCHROME1" and np.median(d.pixel_array) > 2000,
    "signed_pixels": lambda d: d.PixelRepresentation == 1 and d.pixel_array.min() < 0,
    "eight_bit": lambda d: d.BitsAllocated == 8 and d.pixel_array.dtype == np.uint8,
    "sixteen_bit": lambda d: d.BitsStored == 16 and d.pixel_array.max() > 4095,
    "rle": lambda d: d.file_meta.TransferSyntaxUID.name == "RLE Lossless",
    "implicit_vr": lambda d: d.file_meta.TransferSyntaxUID.is_implicit_VR,
    "jpeg2000": lambda d: d.file_meta.TransferSyntaxUID.name.startswith("JPEG 2000") and len(d.PixelData) > 0,
    "constant_image": lambda d: np.ptp(d.pixel_array) == 0,
}


def test_every_file_has_the_real_header_and_is_read_by_pydicom_alone(small_cohort):
    files = sorted(small_cohort.glob("*_images/*/*/*.dcm"))
    syntaxes = Counter()
    for path in files[::3]:
        data = pydicom.dcmread(path)
        keywords = tuple(element.keyword for element in data)
        assert tuple(k for k in keywords if k not in ("RescaleIntercept", "RescaleSlope")) == HEADER, path
        assert data.file_meta.MediaStorageSOPClassUID.name == "Enhanced MR Image Storage"
        assert data.StudyInstanceUID == path.parts[-3] and data.InstanceNumber == int(path.stem)
        assert data.SeriesDescription in ("T1", "T2", "")
        assert data.pixel_array.shape == (data.Rows, data.Columns)
        assert 100 < data.pixel_array.max() < 4096
        syntaxes[data.file_meta.TransferSyntaxUID.name] += 1
    assert "Explicit VR Little Endian" in syntaxes


@pytest.mark.parametrize("fault", sorted(WRITTEN))
def test_a_forced_fault_shows_in_a_file(fault, tmp_path):
    assert fault in RATES
    pixels = np.random.default_rng(0).integers(0, 700, (40, 300)).astype(np.uint16)
    pixels[10:20, 30:290] = 900
    plane = Plane(np.zeros(3), np.array([1.0, 0, 0]), np.array([0, 1.0, 0]), (1.0, 1.0), pixels.shape)
    for faults in ((), (fault,)):
        study = plan_study(Order(8, 1, "train", mode="none", forced=faults))
        header = draw_header(np.random.default_rng(0), study, next(iter(study.series)))
        write_slice(tmp_path / "1.dcm", pixels, plane, header, study.faults)
        data = pydicom.dcmread(tmp_path / "1.dcm")
        assert WRITTEN[fault](data) == bool(faults)
        if fault in ("rle", "implicit_vr", "no_position"):
            np.testing.assert_array_equal(data.pixel_array, pixels)
