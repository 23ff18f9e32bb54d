"""Interrupted runs: signals at random moments, kills, full disks, second runs, dying workers, half-written folders.

No invalid file is ever seen under its final name, and starting again finishes.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from campaigns.commands import end, start
from campaigns.tally import Tally

from stenosis_kit.check import check, is_legal

Command = Sequence[object]


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
        os.killpg(process.pid, signal.SIGKILL)
        end(process)
        tally.note(f"after {seconds:.1f} s", broken_files(out, data))
    tally.note("started again", end(start(*command)).faults((0,)) + broken_files(out, data) + _left_over(out))
    return tally


def signalled(name: str, command: Command, out: Path, data: Path, times: int, seed: int, whole_s: float) -> Tally:
    """SIGTERM and SIGINT at random moments end a run at once with their exit codes and whole files."""
    tally, rng = Tally(f"SIGTERM and SIGINT, {name}"), np.random.default_rng(seed)
    for number in range(times):
        what, code = ((signal.SIGTERM, 143), (signal.SIGINT, 130))[number % 2]
        seconds = float(rng.uniform(1.5, whole_s))  # before that Python itself is starting
        process = start(*command)
        _wait(process, seconds)
        over = process.poll() is not None
        began = time.monotonic()
        if not over:
            os.killpg(process.pid, what)
        ended = end(process)
        late = [f"it took {time.monotonic() - began:.1f} s to end"] if time.monotonic() - began > 3 else []
        tally.note(
            f"{what.name} after {seconds:.1f} s",
            ended.faults((0,) if over else (code, 0)) + late + broken_files(out, data),
        )
    return tally


def full_disk(name: str, command: Command, out: Path, data: Path, sizes: Sequence[int]) -> Tally:
    """No file can grow beyond a size; then the limit is lifted, and the run finishes."""
    tally = Tally(f"full disk, {name}")
    shutil.rmtree(out, ignore_errors=True)
    for size in sizes:
        limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
        tally.note(f"{size} bytes", end(start(*command, limit=limit)).faults((0, 2)) + broken_files(out, data))
    tally.note("space again", end(start(*command)).faults((0,)) + broken_files(out, data) + _left_over(out))
    return tally


def read_only(name: str, command: Callable[[Path], Command]) -> Tally:
    """An output where nobody may write."""
    tally = Tally(f"read-only output, {name}")
    for place in ("/proc/out", "/sys/out/deep"):
        tally.note(place, end(start(*command(Path(place)))).faults((2,)))
    return tally


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
    """A worker process is killed at a random moment; the run ends well, and loses no row."""
    tally, rng = Tally(f"a worker killed, {name}"), np.random.default_rng(seed)
    for _ in range(times):
        shutil.rmtree(out, ignore_errors=True)
        process = start(*command)
        victims = _workers_of(process.pid)
        time.sleep(float(rng.uniform(0, 1.5)))
        for victim in victims:
            try:
                os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                continue
            break
        tally.note(f"{len(victims)} workers", end(process).faults((0,)) + broken_files(out, data))
    return tally


def _workers_of(process: int) -> list[int]:
    """Worker processes of a run, once there are any."""
    for _ in range(400):
        try:
            children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
        except OSError:
            return []
        found = [int(child) for child in children if b"spawn_main" in _command_line(int(child))]
        if found:
            return found
        time.sleep(0.05)
    return []


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
    shutil.copytree(out, whole)
    for case, change in _changes(whole):
        shutil.rmtree(out)
        shutil.copytree(whole, out)
        change(out)
        tally.note(case, end(start(*command)).faults((0,)) + broken_files(out, data) + _left_over(out))
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


def _left_over(out: Path) -> list[str]:
    return [f"{path} was left" for path in out.rglob(".*.partial.*")]


def _wait(process: object, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
