"""The wheel: built clean, checked, and read as a kernel reads it: straight on the path, still zipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from stenosis_kit import __version__
from stenosis_kit.base.errors import InputError
from stenosis_kit.kaggle.wheel import build_wheel, check_wheel

ROOT = Path(__file__).parents[2]
NAME = f"stenosis_kit-{__version__}-py3-none-any.whl"
WEIGHTS = b"the bytes of an HDF5 file"

IN_A_KERNEL = """
import stenosis_kit
from importlib.resources import as_file, files

assert ".whl" in stenosis_kit.__file__
with as_file(files("stenosis_kit") / "weights" / "made_up.weights.h5") as path:
    print(path.is_file(), path.suffix, path.read_bytes().decode())
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the sources with a weights file, a stale build/ and a compiled module of another package in it."""
    folder = tmp_path_factory.mktemp("source")
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, folder / name)
    shutil.copytree(ROOT / "stenosis_kit", folder / "stenosis_kit")
    (folder / "stenosis_kit" / "weights" / "graders").mkdir(exist_ok=True)
    for name in ("made_up.weights.h5", "graders/made_up.weights.h5"):
        (folder / "stenosis_kit" / "weights" / name).write_bytes(WEIGHTS)
    stale = folder / "build" / "lib" / "stenosis_kit" / "gone.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_wheel(source, tmp_path_factory.mktemp("wheel"))


def test_the_wheel_holds_the_package_and_its_data_and_nothing_stale(wheel, source):
    assert wheel.name == NAME
    names = zipfile.ZipFile(wheel).namelist()
    modules = {str(path.relative_to(source)) for path in (source / "stenosis_kit").rglob("*.py")}
    assert modules <= set(names)
    weights = {f"stenosis_kit/weights/{folder}made_up.weights.h5" for folder in ("", "graders/")}
    assert {"stenosis_kit/py.typed", *weights} <= set(names)
    assert not [name for name in names if "gone" in name or "__pycache__" in name or name.startswith("tests")]
    check_wheel(wheel)


def test_building_leaves_the_sources_as_they_were(wheel, source):
    assert not list(source.glob("*.egg-info"))
    assert [path.name for path in (source / "build").rglob("*") if path.is_file()] == ["gone.py"]


def test_code_and_weights_are_read_out_of_the_zip(wheel, tmp_path):
    frame = str(Path(__file__).parents[1] / "kernel_frame")  # hides the kit that is installed for the tests
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(wheel), frame])}
    done = subprocess.run(
        [sys.executable, "-c", IN_A_KERNEL], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.stdout == f"True .h5 {WEIGHTS.decode()}\n", done.stderr


def made_up(folder: Path, name: str, *members: str) -> Path:
    """A file named as a wheel; its command line says that it is version 9."""
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member in members:
            archive.writestr(member, "print(9)" if member.endswith("__main__.py") else "")
    return folder / name


MODULES = [f"stenosis_kit/{name}.py" for name in ("__init__", "__main__", "cli")]


@pytest.mark.parametrize(
    ("name", "members", "match"),
    [
        (NAME, [*MODULES, "stenosis_kit/fast.so"], "pure-Python wheel.*fast.so"),
        (NAME.replace("none-any", "cp312-linux_x86_64"), MODULES, "pure-Python wheel.*cp312"),
        (NAME, ["other/cli.py"], "one without its modules"),
        (NAME, MODULES, f"says its version, {__version__}; found 9"),
    ],
)
def test_a_wheel_of_another_kind_is_refused(tmp_path, name, members, match):
    with pytest.raises(InputError, match=match):
        check_wheel(made_up(tmp_path, name, *members))


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / NAME).write_bytes(b"half a wheel")
    with pytest.raises(InputError, match="expected a wheel; found File is not a zip file"):
        check_wheel(tmp_path / NAME)


def test_sources_that_cannot_be_built_are_told_with_what_pip_said(source, tmp_path):
    broken = shutil.copytree(source, tmp_path / "broken")
    (broken / "setup.cfg").write_text("[metadata\n")
    with pytest.raises(InputError, match="expected sources that pip makes one wheel of; found .*[a-z]"):
        build_wheel(broken, tmp_path)
