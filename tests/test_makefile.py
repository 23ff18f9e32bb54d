"""Which Pythons make installs with, and what it says of others."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OLDEST, NEWEST = 11, 13
OTHER_PYTHON = """#!/bin/sh
case "$1" in
-V) echo "Python 3.{minor}.0" ;;
-c) exec "{python}" -c "import sys; sys.version_info = (3, {minor}, 0, 'final', 0)
$2" ;;
*) exit 7 ;;
esac
"""


@pytest.mark.skipif(not shutil.which("make"), reason="no make")
@pytest.mark.parametrize("minor", [OLDEST - 1, OLDEST, NEWEST, NEWEST + 1])
def test_a_python_without_tensorflow_is_refused_in_one_line_that_says_what_to_do(tmp_path: Path, minor: int) -> None:
    python = tmp_path / "python"
    python.write_text(OTHER_PYTHON.format(minor=minor, python=sys.executable), encoding="utf-8")
    python.chmod(0o755)
    command = ["make", "-C", str(ROOT), "setup", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}"]
    outside = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(command, capture_output=True, text=True, env=outside | {"LC_ALL": "C"})
    assert done.returncode
    told = [line for line in done.stderr.splitlines() if "is needed" in line]
    if OLDEST <= minor <= NEWEST:
        assert not told and "Error 7" in done.stderr, "it goes on to make the environment"
    else:
        (line,) = told
        assert f"{python} is Python 3.{minor}.0" in line
        assert line.endswith("make PYTHON=python3.12 setup")


def test_the_package_names_the_same_pythons() -> None:
    about = configparser.ConfigParser()
    about.read(ROOT / "setup.cfg", encoding="utf-8")
    assert about["options"]["python_requires"] == f">=3.{OLDEST},<3.{NEWEST + 1}"
    named = [line.rpartition(" 3.")[2] for line in about["metadata"]["classifiers"].splitlines() if " 3." in line]
    assert named == [str(minor) for minor in range(OLDEST, NEWEST + 1)]
