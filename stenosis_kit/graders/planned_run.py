"""From what a training run is asked for to what it trains: which networks, of what size, from what, and in what folds.

Nothing is trained here, but for measuring how fast that goes; `training_run` trains what was planned.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget, show_time, slowness
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.resolution import pixel_mm
from stenosis_kit.graders.bundled import NONE
from stenosis_kit.graders.cost import least_s, work
from stenosis_kit.graders.governor import plan, startable
from stenosis_kit.graders.job import JOBS, measured_pixels
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.plan import Load, Plan, Time
from stenosis_kit.graders.request import Request
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.graders.start_answers import StartAnswers, settled_answers
from stenosis_kit.graders.warm_start import Start
from stenosis_kit.tables.folds import assign_folds, read_folds, write_folds

log = logging.getLogger(__name__)

_LOCALISER_S = 6.0  # loading the localiser, and measuring where it lets crops be cut
_FINISH_S = 4.0  # pools, second stage, tables and model.json, and leaving
BESIDE_S = _LOCALISER_S + _FINISH_S
"""What a training usually takes beside its networks, s."""
_SHORTEST_MEASURED_S = 60.0  # in less time there is nothing to choose
_SLOW = 1.5  # chosen by hand: from here on it is said that a machine is slow


@dataclass(frozen=True)
class PlannedRun:
    """What a run trains.

    Attributes:
        request: what was asked for.
        training: the settings as planned.
        folds: {study: fold} of the store's studies.
        networks: to be trained.
        left_out: names of views that the model does without.
        start: what the networks start from, where all who train see it.
        start_answers: to the labelled studies; None: the prior is in their place.
        grading_s: seconds that are kept for grading.
    """

    request: Request
    training: Training
    folds: Mapping[int, int]
    networks: tuple[TrainedGrader, ...]
    left_out: tuple[str, ...]
    start: Start | None
    start_answers: StartAnswers | None
    grading_s: float

    @property
    def start_name(self) -> str:
        """What the networks start from: bundled, none, or an earlier model's folder."""
        return self.start.name if self.start else NONE

    def weights(self, trained: TrainedGrader) -> Path | None:
        """The weights file from which a network starts; None: new weights."""
        return self.start.weights(trained, self.training, self.request.studies) if self.start else None

    def work(self, trained: TrainedGrader) -> float:
        """What a network's training takes, see `cost.work`."""
        fold = pl.col("study_id").replace_strict(self.folds)
        learnt = self.request.manifest.filter(pl.col("view") == trained.grader.view, fold != trained.fold)
        return work(trained.grader, self.training, learnt.height)

    def time_to_train(self) -> Budget:
        """What is left for the networks: the rest makes a model of them, and grades."""
        return self.request.budget.share(keep=_FINISH_S * _slowness(self.request) + self.grading_s)


def check_time(request: Request) -> None:
    """Raises TimeTooShort where not even one model a term can be trained."""
    slow, left = _slowness(request), request.budget.remaining()
    if slow >= _SLOW:
        log.warning("train: this machine is busy: work takes %.1f times as long as usual", slow)
    try:
        startable(request.adapted, len(request.studies), _time(request, slow))
    except TimeTooShort as error:
        if slow < _SLOW:
            raise
        needed = slow * (least_s(request.adapted, _workers(request)) + BESIDE_S)
        expected = f"at least {show_time(needed)} for training while this machine is so busy"
        raise TimeTooShort(expected, f"{show_time(left)} left", error.remedy) from None


def plan_run(request: Request) -> PlannedRun:
    """Settles, once, what the start answers, how many models a grader there will be, their size, and the folds.

    Raises:
        TimeTooShort: where not even one model a term can be trained.
        InputError: where there is nothing to learn from, or the start cannot be used.
    """
    load_tensorflow()  # before the time is shared out
    start, seconds = request.start, _time(request, _slowness(request)).seconds
    kept = request.folder / JOBS / "start_answers.npz"
    answers = settled_answers(kept, start, request.store, request.manifest, seconds)
    chosen = Plan(**request.settled("plan.json", lambda: asdict(_plan(request, bool(answers)))))
    if start and start.bundled and request.cluster:
        start = start.copied_to(request.folder / JOBS / "start")
    folds, training = _folds(request, chosen.folds), chosen.settings(request.adapted)
    graders = _learnable(request, training.graders, folds)
    lost = tuple(grader.view for grader in training.graders if grader not in graders)
    networks = tuple(
        TrainedGrader.of(grader, fold, number)
        for number in range(chosen.twins)
        for fold in range(chosen.models)
        for grader in graders
    )
    training = replace(training, graders=graders)
    planned = PlannedRun(request, training, folds, networks, lost, start, answers, chosen.grading_s)
    _log_plan(planned, chosen)
    return planned


