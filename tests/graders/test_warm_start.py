"""Training that starts from an earlier model: its weights, and never an answer to what they have learnt."""

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from stenosis_kit import cli
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.cluster import Cluster
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders import dispatch
from stenosis_kit.graders.batches import labelled
from stenosis_kit.graders.model_file import TrainedGrader, read_description
from stenosis_kit.graders.network import load_network
from stenosis_kit.graders.plan import Plan
from stenosis_kit.graders.warm_start import Start, chosen_start, read_start
from stenosis_kit.road.train import train
from stenosis_kit.tables.folds import read_folds

NEW = 10**12  # more than any study id of the cohort


@pytest.fixture
def start(model, tmp_path):
    """The shared model, of two folds, to start from."""
    return read_start(model, tmp_path / "new")


@pytest.fixture(scope="module")
def manifest(store):
    return labelled(open_store(store))


@pytest.fixture(scope="module")
def one_grader(small_training):
    """A short training of one view, at a learning rate of nothing: weights stay what they were."""
    return replace(small_training, graders=small_training.graders[:1], peak_rate=1e-9, max_epochs=1, seed=5)


def weights_of(folder):
    """{(view, fold): the trainable weights} of a model."""
    own = read_description(folder)
    networks = {(t.grader.view, t.fold): load_network(folder, t, own.training) for t in own.graders}
    return {key: [each.numpy() for each in network.trainable_variables] for key, network in networks.items()}


def largest_difference(one, other):
    return max(np.abs(a - b).max() for a, b in zip(one, other, strict=True))


def test_networks_start_from_the_earlier_weights_of_their_fold(model, store, one_grader, tmp_path):
    run = train(store, tmp_path / "new", Budget(), one_grader, start=model)
    assert run["start"] == str(model)
    assert read_folds(tmp_path / "new") == read_folds(model)  # whatever the seed
    before, after = weights_of(model), weights_of(tmp_path / "new")
    assert len(after) == 2
    assert all(largest_difference(before[name], weights) < 1e-6 for name, weights in after.items())
    assert largest_difference(*after.values()) > 0.01


