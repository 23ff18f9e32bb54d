"""Where inputs are found, in both layouts of mounts and in the confusions that happen."""

from __future__ import annotations

from pathlib import Path

import pytest
from fake_kaggle import LAYOUTS

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.kaggle import mounts

TABLE = "test_series_descriptions.csv"


def put(root: Path, *files: str) -> Path:
    """Makes empty files, and the folders above them."""
    for name in files:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.fixture(params=LAYOUTS)
def place(request: pytest.FixtureRequest):
    """(kind, id) -> where a source is mounted, in the new layout and in the old one."""
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


def test_a_model_uploaded_as_a_model_is_found(tmp_path):
    put(tmp_path, "models/me/kit/keras/default/2/model.json")
    assert mounts.model(tmp_path) == tmp_path / "models/me/kit/keras/default/2"


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


def test_no_model_is_no_error_but_is_said_aloud(tmp_path, caplog):
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
