"""Logging to the terminal, and ending on SIGINT and SIGTERM."""

from __future__ import annotations

import io
import logging
import multiprocessing
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from stenosis_kit.base.budget import show_time
from stenosis_kit.base.worker_process import start_no_more


class _Stderr(logging.StreamHandler):
    """Writes to the current sys.stderr, which pytest and notebooks replace."""

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record."""
        self.stream = sys.stderr
        super().emit(record)


class _Clock(logging.Formatter):
    """Puts the time since the start before each log line."""

    def format(self, record: logging.LogRecord) -> str:
        return f"[{show_time(record.relativeCreated / 1000):>12}] {super().format(record)}"


def settle() -> None:
    """Gives the process what it was started without: standard streams, and a working directory.

    A closed descriptor 0, 1 or 2 would be given to the next file that is opened, and messages would go into that.
    Characters that a stream cannot show (names of files that are not UTF-8) are escaped.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest free number: this one
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode))  # noqa: SIM115  for the rest of the process
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        Path.cwd()
    except FileNotFoundError:  # workers could not start there
        os.chdir("/")


def log_to_stderr() -> None:
    """Sends the package's log, from INFO up, to stderr."""
    handler = _Stderr()
    handler.setFormatter(_Clock())
    logger = logging.getLogger("stenosis_kit")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)


def end_on_signals() -> None:
    """SIGINT and SIGTERM end the process and its workers at once: files on disk are whole at every moment."""
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, _end)


def _end(number: int, frame: Any) -> None:
    start_no_more()  # so that `active_children` knows all of them
    for process in multiprocessing.active_children():
        process.kill()
    os.write(2, f"\nstenosis-kit: stopped by {signal.Signals(number).name}; start again to go on\n".encode())
    os._exit(128 + number)
