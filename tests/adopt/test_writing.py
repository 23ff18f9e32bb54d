"""Copies: the same pixels in the same place, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from fabricate import plane, write_dicom
from pydicom.pixels import get_decoder
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLSLossless,
    RLELossless,
)  # fmt: skip

from stenosis_kit.adopt.image import read_images
from stenosis_kit.adopt.sources import Source
from stenosis_kit.adopt.writing import put
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.slice import read_signal, read_slice

SECRET = "ZZSECRETZZ"
PIXELS = (np.arange(120 * 100).reshape(120, 100) % 3000 + 500).astype(np.uint16)
OWNED = {
    "StudyInstanceUID": "1.2.99", "SeriesInstanceUID": "1.2.99.1", "PatientName": SECRET, "PatientComments": SECRET,
    "RescaleSlope": 2.5, "RescaleIntercept": -64, "SliceThickness": 4.125, "AccessionNumber": SECRET,
}  # fmt: skip


def written(path: Path, syntax: str | None = None, **tags: object) -> Path:
    write_dicom(path, plane("sagittal", 3.25, mm=1.3), PIXELS, **OWNED | tags)
    if syntax:
        dataset = pydicom.dcmread(path)
        if syntax in (RLELossless, JPEGLSLossless):
            dataset.compress(syntax, generate_instance_uid=False)
        else:
            dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize(
    "syntax", [None, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, RLELossless, JPEGLSLossless],
    ids=lambda syntax: syntax.name if syntax else "explicit",
)  # fmt: skip
def test_a_copy_is_the_same_image_of_nobody(tmp_path: Path, syntax: str | None) -> None:
    if syntax == JPEGLSLossless and not get_decoder(syntax).is_available:
        pytest.skip("no decoder of JPEG-LS")
    path = written(tmp_path / "1.dcm", syntax, PixelPaddingValue=500)
    data = path.read_bytes()
    (image,) = read_images(data, Source(path, 4))
    put({tmp_path / "2.dcm": image}, data)
    original, copy = read_slice(path), read_slice(tmp_path / "2.dcm")
    for name in ("origin", "row", "column", "spacing", "shape"):
        assert np.array_equal(getattr(copy.plane, name), getattr(original.plane, name))
    for one, other in zip(read_signal(copy), read_signal(original), strict=True):
        assert np.array_equal(one, other)
    assert copy.header.padding == original.header.padding == (500, 500)
    bare = (tmp_path / "2.dcm").read_bytes()
    assert SECRET.encode() not in bare
    assert b"1.2.99" not in bare


@pytest.mark.parametrize("high_bit", [11, 13, 15])
def test_a_copy_has_all_bits_of_left_justified_values(tmp_path: Path, high_bit: int) -> None:
    path = written(tmp_path / "1.dcm", HighBit=high_bit, PixelData=(PIXELS << (high_bit - 11)).tobytes())
    data = path.read_bytes()
    (image,) = read_images(data, Source(path, 4))
    put({tmp_path / "2.dcm": image}, data)
    copy = read_slice(tmp_path / "2.dcm")
    assert np.array_equal(read_signal(copy).values, PIXELS * np.float32(2.5) - np.float32(64))


def test_a_file_of_its_own_is_linked(tmp_path: Path) -> None:
    path = written(tmp_path / "1.dcm")
    (image,) = read_images(path, Source(path))
    put({tmp_path / "2.dcm": image})
    assert (tmp_path / "2.dcm").resolve() == path.resolve()


def test_where_links_cannot_be_made_a_copy_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "symlink_to", refuse)
    path = written(tmp_path / "1.dcm")
    (image,) = read_images(path, Source(path))
    put({tmp_path / "2.dcm": image})
    assert SECRET.encode() not in (tmp_path / "2.dcm").read_bytes()


def test_what_is_no_image_of_anybody_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path / "1.dcm", StudyInstanceUID="")
    with pytest.raises(UnreadableSlice, match="nobody knows whose"):
        read_images(path, Source(path))
    (tmp_path / "text").write_text("no image " * 50)
    with pytest.raises(UnreadableSlice, match="expected a DICOM file"):
        read_images(tmp_path / "text", Source(tmp_path / "text"))
