"""Work on a Dask cluster: the same files as without one, in the time given, and a clear line where there is none."""

from __future__ import annotations

import json
import shutil
import socket
import sys
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import worker_functions as functions

from stenosis_kit import __version__, cli
from stenosis_kit.base import cluster
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.cluster import Cluster, connected
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.tasks import ExecutorGone, run_tasks
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders import dispatch as rounds
from stenosis_kit.graders.dispatch import train_on
from stenosis_kit.graders.governor import startable
from stenosis_kit.graders.job import JOBS, Job, Recipe, result_path
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.plan import Time
from stenosis_kit.road.format import format
from stenosis_kit.road.train import UNFINISHED, train

pytestmark = pytest.mark.usefixtures("as_before")


def local_cluster(**options) -> Iterator[str]:
    """The address of a cluster on this machine."""
    distributed = pytest.importorskip("distributed")
    quiet = {"dashboard_address": ":0", "protocol": "tcp", "threads_per_worker": 1}
    with distributed.LocalCluster(**quiet, **options) as local:
        yield local.scheduler_address


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Two workers that are threads of this process."""
    yield from local_cluster(n_workers=2, processes=False)


@pytest.fixture
def threads() -> Iterator[Cluster]:
    """What looks like a cluster and is two threads: enough where Dask itself is not in question."""
    with ThreadPoolExecutor(2) as executor:
        yield Cluster(executor, 2)


@pytest.fixture
def one_grader(small_training):
    """Two small networks, one a fold."""
    return replace(small_training, graders=small_training.graders[:1])


# --- The same as without a cluster -------------------------------------------------------------


def test_format_makes_the_same_store(cohort: Path, store: Path, address: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main(["format", str(cohort), "made", "--scheduler", address]) == 0
    made = open_store(tmp_path / "made")
    assert made.manifest.equals(open_store(store).manifest)
    assert all(np.array_equal(made.arrays[view], array) for view, array in open_store(store).arrays.items())


def test_train_makes_a_whole_model(store: Path, one_grader, address: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = write_settings(tmp_path / "settings.toml", one_grader)
    arguments = ["train", str(store), "made", "--scheduler", address, "--config", str(settings), "--time-limit", "10m"]
    assert cli.main(arguments) == 0
    assert len(Model(Path("made")).description.graders) == 2
    assert not Path("made", UNFINISHED).exists()
    cells = open_store(store).manifest.filter(view="canal_sagittal")
    assert pl.read_csv("made/oof.csv").height == cells.height


def write_settings(path: Path, training) -> Path:
    """Settings as a file holds them."""
    values = asdict(training)
    graders = values.pop("graders")
    lines = [f"{name} = {json.dumps(value)}" for name, value in values.items()]
    for grader in graders:
        lines += ["[[graders]]", *(f"{name} = {value!r}" for name, value in grader.items())]
    path.write_text("\n".join(lines))
    return path


# --- Time --------------------------------------------------------------------------------------


class Notes(Executor):
    """Does nothing, and notes how many seconds each job was given."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def submit(self, function, job, seconds, /) -> Future:
        self.seconds.append(seconds)
        future: Future = Future()
        future.set_result("done")
        return future


@pytest.mark.parametrize(("workers", "shares"), [(8, [1, 1, 1, 1, 1]), (2, [3, 2, 2, 1, 1]), (1, [5, 4, 3, 2, 1])])
def test_a_job_has_the_time_of_its_round(workers: int, shares: list[int]) -> None:
    notes = Notes()
    done = list(train_on(Cluster(notes, workers), jobs(5), Budget(603.0)))
    assert len(done) == 5
    assert notes.seconds == pytest.approx([600 / share for share in shares], abs=2)


def jobs(count: int) -> list[Job]:
    recipe = Recipe(Path(), Path(), "", None, {}, {})
    return [Job(recipe, fold) for fold in range(count)]


@pytest.mark.parametrize(("workers", "models"), [(1, 1), (2, 2), (4, 4), (40, 5)])
def test_more_workers_train_more_models_in_the_same_time(small_training, workers: int, models: int) -> None:
    assert len(startable(replace(small_training, folds=5), 50, Time(110, workers=workers))) == models


def test_too_short_a_time_on_a_cluster_is_said_with_the_least_that_would_do(small_training) -> None:
    with pytest.raises(TimeTooShort, match="expected at least 51.0 s for training 4 graders"):
        startable(small_training, 50, Time(49, workers=2))
    assert len(startable(small_training, 50, Time(51, workers=2))) == 1


