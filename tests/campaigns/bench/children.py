"""Fresh processes in which figures are measured: none inherits another's imports, threads or memory."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from campaigns.bench.memory import Watched, watched

_WITHOUT_CODECS = Path(__file__).parent / "without_codecs"


class Child:
    """A process that runs one function at a time, and whose memory is watched."""

    def __init__(self, pool: ProcessPoolExecutor, memory: Watched) -> None:
        self._pool = pool
        self._memory = memory

    def run(self, function: Callable, *arguments: Any) -> Any:
        """What an importable function returns there."""
        return self.begin(function, *arguments).result()

    def begin(self, function: Callable, *arguments: Any) -> Future:
        """What it will return: to have several children do what is not measured."""
        return self._pool.submit(function, *arguments)

    @property
    def peak_gb(self) -> float:
        """The most memory that it and its own children held so far, GB."""
        return self._memory.peak_gb


@contextmanager
def child(codecs: bool = True) -> Iterator[Child]:
    """A process of its own; without codecs it and its children do not find that extra."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        with _codecs(codecs):
            pid = pool.submit(os.getpid).result()
        with watched(pid) as memory:
            yield Child(pool, memory)


@contextmanager
def _codecs(found: bool) -> Iterator[None]:
    """Processes that are started meanwhile find the codecs extra, or do not."""
    before = os.environ.get("PYTHONPATH")
    if not found:
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_WITHOUT_CODECS), before]))
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = before
