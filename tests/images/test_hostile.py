"""Files damaged at random: each is read, or refused with a reason."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from campaigns.mutations import MUTATIONS, mutate
from hostile import PIXELS, bare, deflated, rewritten
from pydicom.uid import ImplicitVRLittleEndian, RLELossless

from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.slice import Slice, read_pixels, read_slice
from stenosis_kit.phantom.files.encode import jpeg2000

pytestmark = pytest.mark.usefixtures("little_memory")


def coded(path: Path, how: str) -> bytes:
    """The file in one of the ways in which such files are stored."""
    dataset = pydicom.dcmread(path)
    if how == "RLE":
        dataset.compress(RLELossless)
        dataset.save_as(path)
    elif how == "implicit":
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    elif how == "JPEG 2000":
        rewritten(path, "1.2.840.10008.1.2.4.90", jpeg2000(PIXELS))
    elif how == "deflated":
        deflated(path)
    elif how == "bare":
        bare(path)
    return path.read_bytes()


@pytest.mark.parametrize("how", ["explicit", "implicit", "RLE", "JPEG 2000", "deflated", "bare"])
def test_whatever_happens_to_a_file_it_is_read_or_refused_with_a_reason(path: Path, how: str) -> None:
    rng = np.random.default_rng(8)
    whole = coded(path, how)
    kinds, refused = set(), 0
    for _ in range(300):
        kind, damaged = mutate(whole, rng)
        path.write_bytes(damaged)
        kinds.add(kind)
        try:
            found = read_slice(path)
            assert isinstance(found, Slice)
            assert read_pixels(found).shape == found.plane.shape
        except UnreadableSlice as error:
            assert str(error)
            refused += 1
    assert kinds == set(MUTATIONS)
    assert 30 < refused < 290
