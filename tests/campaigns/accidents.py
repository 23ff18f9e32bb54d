"""Accidents: two runs in one folder, workers killed from outside, folders half written or of another version."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.commands import PYTHON_PATH, end, start
from campaigns.interruptions import Command, broken_files, left_over
from campaigns.tally import Tally


def twice(name: str, command: Command, out: Path, data: Path) -> Tally:
    """Two runs into one folder at a time: one finishes, the other is refused with a clear message."""
    tally = Tally(f"two runs, {name}")
    shutil.rmtree(out, ignore_errors=True)
    both = [start(*command), start(*command)]
    ended = sorted((end(process) for process in both), key=lambda one: one.code)
    faults = ended[0].faults((0,)) + ended[1].faults((2,)) + broken_files(out, data)
    tally.note("one after the other", faults if "another run" in ended[1].said else [*faults, "not refused"])
    return tally


def workers_killed(name: str, command: Command, out: Path, data: Path, times: int, seed: int) -> Tally:
    """A worker process is killed at a random moment; the run ends well, and with the rows of an undisturbed one."""
    tally, rng = Tally(f"a worker killed, {name}"), np.random.default_rng(seed)
    shutil.rmtree(out, ignore_errors=True)
    tally.note("undisturbed", end(start(*command)).faults((0,)))
    expected = _rows(out)
    for _ in range(times):
        shutil.rmtree(out, ignore_errors=True)
        process = start(*command)
        victim = _worker_of(process)
        seconds = float(rng.uniform(0, 1.0))
        time.sleep(seconds)
        if victim:
            with suppress(ProcessLookupError):  # its work was done
                os.kill(victim, signal.SIGKILL)
        faults = end(process).faults((0,)) + broken_files(out, data)
        faults += [] if victim else ["no worker was seen"]
        found = {} if faults else _rows(out)
        lost = sum(not np.allclose(found.get(row, np.nan), values, atol=1e-6) for row, values in expected.items())
        tally.note(f"after {seconds:.1f} s", faults, len(expected), lost)
    return tally


# What a process does to itself before it begins: the image files of one study fail, as Python's start-up allows.
_HOOK = """
import errno, io, time
_Plain = io.FileIO
class Failing(_Plain):
    def __init__(self, path, *rest, **named):
        if "/{study}/" in str(path):
            {accident}
        super().__init__(path, *rest, **named)
io.FileIO = Failing
"""
PASSING = {
    "input/output error": "raise OSError(errno.EIO, 'Input/output error', str(path))",
    "no memory": "raise MemoryError",
    "a network that is away": "raise TimeoutError(errno.ETIMEDOUT, 'Connection timed out', str(path))",
    "a worker that dies": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
}
"""Name to a statement: what befalls whoever opens a file of one study."""


def passing(command: Command, out: Path, data: Path, scratch: Path, names: Iterable[str] = PASSING) -> Tally:
    """format with a study whose files fail as long as the run lasts; the next run has what an undisturbed one has."""
    tally = Tally("passing faults, format")
    shutil.rmtree(out, ignore_errors=True)
    tally.note("undisturbed", end(start(*command)).faults((0,)))
    expected = _rows(out)
    study = min(row[0] for row in expected)
    for name in names:
        hook = scratch / "hook"
        hook.mkdir(parents=True, exist_ok=True)
        (hook / "sitecustomize.py").write_text(_HOOK.format(study=study, accident=PASSING[name]))
        shutil.rmtree(out)
        faults = end(start(*command, settings={"PYTHONPATH": f"{hook}{os.pathsep}{PYTHON_PATH}"})).faults((0,))
        noted = [] if faults else json.loads((out / "run.json").read_text())["failed_studies"]
        faults += [] if [each["study_id"] for each in noted] == [study] else [f"failed studies: {noted}"]
        faults += end(start(*command)).faults((0,)) + broken_files(out, data)
        found = {} if faults else _rows(out)
        lost = sum(not np.allclose(found.get(row, np.nan), values, atol=1e-6) for row, values in expected.items())
        tally.note(name, faults, len(expected), lost)
    return tally


def _rows(out: Path) -> dict[tuple, np.ndarray]:
    """What a run made, as numbers by row: a submission's probabilities, or the places of a store's crops."""
    if (out / "submission.csv").is_file():
        frame, keys = pl.read_csv(out / "submission.csv"), ["row_id"]
    else:
        frame = pl.read_parquet(out / "manifest.parquet")
        keys = ["study_id", "condition", "level", "view"]
    values = frame.select(pl.selectors.float()).to_numpy()
    return dict(zip(frame.select(keys).iter_rows(), values, strict=True))


def _worker_of(process: subprocess.Popen) -> int | None:
    """A worker process of a run, once there is one; threads of it start them. None where it ends without."""
    while process.poll() is None:
        for listed in Path(f"/proc/{process.pid}/task").glob("*/children"):
            with suppress(OSError):  # a thread that has ended
                for child in map(int, listed.read_text().split()):
                    if b"spawn_main" in _command_line(child):
                        return child
        time.sleep(0.02)
    return None


def _command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return b""


def half_written(command: Command, out: Path, data: Path) -> Tally:
    """A finished OUT of which something is missing, cut off or from another version: the same command mends it."""
    tally = Tally("half-written folders")
    whole = out.with_name("whole")
    shutil.rmtree(out, ignore_errors=True)
    tally.note("untouched", end(start(*command)).faults((0,)))
    shutil.rmtree(whole, ignore_errors=True)
    shutil.copytree(out, whole)
    for case, change in _changes(whole):
        shutil.rmtree(out)
        shutil.copytree(whole, out)
        change(out)
        tally.note(case, end(start(*command)).faults((0,)) + broken_files(out, data) + left_over(out))
    return tally


def _changes(whole: Path) -> Iterator[tuple[str, Callable[[Path], None]]]:
    for path in sorted(whole.rglob("*")):
        name = path.relative_to(whole)
        if path.is_file() and not path.name.startswith("."):
            yield f"{name} missing", lambda out, name=name: (out / name).unlink()
            yield f"{name} cut off", lambda out, name=name: _cut_off(out / name)
            if path.suffix == ".json":
                yield f"{name} of another version", lambda out, name=name: _age(out / name)
    yield "a partial file", lambda out: (out / ".7.partial.submission.csv").write_text("row_id")


def _cut_off(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def _age(path: Path) -> None:
    text = json.loads(path.read_text())
    path.write_text(json.dumps(text | {"version": "0.0.1", "fingerprint": "0"}))
