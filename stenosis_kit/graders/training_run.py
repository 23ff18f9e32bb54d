"""One training run: what is trained in the time, training it, and a model of it.

The unit of work is a job, one grader on one fold, see `jobs`: it gets its share of the time that is left, and what it
made is saved whole. A run that was stopped goes on with the jobs it lacks.
"""

from __future__ import annotations

import logging
import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from stenosis_kit.base.backend import load_tensorflow
from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.tasks import TimeUp
from stenosis_kit.crops.store import Store
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.assembly import assemble, cut_short
from stenosis_kit.graders.description import TrainedGrader
from stenosis_kit.graders.dispatch import train_here, train_on
from stenosis_kit.graders.job import JOBS, Job, labelled, measured_pixels, result_path
from stenosis_kit.graders.plan import Plan, models_in_time, plan, startable_in_time
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.start import Start
from stenosis_kit.tables.folds import assign_folds, read_folds, write_folds

if TYPE_CHECKING:
    from stenosis_kit.base.cluster import Cluster
    from stenosis_kit.graders.jitter import Jitter

log = logging.getLogger(__name__)

_PLACING_S = 6.0  # loading the localiser, and measuring where it lets crops be cut
_FINISH_S = 4.0  # pools, second stage, tables and model.json, and leaving
_SHORTEST_MEASURED_S = 60.0  # in less time there is nothing to choose


