"""Running tasks: each comes back once, with its result or why there is none."""

from __future__ import annotations

import errno
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import worker_functions as functions
from worker_functions import results

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tasks import ExecutorGone, TimeUp, is_accident, run_tasks


@pytest.mark.parametrize("workers", [1, 2])
def test_each_task_comes_back_with_its_own_result(workers: int) -> None:
    assert results(functions.double, range(30), workers) == {n: 2 * n for n in range(30)}


def test_results_belong_to_their_tasks_in_whatever_order_they_come() -> None:
    last_is_done = threading.Event()

    def run(task: int) -> int:
        if task == 5:
            last_is_done.set()
        elif task == 0:
            assert last_is_done.wait(20)
        return 10 * task

    with ThreadPoolExecutor(2) as executor:
        pairs = list(run_tasks(run, range(6), executor=executor))
    assert sorted(pairs) == [(task, 10 * task) for task in range(6)]
    assert pairs[0][0] != 0


@pytest.mark.parametrize("workers", [1, 2])
def test_no_tasks_are_no_results(workers: int) -> None:
    assert list(run_tasks(functions.double, [], workers)) == []


@pytest.mark.parametrize("workers", [1, 2])
def test_an_exception_is_a_result(workers: int) -> None:
    found = results(functions.refuse_odd, range(4), workers)
    assert (found[0], found[2]) == (0, 2)
    assert isinstance(found[1], ValueError)
    assert str(found[3]) == "3 is odd"


def test_one_worker_runs_in_this_process() -> None:
    assert results(functions.process_id, [0, 1], 1) == dict.fromkeys([0, 1], os.getpid())


def test_what_runs_ahead_of_the_consumer_is_bounded() -> None:
    begun = []

    def note(task: int) -> int:
        begun.append(task)
        return task

    with ThreadPoolExecutor(2) as executor:
        tasks = run_tasks(note, range(1000), executor=executor)
        next(tasks)
        tasks.close()
    assert len(begun) < 200


@pytest.mark.parametrize("workers", [1, 2])
def test_without_time_every_task_comes_back_as_lost(workers: int) -> None:
    found = results(functions.slow, range(20), workers, budget=Budget(0))
    assert {type(result) for result in found.values()} == {TimeUp}
    assert list(found) == list(range(20))


def test_a_foreign_executor_is_used_and_left_open() -> None:
    with ThreadPoolExecutor(2) as executor:
        assert results(functions.process_id, [0, 1], executor=executor) == dict.fromkeys([0, 1], os.getpid())
        assert executor.submit(functions.double, 4).result() == 8


def test_exceptions_on_a_foreign_executor_are_results() -> None:
    with ThreadPoolExecutor(2) as executor:
        found = results(functions.refuse_odd, range(200), executor=executor)
    assert sum(isinstance(result, ValueError) for result in found.values()) == 100


@pytest.mark.parametrize(
    ("result", "accident"),
    [
        (TimeUp(), True),
        (ExecutorGone("gone"), True),
        (MemoryError(), True),
        (OSError(errno.EIO, "Input/output error"), True),
        (FileNotFoundError(errno.ENOENT, "No such file"), False),
        (ValueError("3 is odd"), False),
        (MemoryError, False),  # no exception, but a result that happens to be a class
        ("done", False),
        (None, False),
    ],
)
def test_an_accident_tells_nothing_of_its_task(result, accident) -> None:
    assert is_accident(result) is accident
