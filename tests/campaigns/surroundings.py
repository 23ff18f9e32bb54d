"""Odd surroundings of a process: streams that are closed, folders that are gone, few cores, settings of other tools."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from campaigns.commands import end, start
from campaigns.interruptions import broken_files
from campaigns.tally import Tally


@dataclass(frozen=True)
class Surrounding:
    """How a process is started.

    Attributes:
        prepare: called in the process before it begins.
        settings: further environment variables, as a function of a folder that is its own; None takes one away.
    """

    prepare: Callable[[], None] | None = None
    settings: Callable[[Path], dict[str, str | None]] = field(default=lambda folder: {})


def _closed(*numbers: int) -> Callable[[], None]:
    return lambda: [os.close(number) for number in numbers] and None


def _in_a_folder_that_is_gone() -> None:
    folder = tempfile.mkdtemp()
    os.chdir(folder)
    Path(folder).rmdir()


def _on_one_core() -> None:
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _keras_of_another(folder: Path) -> dict[str, str | None]:
    folder.mkdir(parents=True, exist_ok=True)
    others = {"backend": "torch", "image_data_format": "channels_first", "floatx": "float16", "epsilon": 1e-3}
    (folder / "keras.json").write_text(json.dumps(others))
    return {"KERAS_HOME": str(folder), "KERAS_BACKEND": "torch"}


SURROUNDINGS = {
    "stdout closed": Surrounding(_closed(1)),
    "stderr closed": Surrounding(_closed(2)),
    "all streams closed": Surrounding(_closed(0, 1, 2)),
    "a working folder that is gone": Surrounding(_in_a_folder_that_is_gone),
    "one core": Surrounding(_on_one_core),
    "Keras of another tool": Surrounding(settings=_keras_of_another),
    "no HOME, no TMPDIR": Surrounding(settings=lambda folder: {"HOME": None, "TMPDIR": str(folder / "nowhere")}),
    "no language": Surrounding(settings=lambda folder: {"LC_ALL": "C", "PYTHONUTF8": "0", "LANG": None}),
    "optimised Python": Surrounding(settings=lambda folder: {"PYTHONOPTIMIZE": "2"}),
}
"""Name to how a process is started."""


def odd_surroundings(root: Path, model: Path, scratch: Path, names: Iterable[str] = SURROUNDINGS) -> Tally:
    """submit with a model, in each of them and into a folder whose name is no UTF-8: it does as it does elsewhere."""
    tally = Tally("odd surroundings")
    for name in names:
        surrounding, out = SURROUNDINGS[name], scratch / os.fsdecode(b"out\xe9")
        shutil.rmtree(out, ignore_errors=True)
        settings = surrounding.settings(scratch / "settings")
        ended = end(start("submit", root, out, "--model", model, limit=surrounding.prepare, settings=settings))
        there = [] if (out / "submission.csv").is_file() else ["no submission"]
        tally.note(name, ended.faults((0,)) + there + broken_files(out, root))
    return tally
