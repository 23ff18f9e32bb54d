"""Running a function over tasks: in this process, in worker processes that may die or hang, or on an executor."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from typing import Any

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.cores import usable_cores
from stenosis_kit.base.errors import may_pass
from stenosis_kit.base.worker_process import TaskLost, WorkerPool

_AHEAD = 4  # tasks in flight for each worker, chosen by hand: it stays busy, and few results wait in memory
_AHEAD_ELSEWHERE = 128  # of an executor, whose number of workers is not known; chosen by hand

TASK_S = 60.0
"""Longest that a study may take a worker, s: a hundred times what one takes; for reads that never end."""


class TimeUp(TaskLost):
    """The time ran out before the task was done."""

    def __init__(self) -> None:
        super().__init__("the time was up")


class ExecutorGone(TaskLost):
    """The executor that had the task broke, or its cluster is gone; the task itself may be fine."""

    def __init__(self, why: str) -> None:
        super().__init__(f"the workers are gone: {why}")


def is_accident(result: Any) -> bool:
    """Whether a task's result is an exception that tells nothing of the task: done again, it may succeed."""
    return isinstance(result, TaskLost) or (isinstance(result, Exception) and may_pass(result))


def run_tasks(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    workers: int | None = None,
    executor: Executor | None = None,
    budget: Budget | None = None,
    task_s: float = TASK_S,
    ahead: int = _AHEAD_ELSEWHERE,
) -> Iterator[tuple[Any, Any]]:
    """Yields (task, result) as results come in; only a few tasks run ahead of the consumer, so that memory stays flat.

    An exception that the function raises is the task's result; nothing is raised here. A task on which its worker dies
    twice, or that takes longer than `task_s`, has a `TaskLost` as its result; the rest goes on.

    Args:
        function: importable by name, so that it can be sent to a worker.
        tasks: its arguments.
        workers: number of processes, one a core by default; 1 runs in this process, where no task can be given up.
        executor: any `concurrent.futures.Executor` to use instead of processes of our own.
        budget: when it is spent, the remaining tasks have `TimeUp` as their result, and our processes are killed.
        task_s: the longest that a task may take one of our processes, s.
        ahead: the most tasks that an executor has at a time.
    """
    budget = budget or Budget()
    if executor is not None:
        yield from _run_on(executor, function, tasks, ahead, budget)
    elif workers == 1:
        yield from _run_on(_Here(), function, tasks, 1, budget)
    else:
        yield from _run_on_processes(function, tasks, workers or usable_cores(), budget, task_s)


class _Here(Executor):
    """Runs each task in this process, when it is submitted."""

    def submit(self, function: Callable[[Any], Any], task: Any, /) -> Future:
        """The task's future, which is done."""
        future: Future = Future()
        try:
            future.set_result(function(task))
        except Exception as error:
            future.set_exception(error)
        return future


def _run_on_processes(
    function: Callable, tasks: Iterable, workers: int, budget: Budget, task_s: float
) -> Iterator[tuple[Any, Any]]:
    """Each thread has a process do its tasks."""
    pool, threads = WorkerPool(function, task_s), ThreadPoolExecutor(workers)
    try:
        yield from _run_on(threads, pool.run, tasks, _AHEAD * workers, budget)
    finally:
        threads.shutdown(wait=False, cancel_futures=True)
        pool.close()


def _run_on(
    executor: Executor, function: Callable, tasks: Iterable, ahead: int, budget: Budget
) -> Iterator[tuple[Any, Any]]:
    """As `run_tasks`; where an executor breaks, tasks in flight are yielded first, then those not submitted."""
    queue, running = deque(tasks), {}
    broken: ExecutorGone | None = None
    while queue or running:
        if not budget.remaining():
            yield from ((task, TimeUp()) for task in [*running.values(), *queue])
            return
        while queue and len(running) < ahead and broken is None:
            try:
                running[executor.submit(function, queue[0])] = queue[0]
                queue.popleft()
            except Exception as error:  # executors differ in what they raise when they can take no more
                broken = ExecutorGone(str(error))
        if not running:
            yield from ((task, broken) for task in queue)
            return
        for future in wait(running, min(budget.remaining(), threading.TIMEOUT_MAX), FIRST_COMPLETED).done:
            yield running.pop(future), _result(future)


def _result(future: Future) -> Any:
    if future.cancelled():  # as Dask does where its scheduler is gone
        return ExecutorGone("the task was cancelled")
    error = future.exception()
    if isinstance(error, BrokenExecutor):
        return ExecutorGone(str(error))
    return error or future.result()
