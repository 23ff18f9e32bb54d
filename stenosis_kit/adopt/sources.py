"""Every file below a folder, and every member of its archives, one after the other."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stenosis_kit.images.file import MAX_BYTES, UnreadableSlice, ordinary_size, unreadable

_HEAD, _ZIP, _GZIP, _TAR, _TAR_AT = 512, b"PK\x03\x04", b"\x1f\x8b", b"ustar", 257  # by which archives are known
_OPENERS = {_GZIP: gzip.open, b"BZh": bz2.open, b"\xfd7zXZ": lzma.open}
_DAMAGES = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Source:
    """Where an image's file is: on the disk, or as a member (counted from 0) of the archive at `path`."""

    path: Path
    member: int | None = None


def files(folder: Path) -> Iterator[Path]:
    """All files below a folder (or the one that it is), in an order that stays; each folder is entered once.

    A folder that cannot be listed is given as if it were a file, so that opening it tells why.
    """
    if folder.is_file():
        yield folder
        return
    entered, closed = set(), []
    for place, folders, names in os.walk(folder, onerror=closed.append, followlinks=True):
        entered.add(os.path.realpath(place))
        folders[:] = sorted(name for name in folders if os.path.realpath(Path(place, name)) not in entered)
        yield from (Path(place, name) for name in sorted(names))
    yield from (Path(error.filename) for error in closed)


def is_packed(path: Path) -> bool:
    """Whether a file is an archive or compressed as a whole, by its first bytes.

    Raises:
        UnreadableSlice: where it cannot be read, or is no ordinary file.
    """
    try:
        if path.is_dir():
            any(path.iterdir())  # raises what `files` met with
        ordinary_size(path)
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError as error:
        raise unreadable(error) from None
    return head.startswith((_ZIP, *_OPENERS)) or head[_TAR_AT:].startswith(_TAR)


def members(path: Path) -> Iterator[tuple[Source, bytes]]:
    """What an archive (zip, tar) or a compressed file holds, in its order; what is too large is passed over.

    Raises:
        UnreadableSlice: where it cannot be read, is damaged or locked; what was given before holds.
    """
    try:
        for number, data in enumerate(_members(path)):
            if data.startswith(_GZIP):
                data = zlib.decompressobj(wbits=31).decompress(data, MAX_BYTES)
            if data:
                yield Source(path, number), data
    except _DAMAGES:
        raise UnreadableSlice("an archive that is damaged or locked: unpack it first") from None
    except OSError as error:
        raise unreadable(error) from None


def _members(path: Path) -> Iterator[bytes]:
    """The members' bytes; nothing for a folder, and for what is too large."""
    with path.open("rb") as packed:
        start = packed.read(_HEAD)
    if start.startswith(_ZIP):  # zipfile would also open a tar whose last member is a zip, as that
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield archive.read(info) if info.file_size <= MAX_BYTES else b""
    elif tarfile.is_tarfile(path):
        with tarfile.open(path, "r|*") as archive:
            for info in archive:
                yield archive.extractfile(info).read() if info.isfile() and info.size <= MAX_BYTES else b""
    else:
        with next(each for known, each in _OPENERS.items() if start.startswith(known))(path) as file:
            data = file.read(MAX_BYTES + 1)
        yield data if len(data) <= MAX_BYTES else b""
