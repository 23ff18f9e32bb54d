"""Opening files that are none, or too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hostile import refuse

from stenosis_kit.images.file import MAX_BYTES, BoundedFile

pytestmark = pytest.mark.usefixtures("little_memory")


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)
    refuse(path, "not a file but")


def test_a_device_is_not_read(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")
    refuse(path, "not a file but")


def test_a_giant_file_is_not_opened(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(MAX_BYTES + 1)
    refuse(path, f"expected at most {MAX_BYTES} bytes")


def test_a_file_is_never_read_to_its_end_in_one_go(path: Path) -> None:
    with BoundedFile(path) as file, pytest.raises(ValueError, match="a length of -1"):
        file.read()
