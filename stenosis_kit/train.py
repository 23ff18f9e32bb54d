"""train: folds, graders, out-of-fold answers and their pools, inside the time limit.

The unit of work is a job, one grader on one fold: it gets its share of the time that is left, and what it made is
saved whole before the next one begins. A run that was stopped goes on with the jobs it lacks.
"""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from tqdm import tqdm

from stenosis_kit import __version__
from stenosis_kit.backend import load_tensorflow
from stenosis_kit.budget import Budget, Stopwatch, show_time
from stenosis_kit.crops import VIEW_BY_NAME
from stenosis_kit.errors import InputError, TimeTooShort
from stenosis_kit.files import fingerprint, make_folder, read_json, run_matches, write_frame, write_json
from stenosis_kit.folds import FOLDS_NAME, assign_folds, read_folds, write_folds
from stenosis_kit.levels.localiser import DESCRIPTION_NAME
from stenosis_kit.model import MODEL_NAME, Description, TrainedGrader
from stenosis_kit.out_of_fold import Answers, fit_pools, pooled
from stenosis_kit.priors import smoothed_prior
from stenosis_kit.settings import Grader, Training
from stenosis_kit.store import Store, open_store, severity_indices

if TYPE_CHECKING:
    from stenosis_kit.placing import Jitter
    from stenosis_kit.training import GraderTraining

log = logging.getLogger(__name__)

SHORTEST_JOB_S = 12.0
"""Less than this does not pay for building a network's graphs (4 to 7 s on two cores)."""
_PLACING_S = 6.0  # loading the localiser, and measuring where it lets crops be cut
_FINISH_S = 2.0  # pools, tables and model.json
_WITHOUT_FOLDS = 5  # with a single model a grader, a fifth of the studies validates
_JOBS = "jobs"


def train(
    store: Path | str,
    model: Path | str,
    budget: Budget | None = None,
    training: Training | None = None,
    fresh: bool = False,
) -> dict:
    """Trains all graders on a crop store.

    Writes model.json, *.weights.h5, folds.csv, history.csv, oof.csv and run.json. As long as run.json is missing the
    model is not finished.

    Args:
        store: a store made by `format`.
        model: output folder.
        budget: the time; 30 minutes by default.
        training: settings.
        fresh: train everything anew.

    Returns:
        The run.json.

    Raises:
        InputError: where the store cannot be used or the time is too short to train every grader once.
    """
    store, folder = Path(store), Path(model)
    budget, training = budget or Budget(1800.0), training or Training()
    opened = open_store(store)
    print_ = fingerprint(__version__, opened.run.get("fingerprint"), asdict(training), budget.whole)
    make_folder(folder)
    if not fresh and run_matches(folder / "run.json", print_):
        log.info("train: %s is up to date", folder)
        return read_json(folder / "run.json", "run.json")
    if (folder / "manifest.parquet").exists():
        raise InputError(folder, "a folder for a model", "a crop store", "Give another MODEL folder.")
    goes_on = not fresh and run_matches(folder / _JOBS / "run.json", print_)
    if not goes_on:
        # Before anything of an earlier model is dropped: is there time for another one?
        models_in_time(training, opened.manifest["study_id"].n_unique(), budget.remaining() - _PLACING_S - _FINISH_S)
        _start_over(folder, print_)
    watch = Stopwatch()
    run = _Run(opened, folder, training, budget)
    run.train_jobs()
    watch.lap("train")
    summary = run.finish(print_)
    summary |= {"fingerprint": print_, "version": __version__, "seconds": watch.seconds, "settings": asdict(training)}
    write_json(folder / "run.json", summary)
    shutil.rmtree(folder / _JOBS)
    return summary


