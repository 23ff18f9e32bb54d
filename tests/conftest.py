"""What several tests share: one small synthetic cohort, one store and one model, each made once a run."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

SHARED = Path(__file__).parents[2] / "shared" / "rsna"
"""Real competition data, where a developer has it beside the checkout; it is never part of the project."""


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
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A faultless competition root with 8 training and 3 test studies."""
    from stenosis_kit.phantom import phantom

    return phantom(tmp_path_factory.mktemp("cohort") / "root", studies=8, test_studies=3, faults="none", workers=2)


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
def store(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The crop store of the cohort."""
    from stenosis_kit.road.format import format

    folder = tmp_path_factory.mktemp("store") / "store"
    format(cohort, folder, workers=1)
    return folder


@pytest.fixture(scope="session")
def small_training():
    """Settings of networks so small that all of them train in seconds."""
    from stenosis_kit.graders.settings import Grader, Training

    views = ("canal_sagittal", "canal_axial", "foraminal_sagittal", "subarticular_axial")
    graders = tuple(Grader(view, mm=48.0, px=32, time=1.0) for view in views)
    return Training(folds=2, grow=False, filters=(4, 4, 4, 8, 8), dense=(16, 8), max_epochs=2, graders=graders)


@pytest.fixture(scope="session")
def model(store: Path, small_training, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of small networks, two folds, trained on the cohort."""
    from stenosis_kit.base.budget import Budget
    from stenosis_kit.road.train import train

    folder = tmp_path_factory.mktemp("model") / "model"
    train(store, folder, Budget(600.0), small_training)
    return folder


@pytest.fixture(scope="session")
def submitted(cohort: Path, store: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `submit` leaves of the cohort, with store, model and report; its name needs escaping."""
    import shutil

    from stenosis_kit.base.budget import Budget
    from stenosis_kit.road.submit import submit

    out = tmp_path_factory.mktemp("submitted") / "a & b"
    shutil.copytree(model, out / "model")
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
