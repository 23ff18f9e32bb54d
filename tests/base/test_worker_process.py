"""Worker processes that die, hang, or are stopped with their parent."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import worker_functions as functions
from worker_functions import results

from stenosis_kit.base import worker_process
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.base.worker_process import TaskLost


def python(code: str, **options) -> subprocess.Popen:
    """Another process, in which the kit and the workers' functions can be imported."""
    paths = os.pathsep.join([str(Path(__file__).parents[1]), str(Path(__file__).parents[2])])
    return subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": paths}, **options)


def test_more_workers_are_other_processes_with_one_thread_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert os.getpid() not in results(functions.process_id, [0, 1], 2).values()
    assert results(functions.threads_allowed, [0, 1], 2) == {0: "1", 1: "1"}
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_workers_never_load_tensorflow() -> None:
    assert results(functions.heavy_modules, [0, 1], 2) == {0: [], 1: []}


@pytest.mark.parametrize("function", [functions.exit_at_seven, functions.killed_at_seven])
def test_a_worker_that_dies_costs_its_own_task_alone(function) -> None:
    found = results(function, range(20), 2)
    lost = {task for task, result in found.items() if isinstance(result, TaskLost)}
    assert lost == {functions.DEADLY}
    assert "died" in str(found[functions.DEADLY])
    assert all(found[task] == task for task in range(20) if task not in lost)


def test_several_workers_that_die_cost_their_own_tasks_alone() -> None:
    found = results(functions.killed_at_multiples_of_five, range(1, 13), 2)
    assert {task for task, result in found.items() if isinstance(result, TaskLost)} == {5, 10}
    assert all(found[task] == task for task in range(1, 13) if task % 5)


