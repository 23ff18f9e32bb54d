"""What few labelled studies are worth, in a small form."""

import json
import shutil

import numpy as np
import pytest
from campaigns import few
from campaigns.test_transfer import CANAL, FORAMEN, write_crops
from given_store import write_store

from stenosis_kit.crops.given_crops import read_given
from stenosis_kit.crops.store import open_store


@pytest.fixture
def crops(tmp_path, store):
    folder = tmp_path / "crops"
    folder.mkdir()
    for view in (CANAL, FORAMEN):
        write_crops(folder, store, view)
    return folder


def test_a_store_holds_just_the_crops_of_the_studies_that_were_drawn(tmp_path, crops):
    cells = read_given(crops, "open", {CANAL.name, FORAMEN.name})
    studies = few.draw(cells, 2, seed=0)
    opened = open_store(write_store(tmp_path / "store", cells, studies.tolist()))
    assert set(opened.manifest["study_id"]) == set(studies.tolist())
    for one in cells:
        own = np.isin(one.study, studies)
        np.testing.assert_array_equal(opened.arrays[one.view.name], one.crops[own])


def test_each_number_of_studies_and_each_draw_has_its_losses(tmp_path, crops, model, monkeypatch):
    """Training leaves a model that is there already: what is told of it is tested here."""
    trained = []

    def train(store, folder, budget):
        trained.append(open_store(store).manifest["study_id"].n_unique())
        shutil.copytree(model, folder)

    monkeypatch.setattr(few, "train", train)
    out = tmp_path / "few.json"
    asked = ["--crops", str(crops), "--studies", "2", "3", "--draws", "2", "--json", str(out)]
    assert few.main(asked) == 0
    assert trained == [2, 2, 3, 3]
    figures = json.loads(out.read_text())
    assert figures.keys() == {"bundled", "prior", "trained", "untrained"}
    assert figures["bundled"].keys() == figures["prior"].keys() == {CANAL.name, FORAMEN.name}
    assert figures["trained"].keys() == figures["untrained"].keys() == {"2", "3"}
    assert figures["trained"] != figures["untrained"]
    for row in (*figures["trained"].values(), *figures["untrained"].values()):
        assert row.keys() == figures["prior"].keys()
        assert all(len(each) == 2 and np.isfinite(each).all() for each in row.values())


def test_a_folder_without_crops_is_said_in_a_line(tmp_path, capsys):
    assert few.main(["--crops", str(tmp_path), "--json", str(tmp_path / "f.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
