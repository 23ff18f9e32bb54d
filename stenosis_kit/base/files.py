"""Atomic writing: a file is whole or not there, whatever ends the run."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stenosis_kit.base.errors import InputError

if TYPE_CHECKING:
    import polars as pl

_PARTIAL = re.compile(r"\.(\d+)\.partial\.(.+)")


@contextmanager
def replacing(path: Path, synced: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path`, which replaces it by an atomic rename when the block ends.

    The temporary name keeps the suffixes (Keras looks at them) and holds the process's number.
    If the block raises, `path` stays as it was.

    Args:
        path: what is written.
        synced: whether to fsync first. A file that is checked before it is used can do without.

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
    """Deletes the temporary files of killed runs below a folder in which no other run may be at work.

    Image folders are left out: nothing of ours is written there, and they are large.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.endswith("_images")]
        for name in filter(_PARTIAL.match, names):
            with suppress(OSError):
                Path(place, name).unlink()


def remove_stale(path: Path) -> None:
    """Deletes the temporary files of `path` that killed processes left; those of living processes stay."""
    with suppress(OSError):
        for entry in path.parent.iterdir():
            found = _PARTIAL.match(entry.name)
            if found and found[2] == path.name and not _is_alive(int(found[1])):
                entry.unlink()


def _is_alive(process: int) -> bool:
    try:
        if os.name != "nt":  # there a signal 0 would end it
            os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's, or no number of a process
        pass
    return True


def make_room(partial: Path, size: int) -> None:
    """Raises OSError where that many bytes cannot be written; HDF5 would crash the process on a full disk."""
    with partial.open("wb") as file:
        file.write(bytes(size))
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """Writes a text file atomically."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", errors="backslashreplace")


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON file atomically, indented; NumPy's numbers as Python's."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=_as_python) + "\n")


def _as_python(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} is nothing that JSON knows")


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Writes a table atomically, as CSV or, where the name says so, as Parquet.

    Through memory: for a full disk polars raises other errors than OSError, which differ by version.
    """
    memory = io.BytesIO()
    if path.suffix == ".parquet":
        frame.write_parquet(memory)
    else:
        frame.write_csv(memory)
    with replacing(path) as partial:
        partial.write_bytes(memory.getbuffer())


def read_json(path: Path, what: str) -> dict:
    """Reads a JSON object.

    Raises:
        InputError: where there is none; `what` says what the file should be.
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
