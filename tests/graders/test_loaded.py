"""Models that answer, and the package's own graders in the place of damaged ones."""

import shutil

import pytest

from stenosis_kit.graders.loaded import load_models


def damage(how, model, tmp_path):
    """A copy of a model, damaged."""
    folder = tmp_path / "damaged"
    if how == "nowhere":
        return folder
    if how == "a file":
        folder.write_text("model")
        return folder
    shutil.copytree(model, folder)
    weights = sorted(folder.glob("*.weights.h5"))
    if how == "no description":
        (folder / "model.json").unlink()
    elif how == "description cut off":
        (folder / "model.json").write_bytes((model / "model.json").read_bytes()[:100])
    elif how == "another program's":
        (folder / "model.json").write_text("{}")
    elif how == "no weights":
        [path.unlink() for path in weights]
    elif how == "weights cut off":
        [path.write_bytes(path.read_bytes()[:1000]) for path in weights]
    elif how == "folds that are none":
        (folder / "folds.csv").write_bytes(b"\xff")
    return folder


@pytest.mark.parametrize(
    "how",
    [
        *("nowhere", "a file", "no description", "description cut off", "another program's"),
        *("no weights", "weights cut off", "folds that are none"),
    ],
)
def test_in_a_damaged_model_s_place_the_package_s_own_graders_answer_and_one_line_says_so(model, tmp_path, caplog, how):
    folder = damage(how, model, tmp_path)
    loaded = load_models([str(folder)])
    assert loaded.names == ["bundled"] and len(loaded.models) == 1 and loaded.spare is None
    assert list(loaded.unusable) == [str(folder)]
    lines = [line for line in caplog.messages if line.startswith("predict: ")]
    assert len(lines) == 1 and lines[0].startswith(f"predict: THE PACKAGE'S OWN GRADERS ANSWER: {folder}")


def test_a_model_with_lost_networks_has_the_package_s_own_graders_to_spare(model, tmp_path, caplog):
    folder = shutil.copytree(model, tmp_path / "model")
    for path in folder.glob("foraminal_sagittal.*.weights.h5"):
        path.unlink()
    loaded = load_models([str(folder)])
    assert loaded.names == [str(folder), "bundled"]
    assert [each.folder for each in loaded.models] == [folder] and loaded.spare.is_whole
    assert "predict: where its networks are missing, THE PACKAGE'S OWN GRADERS ANSWER" in caplog.messages


def test_whole_models_need_none_to_spare_and_a_damaged_one_beside_them_is_left_out(model, tmp_path, caplog):
    loaded = load_models([str(model), str(tmp_path / "nowhere")])
    assert loaded.names == [str(model)] and loaded.spare is None
    assert f"predict: left out: {tmp_path / 'nowhere'}" in caplog.text


def test_where_the_package_has_no_graders_either_nothing_is_loaded(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: tmp_path / "graders")
    loaded = load_models([str(tmp_path / "nowhere")])
    assert not loaded.models and list(loaded.unusable) == [str(tmp_path / "nowhere"), "bundled"]
    assert "expected the graders that come with the package; found none" in caplog.text