class TrainingRun:
    """The networks that a run makes, and what the finished ones answered.

    Args:
        store: with the labelled crops.
        folder: of the model.
        training: settings.
        budget: the time.
        fingerprint: of the run.
        cluster: that trains the networks; None: this process.
        start: an earlier model to start from.
        to_grade: studies for whose grading the budget has to leave time.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        training: Training,
        budget: Budget,
        fingerprint: str,
        cluster: Cluster | None,
        start: Start | None,
        to_grade: int,
    ) -> None:
        self.store = store
        self.folder = folder
        self.budget = budget
        self.fingerprint = fingerprint
        self.cluster = cluster
        self.start = start
        self.to_grade = to_grade
        self.grading_s = 0.0
        self.manifest = labelled(store)
        self.studies = set(self.manifest["study_id"])
        graders = tuple(grader for grader in training.graders if grader.view in store.arrays)
        self.training = replace(training, graders=graders)
        if start:
            self.training = start.settings(self.training, self.studies)
        self.folds: dict[int, int] = {}
        self.networks: list[TrainedGrader] = []
        self.left_out: list[str] = []

    def check_time(self) -> None:
        """Raises TimeTooShort where not even one model a term can be trained."""
        seconds, workers = self._seconds(), self._workers()
        startable = startable_in_time(self.training, seconds, workers)
        models_in_time(startable, len(self.studies), seconds, workers)

    def plan(self) -> None:
        """Settles, once, how many models a grader there will be and of what size, and the studies' folds."""
        path = self.folder / JOBS / "plan.json"
        if not read_folds(self.folder):
            chosen, assign = self._plan(), self.start.assign_folds if self.start else assign_folds
            folds = assign(self.manifest, chosen.folds, self.training.seed)
            write_json(path, asdict(chosen))
            write_folds(self.folder, folds)
        self.folds = {study: fold for study, fold in read_folds(self.folder).items() if study in self.studies}
        chosen = Plan(**read_json(path, "an unfinished run"))
        self.training, self.grading_s = chosen.settings(self.training), chosen.grading_s
        graders = self.training.graders
        self.networks = [TrainedGrader.of(grader, fold) for fold in range(chosen.models) for grader in graders]
        sizes = "/".join(str(grader.px) for grader in graders)
        text = "train: %d networks: %d graders, %d fold(s) of %d; %s pixels a side, %d to %d filters"
        counts = len(self.networks), len(graders), chosen.models, len(set(self.folds.values()))
        log.info(text, *counts, sizes, *self.training.filters[:: len(self.training.filters) - 1])
        if self.grading_s:
            log.info("train: %s of the time are kept for grading with them", show_time(self.grading_s))
        if self.start:
            anew = [each.name for each in self.networks if not self._weights(each)]
            log.info("train: %d of them start from %s", len(self.networks) - len(anew), self.start.folder)
            if anew:
                log.warning("train: NO WEIGHTS THERE FIT, SO THESE START ANEW: %s", ", ".join(anew))

    def _plan(self) -> Plan:
        load_tensorflow()  # before the time is shared out
        pixels, parts = None, self.start and self.start.folds_kept(self.studies)
        if not self.cluster and _SHORTEST_MEASURED_S < self._seconds() < math.inf:
            pixels = measured_pixels(self.store, self.training)
            log.info("train: this machine learns from %.2f million pixels a second", pixels / 1e6)
        crops = dict(self.manifest.group_by("view").len().iter_rows())
        time = self._seconds(), pixels, self._workers()
        chosen = plan(self.training, crops, len(self.studies), *time, parts, self.to_grade)
        return self.start.fitting(chosen, self.training) if self.start else chosen

    def _seconds(self) -> float:
        return self.budget.remaining() - _PLACING_S - _FINISH_S

    def _workers(self) -> int:
        return self.cluster.workers if self.cluster else 0

    def train_jobs(self) -> None:
        """Trains the networks that are not there yet, here or on the cluster, in the time that is left."""
        wanted = self._missing()
        done, total = len(self.networks) - len(wanted), len(self.networks)
        if done:
            log.info("train: going on; %d of %d networks are already trained", done, total)
        jobs, budget = self._jobs(wanted), self.budget.share(keep=_FINISH_S + self.grading_s)
        outcomes = train_on(self.cluster, jobs, budget) if self.cluster else train_here(jobs, budget)
        said: dict[TrainedGrader, str | Exception] = {}
        for job, outcome in tqdm(outcomes, "train", len(jobs), unit="network", disable=None, leave=False):
            said[job.trained] = outcome
            if isinstance(outcome, str):
                log.info("train: %s", outcome)
        self._leave_out({each: said[each] for each in self._missing()})

    def _missing(self) -> list[TrainedGrader]:
        # The folder is read: of a single file a network file system may remember that it was not there.
        done = {path.name for path in (self.folder / JOBS).iterdir()}
        return [each for each in self.networks if result_path(self.folder, each).name not in done]

    def _jobs(self, wanted: list[TrainedGrader]) -> list[Job]:
        """What is needed to train them, with absolute paths: other processes have other working directories."""
        store, folder, jitter = self.store.folder.absolute(), self.folder.absolute(), self._jitter()
        return [
            Job(store, folder, self.training, each, self.folds, jitter, self.fingerprint, self._weights(each))
            for each in wanted
        ]

    def _weights(self, trained: TrainedGrader) -> Path | None:
        return self.start.weights(trained, self.training) if self.start else None

    def _leave_out(self, lost: dict[TrainedGrader, str | Exception]) -> None:
        """Goes on without networks, and says so loudly.

        Raises:
            TimeTooShort: where a term has none for want of time.
            InputError: where it has none for another reason.
        """
        self.networks = [each for each in self.networks if each not in lost]
        self.left_out += [each.name for each in lost]
        for each, why in lost.items():
            log.error("train: %s IS LEFT OUT: %s", each.name, why)
            (self.folder / each.weights).unlink(missing_ok=True)
        trained, again = {_term(each) for each in self.networks}, "Start again to go on."
        for each, why in lost.items():
            if _term(each) in trained:
                continue
            if isinstance(why, TimeUp):
                raise TimeTooShort(f"time for a network of {each.grader.view}", "none when the time was up", again)
            said = " ".join(str(why).split())  # of whatever many lines
            raise InputError(self.folder, f"a network of {each.grader.view}", f"none: {said}", again)

    def _jitter(self) -> Jitter:
        """Makes the model's localiser, once, and says how far from the labels it lets crops be cut."""
        from stenosis_kit.graders.jitter import make_localiser

        path = self.folder / JOBS / "jitter.json"
        if not path.is_file():
            jitter = make_localiser(self.store, self.folder, self.folds, self.budget, self.training.seed)
            write_json(path, jitter)
            log.info("train: crops are cut this far from labels (mm, outward/back/up): %s", _shown(jitter))
        return read_json(path, "an unfinished run")

    def finish(self) -> dict:
        """Makes a model of what the networks answered; the counts for run.json."""
        self._leave_out(cut_short(self.folder, self.networks))
        counts = assemble(self.folder, self.manifest, self.training, self.networks, self.fingerprint)
        return {"studies": len(self.folds)} | counts | {"left_out": self.left_out}


def _term(trained: TrainedGrader) -> str:
    return VIEW_BY_NAME[trained.grader.view].term


def _shown(jitter: Jitter) -> str:
    return ", ".join(f"{view} {'/'.join(f'{value:.1f}' for value in row)}" for view, row in jitter.items())
