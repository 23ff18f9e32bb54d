"""RLE Lossless by Pillow: the values of pydicom's own decoder, or none."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from fabricate import plane, write_dicom
from pydicom.encaps import get_frame
from pydicom.pixels import get_decoder
from pydicom.uid import RLELossless

from stenosis_kit.images import packbits
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.pixels import decode
from stenosis_kit.images.slice import read_slice

SHAPE = (37, 53)
PLANE = plane("axial", 0.0, mm=2.0, shape=SHAPE)
SCENES = {
    "noise": np.random.default_rng(0).integers(0, 4096, SHAPE),
    "nothing": np.zeros(SHAPE, int),
    "runs": np.repeat(np.arange(37), 53).reshape(SHAPE) * 100,
    "columns": np.tile(np.arange(53) // 9 * 700, (37, 1)),
}


def coded(path: Path, pixels: np.ndarray, **tags: int) -> pydicom.Dataset:
    """A file of those pixels, coded by pydicom."""
    write_dicom(path, PLANE, pixels)
    dataset = pydicom.dcmread(path)
    for name, value in tags.items():
        setattr(dataset, name, value)
    dataset.compress(RLELossless, generate_instance_uid=False)
    dataset.save_as(path)
    return dataset


def frame_of(dataset: pydicom.Dataset) -> bytes:
    return get_frame(dataset.PixelData, 0, number_of_frames=1)


def by_pydicom(dataset: pydicom.Dataset) -> np.ndarray:
    return get_decoder(RLELossless).as_array(dataset, decoding_plugin="pydicom")[0]


def by_pillow(dataset: pydicom.Dataset) -> np.ndarray:
    shape = dataset.Rows, dataset.Columns
    return packbits.unpacked(frame_of(dataset), shape[0] * shape[1], dataset.BitsAllocated // 8).reshape(shape)


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("signed", [0, 1])
def test_values_are_those_of_pydicom(tmp_path: Path, scene: str, signed: int) -> None:
    path = tmp_path / "1.dcm"
    expected = by_pydicom(coded(path, SCENES[scene].astype(np.uint16), PixelRepresentation=signed))
    found = decode(path, read_slice(path).header.coding)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_values_of_one_byte_are_those_of_pydicom(tmp_path: Path) -> None:
    pixels = (SCENES["noise"] // 16).astype(np.uint8)
    write_dicom(tmp_path / "1.dcm", PLANE, SCENES["noise"].astype(np.uint16))
    dataset = pydicom.dcmread(tmp_path / "1.dcm")
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = pixels.tobytes() + b"\0"
    dataset.compress(RLELossless, generate_instance_uid=False)
    assert np.array_equal(by_pillow(dataset), pixels)


def test_real_files_have_the_values_of_pydicom(real_studies: Path) -> None:
    paths = sorted((real_studies / "train_images").rglob("*.dcm"))[::20]
    datasets = [each for each in map(pydicom.dcmread, paths) if each.file_meta.TransferSyntaxUID == RLELossless]
    assert len(datasets) > 5
    for dataset in datasets:
        assert np.array_equal(by_pillow(dataset), by_pydicom(dataset))


def segment(count: int, value: int) -> bytes:
    """Runs of one value, of up to 128, without regard to rows."""
    runs = [128] * (count // 128) + ([count % 128] if count % 128 else [])
    code = b"".join(bytes([257 - run, value]) for run in runs)
    return code + b"\0" * (len(code) % 2)


@pytest.fixture
def crossing(tmp_path: Path) -> Path:
    """A file whose runs cross the ends of rows, as some writers have it though they must not."""
    dataset = coded(tmp_path / "1.dcm", SCENES["nothing"].astype(np.uint16))
    high, low = segment(SHAPE[0] * SHAPE[1], 1), segment(SHAPE[0] * SHAPE[1], 2)
    frame = struct.pack("<16I", 2, 64, 64 + len(high), *[0] * 13) + high + low
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    dataset.save_as(tmp_path / "1.dcm")
    return tmp_path / "1.dcm"


def test_runs_that_cross_the_end_of_a_row_are_whole(crossing: Path) -> None:
    assert (by_pillow(pydicom.dcmread(crossing)) == 258).all()
    assert (decode(crossing, read_slice(crossing).header.coding) == 258).all()


@pytest.mark.parametrize("count", [0, 1, 3, 2**32 - 1])
def test_another_number_of_segments_is_refused(tmp_path: Path, count: int) -> None:
    dataset = coded(tmp_path / "1.dcm", SCENES["runs"].astype(np.uint16))
    frame = frame_of(dataset)
    with pytest.raises(ValueError, match="segments, where a pixel has 2 bytes"):
        packbits.unpacked(struct.pack("<I", count) + frame[4:], SHAPE[0] * SHAPE[1], 2)


@pytest.mark.parametrize("starts", [(0, 2000), (64, 64), (64, 8), (2000, 64)])
def test_segments_that_overlap_are_refused_whatever_decodes_them(tmp_path: Path, starts: tuple[int, int]) -> None:
    path = tmp_path / "1.dcm"
    dataset = coded(path, SCENES["noise"].astype(np.uint16))
    frame = frame_of(dataset)
    dataset.PixelData = pydicom.encaps.encapsulate([struct.pack("<3I", 2, *starts) + frame[12:]])
    dataset.save_as(path)
    with pytest.raises(UnreadableSlice, match="found some that overlap"):
        decode(path, read_slice(path).header.coding)


@pytest.mark.filterwarnings("ignore:The decoded RLE segment contains non-conformant padding")
def test_damage_is_refused_or_decoded_as_pydicom_decodes_it(tmp_path: Path) -> None:
    whole = coded(tmp_path / "1.dcm", SCENES["noise"].astype(np.uint16), BitsStored=16, HighBit=15)
    frame = frame_of(whole)
    rng, refused = np.random.default_rng(1), 0
    for _ in range(60):
        damaged = bytearray(frame)
        damaged[int(rng.integers(len(frame)))] ^= 1 << int(rng.integers(8))
        whole.PixelData = pydicom.encaps.encapsulate([bytes(damaged)])
        try:
            found = by_pillow(whole)
        except ValueError:
            refused += 1
            continue
        assert np.array_equal(found, by_pydicom(whole))
    assert 0 < refused < 60