def test_a_stopped_run_goes_on_from_the_same_start(model, store, one_grader, tmp_path, monkeypatch, quick_jobs):
    quick = dispatch.train_job

    def stopping(job, seconds):
        if quick_jobs:
            raise KeyboardInterrupt
        return quick(job, seconds)

    monkeypatch.setattr(dispatch, "train_job", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(store, tmp_path / "new", Budget(), one_grader, start=model)
    monkeypatch.setattr(dispatch, "train_job", quick)
    train(store, tmp_path / "new", Budget(), one_grader, start=model)
    assert [job.trained.fold for job in quick_jobs] == [0, 1]
    assert [job.start for job in quick_jobs] == [model / job.trained.weights for job in quick_jobs]


def test_from_another_model_it_is_made_anew_and_what_it_stems_from_stays_written(
    model, store, one_grader, tmp_path, quick_jobs
):
    """The folds name the studies of both, so that a model made from this one in turn keeps to them too."""
    folder, earlier = tmp_path / "new", shutil.copytree(model, tmp_path / "earlier")
    first = train(store, folder, Budget(), one_grader, start=earlier)["fingerprint"]
    before = (folder / "model.json").stat().st_mtime_ns
    assert train(store, folder, Budget(), one_grader, start=earlier)["fingerprint"] == first
    assert (folder / "model.json").stat().st_mtime_ns == before
    assert len(quick_jobs) == 2
    with (earlier / "folds.csv").open("a") as file:
        file.write(f"{NEW},1\n")
    run = train(store, folder, Budget(), one_grader, start=earlier)
    assert run["fingerprint"] != first
    assert run["studies"] == 8
    assert len(quick_jobs) == 4
    assert read_folds(folder) == {**read_folds(model), NEW: 1}


# --- Folds ---------------------------------------------------------------------------------------


def without_folds(start, *gone):
    """The earlier model without the networks of some folds: left out, or for want of time."""
    graders = tuple(each for each in start.description.graders if each.fold not in gone)
    return replace(start, description=replace(start.description, graders=graders))


def in_five_folds(start):
    """The earlier model as one of a short time: a network of fold 0, and the studies in five folds."""
    folds = {study: number % 5 for number, study in enumerate(start.folds)}
    return replace(without_folds(start, 1), folds=folds)


def with_new_studies(manifest, share):
    """The manifest with every `share`th study under another name; 0: none."""
    studies = manifest["study_id"].unique().sort()
    return manifest.with_columns(
        pl.col("study_id").replace({study: study + NEW for study in studies[::share]} if share else {})
    )


@pytest.mark.parametrize("earlier", [lambda start: start, lambda start: without_folds(start, 0), in_five_folds])
@pytest.mark.parametrize("share", [0, 1, 2], ids=["the same studies", "all studies new", "half of them new"])
@pytest.mark.parametrize("folds", [2, 5])
def test_no_network_answers_for_what_its_weights_have_learnt(start, manifest, small_training, earlier, share, folds):
    """Neither for the store's studies nor for those of the earlier model, which the new folds.csv names too."""
    start, manifest = earlier(start), with_new_studies(manifest, share)
    training = start.settings(replace(small_training, folds=folds, seed=7), set(manifest["study_id"]))
    assigned = start.assign_folds(manifest, training.folds, training.seed)
    assert assigned.keys() == set(manifest["study_id"]) | start.folds.keys()
    started = 0
    for fold in range(training.folds):
        weights = start.weights(TrainedGrader.of(training.graders[0], fold), training, set(manifest["study_id"]))
        if weights:
            learnt_in = int(weights.name.split(".fold")[1][0])
            learnt = {study for study, its in start.folds.items() if its != learnt_in}
            assert learnt.isdisjoint(study for study, its in assigned.items() if its == fold)
            started += 1
    assert started == training.folds if share == 1 else started > 0


def test_where_all_studies_are_new_every_network_has_weights_to_start_from(start, manifest, small_training):
    """Five folds from two: those that the earlier model does not have start from either."""
    training = start.settings(replace(small_training, folds=5), {NEW})
    graders = [TrainedGrader.of(training.graders[0], fold) for fold in range(5)]
    names = [start.weights(each, training, {NEW}).name for each in graders]
    assert [name.split(".")[1] for name in names] == ["fold0", "fold1", "fold0", "fold1", "fold0"]


def test_studies_of_folds_whose_networks_the_earlier_model_lacks_are_answered_by_none(start, manifest):
    """Any of its networks starts any of the new ones, which would answer for what those have learnt."""
    start, studies = in_five_folds(start), with_new_studies(manifest, 1)
    assigned = start.assign_folds(studies, 2, 0)
    assert {assigned[study] for study, fold in start.folds.items() if fold == 0} == {0}
    assert {assigned[study] for study, fold in start.folds.items() if fold > 0} == {5}
    assert {assigned[study] for study in studies["study_id"]} == {0, 1}


def test_folds_that_are_kept_are_reckoned_with(start):
    assert start.folds_kept(set(start.folds)) == 2
    assert start.folds_kept({NEW}) is None
    assert Plan(2, parts=5).folds == 5


def test_studies_that_all_lie_in_one_fold_are_refused(start, manifest):
    one_fold = [study for study, fold in start.folds.items() if fold == 0]
    with pytest.raises(InputError, match="found all of them in one fold"):
        start.assign_folds(manifest.filter(pl.col("study_id").is_in(one_fold)), 2, 0)


# --- The bundled graders -------------------------------------------------------------------------


def test_every_network_of_every_fold_starts_from_the_bundled_one_of_its_view(
    store, small_training, shipped, quick_jobs, tmp_path, caplog
):
    caplog.set_level("INFO", logger="stenosis_kit")
    run = train(store, tmp_path / "new", Budget(), small_training)
    assert run["start"] == "bundled"
    views = [grader.view for grader in small_training.graders]
    started = [(job.trained.grader.view, job.trained.fold, job.start.name) for job in quick_jobs]
    assert started == [(view, fold, f"{view}.fold0.weights.h5") for fold in (0, 1) for view in views]
    assert {job.start.parent for job in quick_jobs} == {shipped()}
    assert sorted(read_folds(tmp_path / "new").values()) == [0] * 4 + [1] * 4
    assert "train: 8 of them start from: bundled" in caplog.text


def test_on_a_cluster_they_lie_where_its_workers_see_them(store, one_grader, shipped, quick_jobs, tmp_path):
    with ThreadPoolExecutor(1) as executor:
        train(store, tmp_path / "new", Budget(), one_grader, cluster=Cluster(executor, 1))
    assert {job.start.is_relative_to(tmp_path / "new") for job in quick_jobs} == {True}


def test_from_none_networks_start_anew(store, one_grader, quick_jobs, tmp_path):
    assert train(store, tmp_path / "new", Budget(), one_grader, start="none")["start"] == "none"
    assert [job.start for job in quick_jobs] == [None, None]


def test_settings_of_other_widths_are_not_overruled(small_training, tmp_path, caplog):
    wide = replace(small_training, filters=(8, 8, 8, 8, 8))
    assert chosen_start("bundled", tmp_path / "new", wide) is None
    assert "have other widths than the settings ask for: ALL START ANEW" in caplog.text


def test_crops_that_are_cut_in_another_way_are_learnt_anew(small_training, tmp_path, caplog):
    assert chosen_start("bundled", tmp_path / "new", small_training, 7) is None
    assert "cut in another way: ALL START ANEW" in caplog.text


def test_a_package_without_graders_says_so(store, one_grader, tmp_path, monkeypatch):
    monkeypatch.setattr("stenosis_kit.graders.bundled._folder", lambda: tmp_path / "graders")
    with pytest.raises(InputError, match="expected the graders that come with the package; found none"):
        train(store, tmp_path / "new", Budget(), one_grader)
    assert not (tmp_path / "new").exists()


# --- Shapes --------------------------------------------------------------------------------------


def test_only_weights_that_fit_are_taken(start, small_training):
    """Finer inputs that shrink to as many pixels do; other views and larger ends do not."""

    def found(**changes):
        trained = TrainedGrader.of(replace(small_training.graders[0], **changes), 0)
        return start.weights(trained, small_training, {NEW})

    assert found() and found(px=60)
    assert found(px=64) is None
    assert found(view="foraminal_axial") is None


@pytest.mark.parametrize(
    ("px", "scale"), [(40, 1.5), (48, 1.0)], ids=["which fit at the larger size too", "which fit at their own alone"]
)
def test_inputs_become_finer_where_the_weights_still_fit(start, small_training, px, scale):
    training = replace(small_training, graders=(replace(small_training.graders[0], px=px),))
    assert start.fitting(Plan(2, scale=1.5), training) == Plan(2, scale=scale)


def test_networks_stay_as_wide_as_the_earlier_ones(start, small_training):
    wide = replace(small_training, filters=(16, 32, 64, 128, 256))
    assert start.settings(wide, {NEW}).filters == small_training.filters


def test_inputs_too_small_for_the_earlier_networks_are_refused(start, small_training):
    deeper = replace(start.description.training, filters=(4, 4, 4, 8, 8, 8))
    start = Start(start.folder, replace(start.description, training=deeper), start.folds)
    with pytest.raises(InputError, match="px of canal_sagittal: expected at least 64 pixels"):
        start.settings(small_training, {NEW})


# --- What cannot be started from -----------------------------------------------------------------


def swap(folder, one, other):
    """Each of two networks has the other's weights."""
    paths = [folder / f"{name}.weights.h5" for name in (one, other)]
    for path, content in zip(paths, [path.read_bytes() for path in reversed(paths)], strict=True):
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda folder: (folder / "folds.csv").unlink(), "expected a model with its folds.csv"),
        (lambda folder: (folder / "model.json").unlink(), "model.json"),
        (lambda folder: next(folder.glob("canal*.h5")).unlink(), "canal.*expected a network's weights; found none"),
        (lambda folder: next(folder.glob("canal*.h5")).write_bytes(b"x"), "expected a network's weights; found some"),
        (lambda folder: swap(folder, "canal_axial.fold0", "canal_axial.fold1"), "that model.json was saved with"),
    ],
    ids=["without folds", "no model", "missing weights", "damaged weights", "another fold's weights"],
)
def test_a_model_that_cannot_be_started_from_is_refused(spoil, message, model, store, one_grader, tmp_path):
    earlier = shutil.copytree(model, tmp_path / "earlier")
    spoil(earlier)
    with pytest.raises(InputError, match=message):
        train(store, tmp_path / "new", Budget(), one_grader, start=earlier)
    assert not (tmp_path / "new").exists()


