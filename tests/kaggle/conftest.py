"""The package as a dataset of Kaggle's."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def package(shared) -> Path:
    """What `bundle` stages where there is no model, built once a run: pip takes seconds. Nobody writes into it."""
    from stenosis_kit.kaggle.bundle import bundle

    with shared("package") as folder:
        return folder if folder.is_dir() else bundle(None, "ada", folder)
