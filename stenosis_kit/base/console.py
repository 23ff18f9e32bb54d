"""Logging to the terminal, and ending on SIGINT and SIGTERM."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
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
