import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.cluster import Cluster
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders import dispatch as rounds_module
from stenosis_kit.graders import training_run
from stenosis_kit.graders.model_file import is_whole, read_description
from stenosis_kit.road.train import UNFINISHED, train
from stenosis_kit.tables.folds import assign_folds


def test_a_model_folder_is_complete(model, small_training):
    names = {path.name for path in model.iterdir()}
    weights = {f"{g.view}.fold{fold}.weights.h5" for g in small_training.graders for fold in (0, 1)}
    weights |= {"localiser.weights.h5", "foramina.weights.h5"}
    tables = {"folds.csv", "history.csv", "oof.csv"}
    assert names == {"model.json", "localiser.json", "foramina.json", "run.json"} | tables | weights


def test_out_of_fold_answers_cover_every_labelled_cell_once(model, store):
    oof = pl.read_csv(model / "oof.csv")
    cells = open_store(store).manifest.unique(["study_id", "condition", "level"])
    assert oof.columns == list(rsna.SUBMISSION_COLUMNS)
    assert oof["row_id"].n_unique() == oof.height == cells.height
    np.testing.assert_allclose(oof.select(rsna.SEVERITIES).to_numpy().sum(axis=1), 1, atol=1e-9)


def test_history_has_a_row_an_epoch_of_each_network(model, small_training):
    history = pl.read_csv(model / "history.csv")
    assert history.height == 2 * len(small_training.graders) * small_training.max_epochs
    assert {"view", "fold", "epoch", "loss", "val_nats"} <= set(history.columns)


def test_folds_keep_studies_whole_and_use_every_fold(store):
    manifest = open_store(store).manifest
    folds = assign_folds(manifest, 4, seed=0)
    assert set(folds) == set(manifest["study_id"])
    assert set(folds.values()) == {0, 1, 2, 3}
    assert folds == assign_folds(manifest, 4, seed=0)


@pytest.mark.parametrize("studies", [5, 12])
def test_folds_are_made_of_studies_with_hardly_a_label(store, studies):
    rows = open_store(store).manifest.head(1)
    severities = [("normal_mild", "moderate", "severe")[study % 3] for study in range(studies)]
    manifest = pl.concat([rows.with_columns(study_id=pl.lit(n), severity=pl.lit(s)) for n, s in enumerate(severities)])
    folds = assign_folds(manifest, 5, seed=0)
    assert set(folds) == set(range(studies)) and set(folds.values()) == set(range(5))


def test_somebody_elses_folder_in_that_of_the_model_is_left_alone(store, small_training, tmp_path):
    (tmp_path / "unfinished").mkdir()
    (tmp_path / "unfinished" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="expected an unfinished model; found thesis.txt and no jobs"):
        train(store, tmp_path, Budget(), small_training, start="none")
    assert (tmp_path / "unfinished" / "thesis.txt").read_text() == "mine"


def test_a_stop_while_an_unfinished_model_is_dropped_blocks_nothing(
    store, one_grader, quick_jobs, tmp_path, monkeypatch
):
    begun, honest = tmp_path / UNFINISHED, Path.unlink
    (begun / "jobs").mkdir(parents=True)
    for name in ("jobs/run.json", "canal_sagittal.fold0.weights.h5", "folds.csv"):
        (begun / name).write_text("{}")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", lambda path, **_: honest(path) if len([*begun.iterdir()]) == 3 else stop())
        with pytest.raises(KeyboardInterrupt):
            train(store, tmp_path, Budget(), one_grader)
    assert train(store, tmp_path, Budget(), one_grader)["networks"] == 2
    assert not begun.exists()


def stop():
    raise KeyboardInterrupt


def test_a_network_that_was_left_out_is_trained_when_the_run_goes_on(
    store, one_grader, quick_jobs, tmp_path, monkeypatch
):
    """It has lost its weights, so it must not count, whatever is usual when all the others are there."""
    with monkeypatch.context() as patch:
        patch.setattr(training_run, "cut_short", lambda _, networks: {networks[0]: "it got hardly any epochs"})
        patch.setattr(training_run, "assemble", lambda *_, **__: stop())
        with pytest.raises(KeyboardInterrupt):
            train(store, tmp_path, Budget(), one_grader)
    assert train(store, tmp_path, Budget(), one_grader)["networks"] == 2
    assert is_whole(tmp_path)


