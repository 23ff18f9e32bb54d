"""Who trains the networks, this process or the workers of a cluster, and how long each may take."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from itertools import groupby
from typing import TYPE_CHECKING, Any

from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.tasks import TimeUp, run_tasks
from stenosis_kit.graders.cost import GRAPH_S
from stenosis_kit.graders.job import Diverged, Job, build_graphs, part_trained, train_job
from stenosis_kit.graders.settings import Grader

if TYPE_CHECKING:
    from stenosis_kit.base.cluster import Cluster

_LEAST_PART = 0.25  # of a network's epochs, chosen by hand: rather fewer networks than some that get less
_WAY_S = 3.0  # kept for the way to a worker and back, and for a slow disk


def train_here(jobs: Sequence[Job], budget: Budget) -> Iterator[tuple[Job, str | Exception]]:
    """Trains in this process, one after the other; each gets a share of the time left by its work, see `cost.work`.

    What there is no time to begin, by what it took before, has `TimeUp` in its place: first the jobs of graders whose
    graphs would take too long, as nothing can stop building them; then, before each round of jobs of one fold, the last
    rounds, where the machine has become so slow that all networks would be hardly trained.
    """
    ready, late_s = _ready(jobs, budget), 0.0
    yield from ((job, TimeUp()) for job in jobs if job.trained.grader not in ready)
    left, now = [job for job in jobs if job.trained.grader in ready], None
    whole_s: dict[Grader, float] = {}  # that all epochs would have taken a grader's last network
    while left:
        if _round(left[0]) != now:
            left, lost = _affordable(left, whole_s, budget.remaining())
            yield from ((job, TimeUp()) for job in lost)
        if not left:
            return
        job, now = left[0], _round(left[0])
        share = budget.share(job.work / sum(each.work for each in left))
        outcome = _outcome(job, share.seconds) if budget.remaining() > late_s else TimeUp()
        # So far beyond its share ran what cannot be stopped, as the last answers: no job is begun with less time left.
        late_s = max(late_s, share.elapsed() - share.seconds)
        if part := isinstance(outcome, str) and part_trained(job):
            whole_s[job.trained.grader] = share.elapsed() / part
        yield job, outcome
        left = left[1:]


def _outcome(job: Job, seconds: float) -> str | Diverged:
    try:
        return train_job(job, seconds)
    except Diverged as error:
        return error


def _round(job: Job) -> tuple[int, int]:
    return job.trained.number, job.trained.fold


def _affordable(jobs: Sequence[Job], whole_s: Mapping[Grader, float], seconds: float) -> tuple[list[Job], list[Job]]:
    """Jobs of the first rounds, as many as can have a part of their epochs that is worth while; and the others.

    Args:
        jobs: not begun yet.
        whole_s: seconds that all epochs of a grader's network take, as far as known.
        seconds: the time for all.
    """
    kept, lost, needed = [], [], 0.0
    for _, own in groupby(jobs, _round):
        jobs_of_one = list(own)
        needed += _LEAST_PART * sum(whole_s.get(job.trained.grader, 0.0) for job in jobs_of_one)
        (kept if needed <= seconds else lost).extend(jobs_of_one)
    return kept, lost


def _ready(jobs: Sequence[Job], budget: Budget) -> set[Grader]:
    """Graders whose graphs are built, before the time is shared out.

    One is begun where that leaves each grader as long to train as its graph took; the first, where the time reaches.
    """
    ready: set[Grader] = set()
    if not budget.reaches(GRAPH_S):
        return ready
    watch, longest = Stopwatch(), 0.0
    for job in {job.trained.grader: job for job in jobs}.values():
        if budget.remaining() < (len(ready) + 2) * longest:
            break
        build_graphs(job)
        longest = max(longest, watch.lap("graphs"))
        ready.add(job.trained.grader)
    return ready


def train_on(cluster: Cluster, jobs: Sequence[Job], budget: Budget) -> Iterator[tuple[Job, str | Exception]]:
    """Trains on a cluster, a job a worker at a time, and yields what was said of each, or why it is not there.

    When the budget is spent, nothing more is waited for. Dask gives the job of a worker that died to another one.
    """
    rounds = _Rounds(cluster, len(jobs), budget)
    return run_tasks(train_job, jobs, executor=rounds, budget=budget, ahead=cluster.workers)


class _Rounds(Executor):
    """Hands jobs to the cluster; each gets 1 / ceil(jobs left / workers) of the time left."""

    def __init__(self, cluster: Cluster, jobs: int, budget: Budget) -> None:
        self.cluster = cluster
        self.left = jobs
        self.budget = budget

    def submit(self, function: Any, job: Job, /) -> Future:
        share = self.budget.share(1 / math.ceil(self.left / self.cluster.workers), keep=_WAY_S)
        self.left -= 1
        return self.cluster.executor.submit(function, job, share.seconds)
