"""The submit kernel on a Kaggle made of folders, and what can be missing there; campaigns/ rehearses all three.

One kernel that grades runs as on Kaggle, in processes of its own and out of the wheel; others of a run have their
command in this process, and, marked campaign, are run as on Kaggle too.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from subprocess import TimeoutExpired
from types import SimpleNamespace

import polars as pl
import pytest
from fake_kaggle import LAYOUTS, FakeKaggle, has_namespaces

from stenosis_kit import cli, rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.kaggle import kernels
from stenosis_kit.kaggle.bundle import stage_kernels
from stenosis_kit.road import passes, submit

KERNELS = Path(__file__).parents[2] / "kernels"

# --- The scripts -------------------------------------------------------------------------------


def script(name: str) -> str:
    return (KERNELS / name / f"{name}.py").read_text()


@pytest.mark.parametrize("name", ["format", "train", "submit"])
def test_a_script_is_short_and_the_same_but_for_its_command(name):
    lines = script(name).split('"""')[2].replace(name, "COMMAND").splitlines()
    assert lines == script("submit").split('"""')[2].replace("submit", "COMMAND").splitlines()
    assert len(script(name).splitlines()) <= 25


# --- A small rehearsal -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def scratch(package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Staged kernels, and a dataset without a model."""
    folder = tmp_path_factory.mktemp("kaggle")
    stage_kernels("ada", folder / "kernels")
    shutil.copytree(package, folder / "package", copy_function=os.link)
    return folder


@pytest.fixture(scope="module")
def with_model(scratch: Path, model: Path) -> Path:
    """The dataset with a model: what `bundle` adds to the package."""
    dataset = shutil.copytree(scratch / "package", scratch / "build", copy_function=os.link)
    for path in [model / "model.json", model / "localiser.json", model / "foramina.json", *model.glob("*.weights.h5")]:
        shutil.copy(path, dataset)
    return dataset


def offer(scratch: Path, layout: str, dataset: Path, competition: Path) -> FakeKaggle:
    machine = FakeKaggle(scratch / "machine", layout)
    machine.offer("competition", rsna.SLUG, competition)
    machine.offer("dataset", "ada/stenosis-kit", dataset)
    return machine


@pytest.fixture(scope="module")
def visible(cohort: Path, scratch: Path) -> Path:
    """The competition as all see it: tables and images of one test study, and no solution."""
    root = scratch / "competition"
    root.mkdir()
    table = rsna.series_table("test")
    series = pl.read_csv(cohort / table)
    study = series["study_id"][0]
    series.filter(study_id=study).write_csv(root / table)
    images = rsna.images_folder("test")
    shutil.copytree(cohort / images / str(study), root / images / str(study), copy_function=os.link)
    return root


@pytest.mark.campaign
def test_the_submit_kernel_grades_with_a_bundled_model_in_the_rerun_on_old_mounts(
    with_model, visible, scratch, tmp_path
):
    machine = offer(tmp_path, "old", with_model, visible)
    rerun = {"KAGGLE_IS_COMPETITION_RERUN": "1", "STENOSIS_KIT_TIME_LIMIT": "5m"}
    done = machine.run(scratch / "kernels" / "submit", **rerun)
    assert (done.code, done.inputs_untouched) == (0, True), done.log
    assert f"from {machine.inputs}/stenosis-kit/stenosis_kit-" in done.log.splitlines()[0]
    assert "the rerun on the hidden test set" in done.log
    assert f"--model {machine.inputs}/stenosis-kit" in done.log
    assert "kaggle: 25 of 25 rows are graded" in done.log
    assert "Traceback" not in done.log
    assert is_legal(check(machine.working / "submission.csv", visible))


def with_graders(package: Path, folder: Path, graders: Path | None) -> Path:
    """The dataset with other bundled graders in its wheel, or without any."""
    dataset = shutil.copytree(package, folder)  # no links: the wheel is written again
    wheel = next(dataset.glob("*.whl"))
    with zipfile.ZipFile(wheel) as whole:
        files = {name: whole.read(name) for name in whole.namelist() if "/weights/graders/" not in name}
    if graders:
        files |= {f"stenosis_kit/weights/graders/{path.name}": path.read_bytes() for path in graders.iterdir()}
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return dataset


def test_without_a_model_the_graders_of_the_wheel_answer(visible, scratch, shipped, tmp_path):
    package = with_graders(scratch / "package", tmp_path / "package", shipped())
    machine = offer(tmp_path, "new", package, visible)
    done = machine.run(scratch / "kernels" / "submit", STENOSIS_KIT_TIME_LIMIT="5m")
    assert (done.code, done.inputs_untouched) == (0, True), done.log
    assert f"from {machine.inputs}/datasets/ada/stenosis-kit/stenosis_kit-" in done.log.splitlines()[0]
    assert "NO MODEL is mounted (model.json or model/model.json), so the bundled graders answer" in done.log
    assert "--model bundled" in done.log
    assert "kaggle: 25 of 25 rows are graded" in done.log
    assert "Traceback" not in done.log
    assert is_legal(check(machine.working / "submission.csv", visible))


