"""The errors that reach a user: their text, and that they come whole out of a worker process."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from stenosis_kit.base.errors import InputError, TimeTooShort, first_line


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