def test_the_same_run_again_changes_nothing(model, store, small_training):
    before = (model / "model.json").stat().st_mtime_ns
    train(store, model, Budget(), small_training, start="none")
    assert (model / "model.json").stat().st_mtime_ns == before


@pytest.mark.parametrize("gone", ["canal_sagittal.fold0.weights.h5", "folds.csv"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:100])])
def test_a_model_that_has_lost_something_is_not_up_to_date(
    store, one_grader, quick_jobs, tmp_path, caplog, gone, damage
):
    if gone == "folds.csv":
        damage = Path.unlink
    train(store, tmp_path / "model", Budget(), one_grader)
    damage(tmp_path / "model" / gone)
    train(store, tmp_path / "model", Budget(), one_grader)
    assert "HAS LOST FILES" in caplog.text
    assert is_whole(tmp_path / "model")


@pytest.fixture(scope="module")
def one_grader(small_training):
    return replace(small_training, graders=small_training.graders[:1])


@pytest.fixture(scope="module")
def undisturbed(store, one_grader, tmp_path_factory):
    """Out-of-fold answers of a run by epochs, not by time: so that another one comes to the same."""
    folder = tmp_path_factory.mktemp("undisturbed") / "model"
    train(store, folder, Budget(), one_grader)
    return pl.read_csv(folder / "oof.csv")


def is_the_same(folder, undisturbed):
    own = pl.read_csv(folder / "oof.csv")
    same_rows = own["row_id"].to_list() == undisturbed["row_id"].to_list()
    return same_rows and np.allclose(own.select(rsna.SEVERITIES), undisturbed.select(rsna.SEVERITIES), 0, 1e-5)


def test_a_stopped_run_goes_on_with_the_networks_it_lacks(store, one_grader, undisturbed, tmp_path, monkeypatch):
    trained = []
    honest = rounds_module.train_job

    def stopping(job, seconds):
        if len(trained) == 1:
            raise KeyboardInterrupt
        trained.append(job)
        return honest(job, seconds)

    stopped = tmp_path / "stopped"
    monkeypatch.setattr(rounds_module, "train_job", stopping)
    with pytest.raises(KeyboardInterrupt):
        train(store, stopped, Budget(), one_grader)
    assert not (stopped / "run.json").exists()
    first = {path.name: path.read_bytes() for path in (stopped / UNFINISHED).glob("*fold?.weights.h5")}
    folds = (stopped / UNFINISHED / "folds.csv").read_bytes()

    monkeypatch.setattr(rounds_module, "train_job", honest)
    run = train(store, stopped, Budget(), one_grader)
    assert run["networks"] == 2
    assert len(first) == 1
    assert all((stopped / name).read_bytes() == weights for name, weights in first.items())
    assert (stopped / "folds.csv").read_bytes() == folds
    assert is_the_same(stopped, undisturbed)


def test_whoever_trains_the_networks_are_the_same(store, one_grader, undisturbed, tmp_path):
    """On Dask not to the last digit: its event loop draws from the random numbers that networks take seeds from."""
    with ThreadPoolExecutor(2) as executor:
        train(store, tmp_path / "there", Budget(), one_grader, cluster=Cluster(executor, 2))
    assert is_the_same(tmp_path / "there", undisturbed)


def test_too_short_a_time_is_said_with_the_least_that_would_do(store, tmp_path):
    with pytest.raises(InputError, match="--time-limit: expected at least .* for training 3 graders"):
        train(store, tmp_path / "model", Budget(20.0))


