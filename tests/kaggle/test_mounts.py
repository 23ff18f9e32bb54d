"""Where inputs are found, in both layouts of mounts and in the confusions that happen."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fake_kaggle import LAYOUTS

from stenosis_kit import rsna
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.second_stage import SecondStage
from stenosis_kit.base.errors import InputError
from stenosis_kit.graders.model_file import MODEL_NAME, Description
from stenosis_kit.graders.settings import Training
from stenosis_kit.kaggle import mounts

KERNELS = Path(__file__).parents[2] / "kernels"
TABLE = "test_series_descriptions.csv"


def put(root: Path, *files: str) -> Path:
    """Makes empty files, a model.json as of a model without networks, and the folders above them."""
    for path in (root / name for name in files):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.name == MODEL_NAME:
            Description(Training(), (), (), SecondStage({}), {}, builtin_prior()).save(path.parent)
        else:
            path.touch()
    return root


@pytest.fixture(params=LAYOUTS)
def place(request: pytest.FixtureRequest):
    """(kind, id) -> where a source is mounted, in the new layout and in the old ones."""
    layout = LAYOUTS[request.param]
    return lambda kind, source: layout[kind].format(id=source, slug=source.rpartition("/")[2])


def test_competition_store_and_model_are_found_in_either_layout(place, tmp_path):
    root, output = place("competition", rsna.SLUG), place("kernel", "me/stenosis-kit-format")
    put(tmp_path, f"{root}/{TABLE}", f"{output}/store/manifest.parquet", f"{place('dataset', 'me/kit')}/model.json")
    assert mounts.competition(tmp_path) == tmp_path / root
    assert mounts.store(tmp_path) == tmp_path / output / "store"
    assert mounts.model(tmp_path) == tmp_path / place("dataset", "me/kit")


def test_the_train_kernels_output_is_a_model(place, tmp_path):
    output = place("kernel", "me/stenosis-kit-train")
    put(tmp_path, f"{output}/model/model.json", f"{output}/__results__.html")
    assert mounts.model(tmp_path) == tmp_path / output / "model"


@pytest.mark.parametrize(
    "folder", ["models/me/kit/keras/default/2", "models/me/kit/other/default/2", "kit/keras/default/1", "kit/other/a/1"]
)
def test_a_model_uploaded_as_a_model_is_found(tmp_path, folder):
    put(tmp_path, f"{folder}/model.json")
    assert mounts.model(tmp_path) == tmp_path / folder


OTHERS = {
    "TensorFlow.js": b'{"format": "graph-model", "generatedBy": "2.3.0", "weightsManifest": []}',
    "another version": b'{"version": "0.0.1", "networks": []}',
    "a list": b"[]",
    "empty": b"",
    "no text": b"\xff\xfe\0",
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("marker", mounts.MODEL_MARKERS)
def test_another_tools_model_is_passed_over_and_named(place, tmp_path, caplog, other, marker):
    foreign, own = place("dataset", "alice/a-handpose"), place("dataset", "me/stenosis-kit")
    put(tmp_path, f"{foreign}/{marker}", f"{own}/model.json")
    (tmp_path / foreign / marker).write_bytes(OTHERS[other])
    assert mounts.model(tmp_path) == tmp_path / own
    assert [line for line in caplog.messages if f"passed over: {tmp_path / foreign / marker}: " in line]
    assert "which is not used" not in caplog.text
    assert "\n" not in caplog.messages[0]


def test_another_tools_model_alone_is_no_model(place, tmp_path, caplog):
    foreign = place("dataset", "alice/a-handpose")
    put(tmp_path, f"{foreign}/model.json")
    (tmp_path / foreign / "model.json").write_bytes(OTHERS["TensorFlow.js"])
    assert mounts.model(tmp_path) is None
    assert "another program's" in caplog.messages[0]
    said = "NO MODEL is mounted (model.json or model/model.json), so the bundled graders answer"
    assert f"{said}; found {foreign}" in caplog.text


def test_of_two_models_always_the_same_is_taken_and_both_are_named(tmp_path, caplog):
    folders = ["datasets/me/b-kit", "datasets/me/a-kit", "d/me/a-kit", "models/me/kit/keras/default/2", "a-kit"]
    put(tmp_path, *(f"{folder}/model.json" for folder in folders))
    assert mounts.model(tmp_path) == tmp_path / "datasets/me/a-kit"
    said = "{} holds a model too, which is not used; {} is"
    others = ["datasets/me/b-kit", "d/me/a-kit", "models/me/kit/keras/default/2", "a-kit"]
    named = [said.format(tmp_path / other, tmp_path / "datasets/me/a-kit") for other in others]
    assert [message.removeprefix("kaggle: ") for message in caplog.messages] == named


WHEELS = (
    "datasets/me/kit", "d/me/kit", "kit", "models/me/kit/keras/default/2", "kit/keras/default/2", "kit/other/default/2",
)  # fmt: skip


@pytest.mark.parametrize("folder", WHEELS)
@pytest.mark.parametrize("kernel", ["format", "train", "submit"])
def test_a_kernel_finds_the_package_wherever_its_dataset_is_mounted(tmp_path, folder, kernel):
    package = tmp_path / "input" / folder / "stenosis_kit-9-py3-none-any.whl" / "stenosis_kit"
    put(package, "__init__.py", "kaggle/__init__.py")
    (package / "kaggle" / "kernels.py").write_text("def run(*found):\n    return str(found)\n")
    line = [sys.executable, "-I", KERNELS / kernel / f"{kernel}.py"]
    environment = os.environ | {"STENOSIS_KIT_KAGGLE": str(tmp_path)}
    done = subprocess.run(line, env=environment, capture_output=True, text=True)
    assert done.stderr == f"({kernel!r}, {tmp_path!r})\n"


def test_a_datasets_model_goes_before_the_train_kernels_and_the_other_is_named(place, tmp_path, caplog):
    output = place("kernel", "me/a-train")
    put(tmp_path, f"{output}/model/model.json", f"{place('dataset', 'me/stenosis-kit')}/model.json")
    assert mounts.model(tmp_path) == tmp_path / place("dataset", "me/stenosis-kit")
    assert f"{output}/model holds a model too, which is not used" in caplog.text


def test_the_competitions_own_name_goes_before_a_look_alike(place, tmp_path):
    put(tmp_path, f"{place('dataset', 'me/aaa-copy')}/{TABLE}", f"{place('competition', rsna.SLUG)}/{TABLE}")
    assert mounts.competition(tmp_path) == tmp_path / place("competition", rsna.SLUG)


def test_a_look_alike_alone_is_taken_and_that_is_said_aloud(place, tmp_path, caplog):
    put(tmp_path, f"{place('competition', 'spine-rehearsal')}/{TABLE}")
    assert mounts.competition(tmp_path) == tmp_path / place("competition", "spine-rehearsal")
    assert f"NO MOUNT IS NAMED {rsna.SLUG}" in caplog.text


def test_without_the_competition_the_error_lists_what_is_mounted(place, tmp_path):
    put(tmp_path, f"{place('competition', 'titanic')}/test.csv", f"{place('dataset', 'me/kit')}/model.json")
    with pytest.raises(InputError) as error:
        mounts.competition(tmp_path)
    assert rsna.SLUG in str(error.value)
    assert {place("competition", "titanic"), place("dataset", "me/kit")} == set(error.value.found.split(", "))
    assert "competition_sources" in error.value.remedy


def test_an_input_folder_that_is_not_there_is_told_as_such(tmp_path):
    with pytest.raises(InputError, match="no input at all"):
        mounts.competition(tmp_path / "nowhere")


def test_without_a_store_the_error_names_the_format_kernel(tmp_path):
    put(tmp_path, f"competitions/{rsna.SLUG}/{TABLE}")
    with pytest.raises(InputError, match="format kernel"):
        mounts.store(tmp_path)


def test_no_model_is_no_error_but_is_said(tmp_path, caplog):
    put(tmp_path, f"competitions/{rsna.SLUG}/{TABLE}")
    assert mounts.model(tmp_path) is None
    assert "NO MODEL" in caplog.text
    assert f"competitions/{rsna.SLUG}" in caplog.text


def test_no_folder_of_images_is_ever_listed(place, tmp_path, monkeypatch):
    root = tmp_path / place("competition", rsna.SLUG)
    put(root, TABLE, "test_images/1/2/3.dcm", "train_images/1/2/3.dcm")
    listed = []
    real = mounts.Path.glob
    monkeypatch.setattr(mounts.Path, "glob", lambda self, pattern: listed.append(pattern) or real(self, pattern))
    assert mounts.competition(tmp_path) == root
    assert listed
    assert not any("**" in pattern or pattern.startswith("*/*/") for pattern in listed)
