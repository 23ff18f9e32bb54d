"""Opening an untrusted file: its size is checked first, and reads beyond it are refused."""

from __future__ import annotations

import io
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian

from stenosis_kit.base.errors import may_pass

MAX_BYTES = 1 << 27
"""Larger files are not opened. Chosen by hand: four times the largest image allowed, at 8 bytes a pixel."""

MAX_INFLATED = 24 << 20
"""Deflated files that hold more bytes are refused: the largest image allowed has 16 MB, at 4 bytes a pixel."""

PREFIX, PREFIX_AT = b"DICM", 128
"""What a DICOM file begins with, after its preamble (PS3.10 7.1); both are missing from data sets written bare."""

_META_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"  # the first element: bytes of the others that describe the file
_META_MOST = 1024  # bytes in which the transfer syntax has to stand for a deflated file to be known; chosen by hand
_PIECE = 1 << 10  # deflated bytes at a time: deflate makes at most 1032 of one


class Kind(Enum):
    """Why a file cannot serve as a slice, as far as anybody treats the reasons differently."""

    ACROSS = "its plane lies across the series"
    BLANK = "pixels that are no image"
    DAMAGED = "damaged, or unlike what its header says"
    DECODER = "no decoder for its transfer syntax"
    DEEPER = "a folder, with images in it perhaps"
    FRAMES = "several frames in one file"
    NAME = "no image by its name"
    PACKED = "compressed as a whole"
    PLACE = "no place in the patient"
    TWICE = "an instance number that another file has"
    UNREAD = "not given by the system this time"


class Reason(str):
    """Why a file cannot serve as a slice: a text for people, and its kind, so that nobody has to parse the text."""

    kind: Kind

    def __new__(cls, text: str, kind: Kind = Kind.DAMAGED) -> Reason:
        """The text, of a kind."""
        reason = super().__new__(cls, text)
        reason.kind = kind
        return reason


class UnreadableSlice(Exception):
    """A file that cannot serve as a slice; the message says why."""

    def __init__(self, why: str, kind: Kind = Kind.DAMAGED) -> None:
        super().__init__(why)
        self.reason = Reason(why, kind)


def unreadable(error: OSError | MemoryError, what: str = "a file") -> UnreadableSlice:
    """What an error of the system says of what was being read: of the kind UNREAD where another try may succeed."""
    found = getattr(error, "strerror", None) or type(error).__name__
    why = f"expected {what} that can be read; found: {found}. Mind its permissions, and its disk"
    return UnreadableSlice(why, Kind.UNREAD if may_pass(error) else Kind.DAMAGED)


class BoundedFile(io.BufferedReader):
    """A file that refuses reads of more bytes than it has: a length that stands in it may be wrong.

    Attributes:
        size: bytes.
        inflated: whether it was deflated, and is read here as it was before.
    """

    def __init__(self, raw: io.RawIOBase | io.BytesIO, size: int, inflated: bool = False) -> None:
        self.size = size
        self.inflated = inflated
        super().__init__(raw)

    def read(self, size: int | None = -1, /) -> bytes:
        """Reads that many bytes, never all that is left.

        Raises:
            UnreadableSlice: where that is more than the file has.
        """
        if size is None or not 0 <= size <= self.size:
            raise UnreadableSlice(f"damaged: it asks for a length of {size} bytes in a file of {self.size}")
        return super().read(size)


@contextmanager
def open_image(path: Path | bytes) -> Iterator[BoundedFile]:
    """Opens a file; one of the deflated transfer syntax (PS3.5 A.5) is inflated, in bounded memory.

    Args:
        path: of the file; or what it holds, where it comes out of an archive.

    Raises:
        UnreadableSlice: where it is empty, no ordinary file (reading a pipe would wait for ever), or too large, and
            where the system does not open it or stops giving its bytes.
    """
    try:
        whole = isinstance(path, bytes)
        size = len(path) if whole else _checked_size(path)
        with BoundedFile(_Memory(path) if whole else io.FileIO(path), size) as file:
            start = _deflated_from(file)
            if start:
                data = _inflate(file, start)
                with BoundedFile(data, data.getbuffer().nbytes, inflated=True) as inflated:
                    yield inflated
            else:
                yield file
    except (OSError, MemoryError) as error:
        raise unreadable(error) from None


def _checked_size(path: Path) -> int:
    size = ordinary_size(path)
    if size == 0:
        raise UnreadableSlice("a file of no bytes")
    if size > MAX_BYTES:
        raise UnreadableSlice(f"expected at most {MAX_BYTES} bytes; found {size}")
    return size


def ordinary_size(path: Path) -> int:
    """The size of an ordinary file, bytes: opening a pipe would wait for ever.

    Raises:
        UnreadableSlice: where it is none.
        OSError: where the system does not tell.
    """
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise a_folder()
    if not stat.S_ISREG(found.st_mode):
        raise UnreadableSlice("not a file but a pipe or device")
    return found.st_size


def a_folder() -> UnreadableSlice:
    """What is said of a folder in a series' folder, whatever its name."""
    return UnreadableSlice("not a file but a folder: images that lie in it belong one folder up", Kind.DEEPER)


def _deflated_from(file: BoundedFile) -> int:
    """Offset of the deflated bytes; 0 of any other file. The file is at its beginning again."""
    head = file.read(min(_META_MOST, file.size))
    file.seek(0)
    at = PREFIX_AT + len(PREFIX) if head[PREFIX_AT:].startswith(PREFIX) else 0
    values = at + len(_META_LENGTH) + 4
    if head[at:].startswith(_META_LENGTH):
        end = values + int.from_bytes(head[values - 4 : values], "little")
        return end if DeflatedExplicitVRLittleEndian.encode() in head[values:end] else 0
    return 0


class _Memory(io.BytesIO):
    name = ""  # which pydicom asks every file for


def _inflate(file: BoundedFile, start: int) -> _Memory:
    """The file as it was before it was deflated: its transfer syntax too, in as many bytes."""
    plain = ExplicitVRLittleEndian.encode().ljust(len(DeflatedExplicitVRLittleEndian), b"\0")
    data = _Memory()
    data.write(file.read(min(start, file.size)).replace(DeflatedExplicitVRLittleEndian.encode(), plain))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        while not inflater.eof and (piece := file.read(min(_PIECE, file.size))):
            data.write(inflater.decompress(piece))
            if data.tell() > MAX_INFLATED:
                raise UnreadableSlice(f"deflated: expected at most {MAX_INFLATED} bytes in it; found more")
    except zlib.error:
        raise UnreadableSlice("its deflated bytes are damaged: copy the file again") from None
    data.seek(0)
    return data
