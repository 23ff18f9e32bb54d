import shutil
from dataclasses import replace

import polars as pl
import pytest
import quick_job

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders import dispatch, planned_run
from stenosis_kit.graders.ensemble import cut_short
from stenosis_kit.graders.job import result_path
from stenosis_kit.graders.model_file import TrainedGrader, read_description
from stenosis_kit.graders.plan import Plan
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


def test_networks_of_one_fold_answer_together(store, model, small_training, tmp_path, monkeypatch, quick_jobs):
    training = replace(small_training, graders=small_training.graders[:1])
    monkeypatch.setattr(planned_run, "plan", lambda *_: Plan(2, twins=2))
    run = train(store, tmp_path / "model", Budget(), training, start="none")
    assert (run["models"], run["networks"]) == (4, 4)
    assert [(job.trained.fold, job.trained.number) for job in quick_jobs] == [(0, 0), (1, 0), (0, 1), (1, 1)]
    assert len({job.trained.weights for job in quick_jobs}) == len(list((tmp_path / "model").glob("canal*.h5"))) == 4
    once, twice = (pl.read_csv(folder / "oof.csv") for folder in (model, tmp_path / "model"))
    assert twice["row_id"].n_unique() == twice.height == once.filter(pl.col("row_id").str.contains("spinal")).height
    history = pl.read_csv(tmp_path / "model" / "history.csv")
    assert history.unique(["view", "fold", "number", "epoch"]).height == history.height
    assert read_description(tmp_path / "model").graders[-1].name == "canal_sagittal.fold1.1"


def with_labels_in(store, folder, views, studies):
    """A copy of a store in which crops of some views have labels in some studies alone."""
    shutil.copytree(store, folder)
    rare = pl.col("view").is_in(views) & ~pl.col("study_id").is_in(studies)
    manifest = open_store(store).manifest
    manifest = manifest.with_columns(severity=pl.when(~rare).then("severity"))
    manifest.write_parquet(folder / "manifest.parquet")
    return folder


def test_a_view_whose_crops_all_lie_in_one_fold_is_left_out_aloud_and_the_others_go_on(
    store, small_training, tmp_path, caplog, quick_jobs
):
    one = open_store(store).manifest["study_id"][:1].to_list()
    rare = with_labels_in(store, tmp_path / "s", ["canal_axial"], one)
    run = train(rare, tmp_path / "model", Budget(), small_training)
    assert "train: canal_axial IS LEFT OUT: its crops all lie in one fold" in caplog.text
    assert run["left_out"] == ["canal_axial"]
    trained_views = {each.grader.view for each in read_description(tmp_path / "model").graders}
    assert trained_views == {grader.view for grader in small_training.graders} - {"canal_axial"}


def test_a_term_all_of_whose_views_lie_in_one_fold_is_left_to_its_prior(store, small_training, tmp_path, quick_jobs):
    one = open_store(store).manifest["study_id"][:1].to_list()
    rare = with_labels_in(store, tmp_path / "s", ["canal_axial", "canal_sagittal"], one)
    run = train(rare, tmp_path / "model", Budget(), small_training)
    assert run["left_out"] == ["canal_sagittal", "canal_axial"]
    assert run["networks"] == 4


def test_where_every_view_lies_in_one_fold_it_is_said_in_one_line(store, small_training, tmp_path, quick_jobs):
    manifest = open_store(store).manifest
    one, other = manifest["study_id"].unique(maintain_order=True)[:2].to_list()
    views = manifest["view"].unique().to_list()
    rare = with_labels_in(store, tmp_path / "s", views, [one])
    training = replace(small_training, graders=small_training.graders[:1])
    with pytest.raises(InputError, match="at least two studies"):
        train(rare, tmp_path / "model", Budget(), training)
    rare = with_labels_in(store, tmp_path / "t", ["canal_sagittal"], [other])
    with pytest.raises(InputError, match="expected labelled crops in several folds; found each view's"):
        train(rare, tmp_path / "model", Budget(), training)
