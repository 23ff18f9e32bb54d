"""One training run: training what was planned, and making a model of it.

The unit of work is a job, one grader on one fold (see `job`): it gets its share of the time that is left, and what it
made is saved whole. A run that was stopped goes on with the jobs it lacks.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace

from tqdm import tqdm

from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.tasks import TimeUp
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.dispatch import train_here, train_on
from stenosis_kit.graders.ensemble import assemble, cut_short
from stenosis_kit.graders.job import JOBS, Job, Recipe, result_path
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.own_localiser import make_localiser
from stenosis_kit.graders.planned_run import PlannedRun

log = logging.getLogger(__name__)

Lost = Mapping[TrainedGrader, str | Exception]
"""Networks that a model does without, and why."""


@dataclass(frozen=True)
class TrainedRun:
    """What was trained.

    Attributes:
        planned: what was to be.
        networks: that are there.
        left_out: names of networks, and of views, that the model does without.
    """

    planned: PlannedRun
    networks: tuple[TrainedGrader, ...]
    left_out: tuple[str, ...]

    def without(self, lost: Lost) -> TrainedRun:
        """Goes on without networks, and says so loudly; raises as `check_terms`."""
        folder = self.planned.request.folder
        for each, why in lost.items():
            log.error("train: %s IS LEFT OUT: %s", each.name, why)
            for path in (result_path(folder, each), folder / each.weights):  # without its result it is trained again
                path.unlink(missing_ok=True)
        self.check_terms(lost)
        networks = tuple(each for each in self.networks if each not in lost)
        return replace(self, networks=networks, left_out=(*self.left_out, *(each.name for each in lost)))

    def check_terms(self, lost: Lost) -> None:
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
                folder, found = self.planned.request.folder, f"none: {' '.join(str(why).split())}"
                raise InputError(folder, missing, found, again)


def train_planned(planned: PlannedRun) -> TrainedRun:
    """Trains the networks that are not there yet, here or on the cluster, in the time that is left.

    Raises:
        TimeTooShort, InputError: where a term has no network, see `TrainedRun.check_terms`.
    """
    run = TrainedRun(planned, planned.networks, planned.left_out)
    cluster, wanted, total = planned.request.cluster, _missing(planned), len(planned.networks)
    if len(wanted) < total:
        log.info("train: going on; %d of %d networks are already trained", total - len(wanted), total)
    recipe = _recipe(planned)
    # What does with less than its time comes last in a fold, and has what the others leave.
    wanted = sorted(wanted, key=lambda each: (each.number, each.fold, -min(each.grader.time, 1)))
    jobs = [Job(recipe, each, planned.weights(each), planned.work(each)) for each in wanted]
    budget = planned.time_to_train()
    outcomes = train_on(cluster, jobs, budget) if cluster else train_here(jobs, budget)
    said: dict[TrainedGrader, str | Exception] = {}
    for job, outcome in tqdm(outcomes, "train", len(jobs), unit="network", disable=None, leave=False):
        said[job.trained] = outcome
        if isinstance(outcome, str):
            log.info("train: %s", outcome)
        elif not cluster:  # whose late results may yet come
            run.check_terms({each: why for each, why in said.items() if isinstance(why, Exception)})
    return run.without({each: said[each] for each in _missing(planned)})


def _missing(planned: PlannedRun) -> list[TrainedGrader]:
    # The folder is listed: of a single file a network file system may remember that it was not there.
    folder = planned.request.folder
    done = {path.name for path in (folder / JOBS).iterdir()}
    return [each for each in planned.networks if result_path(folder, each).name not in done]


def _recipe(planned: PlannedRun) -> Recipe:
    """Makes the model's localiser, once. Paths are absolute: other processes have other working directories."""
    asked, folds, training = planned.request, planned.folds, planned.training
    errors = asked.settled(
        "jitter.json", lambda: make_localiser(asked.store, asked.folder, folds, asked.budget, training.seed)
    )
    return Recipe(asked.store.folder.absolute(), asked.folder.absolute(), asked.fingerprint, training, folds, errors)


def finish(trained: TrainedRun) -> dict:
    """Makes a model of what the networks answered; the counts for run.json.

    Raises:
        InputError: where a term has no network but those that were cut short.
    """
    planned, asked = trained.planned, trained.planned.request
    run = trained.without(cut_short(asked.folder, trained.networks))
    made_of = asked.folder, asked.manifest, planned.training, run.networks, asked.fingerprint
    counts = assemble(*made_of, asked.store.cutting_version, start=planned.start_answers)
    said = {"left_out": run.left_out, "start": planned.start_name}
    return {"studies": len(planned.folds)} | counts | said


def _term(trained: TrainedGrader) -> str:
    return VIEW_BY_NAME[trained.grader.view].term
