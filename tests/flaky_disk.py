"""A disk that fails now and then, as network drives, sleeping disks and exhausted machines do."""

from __future__ import annotations

import errno
import io
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from stenosis_kit.images import file as file_module


def input_output_error() -> OSError:
    return OSError(errno.EIO, "Input/output error", "somewhere")


class FlakyDisk:
    """Image files that cannot be opened, as long as a test says so.

    Attributes:
        fails: says of a path whether opening it fails now.
        opened: paths that were asked for, in order.
    """

    def __init__(self, patch: pytest.MonkeyPatch, error: Callable[[], BaseException] = input_output_error) -> None:
        self.fails: Callable[[Path], bool] = lambda path: False
        self.opened: list[Path] = []
        self._error = error
        patch.setattr(file_module, "io", SimpleNamespace(FileIO=self._open))

    def _open(self, path: Path) -> io.FileIO:
        self.opened.append(path)
        if self.fails(path):
            raise self._error()
        return io.FileIO(path)

    def fail(self, part: str, times: float = float("inf")) -> None:
        """Fails for paths that hold a text, so many times."""
        left = times

        def fails(path: Path) -> bool:
            nonlocal left
            hit = part in str(path) and left > 0
            left -= hit
            return hit

        self.fails = fails

    def wake(self) -> None:
        """Nothing fails any more."""
        self.fails = lambda path: False
