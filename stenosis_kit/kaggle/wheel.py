"""The wheel that brings the package into a kernel: built from a clean copy of the sources, checked and run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from stenosis_kit import __version__
from stenosis_kit.base.errors import InputError, first_line

_FILES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE")
_COMPILED = (".so", ".pyd", ".dll", ".dylib")
_PIP_WHEEL = ("-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
_OFFLINE = ("--no-deps", "--no-build-isolation", "--no-index")


def build_wheel(source: Path, folder: Path) -> Path:
    """Builds the wheel of a checkout into a folder, without a network.

    It is built from a copy, because pip would also pack what an earlier build left in the checkout's build/. setuptools
    and wheel are installed, because TensorFlow needs them.

    Raises:
        InputError: where it cannot be built, with the last line of what pip said.
    """
    with tempfile.TemporaryDirectory() as scratch:
        for name in _FILES:
            shutil.copy(source / name, scratch)
        without_caches = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source / "stenosis_kit", Path(scratch) / "stenosis_kit", ignore=without_caches)
        command = [sys.executable, *_PIP_WHEEL, *_OFFLINE, "--wheel-dir", str(folder.resolve()), "."]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        found = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise InputError(source, "sources that pip makes one wheel of", found, "Run make setup, then try again.")
    return wheels[0]


def check_wheel(wheel: Path) -> None:
    """Checks that a wheel is the pure-Python package of this version and runs zipped.

    Raises:
        InputError: where it is not.
    """
    remedy = "Build it again from a clean clone."
    try:
        with zipfile.ZipFile(wheel) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(wheel, "a wheel", first_line(error), remedy) from None
    if not {"stenosis_kit/__init__.py", "stenosis_kit/cli.py"} <= set(names):
        raise InputError(wheel, "a wheel of stenosis_kit", "one without its modules", remedy)
    compiled = [name for name in names if name.endswith(_COMPILED)]
    if compiled or not wheel.name.endswith("-py3-none-any.whl"):
        found = compiled[0] if compiled else wheel.name
        raise InputError(wheel, "a pure-Python wheel, which runs on any machine", found, "Leave compiled files out.")
    said = _version_of(wheel)
    if said != __version__:
        raise InputError(wheel, f"a package that says its version, {__version__}", said, remedy)


def _version_of(wheel: Path) -> str:
    """What `stenosis-kit --version` prints when it runs from a wheel, in an empty folder."""
    with tempfile.TemporaryDirectory() as elsewhere:
        command = [sys.executable, "-m", "stenosis_kit", "--version"]
        environment = os.environ | {"PYTHONPATH": str(wheel.resolve())}
        done = subprocess.run(command, cwd=elsewhere, env=environment, capture_output=True, text=True)
    return done.stdout.strip() or (done.stderr.strip().splitlines() or ["nothing"])[-1]
