"""What the three kernels run: the command line, with the mounts that were found.

A command runs in a process of its own. Whatever ends it (a crash of a library, a lack of memory, a mount that no longer
answers), it has written a submission in its first second, and the kernel hands in what there is: a kernel that fails
submits nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from subprocess import Popen, TimeoutExpired

import stenosis_kit
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import parse_time, show_time
from stenosis_kit.base.console import log_to_stderr
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json, run_json_of
from stenosis_kit.graders.bundled import BUNDLED
from stenosis_kit.kaggle import mounts
from stenosis_kit.tables.root import Root

log = logging.getLogger(__name__)

TIME_LIMIT = "8.5h"
"""Of the 9 h that Kaggle allows a CPU kernel, the hidden rerun included."""
TIME_LIMIT_VARIABLE = "STENOSIS_KIT_TIME_LIMIT"
"""Environment variable that a rehearsal sets to a shorter limit."""
_GRACE_S = 600.0  # chosen by hand: a command that has not ended this long after its limit hangs, and is killed
_KILLING_S = 10.0  # chosen by hand: the longest wait for its end


def run(command: str, root: Path) -> int:
    """Runs a kernel and returns its exit code.

    Args:
        command: format, train or submit.
        root: /kaggle, or a folder like it: inputs are found in its input/, and all is written to its working/.
    """
    log_to_stderr()
    log.info("kaggle: stenosis_kit %s from %s", stenosis_kit.__version__, _package())
    try:
        return _KERNELS[command](root / "input", root / "working")
    except InputError as error:
        print(f"{command} kernel: {error}", file=sys.stderr)
        return 2


def _format(inputs: Path, working: Path) -> int:
    return _call("format", mounts.competition(inputs), working / "store")


def _train(inputs: Path, working: Path) -> int:
    return _call("train", mounts.store(inputs), working / "model", "--time-limit", _time_limit())


def _submit(inputs: Path, working: Path) -> int:
    rerun = os.environ.get("KAGGLE_IS_COMPETITION_RERUN")
    log.info("kaggle: %s", "the rerun on the hidden test set" if rerun else "a run on the visible test set")
    root = Root(mounts.competition(inputs), "test")
    _ = root.grid  # read now: the mount may not answer any more when the command has ended
    model = mounts.model(inputs) or BUNDLED
    code = _call("submit", root.folder, working, "--model", model, "--time-limit", _time_limit())
    return _hand_in(root, working / "submission.csv", code)


_KERNELS: dict[str, Callable[[Path, Path], int]] = {"format": _format, "train": _train, "submit": _submit}


def _call(*arguments: str | Path) -> int:
    """Runs the command line from the same wheel; kills it `_GRACE_S` after its time limit. Returns its exit code."""
    line = [str(argument) for argument in arguments]
    log.info("kaggle: stenosis-kit %s", " ".join(line))
    paths = filter(None, [str(_package()), os.environ.get("PYTHONPATH")])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    limit = parse_time(_time_limit()) + _GRACE_S
    command = Popen([sys.executable, "-m", "stenosis_kit", *line], env=environment)
    try:
        return command.wait(limit)
    except TimeoutExpired:
        log.error("kaggle: stenosis-kit %s: KILLED, it had not ended after %s", line[0], show_time(limit))
        command.kill()
        with suppress(TimeoutExpired):  # what waits for a mount that does not answer cannot even be killed
            command.wait(_KILLING_S)
        return 137
    finally:
        command.kill()  # where this kernel itself is ended; nothing, where the command is


def _hand_in(root: Root, submission: Path, code: int) -> int:
    """Writes priors where the command left no legal submission; returns 0, whatever the command's exit code was."""
    try:
        legal = is_legal(check(submission, root))
    except InputError as error:
        log.error("kaggle: %s", error)
        legal = False
    if not legal:
        Submission(root.grid, builtin_prior()).save(submission)
    if code or not legal:
        log.error("kaggle: SUBMIT ENDED WITH CODE %d; %s", code, "what it wrote goes in" if legal else "priors go in")
    _say_what_is_graded(submission)
    return 0


def _say_what_is_graded(submission: Path) -> None:
    try:
        counts = read_json(run_json_of(submission), "what predict says of each row")["counts"]
    except (InputError, KeyError) as error:
        log.error("kaggle: where the rows came from is not known: %s", error)
        return
    total = sum(counts.values())
    graded = sum(count for source, count in counts.items() if source.startswith("grader"))
    if graded:
        log.info("kaggle: %d of %d rows are graded, the others priors", graded, total)
    else:
        log.error("kaggle: NOT ONE ROW IS GRADED, all %d are priors: %s", total, "; ".join(counts))


def _time_limit() -> str:
    return os.environ.get(TIME_LIMIT_VARIABLE, TIME_LIMIT)


def _package() -> Path:
    """The wheel (or folder) that this package was imported from."""
    return Path(stenosis_kit.__file__).parents[1]
