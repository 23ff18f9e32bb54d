"""The errors that reach a user: what is wrong with an input."""

from __future__ import annotations

import errno
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Read = TypeVar("Read")

_ONLY_WRITING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG)
_OF_THE_FILE = {  # what an operating system says of a file or a name that is no good, and will say again
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG),
    *(errno.EINVAL, errno.EOVERFLOW, errno.EFBIG),
}
_PASSING = (MemoryError, TimeoutError, ConnectionError, PermissionError, InterruptedError, BlockingIOError)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, at most 200 characters; its type's name where it has no message."""
    return (str(error).splitlines() or [""])[0][:200] or type(error).__name__


def why_unreadable(error: OSError) -> str:
    """What is found in place of a file that can be read, in a few words."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "a folder"
    return "one that you may not read" if isinstance(error, PermissionError) else error.strerror or first_line(error)


def may_pass(error: BaseException) -> bool:
    """Whether an error on reading is an accident of disk, network, memory or rights: another try may succeed.

    An `OSError` without a number is none: libraries raise it for what stands in a file.
    """
    return isinstance(error, _PASSING) or (
        isinstance(error, OSError) and error.errno is not None and error.errno not in _OF_THE_FILE
    )


def once_more(read: Callable[[], Read]) -> Read:
    """What reading gives; where it fails by what `may_pass`, what a second try gives: a disk that sleeps fails once.

    Raises:
        Exception: as reading does.
    """
    try:
        return read()
    except Exception as error:
        if not may_pass(error):
            raise
    return read()


class InputError(Exception):
    """Unusable input. The command line prints it on stderr, without a traceback, and exits with 2.

    Args:
        path: the file or folder (or option) that is at fault.
        expected: what should be there.
        found: what is there instead.
        remedy: what the user can do about it.
    """

    def __init__(self, path: Path | str, expected: str, found: str, remedy: str) -> None:
        # Exception.__init__ is not called, so that `args` stay the arguments of the class: pickle calls it with these.
        self.path = str(path)
        self.expected = expected
        self.found = found
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.path}: expected {self.expected}; found {self.found}. {self.remedy}"


class TimeTooShort(InputError):
    """The time limit does not allow what was asked for; nothing that was there before is lost."""

    def __init__(self, expected: str, found: str, remedy: str) -> None:
        super().__init__("--time-limit", expected, found, remedy)


def system_error(error: OSError) -> InputError:
    """What is said of an error of the system that nobody foresaw: in writing, only where reading cannot have it."""
    found, place = error.strerror or first_line(error), error.filename or "a file"
    if error.errno in _ONLY_WRITING:
        return InputError(place, "a file that can be written", found, "Give another place, or free some space.")
    return InputError(place, "to read or write it", found, "Mind its permissions, and its disk.")
