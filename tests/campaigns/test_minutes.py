"""Minutes to quality, in a small form."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from campaigns import minutes
from campaigns.test_transfer import FORAMEN, write_crops

from stenosis_kit.graders import trainer
from stenosis_kit.graders.settings import GRADERS

STARTS = {
    "none": None,
    "bundled": SimpleNamespace(settings=lambda training, studies: training, weights=lambda *_: "weights.h5"),
}


class QuickTrainer:
    """Gives the truth the surer the longer it trains, and sooner where it starts from weights."""

    def __init__(self, grader, training):
        self.epochs = training.max_epochs * grader.repeats

    def build(self, lesson):
        pass

    def run(self, lesson, budget, seed, start=None):
        right = 1 - 0.4 / (self.epochs * (4 if start else 1))
        truth = np.eye(3)[lesson.severity[lesson.validate]]
        return [], np.where(truth == 1, right, (1 - right) / 2)


@pytest.fixture
def crops(tmp_path, store):
    folder = tmp_path / "crops"
    folder.mkdir()
    write_crops(folder, store, FORAMEN)
    return folder


def test_networks_are_trained_for_longer_until_the_loss_is_reached(tmp_path, crops, monkeypatch):
    monkeypatch.setattr(trainer, "Trainer", QuickTrainer)
    monkeypatch.setattr(minutes, "chosen_start", lambda start, *_: STARTS[start])
    monkeypatch.setattr(minutes, "WANTED", {FORAMEN.name: 0.11})
    out = tmp_path / "minutes.json"
    assert minutes.main(["--crops", str(crops), "--epochs", "1", "2", "3", "--json", str(out)]) == 0
    found = json.loads(out.read_text())[FORAMEN.name]
    assert [one["epochs"] for one in found["bundled"]["tried"]] == [1]
    assert [one["epochs"] for one in found["none"]["tried"]] == [1, 2, 3]
    assert found["bundled"]["seconds"] is not None
    assert found["none"]["seconds"] is None


def test_the_wanted_losses_are_of_views_that_there_are():
    assert set(minutes.WANTED) <= {grader.view for grader in GRADERS}


def test_a_folder_without_crops_is_said_in_a_line(tmp_path, capsys):
    assert minutes.main(["--crops", str(tmp_path), "--json", str(tmp_path / "f.json")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
