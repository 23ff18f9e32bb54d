"""Worker processes of our own, each with one task at a time: so it is known on which task one died or hangs.

They are started by spawn (a forked TensorFlow deadlocks), have one thread and a bounded memory each, and end when
their parent does.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any

_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS")
_MOST_MEMORY = 6 << 30  # bytes of a worker; a study of 200 images of 1024 x 1024 takes 1
_SPAWN = multiprocessing.get_context("spawn")
_starting = threading.Lock()


class TaskLost(Exception):
    """What a task yields that could not be run: its worker died or was given up, or time ran out."""


class WorkerDied(TaskLost):
    """A worker was gone before its task was done."""

    def __init__(self) -> None:
        super().__init__("a worker process died on it")


class Crew:
    """Processes that run one function; one is started whenever a task finds none idle."""

    def __init__(self, function: Callable[[Any], Any], task_s: float) -> None:
        """Starts nothing yet.

        Args:
            function: importable by name.
            task_s: the longest that a task may take, s.
        """
        self.function = function
        self.task_s = task_s
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._lock = threading.Lock()
        self._dismissed = False

    def run(self, task: Any) -> Any:
        """Has a process run the task and returns its result. Called by several threads at a time.

        Raises:
            TaskLost: where two processes died on it, or it took too long: then the process is killed.
            Exception: what the function raised.
        """
        try:
            result = self._run_once(task)
        except WorkerDied:  # by its own fault, or by the system's that was short of memory
            result = self._run_once(task)
        if isinstance(result, Exception):
            raise result
        return result

    def _run_once(self, task: Any) -> Any:
        worker = self._take()
        try:
            result = worker.run(task, self.task_s)
        except TaskLost:
            self._drop(worker)
            raise
        with self._lock:
            self._idle.append(worker)
        return result

    def dismiss(self) -> None:
        """Kills all processes, those that hang too."""
        with self._lock:
            self._dismissed = True
            workers = list(self._all)
        for worker in workers:
            self._drop(worker)

    def _take(self) -> _Worker:
        with self._lock:
            if self._dismissed:
                raise TaskLost("the run was ended")
            if self._idle:
                return self._idle.pop()
            worker = _Worker(self.function)
            self._all.add(worker)
            return worker

    def _drop(self, worker: _Worker) -> None:
        worker.process.kill()
        with self._lock:
            self._all.discard(worker)


class _Worker:
    """A process and the pipe to it."""

    def __init__(self, function: Callable[[Any], Any]) -> None:
        self.pipe, theirs = _SPAWN.Pipe()
        self.process = _SPAWN.Process(target=_work, args=(theirs, function), daemon=True)
        with _single_threaded(), _undisturbed():
            self.process.start()
        theirs.close()  # so that the process's end is the pipe's end

    def run(self, task: Any, seconds: float) -> Any:
        """The function's result, or the exception that it raised."""
        try:
            self.pipe.send(task)
            if not self.pipe.poll(seconds):
                raise TaskLost(f"it took more than {seconds:g} s and was given up")
            return self.pipe.recv()
        except (EOFError, OSError):
            raise WorkerDied from None
        except TaskLost:
            raise
        except Exception as error:  # whatever pickling and its reverse may raise
            raise TaskLost(f"it cannot be sent to a worker or back: {error}") from None


def _work(pipe: Connection, function: Callable[[Any], Any]) -> None:
    """What a worker process does until its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # as `_undisturbed`, where signals cannot be blocked
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _bound_memory()
    with suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            try:
                result = function(task)
            except Exception as error:
                result = error
            try:
                pipe.send(result)
            except OSError:
                raise
            except Exception as error:  # what cannot be pickled
                pipe.send(RuntimeError(f"its result cannot be sent: {error}"))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()  # returns when the parent is gone, however it went
        os._exit(1)


def _bound_memory() -> None:
    """A file that makes a decoder ask for more memory than this costs itself, not the machine."""
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (_MOST_MEMORY, hard))


def start_no_more(seconds: float = 1.0) -> None:
    """Waits for processes that are being started, and lets no more start: for a run that ends at once.

    One whose parent goes away while it is only starting answers with a traceback.

    Args:
        seconds: the longest wait.
    """
    _starting.acquire(timeout=seconds)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Lets processes that are started meanwhile not hear of Ctrl-C, which reaches the whole group: we end them.

    A process that is only starting would answer it with a traceback.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # its own start ends by letting the signal through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _single_threaded() -> Iterator[None]:
    """Lets processes that are started meanwhile use one thread each: there is one of them for each core."""
    with _starting:
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