def test_without_a_limit_all_models_are_trained(small_training) -> None:
    assert len(startable(small_training, 50, Time(float("inf"), workers=3))) == small_training.folds


# --- What does not come back -------------------------------------------------------------------


def test_a_job_that_fails_is_left_out_loudly(
    store: Path, one_grader, threads: Cluster, tmp_path: Path, monkeypatch, caplog, quick_jobs
) -> None:
    quick = rounds.train_job
    monkeypatch.setattr(rounds, "train_job", lambda job, s: 1 / 0 if job.trained.fold else quick(job, s))
    run = train(store, tmp_path / "model", Budget(), one_grader, cluster=threads)
    name = TrainedGrader.of(one_grader.graders[0], 1).name
    assert (run["networks"], run["left_out"]) == (1, [name])
    assert f"{name} IS LEFT OUT: division by zero" in caplog.text
    assert len(Model(tmp_path / "model").description.graders) == 1
    assert 0 < run["oof_rows"] < open_store(store).manifest.filter(view="canal_sagittal").height


def test_what_hangs_is_not_waited_for(
    store: Path, one_grader, threads: Cluster, tmp_path: Path, monkeypatch, caplog, quick_jobs
) -> None:
    quick, released = rounds.train_job, threading.Event()
    budget = Budget(600.0)

    def hanging(job: Job, seconds: float) -> str:
        if job.trained.fold == 0:
            said = quick(job, seconds)
            budget.deadline = budget.started  # the time is up
            return said
        released.wait(60)
        return "too late"

    monkeypatch.setattr(rounds, "train_job", hanging)
    monkeypatch.setattr(Budget, "share", lambda self, *_, **__: budget)
    try:
        run = train(store, tmp_path / "model", budget, one_grader, cluster=threads)
    finally:
        released.set()
    assert run["networks"] == 1
    assert "fold1 IS LEFT OUT: the time was up" in caplog.text


@pytest.mark.parametrize("why", ["fails", "time"])
def test_a_term_without_a_network_ends_the_run(
    store: Path, one_grader, threads: Cluster, tmp_path: Path, monkeypatch, quick_jobs, why: str
) -> None:
    error = ExecutorGone("the task\nwas cancelled")
    monkeypatch.setattr(rounds, "train_job", lambda job, s: fail(error))
    budget = Budget(600.0)
    if why == "time":
        monkeypatch.setattr(
            "stenosis_kit.graders.training_run.make_localiser",
            lambda *_: setattr(budget, "deadline", budget.started) or {},
        )
    expected = {
        "fails": "expected a network of canal_sagittal; found none: the workers are gone: the task was cancelled. ",
        "time": "--time-limit: expected time for a network of canal_sagittal; found none when the time was up. ",
    }[why]
    with pytest.raises(InputError, match=expected + "Start again to go on."):
        train(store, tmp_path / "model", budget, one_grader, cluster=threads)
    assert not (tmp_path / "model" / "run.json").exists()
    assert (tmp_path / "model" / UNFINISHED / JOBS / "run.json").exists()


def test_a_grader_without_a_network_is_left_out_where_its_term_has_another(
    store: Path, small_training, threads: Cluster, tmp_path: Path, monkeypatch, quick_jobs
) -> None:
    quick = rounds.train_job
    canal = [grader for grader in small_training.graders if grader.view.startswith("canal")]
    training = replace(small_training, graders=tuple(canal), max_epochs=1)
    monkeypatch.setattr(rounds, "train_job", lambda job, s: 1 / 0 if "axial" in job.trained.name else quick(job, s))
    run = train(store, tmp_path / "model", Budget(), training, cluster=threads)
    assert run["left_out"] == ["canal_axial.fold0", "canal_axial.fold1"]
    loaded = Model(tmp_path / "model")
    assert {each.grader.view for each in loaded.description.graders} == {"canal_sagittal"}
    assert run["oof_rows"] == open_store(store).manifest.filter(view="canal_sagittal").height


def fail(error: Exception) -> None:
    raise error


def test_a_job_that_comes_late_touches_nothing(store: Path, model: Path, one_grader, tmp_path: Path) -> None:
    copy = shutil.copytree(model, tmp_path / "model")
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    trained = TrainedGrader.of(one_grader.graders[0], 0)
    job = Job(Recipe(store, copy, "another", one_grader, {}, {}), trained)
    assert rounds.train_job(job, 1.0) == f"{trained.name} is no longer wanted"
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
    assert not result_path(copy, trained).exists()


