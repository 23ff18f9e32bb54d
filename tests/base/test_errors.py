"""The errors that reach a user: their text, and that they come whole out of a worker process."""

from __future__ import annotations

import errno
import os
import pickle
from contextlib import nullcontext
from pathlib import Path

import pytest

from stenosis_kit.base.errors import InputError, TimeTooShort, first_line, may_pass, once_more, system_error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            InputError(Path("a/b.csv"), "a table", "none", "Make one."),
            "a/b.csv: expected a table; found none. Make one.",
        ),
        (TimeTooShort("1 h", "1 s", "Give more."), "--time-limit: expected 1 h; found 1 s. Give more."),
    ],
)
def test_an_error_says_path_expected_found_and_remedy_also_after_pickling(error: InputError, text: str) -> None:
    assert str(error) == text
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), text, vars(error))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError(""), "ValueError"),
        (KeyError(), "KeyError"),
        (ValueError("x" * 300), "x" * 200),
    ],
)
def test_the_first_line_of_an_error(error: Exception, line: str) -> None:
    assert first_line(error) == line


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_an_error_of_the_system_that_reading_may_have_is_not_said_to_be_one_of_writing(number: int) -> None:
    error = OSError(number, os.strerror(number), "image.dcm")
    found = f"image.dcm: expected to read or write it; found {os.strerror(number)}. Mind its permissions, and its disk."
    assert str(system_error(error)) == found


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS])
def test_an_error_of_the_system_that_only_writing_has_is_said_to_be_one(number: int) -> None:
    text = str(system_error(OSError(number, os.strerror(number))))
    assert text.startswith(f"a file: expected a file that can be written; found {os.strerror(number)}. ")


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ETIMEDOUT, errno.ENOTCONN, errno.EMFILE, errno.ENOMEM, errno.EACCES]
)
def test_what_disk_network_and_system_say_may_pass(number):
    assert may_pass(OSError(number, os.strerror(number)))


@pytest.mark.parametrize(
    "error", [MemoryError(), TimeoutError("timed out"), ConnectionResetError(), PermissionError(), InterruptedError()]
)
def test_accidents_without_a_number_are_known_by_their_kind(error):
    assert may_pass(error)


@pytest.mark.parametrize("number", [errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.EINVAL])
def test_what_is_said_of_the_file_itself_stays(number):
    assert not may_pass(OSError(number, os.strerror(number)))


@pytest.mark.parametrize("error", [OSError("image file is truncated"), ValueError("no"), EOFError(), KeyError("x")])
def test_what_libraries_say_of_a_file_s_content_stays(error):
    assert not may_pass(error)


@pytest.mark.parametrize(
    ("errors", "tries"),
    [
        ([], 1),
        ([OSError(errno.EIO, "")], 2),
        ([OSError(errno.EIO, ""), OSError(errno.EIO, "")], 2),
        ([FileNotFoundError(errno.ENOENT, "")], 1),
        ([ValueError()], 1),
    ],
)
def test_reading_is_tried_once_more_after_an_accident_and_after_nothing_else(errors, tries):
    waiting, tried = list(errors), []

    def read():
        tried.append(1)
        if waiting:
            raise waiting.pop()
        return "read"

    with nullcontext() if len(errors) < tries else pytest.raises(type(errors[0])):
        assert once_more(read) == "read"
    assert len(tried) == tries
