"""A small good file for tests to damage, and how it is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from fabricate import plane

from stenosis_kit.images.file import UnreadableSlice
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


def refuse(path: Path, reason: str) -> None:
    """Reads a file, which has to be refused for that reason."""
    with pytest.raises(UnreadableSlice, match=reason):
        read_pixels(read_slice(path))
