"""Running a function over studies in worker processes that may die, hang or be somebody else's."""

from __future__ import annotations

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.worker_process import Crew, TaskLost

_AHEAD = 4  # tasks in flight for each worker: enough to keep it busy, few enough to keep memory flat
_AHEAD_ELSEWHERE = 128  # where it is not known how many workers there are

TASK_S = 60.0
"""Longest that a study may take a worker, s: a hundred times what it takes. A read that never ends costs no more."""


class TimeUp(TaskLost):
    """The time ran out before the task was done."""

    def __init__(self) -> None:
        super().__init__("the time was up")


class ExecutorGone(TaskLost):
    """The executor that had the task broke, or its cluster is gone: no fault of the task's."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the workers are gone: {why}")


def run_tasks(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    workers: int | None = None,
    executor: Executor | None = None,
    budget: Budget | None = None,
    task_s: float = TASK_S,
    ahead: int = _AHEAD_ELSEWHERE,
) -> Iterator[tuple[Any, Any]]:
    """Yields (task, result) as results come in, at most a few tasks ahead of the consumer.

    A function that raises yields its exception as the result; nothing is raised here. A task on which its worker dies,
    or that takes longer than `task_s`, yields `TaskLost`; the rest goes on.

    Args:
        function: importable by name, so that it can be sent to a worker.
        tasks: its arguments.
        workers: number of processes; all cores by default; 1 runs in this process, where nothing can be given up.
        executor: any `concurrent.futures.Executor` to use instead of processes of our own.
        budget: when it is spent, the remaining tasks yield `TimeUp` and our workers are ended.
        task_s: the longest that a task may take one of our processes, s.
        ahead: the most tasks that an executor has at a time.
    """
    tasks = list(tasks)
    budget = budget or Budget()
    if not budget.remaining():
        yield from ((task, TimeUp()) for task in tasks)
    elif executor is not None:
        yield from _run_on(executor, function, tasks, ahead, budget)
    elif workers == 1 or not tasks:
        yield from _run_here(function, tasks, budget)
    else:
        yield from _run_on_processes(function, tasks, min(workers or os.cpu_count() or 1, len(tasks)), budget, task_s)


def _run_here(function: Callable, tasks: list, budget: Budget) -> Iterator[tuple[Any, Any]]:
    for task in tasks:
        if not budget.remaining():
            yield task, TimeUp()
            continue
        try:
            result = function(task)
        except Exception as error:  # as a worker would report it
            result = error
        yield task, result


def _run_on_processes(
    function: Callable, tasks: list, workers: int, budget: Budget, task_s: float
) -> Iterator[tuple[Any, Any]]:
    """Each thread of a pool has a process of the crew do its tasks."""
    crew, threads = Crew(function, task_s), ThreadPoolExecutor(workers)
    try:
        yield from _run_on(threads, crew.run, tasks, _AHEAD * workers, budget)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        crew.dismiss()


def _run_on(
    executor: Executor, function: Callable, tasks: Iterable, ahead: int, budget: Budget
) -> Iterator[tuple[Any, Any]]:
    """As `run_tasks`; where a foreign executor breaks, what was in flight is yielded first, then what was not begun."""
    queue, running = deque(tasks), {}
    broken: ExecutorGone | None = None
    while queue or running:
        while queue and len(running) < ahead and broken is None:
            try:
                running[executor.submit(function, queue[0])] = queue[0]
                queue.popleft()
            except Exception as error:  # executors differ in what they raise when they can take no more
                broken = ExecutorGone(str(error))
        if not running:
            yield from ((task, broken) for task in queue)
            return
        for future in _wait_for_one(running, budget):
            yield running.pop(future), _result(future)
        if not budget.remaining():
            yield from ((task, TimeUp()) for task in [*running.values(), *queue])
            return


def _result(future: Future) -> Any:
    if future.cancelled():  # as Dask does where its scheduler is gone
        return ExecutorGone("the task was cancelled")
    error = future.exception()
    if isinstance(error, BrokenExecutor):
        return ExecutorGone(str(error))
    return error or future.result()


def _wait_for_one(running: dict[Future, Any], budget: Budget) -> set[Future]:
    seconds = budget.remaining()
    return wait(running, None if math.isinf(seconds) else min(seconds, threading.TIMEOUT_MAX), FIRST_COMPLETED).done
