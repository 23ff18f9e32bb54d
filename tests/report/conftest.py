"""A run of `submit` and its page."""

import shutil

import pytest


@pytest.fixture
def run(submitted, tmp_path):
    """A copy of the shared run, whose page a test may make again."""
    return shutil.copytree(submitted, tmp_path / submitted.name, symlinks=True)


@pytest.fixture
def page(submitted):
    return (submitted / "report.html").read_text()
