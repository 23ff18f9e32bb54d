"""One training run: what is trained in the time, training it, and making a model of it.

The unit of work is a job, one grader on one fold (see `job`): it gets its share of the time that is left, and what it
made is saved whole. A run that was stopped goes on with the jobs it lacks.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit.base.budget import show_time, slowness
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.tasks import TimeUp
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.batches import labelled
from stenosis_kit.graders.bundled import NONE
from stenosis_kit.graders.dispatch import train_here, train_on
from stenosis_kit.graders.ensemble import assemble, cut_short
from stenosis_kit.graders.job import JOBS, Job, Recipe, measured_pixels, result_path
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.own_localiser import make_localiser
from stenosis_kit.graders.plan import Load, Plan, Time, plan, startable, work
from stenosis_kit.graders.request import Request
from stenosis_kit.graders.settings import Grader
from stenosis_kit.graders.start_answers import StartAnswers, is_affordable, start_answers
from stenosis_kit.tables.folds import assign_folds, read_folds, write_folds

log = logging.getLogger(__name__)

_LOCALISER_S = 6.0  # loading the localiser, and measuring where it lets crops be cut
_FINISH_S = 4.0  # pools, second stage, tables and model.json, and leaving
BESIDE_S = _LOCALISER_S + _FINISH_S
"""What a training usually takes beside its networks, s."""
_SHORTEST_MEASURED_S = 60.0  # in less time there is nothing to choose
_SLOW = 1.5  # chosen by hand: from here on it is said that a machine is slow


class TrainingRun:
    """The networks that a run makes, and what the finished ones answered.

    Attributes:
        training: the settings: as requested, then as planned.
        folds: {study: fold} of the store's studies, once planned.
        networks: to be trained, or trained.
        left_out: names of networks, and of views, that the model does without.
    """

    def __init__(self, request: Request) -> None:
        self._request = request
        self._manifest = labelled(request.store)
        self._studies = set(self._manifest["study_id"])
        self._grading_s = 0.0
        graders = tuple(grader for grader in request.training.graders if grader.view in request.store.arrays)
        self.training = replace(request.training, graders=graders)
        self._start = request.start
        if self._start:
            self.training = self._start.settings(self.training, self._studies)
        self.folds: dict[int, int] = {}
        self.networks: list[TrainedGrader] = []
        self._start_answers: StartAnswers | None = None
        self.left_out: list[str] = []

    # --- Planning ------------------------------------------------------------------------------

    def check_time(self) -> None:
        """Raises TimeTooShort where not even one model a term can be trained."""
        slow, left = self._slowness(), self._request.budget.remaining()
        if slow >= _SLOW:
            log.warning("train: this machine is busy: work takes %.1f times as long as usual", slow)
        try:
            startable(self.training, len(self._studies), self._time(slow))
        except TimeTooShort as error:
            if slow < _SLOW:
                raise
            expected = f"{error.expected}, and {slow:.1f} times as much while this machine is so busy"
            raise TimeTooShort(expected, f"{show_time(left)} left", error.remedy) from None

    def plan(self) -> None:
        """Settles, once, how many models a grader there will be and of what size, and the studies' folds."""
        folder = self._request.folder
        self._answer_with_start()
        chosen = Plan(**self._once("plan.json", lambda: asdict(self._plan())))
        if self._start and self._start.bundled and self._request.cluster:
            self._start = self._start.copied_to(folder / JOBS / "start")
        if not read_folds(folder):
            assign = self._start.assign_folds if self._start else assign_folds
            write_folds(folder, assign(self._manifest, chosen.folds, self.training.seed))
        self.folds = {study: fold for study, fold in read_folds(folder).items() if study in self._studies}
        self.training, self._grading_s = chosen.settings(self.training), chosen.grading_s
        graders = self._learnable(self.training.graders)
        self.training = replace(self.training, graders=graders)
        self.networks = [TrainedGrader.of(grader, fold) for fold in range(chosen.models) for grader in graders]
        self._log_plan(chosen.models)

    def _answer_with_start(self) -> None:
        """Has the bundled graders answer, for the pools, before the time is shared out."""
        if is_affordable(self._start, self._manifest.height, self._time(self._slowness()).seconds):
            load_tensorflow()
            self._start_answers = start_answers(self._request.store, self._manifest)

    def _learnable(self, graders: Sequence[Grader]) -> tuple[Grader, ...]:
        """Those whose crops lie in more than one fold, so that each network has some to learn from; says which do not.

        Raises:
            InputError: where there is none.
        """
        views = self._manifest.select("view", fold=pl.col("study_id").replace_strict(self.folds)).unique()
        counts = dict(views.group_by("view").len().iter_rows())
        lost = [grader.view for grader in graders if counts.get(grader.view, 0) < 2]
        for view in lost:
            log.error("train: %s IS LEFT OUT: its crops all lie in one fold: there is nothing to learn from", view)
        self.left_out += lost
        if len(lost) == len(graders):
            found, remedy = "each view's crops all in one fold", "Give more training studies, or more --folds."
            raise InputError(self._request.store.folder, "labelled crops in several folds", found, remedy)
        return tuple(grader for grader in graders if grader.view not in lost)

    def _once(self, name: str, make: Callable[[], dict]) -> dict:
        """What an earlier attempt at this run settled, else what is settled now."""
        path = self._request.folder / JOBS / name
        if not path.is_file():
            write_json(path, make())
        return read_json(path, "an unfinished run")

    def _plan(self) -> Plan:
        load_tensorflow()  # before the time is shared out
        slow = self._slowness()
        store, start, time = self._request.store, self._start, self._time(slow)
        if not time.workers and _SHORTEST_MEASURED_S < time.seconds < math.inf:
            pixels = measured_pixels(store, self.training)
            log.info("train: this machine learns from %.2f million pixels a second", pixels / 1e6)
            slow = self._slowness()
            time = replace(self._time(slow), pixels=pixels * slow)
        crops = dict(self._manifest.group_by("view").len().iter_rows())
        parts = start.folds_kept(self._studies) if start else None
        chosen = plan(self.training, Load(crops, len(self._studies), parts, self._request.to_grade, not start), time)
        beside = 1 + bool(self._start_answers) / chosen.models  # the bundled graders answer too
        chosen = replace(chosen, grading_s=beside * slow * chosen.grading_s)
        return start.fitting(chosen, self.training) if start else chosen

    def _slowness(self) -> float:
        """Of this machine, if it trains."""
        return 1.0 if self._request.cluster else slowness()

    def _time(self, slow: float) -> Time:
        """For the networks, in seconds of a machine that is as fast as usual: `plan` knows no other ones."""
        cluster, seconds = self._request.cluster, self._request.budget.remaining() / slow - BESIDE_S
        return Time(seconds, workers=cluster.workers if cluster else 0)

    def _log_plan(self, models: int) -> None:
        graders, filters = self.training.graders, self.training.filters
        sizes = "/".join(str(grader.px) for grader in graders)
        text = "train: %d networks: %d graders, %d fold(s) of %d; %s pixels a side, %d to %d filters"
        counts = len(self.networks), len(graders), models, len(set(self.folds.values()))
        log.info(text, *counts, sizes, filters[0], filters[-1])
        if self._grading_s:
            log.info("train: %s of the time are kept for grading with them", show_time(self._grading_s))
        if self._start:
            anew = [each.name for each in self.networks if not self._weights(each)]
            log.info("train: %d of them start from: %s", len(self.networks) - len(anew), self.start_name)
            if anew:
                log.warning("train: NO WEIGHTS THERE FIT, SO THESE START ANEW: %s", ", ".join(anew))

    @property
    def start_name(self) -> str:
        """What the networks start from: bundled, none, or an earlier model's folder."""
        return self._start.name if self._start else NONE

    def _weights(self, trained: TrainedGrader) -> Path | None:
        return self._start.weights(trained, self.training, self._studies) if self._start else None

    # --- Training ------------------------------------------------------------------------------

    def train_jobs(self) -> None:
        """Trains the networks that are not there yet, here or on the cluster, in the time that is left."""
        cluster, wanted = self._request.cluster, self._missing()
        done, total = len(self.networks) - len(wanted), len(self.networks)
        if done:
            log.info("train: going on; %d of %d networks are already trained", done, total)
        recipe = self._recipe()
        jobs = [Job(recipe, each, self._weights(each), self._work(each)) for each in wanted]
        budget = self._request.budget.share(keep=_FINISH_S * self._slowness() + self._grading_s)
        outcomes = train_on(cluster, jobs, budget) if cluster else train_here(jobs, budget)
        said: dict[TrainedGrader, str | Exception] = {}
        for job, outcome in tqdm(outcomes, "train", len(jobs), unit="network", disable=None, leave=False):
            said[job.trained] = outcome
            if isinstance(outcome, str):
                log.info("train: %s", outcome)
            elif not cluster:  # whose late results may yet come
                self._check_terms({each: why for each, why in said.items() if isinstance(why, Exception)})
        self._leave_out({each: said[each] for each in self._missing()})

    def _work(self, trained: TrainedGrader) -> float:
        fold = pl.col("study_id").replace_strict(self.folds)
        learnt = self._manifest.filter(pl.col("view") == trained.grader.view, fold != trained.fold)
        return work(trained.grader, self.training, learnt.height)

    def _missing(self) -> list[TrainedGrader]:
        # The folder is listed: of a single file a network file system may remember that it was not there.
        done = {path.name for path in (self._request.folder / JOBS).iterdir()}
        return [each for each in self.networks if result_path(self._request.folder, each).name not in done]

    def _recipe(self) -> Recipe:
        """Makes the model's localiser, once. Paths are absolute: other processes have other working directories."""
        asked, folds = self._request, self.folds
        errors = self._once(
            "jitter.json", lambda: make_localiser(asked.store, asked.folder, folds, asked.budget, self.training.seed)
        )
        store, folder = asked.store.folder.absolute(), asked.folder.absolute()
        return Recipe(store, folder, asked.fingerprint, self.training, folds, errors)

    def _leave_out(self, lost: dict[TrainedGrader, str | Exception]) -> None:
        """Goes on without networks, and says so loudly; raises as `_check_terms`."""
        self.networks = [each for each in self.networks if each not in lost]
        self.left_out += [each.name for each in lost]
        for each, why in lost.items():
            log.error("train: %s IS LEFT OUT: %s", each.name, why)
            (self._request.folder / each.weights).unlink(missing_ok=True)
        self._check_terms(lost)

    def _check_terms(self, lost: Mapping[TrainedGrader, str | Exception]) -> None:
        """That each term has a network beside the lost ones, or may yet have.

        Raises:
            TimeTooShort: where a term has none for want of time.
            InputError: where it has none for another reason.
        """
        trained, again = {_term(each) for each in self.networks if each not in lost}, "Start again to go on."
        for each, why in lost.items():
            missing = f"a network of {each.grader.view}"
            if _term(each) not in trained and isinstance(why, TimeUp):
                raise TimeTooShort(f"time for {missing}", "none when the time was up", again)
            if _term(each) not in trained:
                raise InputError(self._request.folder, missing, f"none: {' '.join(str(why).split())}", again)

    # --- A model -------------------------------------------------------------------------------

    def finish(self) -> dict:
        """Makes a model of what the networks answered; the counts for run.json."""
        folder = self._request.folder
        self._leave_out(cut_short(folder, self.networks))
        asked = self._request.fingerprint, self._request.store.cutting_version
        beside = {"start": self._start_answers}
        counts = assemble(folder, self._manifest, self.training, self.networks, *asked, **beside)
        return {"studies": len(self.folds)} | counts | {"left_out": self.left_out, "start": self.start_name}


def _term(trained: TrainedGrader) -> str:
    return VIEW_BY_NAME[trained.grader.view].term
