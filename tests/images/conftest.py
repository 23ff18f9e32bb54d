"""What tests of hostile files share."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from fabricate import write_dicom
from hostile import PIXELS, PLANE


@pytest.fixture
def little_memory() -> Iterator[None]:
    """The test may not take more than a few megabytes."""
    tracemalloc.start()
    yield
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 40e6


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A good file, 64 x 80 pixels, to be damaged."""
    return write_dicom(tmp_path / "1.dcm", PLANE, PIXELS)
