"""A run of `submit` and its page."""

import pytest


@pytest.fixture
def run(submitted):
    return submitted


@pytest.fixture
def page(run):
    return (run / "report.html").read_text()