@pytest.mark.campaign
def test_without_these_too_all_is_priors_and_a_loud_line(visible, scratch, tmp_path):
    machine = offer(tmp_path, "new", with_graders(scratch / "package", tmp_path / "package", None), visible)
    done = machine.run(scratch / "kernels" / "submit", STENOSIS_KIT_TIME_LIMIT="1m")
    assert done.code == 0, done.log
    assert "expected the graders that come with the package; found none" in done.log
    assert "NOT ONE ROW IS GRADED" in done.log
    assert "Traceback" not in done.log
    assert is_legal(check(machine.working / "submission.csv", visible))


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, as_before: None) -> None:
    """The command runs in this process, where TensorFlow is loaded, without workers and report."""
    start(monkeypatch, lambda line, _: cli.main(line[3:]))
    monkeypatch.setattr(passes, "predict", partial(passes.predict, workers=1))
    monkeypatch.setattr(submit, "_report", lambda *_: None)


def start(monkeypatch: pytest.MonkeyPatch, waited: Callable[[list[str], float], int]) -> None:
    """Instead of a process, a command whose end is waited for by a function of its line and the seconds."""

    def started(line: list[str], **_: object) -> SimpleNamespace:
        return SimpleNamespace(wait=partial(waited, line), kill=lambda: None)

    monkeypatch.setattr(kernels, "Popen", started)


def mounted(root: Path, layout: str, **sources: Path) -> Path:
    """A /kaggle with a competition, and a dataset where one is given."""
    for kind, folder in sources.items():
        source = {"competition": rsna.SLUG, "dataset": "ada/stenosis-kit"}[kind]
        place = root / "input" / LAYOUTS[layout][kind].format(id=source, slug=source.rpartition("/")[2])
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(folder)
    (root / "working").mkdir()
    return root


def test_in_the_rerun_a_mounted_model_grades_on_old_mounts(model, visible, here, monkeypatch, tmp_path, caplog):
    root = mounted(tmp_path, "old", competition=visible, dataset=model)
    monkeypatch.setenv("KAGGLE_IS_COMPETITION_RERUN", "1")
    assert kernels.run("submit", root) == 0
    assert "the rerun on the hidden test set" in caplog.text
    assert f"--model {root}/input/stenosis-kit" in caplog.text
    assert "kaggle: 25 of 25 rows are graded" in caplog.text
    assert is_legal(check(root / "working" / "submission.csv", visible))


def test_without_any_graders_all_is_priors_and_a_loud_line(visible, here, monkeypatch, tmp_path, caplog):
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: tmp_path / "nothing")
    root = mounted(tmp_path, "new", competition=visible)
    assert kernels.run("submit", root) == 0
    assert "NO MODEL is mounted" in caplog.text
    assert "expected the graders that come with the package; found none" in caplog.text
    assert "NOT ONE ROW IS GRADED" in caplog.text
    assert is_legal(check(root / "working" / "submission.csv", visible))


def test_without_the_competition_the_kernel_fails_at_once_and_says_why(scratch, tmp_path):
    machine = FakeKaggle(tmp_path)
    machine.offer("dataset", "ada/stenosis-kit", scratch / "package")
    done = machine.run(scratch / "kernels" / "submit")
    assert done.code == 2
    assert f"submit kernel: {machine.inputs}: expected the competition {rsna.SLUG}" in done.log
    assert "found datasets/ada/stenosis-kit. Add it to the kernel's competition_sources." in done.log
    assert "kaggle: stenosis-kit submit" not in done.log  # no command was started


def test_without_the_wheel_the_kernel_fails_at_once_and_says_why(scratch, tmp_path):
    done = FakeKaggle(tmp_path).run(scratch / "kernels" / "submit")
    assert done.code == 1
    assert "expected a dataset with stenosis_kit-*-py3-none-any.whl; found none" in done.log


def test_training_without_the_format_kernels_output_says_what_to_add(visible, scratch, tmp_path):
    machine = offer(tmp_path, "new", scratch / "package", visible)
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

    def ended(*_: object) -> int:
        if text is not None:
            (root / "working" / "submission.csv").write_text(text)
        return code

    start(monkeypatch, ended)


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

    def hang(_: list[str], seconds: float) -> int:
        given.append(seconds)
        raise TimeoutExpired("stenosis-kit", seconds)

    start(monkeypatch, hang)
    monkeypatch.delenv(kernels.TIME_LIMIT_VARIABLE, raising=False)
    assert kernels.run("submit", root) == 0
    assert 8.5 * 3600 < given[0] < 8.8 * 3600
    assert sum(given) < 8.8 * 3600, "it cannot even be killed"
    assert "KILLED" in caplog.text
    assert is_legal(check(root / "working" / "submission.csv", cohort))


def test_the_default_limit_is_passed_on(monkeypatch, root):
    lines = []
    start(monkeypatch, lambda line, _: lines.append(line) or 0)
    monkeypatch.delenv(kernels.TIME_LIMIT_VARIABLE, raising=False)
    kernels.run("submit", root)
    assert lines[0][-2:] == ["--time-limit", "8.5h"]


def test_format_and_train_are_given_the_mounts_they_need(monkeypatch, root, store):
    lines = []
    start(monkeypatch, lambda line, _: lines.append(line) or 7)
    monkeypatch.setenv(kernels.TIME_LIMIT_VARIABLE, "50s")
    formatted = root / "input" / "notebooks" / "ada" / "stenosis-kit-format"
    formatted.mkdir(parents=True)
    (formatted / "store").symlink_to(store)
    assert [kernels.run(name, root) for name in ("format", "train")] == [7, 7]
    data, out = root / "input" / "competitions" / "spine", root / "working"
    assert lines[0][3:] == ["format", str(data), str(out / "store")]
    assert lines[1][3:] == ["train", str(formatted / "store"), str(out / "model"), "--time-limit", "50s"]


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
    done = FakeKaggle(tmp_path / "machine").run(kernel, timeout=2)
    assert (done.code, done.log) == (-9, "begun\n")
