"""Small DICOM series made in a test: any plane through a known scene, written with whatever tags the case needs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from stenosis_kit.images.geometry import Plane

Scene = Callable[[np.ndarray], np.ndarray]
"""(..., 3) patient mm -> (...) signal, 0 to 4000."""


def plane(kind: str, offset_mm: float, mm: float = 1.0, shape: tuple[int, int] = (120, 100)) -> Plane:
    """A sagittal (at patient x) or axial (at patient z) plane about the origin, stored the usual way."""
    rows, columns = shape
    half_x, half_y = (columns - 1) / 2 * mm, (rows - 1) / 2 * mm
    if kind == "sagittal":
        return Plane.from_tags((offset_mm, -half_x, half_y), (0, 1, 0, 0, 0, -1), (mm, mm), shape)
    return Plane.from_tags((-half_x, -half_y, offset_mm), (1, 0, 0, 0, 1, 0), (mm, mm), shape)


def tilted(item: Plane, degrees: float, axis: str) -> Plane:
    """The plane turned about a patient axis through its centre."""
    a = np.deg2rad(degrees)
    c, s = np.cos(a), np.sin(a)
    turn = {"x": [[1, 0, 0], [0, c, -s], [0, s, c]], "z": [[c, -s, 0], [s, c, 0], [0, 0, 1]]}[axis]
    turn = np.array(turn)
    origin = item.center + turn @ (item.origin - item.center)
    return Plane.from_tags(origin, [*(turn @ item.row), *(turn @ item.column)], item.spacing, item.shape)


def stored(item: Plane, pixels: np.ndarray, how: str) -> tuple[Plane, np.ndarray]:
    """The same slice stored another way: mirrored in x, in y, or with rows and columns exchanged."""
    rows, columns = item.shape
    if how == "as is":
        return item, pixels
    if how == "flipped x":
        origin = item.to_patient(np.array([columns - 1, 0]))
        return Plane(origin, -item.row, item.column, item.spacing, item.shape), pixels[:, ::-1]
    if how == "flipped y":
        origin = item.to_patient(np.array([0, rows - 1]))
        return Plane(origin, item.row, -item.column, item.spacing, item.shape), pixels[::-1]
    if how == "rotated":  # rows become columns
        return Plane(item.origin, item.column, item.row, item.spacing[::-1], (columns, rows)), pixels.T
    raise ValueError(how)


def render(scene: Scene, item: Plane) -> np.ndarray:
    """(rows, columns) uint16: the scene on a plane."""
    y, x = np.mgrid[: item.shape[0], : item.shape[1]]
    return scene(item.to_patient(np.stack([x, y], axis=-1))).round().clip(0, 4095).astype(np.uint16)


def blobs(points: np.ndarray, width_mm: float = 6.0) -> Scene:
    """Bright balls at points (n, 3), each brighter than the last, on a slope that tells directions apart."""

    def scene(places: np.ndarray) -> np.ndarray:
        signal = 400 + places @ np.array([0.5, 1.0, 1.5])
        for number, point in enumerate(np.atleast_2d(points), start=1):
            near = ((places - point) ** 2).sum(axis=-1)
            signal = signal + 400 * number * np.exp(-near / (2 * width_mm**2))
        return signal

    return scene


def write_dicom(path: Path, item: Plane, pixels: np.ndarray, drop: tuple[str, ...] = (), **tags: object) -> Path:
    """Writes one single-frame file; `drop` leaves elements out, `tags` adds or replaces some."""
    header = Dataset()
    header.SOPClassUID, header.SOPInstanceUID = MRImageStorage, generate_uid()
    header.InstanceNumber = int(path.stem) if path.stem.isdigit() else 1
    header.ImagePositionPatient = [float(v) for v in item.origin]
    header.ImageOrientationPatient = [float(v) for v in (*item.row, *item.column)]
    header.PixelSpacing = [float(v) for v in item.spacing]
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.file_meta.MediaStorageSOPClassUID = MRImageStorage
    header.file_meta.MediaStorageSOPInstanceUID = header.SOPInstanceUID
    header.set_pixel_data(np.ascontiguousarray(pixels), "MONOCHROME2", 12 if pixels.dtype.itemsize == 2 else 8)
    for name in drop:
        delattr(header, name)
    for name, value in tags.items():
        setattr(header, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    header.save_as(path, enforce_file_format=True)
    return path


def write_series(
    folder: Path, scene: Scene, planes: list[Plane], numbers: list[int] | None = None, how: str = "as is"
) -> Path:
    """Writes a series of a scene, one file a plane, numbered from 1 unless told; `how` as in `stored`."""
    for number, item in zip(numbers or range(1, len(planes) + 1), planes, strict=True):
        write_dicom(folder / f"{number}.dcm", *stored(item, render(scene, item), how))
    return folder


def spoil_pixels(path: Path) -> Path:
    """Makes a file's pixels undecodable; all that a reader of headers alone looks at stays as it was."""
    stored = b"(\x00\x01\x01US\x02\x00\x0c\x00"  # BitsStored 12
    data = path.read_bytes()
    assert stored in data
    path.write_bytes(data.replace(stored, stored[:-2] + b"\x63\x00"))
    return path