class Gone(Executor):
    """A cluster that goes away: what it took is cancelled, and then it takes no more."""

    def __init__(self, takes: int) -> None:
        self.takes = takes

    def submit(self, function, *arguments) -> Future:
        if not self.takes:
            raise RuntimeError("the client is closed")
        self.takes -= 1
        future: Future = Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


@pytest.mark.parametrize("takes", [0, 3])
def test_an_executor_that_is_gone_is_no_fault_of_the_tasks(takes: int) -> None:
    found = dict(run_tasks(functions.double, range(9), executor=Gone(takes)))
    assert {type(result) for result in found.values()} == {ExecutorGone}
    assert len(found) == 9


def test_a_cluster_that_goes_away_loses_no_study(cohort: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Start again to go on"):
        format(cohort, tmp_path, executor=Gone(3))
    assert not list((tmp_path / "parts").glob("*.npz"))


def test_a_task_whose_worker_dies_comes_back_as_its_error() -> None:
    pytest.importorskip("distributed")  # before dask's own settings are changed, which it adds to
    dask = pytest.importorskip("dask")
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}):
        for address in local_cluster(n_workers=1, processes=True):
            with connected(address) as there:
                found = dict(run_tasks(functions.exit_at_seven, [7, 8], executor=there.executor, ahead=1))
    assert isinstance(found.pop(7), Exception)
    assert found == {8: 8}


# --- No cluster --------------------------------------------------------------------------------


def refusal(address: str, *folders: Path) -> str:
    with pytest.raises(InputError) as refused, connected(address, *folders):
        pass
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_without_the_extra_it_is_said_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    expected = "--scheduler host:8786: expected Dask's package distributed; found none. Install it: pip install "
    assert refusal("host:8786").startswith(expected)


@pytest.mark.parametrize("address", ["", "host", "tcp://host", "host:port", "http://host:1", "host:99999", "::1:8786"])
def test_what_is_no_address(address: str) -> None:
    pytest.importorskip("distributed")
    assert "expected host:port of a Dask scheduler that answers; found " in refusal(address)


def test_an_address_where_nothing_listens(tmp_path: Path, capsys) -> None:
    pytest.importorskip("distributed")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    assert cli.main(["train", str(tmp_path), str(tmp_path / "model"), "--scheduler", address]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"stenosis-kit train: --scheduler {address}: expected host:port of a Dask scheduler that ")
    assert "Connection refused. Start one: dask scheduler" in err
    assert err.count("\n") == 1


def test_a_client_that_failed_is_gone_before_another_one_starts(monkeypatch) -> None:
    """Its end takes a lock that the start of another one holds: collected meanwhile, it waited for ever."""
    distributed = pytest.importorskip("distributed")

    class Failed:
        """Like a client, it holds itself."""

    failed, seen = Failed(), []
    failed.own, gone = failed, weakref.ref(failed)

    def start(*_: object, **__: object) -> None:
        seen.append(gone())
        raise OSError("none here")

    monkeypatch.setattr(distributed, "Client", start)
    del failed
    refusal("http://host:1")
    assert seen == [None]


def test_a_cluster_without_workers(monkeypatch) -> None:
    monkeypatch.setattr(cluster, "_CONNECT_S", 1.0)
    for address in local_cluster(n_workers=0, processes=False):
        assert "expected a cluster with workers; found none. Start some: dask scheduler" in refusal(address)


def test_workers_are_counted_by_process_and_have_to_see_the_folders(address: str, tmp_path: Path, monkeypatch) -> None:
    with connected(address, tmp_path) as there:
        assert there.workers == 1  # two threads, which would train one after the other
    monkeypatch.setattr(Path, "is_dir", lambda path: threading.current_thread() is threading.main_thread())
    assert f": expected to see {tmp_path}; found no such folder. All machines must see it" in refusal(address, tmp_path)


@pytest.mark.parametrize(
    ("seen", "found"),
    [
        (("process", "0.0", []), f"expected stenosis-kit {__version__}; found 0.0. Install the same version"),
        (ModuleNotFoundError("No module named 'stenosis_kit'"), "found ModuleNotFoundError: No module named"),
    ],
)
def test_a_worker_that_cannot_be_used_is_named(seen: object, found: str) -> None:
    with pytest.raises(InputError, match="worker tcp://there:1: expected stenosis-kit") as refused:
        cluster._checked("--scheduler a:1: worker tcp://there:1", seen)
    assert found in str(refused.value)
