"""Atomic writing: a file is whole or not there, whatever ends the run."""

from __future__ import annotations

import io
import json
import math
import os
import re
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stenosis_kit.base.errors import InputError, once_more, why_unreadable
from stenosis_kit.base.output import followed, is_stream, write_to_stream

if TYPE_CHECKING:
    import polars as pl

_PARTIAL = re.compile(r"\.(\d+)\.partial\.(.+)")


@contextmanager
def replacing(path: Path, synced: bool = True) -> Iterator[Path]:
    """Gives a temporary path beside `path`, which replaces it by an atomic rename when the block ends.

    The temporary name keeps the suffixes (Keras looks at them) and holds the process's number.
    If the block raises, `path` stays as it was. A link stays, and what it leads to is replaced or made. A stream (see
    `output.is_stream`) is no file to replace: what was written is copied to it.

    Args:
        path: what is written.
        synced: whether to fsync first. A file that is checked before it is used can do without.

    Raises:
        InputError: where the file cannot be written.
        OSError: as the block raises it of another file.
        BrokenPipeError: where it is a pipe that nobody reads any more.
    """
    try:
        with _copying_to(path) if is_stream(path) else _replacing_file(followed(path), synced) as partial:
            yield partial
    except BrokenPipeError:
        raise
    except OSError as error:
        if error.filename and not _belongs_to(Path(error.filename), path):
            raise
        found = error.strerror or str(error)
        raise InputError(path, "a file that can be written", found, "Give another place, or free some space.") from None


def _belongs_to(file: Path, path: Path) -> bool:
    """Whether a file that failed is an output, what it leads to, its partial file or a folder of it."""
    target = followed(path)
    return is_stream(path) or file in (path, *path.parents, target, *target.parents, _partial(target))


def _partial(path: Path) -> Path:
    return path.with_name(f".{os.getpid()}.partial.{path.name}")


@contextmanager
def _replacing_file(path: Path, synced: bool) -> Iterator[Path]:
    partial = _partial(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        if synced:
            with partial.open("rb") as written:
                os.fsync(written.fileno())
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


@contextmanager
def _copying_to(stream: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder, stream.name)
        yield partial
        write_to_stream(stream, partial)


def is_partial(path: Path) -> bool:
    """Whether it is a temporary file of `replacing`."""
    return bool(_PARTIAL.match(path.name))


def remove_partials(folder: Path) -> None:
    """Deletes the temporary files of killed runs below a folder, before this process writes any.

    Those of living processes stay.
    Image folders are left out: nothing of ours is written there, and they are large.
    """
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.endswith("_images")]
        for found in filter(None, map(_PARTIAL.match, names)):
            if int(found[1]) == os.getpid() or not _is_alive(int(found[1])):  # in a container all have the same number
                with suppress(OSError):
                    Path(place, found[0]).unlink()


def remove_stale(path: Path) -> None:
    """Deletes the temporary files of `path` that killed processes left; those of living processes stay."""
    path = followed(path)
    with suppress(OSError):
        for entry in path.parent.iterdir():
            found = _PARTIAL.match(entry.name)
            if found and found[2] == path.name and not _is_alive(int(found[1])):
                entry.unlink()


def run_json_of(output: Path) -> Path:
    """<name>.run.json beside an output, which says how it was made."""
    return output.parent / f"{output.stem}.run.json"


def _is_alive(process: int) -> bool:
    try:
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
    """Writes a JSON file atomically, indented; what JSON does not know as `_as_json` has it."""
    write_text(path, json.dumps(_as_json(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def _as_json(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's, paths as text, and null for numbers that are not finite.

    Raises:
        TypeError: for anything else that JSON does not know.
    """
    if isinstance(value, dict):
        return {key if isinstance(key, str) else str(_as_json(key)): _as_json(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(each) for each in value]
    if hasattr(value, "tolist"):  # before float: NumPy's is one too
        return _as_json(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if value is None or isinstance(value, str | int):
        return value
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
        value = json.loads(once_more(path.read_bytes).decode("utf-8-sig"))
    except OSError as error:
        raise InputError(path, what, why_unreadable(error), "Is this the right folder?") from None
    except (ValueError, RecursionError):  # the latter for brackets in brackets in brackets
        raise InputError(path, what, "a file that is not JSON", "Make it again.") from None
    if not isinstance(value, dict):
        raise InputError(path, what, f"JSON of another kind ({type(value).__name__})", "Make it again.")
    return value


def in_its_place(path: Path) -> str:
    """What lies in the place of a plain file, in a few words; empty where it is one."""
    try:
        mode = once_more(path.stat).st_mode
    except OSError as error:
        return why_unreadable(error)
    if stat.S_ISREG(mode):
        return ""
    return "a folder" if stat.S_ISDIR(mode) else "a device or a pipe"


def make_folder(folder: Path) -> None:
    """Makes an output folder.

    Raises:
        InputError: where it cannot be made or written to.
    """
    try:
        followed(folder).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        is_file = isinstance(error, FileExistsError | NotADirectoryError)
        found = "a file in its place" if is_file else error.strerror or str(error)
        raise InputError(folder, "a folder to write to", found, "Give another output folder.") from None
    if not os.access(folder, os.W_OK):
        raise InputError(folder, "a folder to write to", "a read-only one", "Give another output folder.")
