"""Files that are whole or not there: atomic writing, and fingerprints of inputs."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stenosis_kit.base.errors import InputError

if TYPE_CHECKING:
    import polars as pl

DAMAGED = (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error)
"""What numpy raises for a .npy or .npz that is missing, cut off or damaged."""

_PARTIAL = re.compile(r"\.(\d+)\.partial\.(.+)")


@contextmanager
def replacing(path: Path, synced: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path`; what is written there takes its place at the end, at once.

    The temporary name keeps the suffixes (Keras looks at them) and belongs to this process.
    If the block raises, `path` stays as it was.

    Args:
        path: what is written.
        synced: wait until the disk has it. A file that is checked before it is used need not be.

    Raises:
        InputError: where the file cannot be written.
    """
    partial = path.with_name(f".{os.getpid()}.partial.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if synced:
            with partial.open("rb") as written:
                os.fsync(written.fileno())
        partial.replace(path)
    except OSError as error:
        found = error.strerror or str(error)
        raise InputError(path, "a file that can be written", found, "Give another place, or free some space.") from None
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def remove_partials(folder: Path) -> None:
    """Clears the temporary files of runs that were killed; no other run may be at work in the folder.

    Image folders are left alone: nothing of ours is written there, and they are large.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.endswith("_images")]
        for name in names:
            if _PARTIAL.match(name):
                with suppress(OSError):
                    Path(place, name).unlink()


def remove_stale(path: Path) -> None:
    """Clears the temporary files that killed processes left beside a file of that name."""
    with suppress(OSError):
        for entry in path.parent.iterdir():
            found = _PARTIAL.match(entry.name)
            if found and found[2] == path.name and not _is_alive(int(found[1])):
                entry.unlink()


def _is_alive(process: int) -> bool:
    if os.name == "nt":
        return True  # there a signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def make_room(partial: Path, size: int) -> None:
    """Raises OSError where a file of so many bytes cannot be written: before a library tries that would crash there."""
    with partial.open("wb") as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically, readable by people."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Writes a table atomically, as CSV or, where the name says so, as Parquet.

    By way of memory: what polars raises for a full disk differs from version to version and is no OSError.
    """
    memory = io.BytesIO()
    if path.suffix == ".parquet":
        frame.write_parquet(memory)
    else:
        frame.write_csv(memory)
    with replacing(path) as partial:
        partial.write_bytes(memory.getbuffer())


@contextmanager
def growing_array(path: Path, shape: tuple[int, ...]) -> Iterator[Callable[[np.ndarray], None]]:
    """Writes a uint8 .npy atomically, piece by piece, so that memory does not grow with it.

    Gives what appends a piece (n, *shape). Not through a memory map: where the disk is full, that kills the process
    without a word.
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


def read_json(path: Path, what: str) -> dict:
    """Reads a JSON object.

    Raises:
        InputError: where there is none; `what` names the thing that the file should be.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise InputError(path, what, "no such file", "Is this the right folder?") from None
    except ValueError:
        raise InputError(path, what, "a file that is not JSON", "Make it again.") from None
    if not isinstance(value, dict):
        raise InputError(path, what, f"JSON of another kind ({type(value).__name__})", "Make it again.")
    return value


def run_matches(path: Path, fingerprint: str) -> bool:
    """Whether a run.json exists that says a stage was finished with this fingerprint."""
    try:
        return json.loads(path.read_text(encoding="utf-8")).get("fingerprint") == fingerprint
    except (OSError, ValueError, AttributeError):
        return False


def make_folder(folder: Path) -> None:
    """Makes an output folder.

    Raises:
        InputError: where it cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(folder, "a folder to write to", f"{error.strerror}", "Give another output folder.") from None
    if not os.access(folder, os.W_OK):
        raise InputError(folder, "a folder to write to", "a read-only one", "Give another output folder.")


def fingerprint(*parts: Any) -> str:
    """A short hash of JSON values, and of the bytes of files that are given as paths."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else json.dumps(part, sort_keys=True).encode()
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()[:16]
