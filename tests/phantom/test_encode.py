"""Files that are encoded here, beside pydicom's writer."""

import io

import numpy as np
import pydicom
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from stenosis_kit.phantom.files.encode import encode_file, rle

ELEMENTS = {
    "SOPInstanceUID": "1.2.3",
    "SeriesDescription": "",
    "ImagePositionPatient": None,
    "PixelSpacing": "0.5\\0.5",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 5,
    "Columns": 7,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
}


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
def test_pydicom_writes_the_same_bytes(syntax):
    pixels = np.random.default_rng(0).integers(0, 4096, (5, 7)).astype(np.uint16)
    frame = rle(pixels) if syntax == RLELossless else pixels.tobytes()
    meta = {"MediaStorageSOPClassUID": "1.2.840.10008.5.1.4.1.1.4.1", "MediaStorageSOPInstanceUID": "1.2.3"}
    encoded = encode_file(ELEMENTS, frame, syntax, meta)
    read = pydicom.dcmread(io.BytesIO(encoded))
    np.testing.assert_array_equal(read.pixel_array, pixels)
    data = pydicom.Dataset()
    for keyword, value in ELEMENTS.items():
        setattr(data, keyword, value.split("\\") if isinstance(value, str) and "\\" in value else value)
    data.add_new("PixelData", "OB" if syntax.is_compressed else "OW", read.PixelData)
    data["PixelData"].is_undefined_length = syntax.is_compressed
    data.file_meta = read.file_meta
    again = io.BytesIO()
    pydicom.dcmwrite(again, data, enforce_file_format=True)
    assert again.getvalue() == encoded
