"""Jobs of training inside the time: how many fit, and who takes them, this process or the workers of a cluster."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, Any

from stenosis_kit.budget import Budget, show_time
from stenosis_kit.errors import InputError, TimeTooShort
from stenosis_kit.jobs import Job, train_job
from stenosis_kit.settings import Training
from stenosis_kit.workers import run_tasks

if TYPE_CHECKING:
    from stenosis_kit.cluster import Cluster

SHORTEST_JOB_S = 12.0
"""Less than this does not pay for building a network's graphs (4 to 7 s on two cores)."""
_SHORTEST_ROUND_S = 25.0  # on a cluster each of them is built anew, after TensorFlow is imported
_WAY_S = 3.0  # to a worker and back, and for a disk that is slow


def models_in_time(training: Training, studies: int, seconds: float, workers: int = 0) -> int:
    """How many models a grader fit the time: one a fold, fewer where the time or the studies are short.

    Args:
        training: settings.
        studies: number of studies.
        seconds: the time.
        workers: of a cluster that trains so many networks at a time; 0 for this process, which trains one.

    Raises:
        TimeTooShort: where not even one does.
        InputError: where there are fewer than two studies.
    """
    if studies < 2:
        raise InputError(
            "the training data", "labelled crops of at least two studies", f"{studies}", "Give more training studies."
        )
    models, shortest = _models(training, seconds, workers)
    if models < 1:
        raise TimeTooShort(
            f"at least {show_time(shortest + 1)} for training {len(training.graders)} graders",
            f"{show_time(max(seconds, 0))} left",
            "Give more time.",
        )
    return int(min(training.folds, studies, models))


def _models(training: Training, seconds: float, workers: int) -> tuple[float, float]:
    """The models a grader that fit the seconds, and the seconds that one takes."""
    if workers:  # rounds of as many jobs as there are workers
        rounds = math.ceil(len(training.graders) / workers)
        return seconds // _SHORTEST_ROUND_S * workers // len(training.graders), _SHORTEST_ROUND_S * rounds
    shares = [grader.time for grader in training.graders]
    shortest = SHORTEST_JOB_S * sum(shares) / min(shares)
    return seconds // shortest, shortest


def train_here(jobs: Sequence[Job], budget: Budget) -> Iterator[tuple[Job, str]]:
    """Trains one after the other in this process, each in its grader's share of what is left of the budget."""
    for done, job in enumerate(jobs):
        due = sum(later.trained.grader.time for later in jobs[done:])
        yield job, train_job(job, budget.share(job.trained.grader.time / due).seconds)


def train_on(cluster: Cluster, jobs: Sequence[Job], budget: Budget) -> Iterator[tuple[Job, str | Exception]]:
    """Trains on a cluster, a job a worker at a time, and yields what was said of each, or why it is not there.

    Nothing is waited for when the budget is spent. Dask gives the job of a worker that died to another one.
    """
    rounds = _Rounds(cluster, len(jobs), budget)
    return run_tasks(train_job, jobs, executor=rounds, budget=budget, ahead=cluster.workers)


class _Rounds(Executor):
    """Hands each job to the cluster with the time of its round: as many rounds are to come as its worker has jobs."""

    def __init__(self, cluster: Cluster, jobs: int, budget: Budget) -> None:
        self.cluster = cluster
        self.left = jobs
        self.budget = budget

    def submit(self, function: Any, job: Job, /) -> Future:
        share = self.budget.share(1 / math.ceil(self.left / self.cluster.workers), keep=_WAY_S)
        self.left -= 1
        return self.cluster.executor.submit(function, job, share.seconds)
