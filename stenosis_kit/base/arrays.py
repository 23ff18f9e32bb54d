"""Arrays on disk, .npy and .npz."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from stenosis_kit.base.files import replacing

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for a file that is missing, cut off or damaged."""


@contextmanager
def growing_array(path: Path, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], None]]:
    """Writes a uint8 .npy atomically, piece by piece, so that it need not fit in memory.

    Gives a function that appends a piece (n, *shape). Not a memory map: on a full disk that kills the process (SIGBUS).
    """
    length = 0

    def write_header() -> None:
        described = {"descr": "|u1", "fortran_order": False, "shape": (length, *shape)}
        np.lib.format.write_array_header_1_0(file, described)

    def append(piece: np.ndarray) -> None:
        nonlocal length
        file.write(np.ascontiguousarray(piece, np.uint8).data)
        length += len(piece)

    with replacing(path) as partial, partial.open("wb") as file:
        write_header()
        yield append
        file.seek(0)
        write_header()  # of the same size: numpy leaves room for the length to grow
