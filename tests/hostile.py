"""A small good file for tests to damage, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from fabricate import plane
from pydicom.dataelem import RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian

from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.slice import read_pixels, read_slice

SHAPE = (64, 80)
PLANE = plane("axial", 0.0, mm=2.0, shape=SHAPE)
PIXELS = (np.arange(SHAPE[0] * SHAPE[1]) % 4096).astype(np.uint16).reshape(SHAPE)


def rewritten(path: Path, syntax: str, frame: bytes) -> Path:
    """The file with its pixels coded."""
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(path)
    return path


def deflated(path: Path) -> Path:
    """The file in the deflated transfer syntax."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    return path


def bare(path: Path, implicit: bool = True, little: bool = True) -> Path:
    """The file's data set alone: no preamble, no meta group."""
    dataset, raw = pydicom.dcmread(path), DicomBytesIO()
    raw.is_implicit_VR, raw.is_little_endian = implicit, little
    if not little:
        dataset.PixelData = dataset.pixel_array.astype(">u2").tobytes()
    write_dataset(raw, dataset)
    path.write_bytes(raw.getvalue())
    return path


def put_text(path: Path, keyword: str, text: str) -> Path:
    """The file with a text in an element as it stands, right or wrong."""
    dataset, tag = pydicom.dcmread(path), Tag(keyword)
    value = (text + " " * (len(text) % 2)).encode()
    dataset._dict[tag] = RawDataElement(tag, "DS", len(value), value, 0, False, True)
    dataset.save_as(path)
    return path


def refuse(path: Path, reason: str, kind: Kind = Kind.DAMAGED) -> None:
    """Reads a file, which has to be refused for that reason, of that kind."""
    with pytest.raises(UnreadableSlice, match=reason) as raised:
        read_pixels(read_slice(path))
    assert raised.value.reason == str(raised.value)
    assert raised.value.reason.kind is kind
