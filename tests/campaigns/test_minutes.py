"""Minutes to quality, in a small form."""

import json

import pytest
from campaigns import minutes
from campaigns.test_transfer import FORAMEN, write_crops

from stenosis_kit.graders.settings import GRADERS


@pytest.fixture
def crops(tmp_path, store):
    folder = tmp_path / "crops"
    folder.mkdir()
    write_crops(folder, store, FORAMEN)
    return folder


@pytest.mark.parametrize(("wanted", "tried"), [(9.0, [1]), (0.0, [1, 2])], ids=["reached at once", "never reached"])
def test_networks_are_trained_for_longer_until_the_loss_is_reached(tmp_path, crops, monkeypatch, wanted, tried):
    monkeypatch.setattr(minutes, "WANTED", {FORAMEN.name: wanted})
    out = tmp_path / "minutes.json"
    assert minutes.main(["--crops", str(crops), "--epochs", "1", "2", "--json", str(out)]) == 0
    figures = json.loads(out.read_text())
    assert figures.keys() == {FORAMEN.name}
    for found in figures[FORAMEN.name].values():
        assert [one["epochs"] for one in found["tried"]] == tried
        assert (found["seconds"] is not None) == (wanted > 0)
    assert figures[FORAMEN.name].keys() == {"bundled", "none"}


def test_the_wanted_losses_are_of_views_that_there_are():
    assert set(minutes.WANTED) <= {grader.view for grader in GRADERS}


def test_a_folder_without_crops_is_said_in_a_line(tmp_path, capsys):
    assert minutes.main(["--crops", str(tmp_path), "--json", str(tmp_path / "f.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