class _Run:
    """One training run: the jobs that are left, and what the finished ones answered."""

    def __init__(self, store: Store, folder: Path, training: Training, budget: Budget) -> None:
        self.store = store
        self.folder = folder
        self.budget = budget
        self.manifest = store.manifest.filter(pl.col("severity").is_not_null())
        self.severity = severity_indices(self.manifest)
        graders = tuple(grader for grader in training.graders if grader.view in store.arrays)
        self.training = replace(training, graders=graders)
        self.folds = read_folds(folder)
        if not self.folds:
            seconds = budget.remaining() - _PLACING_S - _FINISH_S
            models = models_in_time(self.training, self.manifest["study_id"].n_unique(), seconds)
            self.folds = assign_folds(self.manifest, models if models > 1 else _WITHOUT_FOLDS, training.seed)
            write_json(folder / _JOBS / "models.json", {"models": models})
            write_folds(folder, self.folds)
        self.models = read_json(folder / _JOBS / "models.json", "an unfinished run")["models"]
        log.info("train: %d networks: %d graders, %d fold(s) of %d", *self._plan())
        self.trainings: dict[Grader, GraderTraining] = {}
        self.jobs = [TrainedGrader.of(grader, fold) for fold in range(self.models) for grader in graders]

    def _plan(self) -> tuple[int, int, int, int]:
        graders, folds = len(self.training.graders), len(set(self.folds.values()))
        return graders * self.models, graders, self.models, folds

    def train_jobs(self) -> None:
        """Trains the networks that are not there yet, each in its share of the time that is left."""
        left = [job for job in self.jobs if not self._result(job).is_file()]
        if len(left) < len(self.jobs):
            log.info(
                "train: going on; %d of %d networks are already trained", len(self.jobs) - len(left), len(self.jobs)
            )
        load_tensorflow()  # before the time is shared out
        jitter = self._jitter()
        for done, job in enumerate(tqdm(left, "train", unit="network", disable=None, leave=False)):
            due = sum(later.grader.time for later in left[done:])
            self._train_job(job, self.budget.share(job.grader.time / due, keep=_FINISH_S), jitter)

    def _jitter(self) -> Jitter:
        """Makes the model's localiser, once, and says how far from the labels it lets crops be cut."""
        from stenosis_kit.placing import make_localiser

        path = self.folder / _JOBS / "jitter.json"
        if not path.is_file():
            jitter = make_localiser(self.store, self.folder, self.folds, self.budget, self.training.seed)
            write_json(path, jitter)
            log.info("train: crops are cut this far from labels (mm, outward/back/up): %s", _shown(jitter))
        return read_json(path, "an unfinished run")

    def _train_job(self, job: TrainedGrader, budget: Budget, jitter: Jitter) -> None:
        from stenosis_kit.network import save_weights
        from stenosis_kit.placing import augmentation
        from stenosis_kit.training import MONITOR, GraderTraining, Lesson

        rows = self._rows(job.grader.view)
        fold = np.array([self.folds[study] for study in self.manifest["study_id"].to_numpy()[rows]])
        place = self.manifest["row"].to_numpy()[rows]
        lesson = Lesson(
            crops=self.store.arrays[job.grader.view],
            severity=_by_place(self.severity[rows], place),
            weight=_by_place(self.manifest["weight"].to_numpy()[rows], place),
            learn=place[fold != job.fold],
            validate=place[fold == job.fold],
        )
        seed = self.training.seed + 1000 * job.fold
        if job.grader not in self.trainings:
            self.trainings[job.grader] = GraderTraining(job.grader, self.training)
        history, answers = self.trainings[job.grader].run(
            lesson, budget, seed, augmentation(VIEW_BY_NAME[job.grader.view], jitter)
        )
        save_weights(self.trainings[job.grader].network, self.folder / job.weights)
        result = {"history": history, "rows": rows[fold == job.fold].tolist(), "answers": answers.tolist()}
        write_json(self._result(job), result | {"seconds": round(budget.elapsed(), 1)})
        reached = min((epoch.get(MONITOR, float("nan")) for epoch in history), default=float("nan"))
        name, took = job.weights.removesuffix(".weights.h5"), show_time(budget.elapsed())
        log.info("train: %s: %d epochs in %s, weighted log loss held out %.3f", name, len(history), took, reached)

    def finish(self, print_: str) -> dict:
        """Pools the out-of-fold answers and writes the model's files."""
        results = {job: read_json(self._result(job), "a finished job") for job in self.jobs}
        answers = {grader.view: _joined(results, grader) for grader in self.training.graders}
        priors = smoothed_prior(self.manifest.unique(["study_id", "condition", "level"]))
        pools = fit_pools(self.manifest, answers, priors)
        Description(self.training, tuple(self.jobs), pools, priors, print_).save(self.folder)
        oof = pooled(self.manifest, answers, priors, pools)
        write_frame(self.folder / "oof.csv", oof)
        write_frame(self.folder / "history.csv", _history(results))
        return {"studies": len(self.folds), "models": self.models, "networks": len(self.jobs), "oof_rows": oof.height}

    def _rows(self, view: str) -> np.ndarray:
        return (self.manifest["view"] == view).arg_true().to_numpy()

    def _result(self, job: TrainedGrader) -> Path:
        return self.folder / _JOBS / f"{job.grader.view}.fold{job.fold}.json"


def models_in_time(training: Training, studies: int, seconds: float) -> int:
    """How many models a grader fit the time: one a fold, fewer where the time or the studies are short.

    Raises:
        TimeTooShort: where not even one does.
        InputError: where there are fewer than two studies.
    """
    if studies < 2:
        raise InputError(
            "the training data", "labelled crops of at least two studies", f"{studies}", "Give more training studies."
        )
    shares = [grader.time for grader in training.graders]
    shortest = SHORTEST_JOB_S * sum(shares) / min(shares)
    if seconds < shortest:
        raise TimeTooShort(
            f"at least {show_time(shortest + 1)} for training {len(shares)} graders",
            f"{show_time(max(seconds, 0))} left",
            "Give more time.",
        )
    return int(min(training.folds, studies, seconds // shortest))


def _start_over(folder: Path, print_: str) -> None:
    """Drops what was made from other input, settings, time limit or version."""
    if (folder / MODEL_NAME).exists() or (folder / _JOBS).exists():
        log.info("train: %s was made from other input, settings, time limit or version: it is made anew", folder)
    shutil.rmtree(folder / _JOBS, ignore_errors=True)
    names = ("run.json", MODEL_NAME, DESCRIPTION_NAME, FOLDS_NAME)
    for path in [*(folder / name for name in names), *folder.glob("*.weights.h5")]:
        path.unlink(missing_ok=True)
    write_json(folder / _JOBS / "run.json", {"fingerprint": print_})


def _shown(jitter: Jitter) -> str:
    return ", ".join(f"{view} {'/'.join(f'{value:.1f}' for value in row)}" for view, row in jitter.items())


def _by_place(values: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Values of manifest rows, laid out as the view's array is; 0 where a crop has no label."""
    laid = np.zeros(place.max() + 1 if len(place) else 0, values.dtype)
    laid[place] = values
    return laid


def _joined(results: dict[TrainedGrader, dict], grader: Grader) -> Answers:
    own = [result for job, result in results.items() if job.grader == grader]
    rows = np.array([row for result in own for row in result["rows"]], int)
    return Answers(rows, np.array([row for result in own for row in result["answers"]], float).reshape(-1, 3))


def _history(results: dict[TrainedGrader, dict]) -> pl.DataFrame:
    rows = [
        {"view": job.grader.view, "fold": job.fold, "epoch": number, **epoch}
        for job, result in results.items()
        for number, epoch in enumerate(result["history"], start=1)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