def test_a_busy_machine_needs_more_time_to_begin_and_says_so(
    store, small_training, quick_jobs, tmp_path, monkeypatch, caplog
):
    """Four graders, in 130 s: usually they take 58 s at least, and here half of the machine is taken."""
    monkeypatch.setattr("stenosis_kit.graders.planned_run.measured_pixels", lambda *_: 1e6)
    monkeypatch.setattr("stenosis_kit.graders.planned_run.slowness", lambda: 2.5)
    with pytest.raises(
        TimeTooShort, match=r"at least 2 min [23].* while this machine is so busy; found 2 min [01].* left"
    ):
        train(store, tmp_path / "model", Budget(130.0), small_training)
    assert "this machine is busy: work takes 2.5 times as long as usual" in caplog.text
    monkeypatch.setattr("stenosis_kit.graders.planned_run.slowness", lambda: 2.0)
    assert train(store, tmp_path / "model", Budget(130.0), small_training)["models"] == 1


def test_a_term_whose_graphs_take_too_long_ends_the_training_before_other_graders_take_the_time(
    store, small_training, quick_jobs, tmp_path, monkeypatch
):
    monkeypatch.setattr(rounds_module, "_ready", lambda jobs, budget: {jobs[0].trained.grader})
    with pytest.raises(TimeTooShort, match="time for a network of foraminal_sagittal"):
        train(store, tmp_path / "model", Budget(), small_training)
    assert not quick_jobs


def test_a_folder_that_is_no_store_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"run\.json"):
        train(tmp_path, tmp_path / "model")


def test_a_damaged_store_is_refused(store, tmp_path):
    broken = shutil.copytree(store, tmp_path / "store")
    np.save(broken / "canal_axial.npy", np.zeros((1, 96, 96, 3), np.uint8))
    with pytest.raises(InputError, match="canal_axial"):
        train(broken, tmp_path / "model")


def test_the_run_says_what_it_was_made_with(model, small_training):
    run = json.loads((model / "run.json").read_text())
    assert run["settings"]["folds"] == small_training.folds
    assert run["studies"] == 8
    assert run["start"] == "none"
    assert run["seconds"]["train"] > 0


def test_too_short_a_time_leaves_an_earlier_model_whole(model, store, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(TimeTooShort):
        train(store, folder, Budget(20.0))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def files_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    "when",
    ["planned_run.plan", "training_run.train_here", "training_run.cut_short"],
    ids=["planning", "training", "finishing"],
)
@pytest.mark.parametrize(
    "how", [TimeTooShort("1 h", "1 s", "Give more."), InputError("a", "b", "c", "d"), KeyboardInterrupt()]
)
def test_whatever_ends_a_run_leaves_an_earlier_model_whole(
    model, store, small_training, quick_jobs, tmp_path, monkeypatch, when, how
):
    folder = shutil.copytree(model, tmp_path / "model")
    before = files_of(folder)
    other = replace(small_training, seed=5)

    def stop(*_):
        raise how

    with monkeypatch.context() as patched, pytest.raises(type(how)):
        patched.setattr(f"stenosis_kit.graders.{when}", stop)
        train(store, folder, Budget(), other)
    assert files_of(folder) == before
    train(store, folder, Budget(), other)
    of_levels = ("localiser.", "foramina.")  # quick jobs make none
    assert files_of(folder).keys() == {name for name in before if not name.startswith(of_levels)}
    assert json.loads((folder / "run.json").read_text())["settings"]["seed"] == 5
    assert not (folder / UNFINISHED).exists()


def test_a_time_that_turns_out_too_short_in_planning_leaves_an_earlier_model_whole(
    model, store, small_training, tmp_path, monkeypatch
):
    """There was enough when the run began; loading and measuring took it."""
    folder = shutil.copytree(model, tmp_path / "model")
    before, budget = files_of(folder), Budget(1000.0)
    monkeypatch.setattr(
        "stenosis_kit.graders.planned_run.load_tensorflow", lambda: setattr(budget, "deadline", budget.started)
    )
    with pytest.raises(TimeTooShort):
        train(store, folder, budget, replace(small_training, seed=5))
    assert files_of(folder) == before


