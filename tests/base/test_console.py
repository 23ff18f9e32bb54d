"""Processes that are started without what a terminal gives: streams, a working directory, names in UTF-8."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cohort import Tables, write_images

KIT = f"{sys.executable} -m stenosis_kit"
ROOT = Path(__file__).parents[2]


def run(command: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, shell=True, cwd=folder, env=environment, capture_output=True)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root of four training studies; its name is not UTF-8."""
    folder = tmp_path / os.fsdecode(b"M\xfcller")
    tables = Tables()
    tables.write(folder)
    write_images(folder, "train", tables.series)
    return folder


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cost_nothing(root: Path, tmp_path: Path, closed: str) -> None:
    plain = shutil.move(root, tmp_path / "plain")
    done = run(f"{KIT} doctor {plain} --json {tmp_path}/found.json {closed}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads((tmp_path / "found.json").read_text())["images"] == 36


def test_in_a_folder_that_is_gone_workers_start_all_the_same(root: Path, tmp_path: Path) -> None:
    plain = shutil.move(root, tmp_path / "plain")
    done = run(f"mkdir gone; cd gone; rmdir ../gone; {KIT} doctor {plain}", tmp_path)
    assert (done.returncode, b"studies_not_examined" in done.stdout) == (0, False)


def test_names_that_are_not_utf_8_are_names_like_others_and_shown_escaped(root: Path, tmp_path: Path) -> None:
    stray = root / "train_images" / "101" / "1011" / os.fsdecode(b"R\xf6ntgen.txt")
    stray.write_text("seen by reader 2")
    found = tmp_path / os.fsdecode(b"f\xfcr.json")
    done = subprocess.run(
        [sys.executable, "-m", "stenosis_kit", "doctor", root, "--json", found],
        env=os.environ | {"PYTHONIOENCODING": "utf-8:strict", "PYTHONPATH": str(ROOT)},
        capture_output=True,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"R\\udcf6ntgen.txt" in done.stdout
    assert json.loads(found.read_text())["unreadable_files"] == ["101/1011/R\udcf6ntgen.txt: not named <integer>.dcm"]
