"""Interrupted runs: kills and signals at random moments, full disks, outputs where nobody may write.

No invalid file is ever seen under its final name, and starting again finishes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.commands import end, start
from campaigns.tally import Tally

from stenosis_kit.answers.check import check, is_legal

Command = Sequence[object]
_STARTED_S = 1.5  # Python itself is starting until then, on a busy machine


def broken_files(folder: Path, data: Path | None = None) -> list[str]:
    """Files under a final name that are not whole, a line each; submissions are checked against DATA."""
    found = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_dir() or path.name.startswith("."):
            continue
        try:
            _read(path, data)
        except Exception as error:  # whatever a reader says of it
            found.append(f"{path.relative_to(folder)} is broken: {error}")
    return found


def _read(path: Path, data: Path | None) -> None:
    if path.name == "submission.csv" and data:
        findings = check(path, data)
        assert is_legal(findings), findings
    elif path.suffix == ".csv":
        pl.read_csv(path, infer_schema=False)
    elif path.suffix == ".json":
        json.loads(path.read_text())
    elif path.suffix == ".parquet":
        pl.read_parquet(path)
    elif path.suffix in (".npy", ".npz"):
        loaded = np.load(path)
        [loaded[name] for name in loaded.files] if path.suffix == ".npz" else loaded.sum()
    elif path.suffix == ".h5":
        import h5py

        with h5py.File(path) as file:
            file.visititems(lambda _, item: item[()] if isinstance(item, h5py.Dataset) else None)


def killed(name: str, command: Command, out: Path, data: Path, times: int, seed: int, whole_s: float) -> Tally:
    """SIGKILL at random moments of a run that takes `whole_s`, each time started again; then it is let finish."""
    tally, rng = Tally(f"SIGKILL, {name}"), np.random.default_rng(seed)
    for number in range(times):
        if number % 4 == 0:  # let some runs go on from others, and some begin anew
            shutil.rmtree(out, ignore_errors=True)
        seconds = float(rng.uniform(0.3, whole_s))
        process = start(*command)
        _wait(process, seconds)
        with suppress(ProcessLookupError):  # it was faster
            os.killpg(process.pid, signal.SIGKILL)
        end(process)
        tally.note(f"after {seconds:.1f} s", broken_files(out, data))
    tally.note("started again", end(start(*command)).faults((0,)) + broken_files(out, data) + left_over(out))
    return tally


def signalled(name: str, command: Command, out: Path, data: Path, times: int, seed: int, whole_s: float) -> Tally:
    """SIGTERM and SIGINT at random moments end a run at once with their exit codes and whole files."""
    tally, rng = Tally(f"SIGTERM and SIGINT, {name}"), np.random.default_rng(seed)
    for number in range(times):
        what, code = ((signal.SIGTERM, 143), (signal.SIGINT, 130))[number % 2]
        seconds = float(rng.uniform(min(_STARTED_S, 0.9 * whole_s), whole_s))
        process = start(*command)
        _wait(process, seconds)
        over = process.poll() is not None
        began = time.monotonic()
        if not over:
            os.killpg(process.pid, what)
        ended = end(process)
        over |= ended.code == -what  # Python was on its way out, its work done; a shell sees the same code
        late = [f"it took {time.monotonic() - began:.1f} s to end"] if time.monotonic() - began > 3 else []
        tally.note(
            f"{what.name} after {seconds:.1f} s",
            ended.faults((0, -what) if over else (code, 0)) + late + broken_files(out, data),
        )
    return tally


def full_disk(name: str, command: Command, out: Path, data: Path, sizes: Sequence[int]) -> Tally:
    """No file can grow beyond a size; then the limit is lifted, and the run finishes."""
    tally = Tally(f"full disk, {name}")
    shutil.rmtree(out, ignore_errors=True)
    for size in sizes:
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
        tally.note(f"{size} bytes", end(start(*command, limit=limit)).faults((0, 2)) + broken_files(out, data))
    tally.note("space again", end(start(*command)).faults((0,)) + broken_files(out, data) + left_over(out))
    return tally


def read_only(name: str, command: Callable[[Path], Command]) -> Tally:
    """An output where nobody may write."""
    tally = Tally(f"read-only output, {name}")
    for place in ("/proc/out", "/sys/out/deep"):
        tally.note(place, end(start(*command(Path(place)))).faults((2,)))
    return tally


def left_over(out: Path) -> list[str]:
    """Temporary files that a finished run has not cleared, a line each."""
    return [f"{path} was left" for path in out.rglob(".*.partial.*")]


def _wait(process: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
