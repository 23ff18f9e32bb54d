"""The three kernels on a Kaggle made of folders, at the smallest size that trains; and what can be missing there."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest
from fake_kaggle import FakeKaggle, KernelRun, has_namespaces

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.files import read_json
from stenosis_kit.kaggle import kernels
from stenosis_kit.kaggle.bundle import bundle, stage_kernels
from stenosis_kit.phantom import phantom

KERNELS = Path(__file__).parents[2] / "kernels"
ONE_SERIES = ("missing_t1", "missing_axial")  # leaves sagittal T2, and two graders to train
LIMITS = {"format": "10m", "train": "50s", "submit": "2m"}

# --- The scripts -------------------------------------------------------------------------------


def script(name: str) -> str:
    return (KERNELS / name / f"{name}.py").read_text()


@pytest.mark.parametrize("name", ["format", "train", "submit"])
def test_a_script_is_short_and_the_same_but_for_its_command(name):
    lines = script(name).split('"""')[2].replace(name, "COMMAND").splitlines()
    assert lines == script("submit").split('"""')[2].replace("submit", "COMMAND").splitlines()
    assert len(script(name).splitlines()) <= 25


# --- The small rehearsal -----------------------------------------------------------------------


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


def drop_model(dataset: Path, competition: Path) -> None:
    (dataset / "model.json").unlink()


def drop_images(dataset: Path, competition: Path) -> None:
    shutil.rmtree(competition / "test_images")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (drop_model, "NO MODEL: expected one of model.json"),
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


def test_without_the_competition_the_kernel_fails_at_once_and_says_why(scratch, tmp_path):
    machine = FakeKaggle(tmp_path)
    machine.offer("dataset", "ada/stenosis-kit", scratch / "package")
    done = machine.run(scratch / "kernels" / "submit")
    assert done.code == 2
    assert f"submit kernel: {machine.inputs}: expected the competition {rsna.SLUG}" in done.log
    assert "found datasets/ada/stenosis-kit. Add it to the kernel's competition_sources." in done.log
    assert done.seconds < 20


def test_without_the_wheel_the_kernel_fails_at_once_and_says_why(scratch, tmp_path):
    done = FakeKaggle(tmp_path).run(scratch / "kernels" / "submit")
    assert done.code == 1
    assert "expected a dataset with stenosis_kit-*-py3-none-any.whl; found none" in done.log


def test_training_without_the_format_kernels_output_says_what_to_add(scratch, tmp_path):
    machine = offer(tmp_path, "new", scratch / "package", scratch / "competition")
    done = machine.run(scratch / "kernels" / "train")
    assert done.code == 2
    assert "expected the format kernel's output" in done.log


# --- However the command ends ------------------------------------------------------------------


@pytest.fixture
def root(cohort: Path, tmp_path: Path) -> Path:
    """A /kaggle with the competition mounted under another one's name, and no model."""
    (tmp_path / "kaggle" / "input" / "competitions").mkdir(parents=True)
    (tmp_path / "kaggle" / "input" / "competitions" / "spine").symlink_to(cohort)
    (tmp_path / "kaggle" / "working").mkdir()
    return tmp_path / "kaggle"


def end_with(monkeypatch: pytest.MonkeyPatch, code: int, root: Path, text: str | None = None) -> None:
    """Lets the command end with a code after it has written a submission of some text, or nothing."""

    def ended(*_: object, **__: object) -> SimpleNamespace:
        if text is not None:
            (root / "working" / "submission.csv").write_text(text)
        return SimpleNamespace(returncode=code)

    monkeypatch.setattr(kernels.subprocess, "run", ended)


@pytest.mark.parametrize("text", [None, "", "row_id,normal_mild,moderate,severe\n", "half a fi"])
@pytest.mark.parametrize("code", [0, 2, -9])
def test_a_command_that_leaves_no_legal_submission_is_replaced_by_priors(monkeypatch, root, cohort, caplog, code, text):
    end_with(monkeypatch, code, root, text)
    assert kernels.run("submit", root) == 0
    assert is_legal(check(root / "working" / "submission.csv", cohort))
    assert f"SUBMIT ENDED WITH CODE {code}; priors go in" in caplog.text
    assert "NOT ONE ROW IS GRADED" in caplog.text


