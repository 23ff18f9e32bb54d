"""Worker processes of our own that do one task at a time, so that it is known on which task one died or hangs.

They are started by spawn (a forked TensorFlow deadlocks), have one thread and bounded memory each, and end when their
parent does. Not a `ProcessPoolExecutor` of one process: its queues hold named semaphores, of which Python's resource
tracker tells as "leaked" whenever a signal ends the run at once.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import resource
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

from stenosis_kit.base.budget import Budget

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
_MOST_MEMORY = 6 << 30  # bytes of a worker, chosen by hand; a study of 200 images of 1024 x 1024 takes 1 << 30
_LEAVING_S = 1.0  # the longest wait for processes that were killed; chosen by hand
_SPAWN = multiprocessing.get_context("spawn")
_starting = threading.Lock()  # held, too, where idle processes change hands
_ending = threading.Event()
_spare: ContextVar[list[_Worker] | None] = ContextVar("spare", default=None)  # see `workers_kept`


class TaskLost(Exception):
    """What a task yields that could not be run: its worker died or was given up, or time ran out."""


class WorkerDied(TaskLost):
    """A worker was gone before its task was done."""

    def __init__(self) -> None:
        super().__init__("a worker process died on it")


@contextmanager
def workers_kept() -> Iterator[None]:
    """Runs in here hand their idle processes on to the next run, which need not start its own: a second of imports.

    The processes are ended with the outermost of such contexts.
    """
    if _spare.get() is not None:
        yield
        return
    spare: list[_Worker] = []
    outside = _spare.set(spare)
    try:
        yield
    finally:
        _spare.reset(outside)
        _end(spare)


class WorkerPool:
    """Processes for one run of a function; one is started whenever a task finds none idle."""

    def __init__(self, function: Callable[[Any], Any], task_s: float) -> None:
        """Takes over what an earlier run left, see `workers_kept`, and starts nothing yet.

        Args:
            function: importable by name.
            task_s: the longest that a task may take, s.
        """
        self.function = function
        self.task_s = task_s
        with _starting:
            spare = _spare.get() or []
            self._idle = [worker for worker in spare if worker.process.is_alive()]
            spare.clear()
        self._alive = set(self._idle)
        self._closed = False

    def run(self, task: Any) -> Any:
        """Has a process run the task; returns its result, or the exception that it raised. Called by several threads.

        Raises:
            TaskLost: where two processes died on it, or it took too long: then the process is killed.
        """
        try:
            return self._run_once(task)
        except WorkerDied:  # by its own fault, or killed by a system short of memory
            return self._run_once(task)

    def _run_once(self, task: Any) -> Any:
        worker = self._take()
        try:
            result = worker.run(self.function, task, self.task_s)
        except TaskLost:
            self._alive.discard(worker)
            _end([worker])
            raise
        self._idle.append(worker)
        return result

    def close(self) -> None:
        """Kills and reaps the processes, those that hang too, and lets no more start.

        Those that are idle are left to the next run instead, where there may be one, see `workers_kept`.
        """
        with _starting:
            self._closed = True
            spare = _spare.get()
            left = [] if spare is None else self._idle.copy()
            if spare is not None:
                spare += left
        _end(self._alive.difference(left))

    def _take(self) -> _Worker:
        with _starting:
            if self._closed or _ending.is_set():
                raise TaskLost("the run was ended")
            if self._idle:
                return self._idle.pop()
            worker = _Worker()
            self._alive.add(worker)
            return worker


class _Worker:
    """A process and the pipe to it."""

    def __init__(self) -> None:
        self.pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
        with _single_threaded(), _sigint_blocked():
            self.process.start()
        theirs.close()  # so that the pipe ends when the process does

    def run(self, function: Callable[[Any], Any], task: Any, seconds: float) -> Any:
        """The function's result, or the exception that it raised."""
        try:
            self.pipe.send((function, task))
            if self.pipe.poll(seconds):
                return self.pipe.recv()
        except (EOFError, OSError):
            raise WorkerDied from None
        except Exception as error:  # whatever pickling and its reverse may raise
            raise TaskLost(f"it cannot be sent to a worker or back: {error}") from None
        raise TaskLost(f"it took more than {seconds:g} s and was given up")


def _end(workers: Collection[_Worker]) -> None:
    """Kills processes and reaps them, so that no zombies are left.

    Those that wait for a disk that does not answer go when it lets them, and are not waited for.
    """
    for worker in workers:
        worker.process.kill()
    time = Budget(_LEAVING_S)
    for worker in workers:
        worker.process.join(time.remaining())


def _work(pipe: Connection) -> None:
    """What a worker process does until its parent is gone."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _bound_memory()
    with suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_answer(*pipe.recv()))


def _answer(function: Callable[[Any], Any], task: Any) -> bytes:
    """The function's result, or the exception that it raised, pickled."""
    try:
        result = function(task)
    except Exception as error:
        result = error
    try:
        return pickle.dumps(result)
    except Exception as error:  # of many kinds, and so is what raises them
        return pickle.dumps(RuntimeError(f"its result cannot be sent: {error}"))


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()  # returns when the parent is gone, however it went
    os._exit(1)


def _bound_memory() -> None:
    """Makes a decoder that asks for more memory than this fail, where it would slow down the whole machine."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, hard))


def start_no_more(seconds: float = 1.0) -> None:
    """Waits for a process that is being started, and lets no more start: for a run that ends at once.

    A process whose parent goes away during its start prints a traceback.

    Args:
        seconds: the longest wait.
    """
    _ending.set()
    _starting.acquire(timeout=seconds)


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Processes that are started meanwhile do not get SIGINT, which Ctrl-C sends to the whole group: we end them.

    A process that is only starting would answer it with a traceback.
    """
    resource_tracker.ensure_running()  # its own start would unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Libraries of processes that are started meanwhile use one thread each: there is a process for each core."""
    before = {name: os.environ[name] for name in _ONE_THREAD if name in os.environ}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name in _ONE_THREAD:
            del os.environ[name]
        os.environ.update(before)
