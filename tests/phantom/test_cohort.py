"""Whole cohorts: same seed, same cohort; what is reused, redone or refused."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pydicom
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.cohort import MARKER


def fingerprint(root: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in sorted(root.glob("*.csv"))}


def test_same_seed_gives_the_same_labels_and_geometry_whatever_the_workers(small_cohort, tmp_path):
    again = phantom(tmp_path / "two", studies=5, test_studies=2, seed=3, workers=2)
    assert fingerprint(again) == fingerprint(small_cohort)
    files = sorted(path.relative_to(small_cohort) for path in small_cohort.glob("*_images/*/*/*"))
    assert files == sorted(path.relative_to(again) for path in again.glob("*_images/*/*/*"))
    first, second = (pydicom.dcmread(root / files[7]) for root in (small_cohort, again))
    assert first.ImagePositionPatient == second.ImagePositionPatient
    assert np.abs(first.pixel_array.astype(int) - second.pixel_array).max() <= 2


def test_a_finished_cohort_is_reused_and_another_one_replaces_it(tmp_path, monkeypatch):
    out = phantom(tmp_path / "p", studies=1, test_studies=0, seed=1, workers=1, faults="none")
    stamp = (out / MARKER).stat().st_mtime_ns
    with monkeypatch.context() as patch:
        patch.setattr("stenosis_kit.phantom.cohort.make_study", lambda *_: 1 / 0)  # nothing is made again
        assert phantom(out, studies=1, test_studies=0, seed=1, workers=1, faults="none") == out
    assert (out / MARKER).stat().st_mtime_ns == stamp
    before = fingerprint(out)
    phantom(out, studies=1, test_studies=0, seed=2, workers=1, faults="none")
    assert fingerprint(out) != before
    assert len(list((out / "train_images").iterdir())) == 1


def test_an_interrupted_run_is_redone(tmp_path):
    out = phantom(tmp_path / "p", studies=1, test_studies=0, workers=1)
    marker = json.loads((out / MARKER).read_text())
    (out / MARKER).write_text(json.dumps(marker | {"complete": False}))
    (out / "train.csv").unlink()
    phantom(out, studies=1, test_studies=0, workers=1)
    assert (out / "train.csv").exists()


def test_a_folder_of_something_else_is_refused_and_left_alone(tmp_path):
    (tmp_path / "train.csv").write_text("mine")
    with pytest.raises(InputError, match="expected an empty folder or a phantom; found something else"):
        phantom(tmp_path, studies=1, test_studies=0)
    assert (tmp_path / "train.csv").read_text() == "mine"


@pytest.mark.parametrize("name", ["train.csv", "oracle_submission.csv", "latents.csv", "test_images/1/a.png", MARKER])
def test_the_picture_is_none_of_the_cohorts_files(tmp_path, name):
    with pytest.raises(InputError, match=f"{name}: expected a file that is no input"):
        phantom(tmp_path / "p", studies=1, test_studies=0, preview=tmp_path / "p" / name)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": "huge"},
        {"faults": "some"},
        {"studies": 0, "test_studies": 0},
        {"noise": -1},
        {"seed": -1},
        {"seed": 1.5},
        {"force": {0: ["x"]}},
    ],
)
def test_wrong_arguments_are_named(tmp_path, wrong):
    with pytest.raises(InputError, match="|".join(wrong)):
        phantom(tmp_path / "p", **({"studies": 1, "test_studies": 0} | wrong))


def test_importing_it_imports_nothing_heavy():
    heavy = ("tensorflow", "keras", "matplotlib", "polars")
    code = f"import sys, stenosis_kit.phantom; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_a_disk_that_is_full_at_the_first_file_leaves_a_folder_that_can_be_filled_later(tmp_path, monkeypatch):
    def full(path, value):
        raise InputError(path, "a file that can be written", "No space left on device", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr("stenosis_kit.phantom.cohort.write_json", full)
        with pytest.raises(InputError, match="No space left"):
            phantom(tmp_path / "p", studies=1, test_studies=0, workers=1, faults="none")
    assert (phantom(tmp_path / "p", studies=1, test_studies=0, workers=1, faults="none") / MARKER).is_file()
