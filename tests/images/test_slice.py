"""One file: its place, and its stored values as signal."""

import numpy as np
import pydicom
import pytest
from fabricate import blobs, plane, render, spoil_pixels, tilted, write_dicom
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.slice import read_pixels, read_slice

SHAPE = (30, 60)
PLANES = [plane("axial", z, shape=SHAPE) for z in (-8.0, -4.0, 0.0, 4.0, 8.0)]
PIXELS = render(blobs(np.zeros((1, 3))), PLANES[0])


def test_pixels_and_geometry_come_back_as_written(tmp_path):
    item = tilted(plane("axial", 3.25, mm=0.93, shape=SHAPE), 17.0, "x")
    found = read_slice(write_dicom(tmp_path / "12.dcm", item, PIXELS))
    assert found.number == 12
    assert found.plane.shape == SHAPE
    assert found.plane.spacing == pytest.approx(item.spacing)
    assert np.stack([found.plane.origin, found.plane.row, found.plane.column]) == pytest.approx(
        np.stack([item.origin, item.row, item.column])
    )
    signal = read_pixels(found)
    assert signal.dtype == np.float32
    assert np.array_equal(signal, PIXELS)


def test_headers_are_read_without_pixels_and_pixels_on_demand(tmp_path):
    found = read_slice(spoil_pixels(write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)))
    with pytest.raises(UnreadableSlice):
        read_pixels(found)


def test_uids_that_are_no_uids_do_not_stop_reading(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    real = header.SOPInstanceUID
    path.write_bytes(path.read_bytes().replace(real.encode(), "not.a.uid.07".ljust(len(real), "x").encode()))
    assert pydicom.dcmread(path).SOPInstanceUID.startswith("not.a.uid")
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


def test_a_file_meta_that_says_enhanced_mr_on_a_single_frame_is_read(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    header.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    del header.SOPClassUID
    header.save_as(path)
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


def test_monochrome1_is_turned_so_that_larger_is_brighter(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, PhotometricInterpretation="MONOCHROME1")
    signal = read_pixels(read_slice(path))
    assert np.array_equal(signal, -PIXELS.astype(np.float32))


def test_signed_pixels_keep_their_sign(tmp_path):
    signed = PIXELS.astype(np.int16) - 2000
    assert signed.min() < 0
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], signed, PixelRepresentation=1)
    assert np.array_equal(read_pixels(read_slice(path)), signed)


@pytest.mark.parametrize(("slope", "intercept"), [(2.5, 0.0), (1.0, -1024.0), (0.5, 100.0)])
def test_rescale_slope_and_intercept_are_applied(tmp_path, slope, intercept):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, RescaleSlope=slope, RescaleIntercept=intercept)
    assert read_pixels(read_slice(path)) == pytest.approx(PIXELS * slope + intercept)


def test_rescaling_comes_before_monochrome1_is_turned(tmp_path):
    tags = {"RescaleSlope": 2.0, "RescaleIntercept": 50.0, "PhotometricInterpretation": "MONOCHROME1"}
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, **tags)
    assert read_pixels(read_slice(path)) == pytest.approx(-(PIXELS * 2.0 + 50.0))


def test_rle_is_decoded(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    header.compress(RLELossless)
    header.save_as(path)
    assert pydicom.dcmread(path).file_meta.TransferSyntaxUID == RLELossless
    assert np.array_equal(read_pixels(read_slice(path)), PIXELS)


def test_implicit_little_endian_is_decoded(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS)
    header = pydicom.dcmread(path)
    header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    header.save_as(path, implicit_vr=True, little_endian=True)
    found = read_slice(path)
    assert found.plane.origin == pytest.approx(PLANES[0].origin)
    assert np.array_equal(read_pixels(found), PIXELS)


def test_eight_bit_pixels_are_decoded(tmp_path):
    pixels = (PIXELS // 16).astype(np.uint8)
    assert np.array_equal(read_pixels(read_slice(write_dicom(tmp_path / "1.dcm", PLANES[0], pixels))), pixels)


def test_a_header_that_claims_more_pixels_than_are_there_is_skipped(tmp_path):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, Rows=4000, Columns=4000)
    with pytest.raises(UnreadableSlice):
        read_pixels(read_slice(path))


@pytest.mark.parametrize(("slope", "intercept"), [(1, 1e8), (1, -5e8), (1e-6, 1000), (-1e-6, 1000)])
def test_an_intercept_beside_which_the_slope_s_steps_vanish_is_refused(tmp_path, slope, intercept):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, RescaleSlope=slope, RescaleIntercept=intercept)
    with pytest.raises(UnreadableSlice, match="RescaleIntercept .* swallows the steps of RescaleSlope"):
        read_pixels(read_slice(path))


@pytest.mark.parametrize(("slope", "intercept"), [(1, 1e7), (-1, 4095), (1e5, 1e8), (1e-6, 0)])
def test_other_intercepts_leave_the_steps_as_they_are(tmp_path, slope, intercept):
    path = write_dicom(tmp_path / "1.dcm", PLANES[0], PIXELS, RescaleSlope=slope, RescaleIntercept=intercept)
    assert len(np.unique(read_pixels(read_slice(path)))) == len(np.unique(PIXELS))
