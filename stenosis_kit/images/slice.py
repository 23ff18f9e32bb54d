"""One instance of a series: its place in the patient, and its signal."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.header import Header, read_header
from stenosis_kit.images.pixels import decode
from stenosis_kit.images.silence import LARGEST_SIGNAL, is_blank, silent_pixels


@dataclass(frozen=True, eq=False)
class Slice:
    """One instance: its plane, and how stored values become signal.

    Attributes:
        number: in the file's name, <number>.dcm, which is the tables' instance_number.
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

    @property
    def is_positive(self) -> bool:
        """Whether none of its signals can be negative, as its header has it."""
        return bool(self.header and self.slope > 0 and self.intercept >= 0 and self.header.coding.is_unsigned)


def read_slice(path: Path) -> Slice:
    """Reads one file's header.

    Raises:
        UnreadableSlice: as `read_header` does.
    """
    header = read_header(path)
    sign = -1 if header.inverted else 1
    return Slice(int(path.stem), path, header.plane, sign * header.slope, sign * header.intercept, header)


class Signal(NamedTuple):
    """The pixels of a slice.

    Attributes:
        values: (rows, columns) float32: larger is brighter. Silent pixels have the darkest of the others' values.
        silent: (rows, columns) bool: which pixels are no signal, see `silence`; None where all are signal.
    """

    values: np.ndarray
    silent: np.ndarray | None


def read_signal(item: Slice) -> Signal:
    """Decodes a slice.

    Raises:
        UnreadableSlice: where the pixels cannot be decoded, are not what the header says, or none of them is signal;
            where its rescaling makes signals too large, or all alike.
    """
    stored = decode(item.path, item.header.coding)
    rescaled = (item.slope, item.intercept) != (1, 0)
    with np.errstate(over="ignore", invalid="ignore"):
        if np.spacing(np.float32(abs(item.intercept))) > abs(item.slope):
            raise UnreadableSlice(f"RescaleIntercept {item.intercept} swallows the steps of RescaleSlope {item.slope}")
        signal = stored.astype(np.float32)
        if rescaled:
            signal = signal * np.float32(item.slope) + np.float32(item.intercept)
    silent = silent_pixels(stored, signal, item.header.padding)
    if silent is not None:
        if silent.all():
            raise UnreadableSlice("no signal: all of its pixels are padding, or no numbers")
        signal[silent] = signal[~silent].min()
    if rescaled and np.abs(signal).max() > LARGEST_SIGNAL:
        raise UnreadableSlice(f"RescaleSlope {item.slope} makes signals beyond {LARGEST_SIGNAL:g}")
    if is_blank(signal):
        raise UnreadableSlice("no signal: its pixels have one value or two, as no image has", Kind.BLANK)
    return Signal(signal, silent)


def read_pixels(item: Slice) -> np.ndarray:
    """(rows, columns) the values of `read_signal`, which raises what this does."""
    return read_signal(item).values