def _plan(request: Request, start_answers_too: bool) -> Plan:
    """What fits the time, of which grading takes more where the start answers beside what was trained."""
    training, start, slow = request.adapted, request.start, _slowness(request)
    time = _time(request, slow)
    if not time.workers and _SHORTEST_MEASURED_S < time.seconds < math.inf:
        pixels = measured_pixels(request.store, training)
        log.info("train: this machine learns from %.2f million pixels a second", pixels / 1e6)
        slow = _slowness(request)
        time = replace(_time(request, slow), pixels=pixels * slow)
    parts = start.folds_kept(request.studies) if start else None
    axial_mm = pixel_mm(request.manifest, rsna.AXIAL_T2)
    load = Load(
        request.crops, len(request.studies), parts, request.to_grade, not request.start, axial_mm, start_answers_too
    )
    chosen = plan(training, load, time)
    chosen = replace(chosen, grading_s=slow * chosen.grading_s)
    return start.fitting(chosen, training) if start else chosen


def _slowness(request: Request) -> float:
    """Of this machine, if it trains."""
    return 1.0 if request.cluster else slowness()


def _time(request: Request, slow: float) -> Time:
    """For the networks, in seconds of a machine that is as fast as usual: the governor knows no other ones."""
    seconds = request.budget.remaining() / slow - BESIDE_S
    return Time(seconds, workers=_workers(request))


def _workers(request: Request) -> int:
    """Of the cluster; 0 without one."""
    return request.cluster.workers if request.cluster else 0


def _folds(request: Request, folds: int) -> dict[int, int]:
    """{study: fold} of the store's studies; folds.csv, which holds them, is written once."""
    if not read_folds(request.folder):
        assign = request.start.assign_folds if request.start else assign_folds
        write_folds(request.folder, assign(request.manifest, folds, request.training.seed))
    return {study: fold for study, fold in read_folds(request.folder).items() if study in request.studies}


def _learnable(request: Request, graders: Sequence[Grader], folds: Mapping[int, int]) -> tuple[Grader, ...]:
    """Those whose crops lie in more than one fold, so that each network has some to learn from; says which do not.

    Raises:
        InputError: where there is none.
    """
    views = request.manifest.select("view", fold=pl.col("study_id").replace_strict(folds)).unique()
    counts = dict(views.group_by("view").len().iter_rows())
    lost = [grader.view for grader in graders if counts.get(grader.view, 0) < 2]
    for view in lost:
        log.error("train: %s IS LEFT OUT: its crops all lie in one fold: there is nothing to learn from", view)
    if len(lost) == len(graders):
        found, remedy = "each view's crops all in one fold", "Give more training studies, or more --folds."
        raise InputError(request.store.folder, "labelled crops in several folds", found, remedy)
    return tuple(grader for grader in graders if grader.view not in lost)


def _log_plan(planned: PlannedRun, chosen: Plan) -> None:
    graders, filters, networks = planned.training.graders, planned.training.filters, planned.networks
    sizes = "/".join(str(grader.px) for grader in graders)
    text = "train: %d networks: %d graders, %d fold(s) of %d, %d of each; %s pixels a side, %d to %d filters"
    counts = len(networks), len(graders), chosen.models, len(set(planned.folds.values())), chosen.twins
    log.info(text, *counts, sizes, filters[0], filters[-1])
    if planned.grading_s:
        log.info("train: %s of the time are kept for grading with them", show_time(planned.grading_s))
    if planned.start:
        anew = [each.name for each in networks if not planned.weights(each)]
        log.info("train: %d of them start from: %s", len(networks) - len(anew), planned.start_name)
        if anew:
            log.warning("train: NO WEIGHTS THERE FIT, SO THESE START ANEW: %s", ", ".join(anew))
