"""Weights travel between the two version ends; skips where the other end's environment is not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from version_probe import largest_differences, probe

ROOT = Path(__file__).parents[1]
ENDS = (".venv", ".venv-kaggle")
VERSION = "from importlib.metadata import version; print(version('keras'))"


def keras_of(python: str | Path) -> str:
    return subprocess.run([str(python), "-c", VERSION], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def other_end() -> Path:
    own = keras_of(sys.executable)
    pythons = [path for end in ENDS if (path := ROOT / end / "bin" / "python").exists()]
    found = [path for path in pythons if keras_of(path) != own]
    if not found:
        pytest.skip("no environment of other versions: make setup, or make test-kaggle")
    return found[0]


def test_weights_go_from_one_version_end_to_the_other_and_back_bit_for_bit(other_end, model, tmp_path):
    saved = tmp_path / "saved_there"
    saved.mkdir()
    shutil.copyfile(model / "model.json", saved / "model.json")
    command = [str(other_end), str(Path(__file__).parent / "version_probe.py"), str(model), str(tmp_path / "there.npz")]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    subprocess.run([*command, str(saved)], env=environment, check=True)
    probe(model, tmp_path / "here.npz")
    probe(saved, tmp_path / "back.npz")
    for path in (tmp_path / "here.npz", tmp_path / "back.npz"):
        weights, answers = largest_differences(path, tmp_path / "there.npz")
        assert weights == 0
        assert answers < 1e-5
