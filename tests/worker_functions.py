"""What worker processes run in tests: top-level, so that a spawned process can import it."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

DEADLY = 7


def double(number: int) -> int:
    return 2 * number


def slow(number: int) -> int:
    time.sleep(0.5)
    return number


def refuse_odd(number: int) -> int:
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number


def exit_at_seven(number: int) -> int:
    if number == DEADLY:
        os._exit(3)
    return number


def killed_at_seven(number: int) -> int:
    if number == DEADLY:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed_at_multiples_of_five(number: int) -> int:
    if number % 5 == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def hang_at_seven(task: tuple[int, Path]) -> int:
    number, lock = task
    if number == DEADLY:
        hang(lock)
    return number


def hang(lock: Path) -> None:
    """Holds a lock for as long as this process lives."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write("held")
        file.flush()
        time.sleep(120)


def die_once(marker: Path) -> str:
    if not marker.exists():
        marker.write_text("died here")
        os.kill(os.getpid(), signal.SIGKILL)
    return "done"


def sleep_at_seven(number: int) -> int:
    if number == DEADLY:
        time.sleep(120)
    return number


def take_all_memory(number: int) -> int:
    if number == DEADLY:
        return len(bytearray(1 << 40))
    return number


def what_cannot_be_pickled(number: int) -> object:
    return (lambda: number) if number == DEADLY else number


def process_id(_: object) -> int:
    return os.getpid()


def threads_allowed(_: object) -> str | None:
    return os.environ.get("OMP_NUM_THREADS")


def heavy_modules(_: object) -> list[str]:
    return sorted({"tensorflow", "keras"} & set(sys.modules))


def is_held(lock: Path) -> bool:
    """Whether a process that runs `hang` is alive; also true until it has begun."""
    if not lock.is_file() or not lock.read_text():
        return True
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def comes_true(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Waits for something to happen."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def hears_ctrl_c(number: int) -> bool:
    return signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def results(*arguments, **options) -> dict:
    """{task: result} of `run_tasks`; each task has to come back once."""
    from stenosis_kit.base.tasks import run_tasks

    pairs = list(run_tasks(*arguments, **options))
    found = dict(pairs)
    assert len(found) == len(pairs)
    return found
