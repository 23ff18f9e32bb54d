"""Opening an untrusted file: its size is checked first, and reads beyond it are refused."""

from __future__ import annotations

import io
import stat
from pathlib import Path

MAX_BYTES = 1 << 27
"""Larger files are not opened. Chosen by hand: four times the largest image allowed, at 8 bytes a pixel."""


class UnreadableSlice(Exception):
    """A file that cannot serve as a slice; the message says why."""


class BoundedFile(io.BufferedReader):
    """A file that refuses reads of more bytes than it has: a length that stands in it may be wrong."""

    def __init__(self, path: Path) -> None:
        """Opens a file.

        Raises:
            UnreadableSlice: where it is empty, no ordinary file (reading a pipe would wait for ever), or too large.
        """
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise UnreadableSlice("not a file but a folder, pipe or device")
        if found.st_size == 0:
            raise UnreadableSlice("a file of no bytes")
        if found.st_size > MAX_BYTES:
            raise UnreadableSlice(f"expected at most {MAX_BYTES} bytes; found {found.st_size}")
        self.size = found.st_size
        super().__init__(io.FileIO(path))

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads that many bytes, never all that is left: pydicom would inflate a deflated file without a limit."""
        if size is None or not 0 <= size <= self.size:
            raise ValueError(f"a length of {size} bytes in a file of {self.size}")
        return super().read(size)
