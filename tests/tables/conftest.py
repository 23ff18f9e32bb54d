from pathlib import Path

import pytest
from cohort import Tables


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A competition root of tables alone."""
    return Tables().write(tmp_path / "data")