def test_a_model_does_not_start_from_its_own_folder(model, store, capsys, as_before):
    before = (model / "model.json").read_bytes()
    assert cli.main(["train", str(store), str(model), "--start", str(model)]) == 2
    assert "another folder than the new one's; found the same" in capsys.readouterr().err
    assert (model / "model.json").read_bytes() == before


def test_submit_says_before_it_formats_that_there_is_nothing_to_start_from(cohort, tmp_path, capsys, as_before):
    out = tmp_path / "out"
    assert cli.main(["submit", str(cohort), str(out), "--start", str(tmp_path / "nothing")]) == 2
    assert "model.json" in capsys.readouterr().err
    assert (out / "submission.csv").is_file() and not (out / "store").exists()


@pytest.mark.parametrize(
    ("crops", "share"), [(1_000, 1.0), (9_000, 2 / 3), (100_000, 0.5)], ids=["few", "many", "more than many"]
)
def test_a_view_with_many_crops_gets_less_of_a_short_time_and_has_as_many_epochs_in_a_long_one(
    start, small_training, crops, share
):
    training = replace(small_training, max_epochs=15)
    first, *others = training.graders
    graders = start.settings(training, {NEW}, {first.view: crops}).graders
    assert graders == (replace(first, time=pytest.approx(first.time * share)), *others)
