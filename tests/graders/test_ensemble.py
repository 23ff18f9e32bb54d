from dataclasses import replace

import pytest
import quick_job

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.files import write_json
from stenosis_kit.graders import dispatch
from stenosis_kit.graders.ensemble import cut_short
from stenosis_kit.graders.job import result_path
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.settings import GRADERS
from stenosis_kit.road.train import train


def trained(folder, grader, epochs):
    """Networks of a grader, one a number of epochs."""
    networks = [TrainedGrader.of(grader, fold) for fold in range(len(epochs))]
    for network, count in zip(networks, epochs, strict=True):
        write_json(result_path(folder, network), {"history": [{"loss": 1.0}] * count})
    return networks


@pytest.mark.parametrize(
    ("epochs", "short"),
    [
        pytest.param([12, 13, 3, 10, 10], [2], id="one stood still"),
        pytest.param([6, 10, 10, 8, 8], [], id="slower and faster"),
        pytest.param([1, 10], [0], id="of two"),
        pytest.param([1, 1, 2], [], id="hardly any time for all"),
        pytest.param([1], [], id="the only one"),
    ],
)
def test_a_network_with_less_than_half_of_the_usual_epochs_is_cut_short(tmp_path, epochs, short):
    networks = trained(tmp_path, GRADERS[0], epochs)
    assert list(cut_short(tmp_path, networks)) == [networks[fold] for fold in short]


def test_networks_are_held_against_those_of_their_own_grader(tmp_path):
    networks = trained(tmp_path, GRADERS[0], [20, 20]) + trained(tmp_path, GRADERS[1], [5, 5])
    assert cut_short(tmp_path, networks) == {}


def test_a_network_cut_short_is_left_out_of_the_model(
    store, model, small_training, tmp_path, monkeypatch, caplog, quick_jobs
):
    one_grader = replace(small_training, graders=small_training.graders[:1])
    epochs = {0: 20, 1: 2}  # a long one makes the other short
    monkeypatch.setattr(dispatch, "train_job", lambda job, _: quick_job.do(job, model, epochs[job.trained.fold]))
    run = train(store, tmp_path / "model", Budget(), one_grader)
    assert (run["networks"], run["left_out"]) == (1, ["canal_sagittal.fold1"])
    assert not (tmp_path / "model" / "canal_sagittal.fold1.weights.h5").exists()
    assert "canal_sagittal.fold1 IS LEFT OUT: it got" in caplog.text
