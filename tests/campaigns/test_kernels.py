"""The three kernels on a Kaggle made of folders, at the smallest size that trains; and what can be missing there."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fake_kaggle import FakeKaggle, KernelRun

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.files import read_json
from stenosis_kit.kaggle.bundle import bundle, stage_kernels
from stenosis_kit.phantom import phantom

pytestmark = pytest.mark.campaign
ONE_SERIES = ("missing_t1", "missing_axial")  # leaves sagittal T2, and two graders to train
LIMITS = {"format": "10m", "train": "50s", "submit": "2m"}

# --- The rehearsal -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Staged kernels, a dataset without a model, and a competition of one series a study with one visible study."""
    folder = tmp_path_factory.mktemp("kaggle")
    stage_kernels("ada", folder / "kernels")
    bundle(None, "ada", folder / "package")
    force = dict.fromkeys(range(6), ONE_SERIES)
    phantom(folder / "competition", studies=6, test_studies=1, faults="none", force=force, workers=2)
    (folder / "competition" / "solution.csv").unlink()
    return folder


def offer(scratch: Path, layout: str, dataset: Path, competition: str = rsna.SLUG) -> FakeKaggle:
    machine = FakeKaggle(scratch / "machine", layout)
    machine.offer("competition", rsna.SLUG, scratch / competition)
    machine.offer("dataset", "ada/stenosis-kit", dataset)
    return machine


@pytest.fixture(scope="module")
def rehearsed(scratch: Path) -> dict[str, KernelRun]:
    """What the three kernels said, one after the other, each mounting the output of the one before."""
    machine = offer(scratch, "new", scratch / "package", "competition")
    runs = {}
    for name, limit in LIMITS.items():
        runs[name] = machine.run(scratch / "kernels" / name, STENOSIS_KIT_TIME_LIMIT=limit)
        assert runs[name].code == 0, runs[name].log
        machine.offer("kernel", f"ada/stenosis-kit-{name}", machine.keep_output(scratch / name))
    return runs


def test_the_three_kernels_end_in_a_graded_submission(rehearsed, scratch):
    assert is_legal(check(scratch / "submit" / "submission.csv", scratch / "competition"))
    rows = read_json(scratch / "submit" / "submission.run.json", "run")["rows"]
    assert len(rows) == 25
    graded = [row_id for row_id, row in rows.items() if row["source"] == "grader"]
    assert graded == [row_id for row_id in rows if "foraminal" not in row_id]
    assert "kaggle: 15 of 25 rows are graded" in rehearsed["submit"].log


def test_each_kernel_takes_the_wheel_and_the_output_of_the_one_before(rehearsed, scratch):
    mounted = scratch / "machine" / "input"
    for done in rehearsed.values():
        assert f"from {mounted}/datasets/ada/stenosis-kit/stenosis_kit-" in done.log.splitlines()[0]
        assert "Traceback" not in done.log
        assert done.inputs_untouched
    assert f"stenosis-kit train {mounted}/notebooks/ada/stenosis-kit-format/store" in rehearsed["train"].log
    assert f"--model {mounted}/notebooks/ada/stenosis-kit-train/model" in rehearsed["submit"].log


@pytest.fixture(scope="module")
def dataset(rehearsed: dict[str, KernelRun], scratch: Path) -> Path:
    """The dataset with the model that the train kernel made."""
    return bundle(scratch / "train" / "model", "ada", scratch / "build")


@pytest.fixture(scope="module")
def hidden(scratch: Path) -> Path:
    """The competition as the rerun sees it: other test studies, some without a kind of series or without any file."""
    force = {0: ["missing_t2"], 1: ["missing_study_folder"]}
    test = phantom(scratch / "hidden_test", studies=0, test_studies=4, seed=5, faults="real", force=force, workers=2)
    root = shutil.copytree(scratch / "competition", scratch / "hidden")
    shutil.rmtree(root / "test_images")
    for name in ("test_images", "test_series_descriptions.csv", "sample_submission.csv"):
        shutil.move(test / name, root / name)
    return root


def test_the_rerun_answers_every_row_of_other_studies_from_a_bundled_model_on_old_mounts(dataset, hidden, scratch):
    machine = offer(scratch, "old", dataset, "hidden")
    rerun = {"KAGGLE_IS_COMPETITION_RERUN": "1", "STENOSIS_KIT_TIME_LIMIT": "2m", "FAKE_KAGGLE_READ_S": "0.002"}
    done = machine.run(scratch / "kernels" / "submit", **rerun)
    assert (done.code, done.inputs_untouched) == (0, True), done.log
    assert "the rerun on the hidden test set" in done.log
    assert f"--model {machine.inputs}/stenosis-kit" in done.log
    assert is_legal(check(machine.working / "submission.csv", hidden))
    rows = read_json(machine.working / "submission.run.json", "run")["rows"]
    assert len(rows) == 100
    graded = {row_id.partition("_")[0] for row_id, row in rows.items() if row["source"] == "grader"}
    assert len(graded) == 2  # of the other two, one lacks the kind of series that was trained on, one its files


# --- What may be missing -----------------------------------------------------------------------


def spoil_weights(dataset: Path, competition: Path) -> None:
    for path in dataset.glob("*.weights.h5"):
        path.write_bytes(path.read_bytes()[:1000])


def drop_images(dataset: Path, competition: Path) -> None:
    shutil.rmtree(competition / "test_images")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (spoil_weights, ".weights.h5: expected weights of canal_sagittal; found"),
        (drop_images, "all 25 are priors: prior: "),
    ],
)
def test_what_is_missing_ends_in_priors_and_a_loud_line(dataset, scratch, tmp_path, harm, said):
    build, root = (shutil.copytree(each, tmp_path / each.name) for each in (dataset, scratch / "competition"))
    harm(build, root)
    machine = offer(tmp_path, "new", build, "competition")
    done = machine.run(scratch / "kernels" / "submit", STENOSIS_KIT_TIME_LIMIT="1m")
    assert done.code == 0, done.log
    assert said in done.log
    assert "NOT ONE ROW IS GRADED" in done.log
    assert "Traceback" not in done.log
    assert is_legal(check(machine.working / "submission.csv", root))
