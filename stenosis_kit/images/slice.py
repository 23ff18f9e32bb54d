"""One instance of a series: its place in the patient, and its signal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.header import Header, read_header
from stenosis_kit.images.pixels import decode

_LARGEST_SIGNAL = 1e9  # chosen by hand; real signals stay below 2**16, and far larger ones would overflow in float32


@dataclass(frozen=True, eq=False)
class Slice:
    """One instance: its plane, and how stored values become signal.

    Attributes:
        number: the file's name, <number>.dcm, which is the tables' instance_number.
        path: the file.
        plane: its geometry.
        slope, intercept: signal = stored * slope + intercept (PS3.3 C.11.1), both negated where MONOCHROME1.
        header: of the file; None of a slice without a file.
    """

    number: int
    path: Path
    plane: Plane
    slope: float = 1.0
    intercept: float = 0.0
    header: Header | None = None


def read_slice(path: Path) -> Slice:
    """Reads one file's header.

    Raises:
        UnreadableSlice: where it is not a single-frame greyscale image with a place in the patient.
        OSError: where the file cannot be opened.
    """
    header = read_header(path)
    sign = -1 if header.inverted else 1
    return Slice(int(path.stem), path, header.plane, sign * header.slope, sign * header.intercept, header)


def read_pixels(item: Slice) -> np.ndarray:
    """(rows, columns) float32 signal of a slice: larger is brighter.

    Raises:
        UnreadableSlice: where the pixels cannot be decoded or are not what the header says.
    """
    signal = decode(item.path, item.header.coding).astype(np.float32)
    if (item.slope, item.intercept) != (1, 0):
        with np.errstate(over="ignore"):
            signal = signal * np.float32(item.slope) + np.float32(item.intercept)
        if np.abs(signal).max() > _LARGEST_SIGNAL:
            raise UnreadableSlice(f"RescaleSlope {item.slope} makes signals beyond {_LARGEST_SIGNAL:g}")
    return signal
