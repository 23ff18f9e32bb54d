"""Where an output goes: links are followed, what is no plain file is written to, and no input is written over."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterable
from pathlib import Path

from stenosis_kit.base.errors import InputError

_REMEDY = "Give the output another place."


def followed(path: Path) -> Path:
    """What a path leads to when all links are followed; it need not be there.

    Raises:
        InputError: where they lead in a circle.
    """
    try:
        path.stat()
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise InputError(path, "a place for an output", "links that lead in a circle", _REMEDY) from None
    return Path(os.path.realpath(path))


def is_stream(path: Path) -> bool:
    """Whether a path is a device, a pipe or a socket, or the very file that our messages go to.

    Such a thing is written to. Renaming a file to its name would put that in its place, for all who use it.
    """
    try:
        found = path.stat()
    except OSError:
        return False
    plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    return not plain or _own_descriptor(found) is not None


def write_to_stream(path: Path, content: Path) -> None:
    """Writes what a file holds to a stream, after all that was printed before."""
    sys.stdout.flush()
    own = _own_descriptor(path.stat())
    with content.open("rb") as file, path.open("wb") if own is None else os.fdopen(os.dup(own), "wb") as stream:
        shutil.copyfileobj(file, stream)


def check_outputs(outputs: Iterable[Path], inputs: Iterable[Path], streams: bool = True) -> None:
    """Refuses, before any work is done, an output that could not be written or would cost an input.

    Other spellings of a path, links and hard links are known for what they are.

    Args:
        outputs: files that a command will write.
        inputs: files that it reads or that must stay, and folders in which nothing may be written.
        streams: whether an output may be a device or a pipe.

    Raises:
        InputError: where an output is a folder, cannot be written, is an input or another output, or lies in such a
            folder.
    """
    kept = list(inputs)
    for output in outputs:
        _check_writable(output, streams)
        for source in kept:
            if _is_or_lies_in(output, source):
                expected = "a file that is no input, no other output and none of the competition's own"
                raise InputError(output, expected, str(source), _REMEDY)
        kept.append(output)


def check_folder(folder: Path, inputs: Iterable[Path]) -> None:
    """Raises InputError where an output folder is one of the inputs (files and folders), or lies in one."""
    for source in inputs:
        if _is_or_lies_in(folder / "any file", source):
            expected = "a folder that is no input and lies in none"
            raise InputError(folder, expected, str(source), "Give another output folder.")


def _check_writable(output: Path, streams: bool) -> None:
    target = followed(output)
    if output.is_dir():
        raise InputError(output, "a file to write", "a folder", "Give the output a name in it.")
    if is_stream(output):
        sink = output.is_block_device() or (output.is_socket() and _own_descriptor(output.stat()) is None)
        if sink or not streams:
            found = "a disk or a socket" if sink else "a device or a pipe, or where messages go"
            raise InputError(output, "a plain file, or one that does not exist yet", found, _REMEDY)
        return
    above = next(folder for folder in target.parents if folder.exists())
    if not above.is_dir():
        raise InputError(output, "a file in a folder", f"a file in the folder's place, {above}", _REMEDY)
    if not os.access(above, os.W_OK):
        raise InputError(output, "a file in a folder to write to", f"a read-only one, {above}", _REMEDY)


def _is_or_lies_in(output: Path, source: Path) -> bool:
    """Whether an output is an input or lies in one."""
    own, there = _found(output), _found(source)
    if there and stat.S_ISDIR(there.st_mode):
        above = {*output.absolute().parents, *followed(output).parents}
        return any(os.path.samestat(found, there) for folder in above if (found := _found(folder)))
    if own and there:
        return stat.S_ISREG(there.st_mode) and os.path.samestat(own, there)  # a terminal may be both
    target = followed(output)
    return Path(os.path.realpath(source)) in (target, *target.parents)


def _found(path: Path) -> os.stat_result | None:
    """What lies at a path, links followed; None where nothing does, or it cannot be looked at: no output's fault."""
    try:
        return path.stat()
    except OSError:
        return None


def _own_descriptor(found: os.stat_result) -> int | None:
    """The number of our standard output or error, where that is the file found."""
    for number in (1, 2):
        try:
            if os.path.samestat(found, os.fstat(number)):
                return number
        except OSError:  # closed
            continue
    return None
