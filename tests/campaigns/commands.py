"""Running the kit's commands as a user does, and judging how they end."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stenosis_kit import cli

ROOT = Path(__file__).parents[2]
PYTHON_PATH = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
LONGEST_S = 300
"""A command that takes longer than this hangs: each of them takes seconds."""


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit code, and what it said on stderr."""

    code: int
    said: str

    def faults(self, codes: Sequence[int] = (0, 2)) -> list[str]:
        """What is wrong with that: another exit code, a traceback, or 2 without a message that says what to do."""
        found = []
        if self.code not in codes:
            found.append(f"exit code {self.code}: {self.said[-300:]}")
        if "Traceback" in self.said or "unexpected" in self.said:
            found.append(f"a traceback: {self.said[-600:]}")
        if self.code == 2 and not ("expected" in self.said and "found" in self.said):
            found.append(f"no clear message: {self.said[-300:]}")
        return found


class Hang(Exception):
    """A command took longer than it may."""


def run(*arguments: object) -> Ended:
    """Runs a command in this process, where TensorFlow is loaded once for all."""
    said = io.StringIO()
    old = signal.signal(signal.SIGALRM, _give_up)
    signal.alarm(LONGEST_S)
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(io.StringIO()):
            code = cli.main([str(argument) for argument in arguments])
    except Hang:
        return Ended(-1, "it hangs")
    except SystemExit as end:  # wrong use
        return Ended(int(end.code or 0), said.getvalue())
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    return Ended(code, said.getvalue())


def _give_up(number: int, frame: Any) -> None:
    raise Hang


def start(
    *arguments: object, limit: Callable[[], None] | None = None, settings: Mapping[str, str | None] | None = None
) -> subprocess.Popen[str]:
    """Starts a command in a process of its own, and of its own group.

    Args:
        arguments: of the command; those of the form `module:NAME` run `python -m NAME` instead.
        limit: called in the process before it begins.
        settings: environment variables; None takes one away.
    """
    first, *rest = map(str, arguments)
    module, rest = (first[7:], rest) if first.startswith("module:") else ("stenosis_kit", [first, *rest])
    environment = {**os.environ, "PYTHONPATH": PYTHON_PATH, **(settings or {})}
    return subprocess.Popen(
        [sys.executable, "-m", module, *rest],
        cwd=ROOT,
        env={name: value for name, value in environment.items() if value is not None},
        text=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        preexec_fn=limit,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], seconds: float = LONGEST_S) -> Ended:
    """Waits for a process to end."""
    try:
        _, said = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ended(-1, "it hangs")
    return Ended(process.returncode, said)
