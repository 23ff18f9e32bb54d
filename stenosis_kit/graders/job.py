"""One job of training, a grader on a fold, as a call that any process can take: it reads and leaves files.

What it made is saved whole, the weights and then the result that says it is done.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from stenosis_kit.base.backend import load_tensorflow
from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.base.files import run_matches, write_json
from stenosis_kit.crops.store import Store, open_store, release, severity_indices
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.description import TrainedGrader
from stenosis_kit.graders.settings import Grader, Training

if TYPE_CHECKING:
    from stenosis_kit.graders.jitter import Jitter
    from stenosis_kit.graders.training import GraderTraining, Lesson

JOBS = "jobs"
"""Folder in an unfinished model: run.json with the run's fingerprint, and a result a job."""
_training_one = threading.Lock()


@dataclass(frozen=True)
class Job:
    """What the training of a network needs to know.

    Attributes:
        store, model: folders; absolute where other machines are to find them.
        training: settings.
        trained: the network.
        folds: {study: fold}.
        jitter: of the crops, see `placing`.
        fingerprint: of the run that wants it.
        start: weights that it starts from; None: new ones.
    """

    store: Path
    model: Path
    training: Training
    trained: TrainedGrader
    folds: Mapping[int, int]
    jitter: Jitter
    fingerprint: str
    start: Path | None = None


def result_path(model: Path, trained: TrainedGrader) -> Path:
    """The file that says a job is done: history, rows of the labelled manifest held out, answers to them, seconds."""
    return model / JOBS / f"{trained.name}.json"


def train_job(job: Job, seconds: float) -> str:
    """Trains a network and writes its weights and result. A process trains one at a time.

    A run that has ended meanwhile gets nothing: it may have left a finished model, or another run may be at work.

    Args:
        job: what to train.
        seconds: the time, imports included.

    Returns:
        What became of it, for the log.

    Raises:
        InputError: where the store or the weights to start from cannot be read, or the model's folder cannot be
            written to.
    """
    with _training_one:
        budget = Budget(seconds)
        load_tensorflow()
        store = open_store(job.store)
        return _train(job, budget, store) if _is_wanted(job) else f"{job.trained.name} is no longer wanted"


def _is_wanted(job: Job) -> bool:
    return run_matches(job.model / JOBS / "run.json", job.fingerprint)


def _train(job: Job, budget: Budget, store: Store) -> str:
    from stenosis_kit.base.weights_file import save_weights
    from stenosis_kit.graders.jitter import augmentation

    grader, seed = job.trained.grader, job.training.seed + 1000 * job.trained.fold
    lesson, held_out = _lesson(job, store)
    training = _grader_training(grader, job.training)
    ranges = augmentation(VIEW_BY_NAME[grader.view], job.jitter)
    history, answers = training.run(lesson, budget, seed, ranges, job.start)
    release(lesson.crops)
    if not _is_wanted(job):
        return f"{job.trained.name} came too late"
    save_weights(training.network, job.model / job.trained.weights)
    result = {"history": history, "rows": held_out.tolist(), "answers": answers.tolist()}
    write_json(result_path(job.model, job.trained), result | {"seconds": round(budget.elapsed(), 1)})
    reached = _weighted_log_loss(answers, lesson)
    took = show_time(budget.elapsed())
    return f"{job.trained.name}: {len(history)} epochs in {took}, weighted log loss held out {reached:.3f}"


def _weighted_log_loss(answers: np.ndarray, lesson: Lesson) -> float:
    """Of answers to the crops held out; NaN where there are none."""
    if not len(answers):
        return float("nan")
    right = np.take_along_axis(answers, lesson.severity[lesson.validate][:, None], axis=1)[:, 0]
    return float(-np.average(np.log(np.maximum(right, 1e-7)), weights=lesson.weight[lesson.validate]))


def build_graphs(job: Job) -> None:
    """Builds what the training of a job's network and of all others of its grader needs, in this process."""
    from stenosis_kit.graders.augmentation import Augmentation

    lesson, _ = _lesson(job, open_store(job.store))
    _grader_training(job.trained.grader, job.training).build(lesson, Augmentation())


def measured_pixels(store: Store, training: Training) -> float:
    """Input pixels that this machine learns from in a second, measured on the grader with most crops."""
    from stenosis_kit.graders.augmentation import Augmentation

    grader = max(training.graders, key=lambda grader: len(store.arrays[grader.view]))
    everything, studies = TrainedGrader.of(grader, -1), dict.fromkeys(store.manifest["study_id"].to_list(), 0)
    lesson, _ = _lesson(Job(store.folder, store.folder, training, everything, studies, {}, ""), store)
    return _grader_training(grader, training).pixels_a_second(lesson, Augmentation())


@lru_cache(maxsize=8)
def _grader_training(grader: Grader, training: Training) -> GraderTraining:
    """Compiled once a process: building a network's graphs takes 4 to 7 s."""
    from stenosis_kit.graders.training import GraderTraining

    return GraderTraining(grader, training)


def labelled(store: Store) -> pl.DataFrame:
    """The manifest's rows that have a label: what rows of a result count."""
    return store.manifest.filter(pl.col("severity").is_not_null())


def _lesson(job: Job, store: Store) -> tuple[Lesson, np.ndarray]:
    """The crops to learn from, and the rows of the labelled manifest that are held out."""
    from stenosis_kit.graders.training import Lesson

    manifest, view = labelled(store), job.trained.grader.view
    rows = (manifest["view"] == view).arg_true().to_numpy()
    fold = np.array([job.folds[study] for study in manifest["study_id"].to_numpy()[rows]])
    place, held_out = manifest["row"].to_numpy()[rows], fold == job.trained.fold
    lesson = Lesson(
        crops=store.arrays[view],
        severity=_by_place(severity_indices(manifest)[rows], place),
        weight=_by_place(manifest["weight"].to_numpy()[rows], place),
        learn=place[~held_out],
        validate=place[held_out],
    )
    return lesson, rows[held_out]


def _by_place(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Values of manifest rows, laid out as the view's array is; 0 where a crop has no label."""
    laid = np.zeros(place.max() + 1 if len(place) else 0, values.dtype)
    laid[place] = values
    return laid