def test_networks_of_an_earlier_model_that_the_new_one_has_not_are_gone(model, store, one_grader, quick_jobs, tmp_path):
    folder = shutil.copytree(model, tmp_path / "model")
    train(store, folder, Budget(), one_grader)
    weights = {path.name for path in folder.glob("*.weights.h5")}
    assert weights == {f"canal_sagittal.fold{fold}.weights.h5" for fold in (0, 1)}


@pytest.mark.parametrize("moved", range(7))
def test_a_run_stopped_while_the_model_is_put_in_place_goes_on(
    model, store, one_grader, quick_jobs, tmp_path, monkeypatch, moved
):
    folder = shutil.copytree(model, tmp_path / "model")
    honest, done = Path.replace, []

    def stopping(path, target):
        if path.parent.name == UNFINISHED and not path.name.startswith("."):
            done.append(path)
            if len(done) > moved:
                raise KeyboardInterrupt
        return honest(path, target)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(Path, "replace", stopping)
        train(store, folder, Budget(), one_grader)
    assert not (folder / "run.json").exists()
    taken = len(quick_jobs)
    train(store, folder, Budget(), one_grader)
    assert len(quick_jobs) == taken
    whole = train(store, tmp_path / "undisturbed", Budget(), one_grader)
    assert files_of(folder).keys() == files_of(tmp_path / "undisturbed").keys()
    assert json.loads((folder / "run.json").read_text())["fingerprint"] == whole["fingerprint"]


@pytest.mark.parametrize("own", ["train.csv", "manifest.parquet", "run.json"])
def test_a_link_in_the_models_folder_to_what_is_read_is_refused(store, tmp_path, own):
    place = (Path(json.loads((store / "run.json").read_text())["data"]) if own == "train.csv" else store) / own
    before = place.read_bytes()
    (tmp_path / "history.csv").symlink_to(place)
    with pytest.raises(InputError, match="history.csv: expected a file that is no input"):
        train(store, tmp_path, Budget(1.0))
    assert place.read_bytes() == before


def test_a_store_is_not_taken_for_a_models_folder(store):
    with pytest.raises(InputError, match="found that of a crop store"):
        train(store, store)
    assert open_store(store).manifest.height


def of_version(store, folder, version):
    """A copy of a store whose run.json names another version of the cutting."""
    shutil.copytree(store, folder)
    run = json.loads((folder / "run.json").read_text()) | {"cutting_version": version}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


def test_a_model_is_of_the_cutting_of_its_store(store, one_grader, quick_jobs, tmp_path):
    train(of_version(store, tmp_path / "s", 7), tmp_path / "m", Budget(), one_grader)
    assert read_description(tmp_path / "m").cutting_version == 7


def test_a_store_of_another_cutting_than_the_model_to_start_from_is_refused(store, model, one_grader, tmp_path):
    with pytest.raises(InputError, match="for crops of version 7 of the cutting"):
        train(of_version(store, tmp_path / "s", 7), tmp_path / "m", Budget(), one_grader, start=model)


def test_a_store_made_again_to_the_same_content_needs_no_new_training(store, model, small_training, tmp_path):
    again = shutil.copytree(store, tmp_path / "s")
    run = json.loads((again / "run.json").read_text()) | {"fingerprint": "of images with other times"}
    (again / "run.json").write_text(json.dumps(run))
    before = (model / "model.json").stat().st_mtime_ns
    train(again, model, Budget(), small_training, start="none")
    assert (model / "model.json").stat().st_mtime_ns == before


def test_a_store_that_has_gained_studies_is_trained_on_anew(store, one_grader, quick_jobs, tmp_path):
    train(store, tmp_path / "m", Budget(), one_grader)
    taken = len(quick_jobs)
    more = shutil.copytree(store, tmp_path / "s")
    run = json.loads((more / "run.json").read_text()) | {"content": "of one study more"}
    (more / "run.json").write_text(json.dumps(run))
    train(more, tmp_path / "m", Budget(), one_grader)
    assert len(quick_jobs) == 2 * taken
