"""One run at a time in an output folder, by a lock that the operating system releases however a run ends."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, remove_partials

_IN_USE = frozenset({errno.EAGAIN, errno.EACCES})  # the latter over NFS


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps other runs out of a folder, makes it where it is missing, and deletes what killed runs left half written.

    Where the file system knows no locks the run goes on without.

    Raises:
        InputError: where another run is at work in it, or it cannot be made.
    """
    new = not folder.exists()
    make_folder(folder)
    descriptor = _take(folder)
    try:
        remove_partials(folder)
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)
        if new:
            with suppress(OSError):  # there is something in it, as there should be
                folder.rmdir()


def _take(folder: Path) -> int | None:
    """The descriptor of an open file that holds the lock; None where the file system knows no locks."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        if error.errno in _IN_USE:
            remedy = "Wait until it has ended, or give another folder."
            raise InputError(folder, "a folder in which nothing else is at work", "another run there", remedy) from None
        return None
    return descriptor
