"""The most memory that a process and all its children hold, as Linux tells it in /proc."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_EVERY_S = 0.2


class Watched:
    """What was seen so far.

    Attributes:
        peak_gb: the largest sum, over the processes that lived at one moment, of the most that each had held until
            then. Pages that they share count for each, so it is an upper bound and misses no spike.
    """

    peak_gb = 0.0


@contextmanager
def watched(pid: int) -> Iterator[Watched]:
    """Watches a process and its children while the block runs."""
    seen, done = Watched(), threading.Event()

    def look() -> None:
        while True:
            ended = done.wait(_EVERY_S)
            seen.peak_gb = max(seen.peak_gb, sum(_held_gb(each) for each in _tree(pid)))
            if ended:
                return

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        done.set()
        thread.join()


def _tree(pid: int) -> Iterator[int]:
    """The process and what it started; those that end meanwhile are passed over."""
    yield pid
    for listing in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for each in listing.read_text().split():
                yield from _tree(int(each))


def _held_gb(pid: int) -> float:
    """The most resident memory that a process has held, GB; 0 where it has ended."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e9
    return 0.0
