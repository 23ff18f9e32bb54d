"""One job of training, a grader on a fold, as a call that any process can take: it reads and leaves files.

What it made is saved whole, first the weights and then the result that says it is done.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.manifest import RUN_NAME, run_matches
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.store import Store, open_store
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.batches import read_lesson
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.own_localiser import PlacementErrors
from stenosis_kit.graders.settings import Grader, Training

if TYPE_CHECKING:
    from stenosis_kit.graders.trainer import Trainer

JOBS = "jobs"
"""Folder in an unfinished model: run.json with the run's fingerprint, and a result a job."""
_training_one = threading.Lock()


class Diverged(ArithmeticError):
    """A network whose training went astray."""


@dataclass(frozen=True)
class Recipe:
    """What the jobs of a run have in common.

    Attributes:
        store, model: folders; absolute where other machines are to find them.
        fingerprint: of the run.
        training: settings.
        folds: {study: fold}.
        placement: how far prediction will cut from the labels, see `own_localiser`.
    """

    store: Path
    model: Path
    fingerprint: str
    training: Training
    folds: Mapping[int, int]
    placement: PlacementErrors

    def is_wanted(self) -> bool:
        """Whether the run is still at work: its folder says so."""
        return run_matches(self.model / JOBS / RUN_NAME, self.fingerprint)


@dataclass(frozen=True)
class Job:
    """The training of a network.

    Attributes:
        recipe: of its run.
        trained: the network.
        start: weights that it starts from; None: new ones.
        work: what it takes, relative to other jobs.
    """

    recipe: Recipe
    trained: TrainedGrader
    start: Path | None = None
    work: float = 1.0


def result_path(model: Path, trained: TrainedGrader) -> Path:
    """The file that says a job is done: history, rows of the labelled manifest held out, answers to them."""
    return model / JOBS / f"{trained.name}.json"


def train_job(job: Job, seconds: float) -> str:
    """Trains a network and writes its weights and result. A process trains one at a time.

    A job whose run has ended writes nothing: the run may have left a finished model, or another run may be at work.

    Args:
        job: what to train.
        seconds: the time, imports included.

    Returns:
        What became of it, for the log.

    Raises:
        InputError: where the store or the weights to start from cannot be read, or the model's folder cannot be
            written to.
        Diverged: where the network's answers are no numbers.
    """
    with _training_one:
        budget = Budget(seconds)
        load_tensorflow()
        store = open_store(job.recipe.store)
        return _train(job, budget, store) if job.recipe.is_wanted() else f"{job.trained.name} is no longer wanted"


def _train(job: Job, budget: Budget, store: Store) -> str:
    from stenosis_kit.base.weights_file import save_weights
    from stenosis_kit.graders.augmentation import augmentation_of
    from stenosis_kit.graders.loss import weighted_log_loss

    recipe, trained = job.recipe, job.trained
    view, seed = trained.grader.view, recipe.training.seed + 1000 * trained.fold + 100 * trained.number
    lesson, held_out = read_lesson(store, view, recipe.folds, trained.fold)
    trainer = _trainer(trained.grader, recipe.training)
    ranges = augmentation_of(VIEW_BY_NAME[view], recipe.placement.get(view))
    history, answers = trainer.run(lesson, budget, seed, ranges, job.start)
    if not np.isfinite(answers).all():  # of its mean with the others' nothing would be left
        raise Diverged("it answers with what are no numbers: a lower peak_rate may help")
    if not recipe.is_wanted():
        return f"{trained.name} came too late"
    save_weights(trainer.network, recipe.model / trained.weights)
    result = {"history": history, "rows": held_out.tolist(), "answers": answers.tolist()}
    write_json(result_path(recipe.model, trained), result)
    reached = weighted_log_loss(answers, lesson.severity[lesson.validate], lesson.weight[lesson.validate])
    took = show_time(budget.elapsed())
    return f"{trained.name}: {len(history)} epochs in {took}, weighted log loss held out {reached:.3f}"


def part_trained(job: Job) -> float:
    """How many of its epochs a job that is done got, 0 to 1; 0 where it left no result.

    Raises:
        InputError: where its result cannot be read.
    """
    path, epochs = result_path(job.recipe.model, job.trained), job.recipe.training.epochs(job.trained.grader)
    return len(read_json(path, "a finished job")["history"]) / epochs if path.is_file() else 0.0


def build_graphs(job: Job) -> None:
    """Builds what the training of a job's network and of all others of its grader needs, in this process."""
    grader, recipe = job.trained.grader, job.recipe
    lesson, _ = read_lesson(open_store(recipe.store), grader.view, recipe.folds, job.trained.fold)
    _trainer(grader, recipe.training).build(lesson)


def measured_pixels(store: Store, training: Training) -> float:
    """Input pixels that this machine learns from in a second, measured on the grader with most crops."""
    grader = max(training.graders, key=lambda grader: len(store.arrays[grader.view]))
    lesson, _ = read_lesson(store, grader.view, {}, 0)
    return _trainer(grader, training).pixels_a_second(lesson)


@lru_cache(maxsize=8)
def _trainer(grader: Grader, training: Training) -> Trainer:
    """Compiled once a process: building a network's graphs takes 4 to 7 s on two cores."""
    from stenosis_kit.graders.trainer import Trainer

    return Trainer(grader, training)