def test_a_hanging_task_is_given_up_when_the_time_is_up_and_its_process_is_gone(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    tasks = [(number, lock) for number in (1, 2, functions.DEADLY, 3, 4)]
    found = {}
    budget = Budget(60)
    for task, result in run_tasks(functions.hang_at_seven, tasks, 2, budget=budget):
        found[task[0]] = result
        if len(found) == 4:
            assert functions.comes_true(lambda: lock.is_file() and bool(lock.read_text()))
            assert functions.is_held(lock)
            budget.deadline = budget.started  # the time is up
    assert isinstance(found.pop(functions.DEADLY), TaskLost)
    assert found == {1: 1, 2: 2, 3: 3, 4: 4}
    assert functions.comes_true(lambda: not functions.is_held(lock))


def test_a_worker_that_the_system_kills_costs_nothing(tmp_path: Path) -> None:
    tasks = [tmp_path / str(number) for number in range(5)]
    assert results(functions.die_once, tasks, 2) == dict.fromkeys(tasks, "done")


def test_a_task_that_takes_too_long_is_given_up_and_the_rest_goes_on() -> None:
    found = results(functions.sleep_at_seven, range(12), 2, task_s=5.0)
    lost = found.pop(functions.DEADLY)
    assert isinstance(lost, TaskLost) and "more than 5 s" in str(lost)
    assert found == {number: number for number in range(12) if number != functions.DEADLY}


def test_a_single_task_has_a_process_too_so_that_it_can_be_given_up() -> None:
    (lost,) = results(functions.sleep_at_seven, [functions.DEADLY], task_s=3.0).values()
    assert isinstance(lost, TaskLost)


def test_a_task_that_asks_for_too_much_memory_fails_alone() -> None:
    found = results(functions.take_all_memory, range(10), 2)
    assert isinstance(found.pop(functions.DEADLY), MemoryError)
    assert found == {number: number for number in range(10) if number != functions.DEADLY}


def test_a_result_that_cannot_be_sent_is_said_to_be_one() -> None:
    found = results(functions.what_cannot_be_pickled, range(10), 2)
    assert "cannot be sent" in str(found.pop(functions.DEADLY))
    assert found == {number: number for number in range(10) if number != functions.DEADLY}


def test_a_consumer_that_leaves_early_leaves_no_process(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    tasks = run_tasks(functions.hang_at_seven, [(functions.DEADLY, lock), (1, lock)], 2)
    assert next(tasks) == ((1, lock), 1)
    assert functions.comes_true(lambda: lock.is_file() and bool(lock.read_text()))
    tasks.close()
    assert functions.comes_true(lambda: not functions.is_held(lock))


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    code = (
        "from pathlib import Path; import worker_functions as f; from stenosis_kit.base.tasks import run_tasks\n"
        f"list(run_tasks(f.hang_at_seven, [(7, Path({str(lock)!r})), (1, None)], 2))"
    )
    quiet = subprocess.DEVNULL  # its resource tracker outlives it and would speak at the end of the run
    parent = python(code, stderr=quiet)
    try:
        assert functions.comes_true(lambda: lock.is_file() and bool(lock.read_text()))
        assert functions.is_held(lock)
    finally:
        parent.kill()
        parent.wait()
    assert functions.comes_true(lambda: not functions.is_held(lock))


def test_workers_are_started_deaf_to_ctrl_c_and_this_process_is_not() -> None:
    """Even one that is only starting would answer it with a traceback."""
    assert not any(heard for _, heard in run_tasks(functions.hears_ctrl_c, range(4), 2))
    assert functions.hears_ctrl_c(0)


def test_a_worker_that_is_only_starting_when_the_run_is_stopped_says_nothing(tmp_path: Path) -> None:
    """Its process is there, and waits to be told what to do, by a parent that is about to go."""
    started = tmp_path / "started"
    code = (
        "import time; from multiprocessing import util; from pathlib import Path; import worker_functions as f\n"
        "from stenosis_kit.base.console import end_on_signals; from stenosis_kit.base.tasks import run_tasks\n"
        "spawn, end_on_signals = util.spawnv_passfds, end_on_signals()\n"
        "def slowly(path, arguments, descriptors):\n"
        "    pid = spawn(path, arguments, descriptors)\n"
        "    if any('spawn_main' in str(one) for one in arguments):\n"
        f"        Path({str(started)!r}).touch(); time.sleep(0.5)\n"
        "    return pid\n"
        "util.spawnv_passfds = slowly\n"
        "list(run_tasks(f.slow, range(4), 2))"
    )
    run = python(code, stderr=subprocess.PIPE, text=True)
    assert functions.comes_true(started.exists)
    run.send_signal(signal.SIGTERM)
    said = run.communicate(timeout=30)[1]
    assert run.returncode == 143
    assert said.split("\n") == ["", "stenosis-kit: stopped by SIGTERM; start again to go on", ""]


def test_on_one_core_tasks_have_a_process_too_so_that_they_can_be_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert os.getpid() not in results(functions.process_id, [0, 1]).values()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Process ids of all workers that a test starts."""
    found, start = [], worker_process._Worker.__init__

    def noted(self, *arguments) -> None:
        start(self, *arguments)
        found.append(self.process.pid)

    monkeypatch.setattr(worker_process._Worker, "__init__", noted)
    return found


def is_there(process: int) -> bool:
    """Whether there is a process of that id, be it a zombie."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_that_died_or_was_given_up_is_reaped_while_the_run_goes_on(started: list[int]) -> None:
    pool = worker_process.WorkerPool(functions.killed_at_seven, 60.0)
    with pytest.raises(TaskLost):
        pool.run(functions.DEADLY)
    assert len(started) == 2 and not any(is_there(process) for process in started)
    pool.close()
    pool = worker_process.WorkerPool(functions.sleep_at_seven, 0.1)
    with pytest.raises(TaskLost):
        pool.run(functions.DEADLY)
    assert len(started) == 3 and not any(is_there(process) for process in started)
    pool.close()


@pytest.mark.parametrize("function", [functions.double, functions.killed_at_seven, functions.exit_at_seven])
def test_after_a_run_all_workers_are_reaped(started: list[int], function) -> None:
    results(function, range(12), 2)
    assert started and not any(is_there(process) for process in started)


def test_after_a_run_that_is_left_early_all_workers_are_reaped(started: list[int], tmp_path: Path) -> None:
    tasks = run_tasks(functions.hang_at_seven, [(functions.DEADLY, tmp_path / "lock"), (1, tmp_path / "lock")], 2)
    next(tasks)
    tasks.close()
    assert len(started) == 2 and not any(is_there(process) for process in started)


def test_a_process_that_does_not_go_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """As one that waits for a disk: here it is only not killed."""
    monkeypatch.setattr(worker_process, "_LEAVING_S", 0.05)
    pool = worker_process.WorkerPool(functions.process_id, 60.0)
    pool.run(None)
    (worker,) = pool._alive
    with monkeypatch.context() as patched:
        patched.setattr(worker.process, "kill", lambda: None)
        pool.close()
    assert worker.process.is_alive()
    worker.process.kill()
    worker.process.join()


def test_runs_in_one_context_share_their_processes_and_leave_none(started: list[int]) -> None:
    with worker_process.workers_kept():
        first = set(results(functions.process_id, range(12), 2).values())
        with worker_process.workers_kept():
            assert set(results(functions.process_id, range(12), 2).values()) <= set(started)
        assert results(functions.double, range(12), 2)[4] == 8
        assert first <= set(started)
    count = len(started)
    assert count <= 2 and not any(is_there(process) for process in started)
    results(functions.process_id, range(3), 2)
    assert len(started) > count


def test_a_process_that_died_between_two_runs_is_not_given_a_task(started: list[int]) -> None:
    with worker_process.workers_kept():
        results(functions.process_id, range(12), 2)
        for process in started:
            os.kill(process, signal.SIGKILL)
        assert functions.comes_true(lambda: not multiprocessing.active_children())
        assert results(functions.double, [1, 2], 2) == {1: 2, 2: 4}


def test_of_a_run_that_is_left_early_the_next_one_gets_what_is_idle_alone(started: list[int], tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with worker_process.workers_kept():
        tasks = run_tasks(functions.hang_at_seven, [(functions.DEADLY, lock), (1, lock)], 2)
        next(tasks)
        assert functions.comes_true(lambda: lock.is_file() and bool(lock.read_text()))
        tasks.close()
        assert not functions.is_held(lock)
        assert sum(is_there(process) for process in started) == 1
        assert results(functions.double, [1, 2], 2) == {1: 2, 2: 4}
    assert not any(is_there(process) for process in started)
