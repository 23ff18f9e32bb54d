"""What several tests share: one small synthetic cohort, one store and one model, each made once a run."""

from __future__ import annotations

import fcntl
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "rsna"
"""Real competition data, where a developer has it beside the checkout; it is never part of the project."""

TRAINING = {
    "tests/base/test_cluster.py",
    "tests/graders/test_ensemble.py",
    "tests/graders/test_warm_start.py",
    "tests/road/test_end_to_end.py",
    "tests/road/test_train.py",
}
"""Files whose tests train: in one process they share the graphs of their networks, which take seconds to build."""

FIRST = (
    *sorted(TRAINING),
    "tests/graders/test_trainer.py",  # it needs nothing that those make meanwhile
    "tests/kaggle/test_kernels.py",
    "tests/campaigns/test_faults.py",
    "tests/road/test_passes.py",
    "tests/road/test_predict.py",
    "tests/road/test_submit.py",
    "tests/paper/test_command.py",
    "tests/report/test_command.py",
    "tests/road/test_format.py",
    "tests/road/test_make_graders.py",
    "tests/graders/test_model.py",
    "tests/levels/test_finder.py",
    "tests/levels/test_search.py",
    "tests/levels/test_training.py",
    "tests/doctor/test_images.py",
    "tests/test_api.py",
    "tests/test_cli.py",
)
"""Files that take longest, in the order in which they begin: two processes are then done at about the same time."""

Shared = Callable[[str], AbstractContextManager[Path]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file runs in one process, and those that train run together.

    Not by `--dist loadgroup`: pytest-xdist 3.8 writes the group into `item._nodeid`, which pytest 9.2 does not read.
    """
    from xdist.scheduler import LoadScopeScheduling

    gone = [file for file in FIRST if not (config.rootpath / file).is_file()]
    assert not gone, f"FIRST in tests/conftest.py names files that are not there: {gone}"
    config.option.loadscopereorder = False  # it would begin with the files of most tests

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return "training" if file in TRAINING else file

    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of `FIRST` come first; the others keep their order."""
    place = {file: index for index, file in enumerate(FIRST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(FIRST)))


@pytest.fixture(autouse=True)
def unoptimised() -> None:
    """TensorFlow leaves graphs as they are traced: a test takes few steps, which would not pay for optimising them."""
    if "tensorflow" in sys.modules:
        options = sys.modules["tensorflow"].config.optimizer
        options.set_experimental_options({"disable_meta_optimizer": True})


@pytest.fixture(scope="session", autouse=True)
def at_usual_speed() -> Iterator[None]:
    """Whatever else runs on this machine: a loop of no steps takes no time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stenosis_kit.base.budget._PROBE_STEPS", 0)
        yield


@pytest.fixture
def as_before() -> Iterator[None]:
    """Takes back what main sets for a whole process: signal handlers and logging."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    handlers = [signal.getsignal(number) for number in numbers]
    logger = logging.getLogger("stenosis_kit")
    level, kept = logger.level, list(logger.handlers)
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    logger.handlers[:] = kept
    logger.setLevel(level)


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Folders that all processes of a run share: a process holds one while it makes or finds there what it needs."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)

    @contextmanager
    def held(name: str) -> Iterator[Path]:
        with (folder / f"{name}.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield folder / name

    return held


@pytest.fixture(scope="session")
def cohort(shared: Shared) -> Path:
    """A faultless competition root with 8 training and 3 test studies; nobody writes into it."""
    from stenosis_kit.phantom import phantom

    with shared("cohort") as folder:
        return phantom(folder, studies=8, test_studies=3, faults="none", workers=1)


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The image folder of the study of `small_study`; nobody writes into it."""
    from small_study import write_study

    return write_study(tmp_path_factory.mktemp("study") / "images")


@pytest.fixture
def study(images: Path) -> list:
    """Its series, headers read, for one test alone."""
    from small_study import SERIES, STUDY

    from stenosis_kit.images.series import read_study

    return read_study(images, STUDY, SERIES)


@pytest.fixture(scope="session")
def store(cohort: Path, shared: Shared) -> Path:
    """The crop store of the cohort."""
    from stenosis_kit.road.format import format

    with shared("store") as folder:
        format(cohort, folder, workers=1)
        return folder


@pytest.fixture(scope="session")
def small_training():
    """Settings of networks so small that all of them train in seconds."""
    from stenosis_kit.graders.settings import Grader, Training

    views = ("canal_sagittal", "canal_axial", "foraminal_sagittal", "subarticular_axial")
    graders = tuple(Grader(view, mm=48.0, px=32, time=1.0) for view in views)
    return Training(folds=2, grow=False, filters=(4, 4, 4, 8, 8), dense=(16, 8), max_epochs=2, graders=graders)


@pytest.fixture(scope="session", autouse=True)
def networks_once() -> Iterator[None]:
    """Networks that answer are loaded, and their graphs built, once a process: up to two seconds each.

    What counts is what their files hold, wherever these lie; what cannot be loaded is tried each time. Nobody changes
    a loaded network.
    """
    from once import Once

    with pytest.MonkeyPatch.context() as patch:
        Once().put_into(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def shipped(small_training, shared: Shared) -> Iterator[Callable[[], Path]]:
    """In place of the package's graders: the folder of tiny ones, which are made when they are first asked for."""

    @functools.cache
    def made() -> Path:
        import stand_in

        with shared("bundled") as folder:
            return stand_in.make(folder, small_training)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stenosis_kit.graders.bundled._folder", made)
        yield made


@pytest.fixture(scope="session")
def model(store: Path, small_training, shared: Shared) -> Path:
    """A model of small networks, two folds, trained on the cohort."""
    from stenosis_kit.base.budget import Budget
    from stenosis_kit.road.train import train

    with shared("model") as folder:
        train(store, folder, Budget(), small_training, start="none")
        return folder


@pytest.fixture
def quick_jobs(model: Path, monkeypatch: pytest.MonkeyPatch) -> list:
    """Training that takes no time, for tests of what is around it: the jobs taken, in order.

    A network gets the weights that it starts from, or those of the shared model; its answers are the prior's.
    """
    import quick_job

    from stenosis_kit.graders import dispatch

    taken: list = []
    monkeypatch.setattr(dispatch, "build_graphs", lambda job: None)
    monkeypatch.setattr("stenosis_kit.graders.training_run.make_localiser", lambda *_: {})
    monkeypatch.setattr(dispatch, "train_job", lambda job, seconds: taken.append(job) or quick_job.do(job, model))
    return taken


@pytest.fixture(scope="session")
def submitted(cohort: Path, store: Path, model: Path, shared: Shared) -> Path:
    """What `submit` leaves of the cohort, with store, model and report; its name needs escaping."""
    from stenosis_kit.base.budget import Budget
    from stenosis_kit.road.submit import submit

    with shared("submitted") as folder:
        out = folder / "a & b"
        if not (out / "report.html").is_file():
            out.mkdir(parents=True)
            (out / "model").symlink_to(model)
            (out / "store").symlink_to(store)
            submit(cohort, out, Budget(600.0), out / "model")
        return out


@pytest.fixture(scope="session")
def real_tables() -> Path:
    """The real tables; skips where they are absent."""
    if not (SHARED / "tables").is_dir():
        pytest.skip("no real tables beside the checkout")
    return SHARED / "tables"


@pytest.fixture(scope="session")
def real_studies() -> Path:
    """Three real studies; skips where they are absent."""
    if not (SHARED / "three_studies").is_dir():
        pytest.skip("no real studies beside the checkout")
    return SHARED / "three_studies"
