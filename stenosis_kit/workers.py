"""Running a function over studies in worker processes that may die, hang or be somebody else's.

Workers are started by spawn (a forked TensorFlow deadlocks) and end when their parent does.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from stenosis_kit.budget import Budget

_AHEAD = 4  # tasks in flight for each worker: enough to keep it busy, few enough to keep memory flat
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")


class TaskLost(Exception):
    """What a task yields that could not be run: its worker died, or time ran out."""


class TimeUp(TaskLost):
    """The time ran out before the task was done."""

    def __init__(self) -> None:
        super().__init__("the time was up")


def run_tasks(
    function: Callable[[Any], Any],
    tasks: Iterable[Any],
    workers: int | None = None,
    executor: Executor | None = None,
    budget: Budget | None = None,
) -> Iterator[tuple[Any, Any]]:
    """Yields (task, result) as results come in, at most a few tasks ahead of the consumer.

    A function that raises yields its exception as the result; nothing is raised here.

    Args:
        function: importable by name, so that it can be sent to a worker.
        tasks: its arguments.
        workers: number of processes; all cores by default; 1 runs in this process.
        executor: any `concurrent.futures.Executor` to use instead of processes of our own.
        budget: when it is spent, the remaining tasks yield `TimeUp` and our workers are ended.
    """
    tasks = list(tasks)
    workers = min(workers or os.cpu_count() or 1, max(1, len(tasks)))
    budget = budget or Budget()
    if executor is not None:
        yield from _run_on(executor, function, tasks, 64, budget)
    elif workers == 1:
        yield from _run_here(function, tasks, budget)
    else:
        yield from _run_on_processes(function, tasks, workers, budget)


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


def _run_on_processes(function: Callable, tasks: list, workers: int, budget: Budget) -> Iterator[tuple[Any, Any]]:
    """Runs tasks in pools of ours. Where a worker dies, the tasks in flight are run again one by one to find
    the one that it died on; that one is given up, and the rest goes on.
    """
    in_flight = _AHEAD * workers
    suspects: list = []
    while tasks or suspects:
        batch, ahead = (suspects, 1) if suspects else (tasks, in_flight)
        unfinished = []
        with _pool(1 if suspects else workers) as pool:
            for task, result in _run_on(pool, function, batch, ahead, budget):
                if isinstance(result, BrokenProcessPool):
                    unfinished.append(task)
                else:
                    yield task, result
        if suspects and unfinished:
            yield unfinished[0], TaskLost("a worker process died on it")
            suspects = unfinished[1:]
        elif suspects:
            suspects = []
        else:
            suspects, tasks = unfinished[:in_flight], unfinished[in_flight:]


def _run_on(
    executor: Executor, function: Callable, tasks: Iterable, ahead: int, budget: Budget
) -> Iterator[tuple[Any, Any]]:
    """As `run_tasks`; where the executor breaks, what was in flight is yielded first, then what was not begun."""
    queue, running = deque(tasks), {}
    broken: BaseException | None = None
    while queue or running:
        while queue and len(running) < ahead and broken is None:
            try:
                running[executor.submit(function, queue[0])] = queue[0]
                queue.popleft()
            except BrokenProcessPool as error:
                broken = error
        if not running:
            yield from ((task, broken) for task in queue)
            return
        for future in _wait_for_one(running, budget):
            yield running.pop(future), future.exception() or future.result()
        if not budget.remaining():
            yield from ((task, TimeUp()) for task in [*running.values(), *queue])
            return


def _wait_for_one(running: dict[Future, Any], budget: Budget) -> set[Future]:
    seconds = budget.remaining()
    return wait(running, None if math.isinf(seconds) else min(seconds, threading.TIMEOUT_MAX), FIRST_COMPLETED).done


@contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes are gone afterwards, even those that hang."""
    others = set(multiprocessing.active_children())
    pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_start_worker)
    with _single_threaded():
        try:
            yield pool
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in set(multiprocessing.active_children()) - others:
                process.kill()


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Lets processes that are started meanwhile use one thread each: there is one of them for each core."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns when the parent is gone, however it went
        os._exit(1)
