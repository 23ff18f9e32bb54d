"""The graders that come with the package, as files and in a zipped wheel."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import stenosis_kit
from stenosis_kit.base.errors import InputError
from stenosis_kit.graders import bundled as module
from stenosis_kit.graders.bundled import bundled_graders

PRINT = "from stenosis_kit.graders.bundled import bundled_graders as b; print(*sorted(p.name for p in b().iterdir()))"


def test_they_are_a_whole_model(shipped):
    assert bundled_graders() == shipped()
    assert {"model.json", "folds.csv", "canal_axial.fold0.weights.h5"} <= {p.name for p in bundled_graders().iterdir()}


def test_a_package_without_them_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="found none. Install stenosis-kit again; to train from new weights: --start"):
        bundled_graders()


def test_of_a_zipped_wheel_they_are_unpacked_while_the_process_lives(shipped, tmp_path):
    wheel, package = tmp_path / "kit.whl", Path(stenosis_kit.__file__).parent
    with zipfile.ZipFile(wheel, "w") as archive:
        for path in package.rglob("*.py"):
            archive.write(path, Path("stenosis_kit") / path.relative_to(package))
        for path in shipped().iterdir():
            archive.write(path, f"stenosis_kit/weights/graders/{path.name}")
    environment = {"PYTHONPATH": str(wheel), "TMPDIR": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", PRINT], env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert done.stdout.split() == sorted(path.name for path in shipped().iterdir()), done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["kit.whl"]