def test_a_legal_submission_of_a_command_that_crashed_goes_in_as_it_is(monkeypatch, root, cohort, caplog):
    text = (cohort / "sample_submission.csv").read_text()
    end_with(monkeypatch, -11, root, text)
    assert kernels.run("submit", root) == 0
    assert (root / "working" / "submission.csv").read_text() == text
    assert "SUBMIT ENDED WITH CODE -11; what it wrote goes in" in caplog.text


def test_a_command_that_hangs_is_killed_well_before_kaggles_nine_hours(monkeypatch, root, cohort, caplog):
    given = []

    def hang(*_: object, timeout: float, **__: object) -> None:
        given.append(timeout)
        raise subprocess.TimeoutExpired("stenosis-kit", timeout)

    monkeypatch.setattr(kernels.subprocess, "run", hang)
    monkeypatch.delenv(kernels.TIME_LIMIT_VARIABLE, raising=False)
    assert kernels.run("submit", root) == 0
    assert 8.5 * 3600 < given[0] < 8.8 * 3600
    assert "KILLED" in caplog.text
    assert is_legal(check(root / "working" / "submission.csv", cohort))


def test_the_default_limit_is_passed_on(monkeypatch, root):
    lines = []
    monkeypatch.setattr(
        kernels.subprocess, "run", lambda line, **_: lines.append(line) or SimpleNamespace(returncode=0)
    )
    monkeypatch.delenv(kernels.TIME_LIMIT_VARIABLE, raising=False)
    kernels.run("submit", root)
    assert lines[0][-2:] == ["--time-limit", "8.5h"]


def test_a_series_table_that_cannot_be_read_is_an_error_since_there_is_no_grid(monkeypatch, root, capsys):
    place = root / "input" / "competitions" / "spine"
    place.unlink()
    place.mkdir()
    (place / "test_series_descriptions.csv").write_text("study,series\n1,2\n")
    end_with(monkeypatch, 2, root)
    assert kernels.run("submit", root) == 2
    assert "test_series_descriptions.csv" in capsys.readouterr().err


# --- The frame itself --------------------------------------------------------------------------

PROBE = """
import os, socket, sys
from pathlib import Path
root = Path(os.environ["STENOSIS_KIT_KAGGLE"])
try:
    socket.create_connection(("192.0.2.1", 80), 2)
except OSError as error:
    print("network:", type(error).__name__)
try:
    (root / "input" / "new").touch()
except OSError as error:
    print("input:", error.strerror)
try:
    import stenosis_kit
except ImportError as error:
    print("kit:", error)
print("cores:", os.cpu_count(), "here:", Path.cwd() == root / "working")
"""


def test_the_frame_has_no_network_no_kit_and_read_only_inputs(tmp_path):
    kernel = tmp_path / "kernel"
    kernel.mkdir()
    (kernel / "probe.py").write_text(PROBE)
    sources = ", ".join(f'"{kind}_sources": []' for kind in ("dataset", "kernel", "competition"))
    (kernel / "kernel-metadata.json").write_text(f'{{"code_file": "probe.py", {sources}}}')
    done = FakeKaggle(tmp_path / "machine").run(kernel)
    lines = done.log.splitlines()
    assert lines[0] == "network: OSError"
    assert lines[-2:] == ["kit: No module named 'stenosis_kit'", "cores: 4 here: True"]
    if has_namespaces():
        assert lines[1] == "input: Read-only file system"
    else:
        assert not done.inputs_untouched


def test_a_kernel_that_does_not_end_is_ended(tmp_path):
    kernel = tmp_path / "kernel"
    kernel.mkdir()
    (kernel / "hang.py").write_text("import time; print('begun', flush=True); time.sleep(60)")
    sources = ", ".join(f'"{kind}_sources": []' for kind in ("dataset", "kernel", "competition"))
    (kernel / "kernel-metadata.json").write_text(f'{{"code_file": "hang.py", {sources}}}')
    done = FakeKaggle(tmp_path / "machine").run(kernel, timeout=5)
    assert (done.code, done.log) == (-9, "begun\n")
