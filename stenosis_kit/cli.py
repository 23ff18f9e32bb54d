"""The command line: parsing only. Heavy imports happen inside the commands.

Exit codes: 0 done; 1 done, but the answer is no (check, doctor); 2 wrong use or unusable input; 130 and 143 after
SIGINT and SIGTERM.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from stenosis_kit import __version__, rsna
from stenosis_kit.budget import Budget, parse_time
from stenosis_kit.console import end_on_signals, log_to_stderr
from stenosis_kit.errors import InputError

Arguments = argparse.Namespace


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns its exit code; no traceback reaches the user."""
    budget = Budget()  # notes when the command began
    parser = _parser()
    chosen = parser.parse_args(arguments)
    chosen.started = budget
    log_to_stderr()
    end_on_signals()
    try:
        with _reserved(chosen):
            code = chosen.run(chosen)
        sys.stdout.flush()
        return code
    except InputError as error:
        print(f"stenosis-kit {chosen.command}: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader of our output has left
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        found = f"expected to read or write it; found {error.strerror or error}"
        print(f"stenosis-kit {chosen.command}: {error.filename}: {found}. Mind its permissions.", file=sys.stderr)
    except Exception as error:
        if os.environ.get("STENOSIS_KIT_DEBUG"):
            raise
        name = type(error).__name__
        print(f"stenosis-kit {chosen.command}: unexpected {name}: {error}", file=sys.stderr)
        print("Please report it; STENOSIS_KIT_DEBUG=1 shows where it happened.", file=sys.stderr)
    return 2


@contextmanager
def _reserved(chosen: Arguments) -> Iterator[None]:
    """Keeps the folder that a command writes for it alone, and clears what killed runs left half written."""
    from stenosis_kit.files import remove_stale
    from stenosis_kit.lock import locked

    for path in filter(None, (getattr(chosen, name, None) for name in ("output", "json"))):
        remove_stale(path)
        remove_stale(path.with_suffix(".run.json"))
    folder = getattr(chosen, "writes", None)
    with locked(getattr(chosen, folder)) if folder else nullcontext():
        yield


# --- Commands ----------------------------------------------------------------------------------


def _phantom(chosen: Arguments) -> int:
    from stenosis_kit.phantom import phantom

    names = ("studies", "test_studies", "seed", "size", "faults", "noise", "workers", "preview")
    phantom(chosen.out, **{name: getattr(chosen, name) for name in names})
    return 0


def _split(chosen: Arguments) -> int:
    from stenosis_kit.split import split

    counts = split(chosen.data, chosen.out, chosen.test_share, chosen.seed)
    print(f"{chosen.out}: {counts['train']} training and {counts['test']} held-out studies")
    if counts["images"] < counts["train"] + counts["test"]:
        print(f"only {counts['images']} of them have images in {chosen.data}")
    print(f"next: stenosis-kit submit {chosen.out} RUN")
    return 0


def _doctor(chosen: Arguments) -> int:
    from stenosis_kit.doctor import doctor
    from stenosis_kit.files import write_json

    found = doctor(chosen.data, chosen.split, pixels=chosen.pixels)
    if chosen.json:
        write_json(chosen.json, found.findings)
    print(*found.lines(), sep="\n")
    print("", "ROWS WILL BE LOST OR UNUSABLE: see above." if found.rows_lost else "no row will be lost", sep="\n")
    return int(found.rows_lost)


def _format(chosen: Arguments) -> int:
    from stenosis_kit.format import format

    format(chosen.data, chosen.store, chosen.workers, fresh=chosen.fresh)
    return 0


def _train(chosen: Arguments) -> int:
    from dataclasses import replace

    from stenosis_kit.settings import Training
    from stenosis_kit.train import train

    given = {name: value for name in ("folds", "seed") if (value := getattr(chosen, name)) is not None}
    train(chosen.store, chosen.model, _budget(chosen), replace(Training(), **given), chosen.fresh)
    return 0


def _levels(chosen: Arguments) -> int:
    from stenosis_kit.levels.command import levels

    levels(chosen.data, chosen.output, chosen.split, chosen.model, preview=chosen.preview)
    return 0


def _predict(chosen: Arguments) -> int:
    from stenosis_kit.predict import predict

    predict(chosen.data, chosen.model, chosen.output, chosen.split, _budget(chosen))
    return 0


def _check(chosen: Arguments) -> int:
    from stenosis_kit.check import check, is_legal

    findings = check(chosen.submission, chosen.data, chosen.split)
    print(*findings, sep="\n", end="\n" if findings else "")
    print("legal" if is_legal(findings) else "NOT legal")
    return int(not is_legal(findings))


def _score(chosen: Arguments) -> int:
    from stenosis_kit.files import write_json
    from stenosis_kit.score import baselines, compare, score

    result = score(chosen.submission, chosen.labels)
    other = compare(chosen.submission, chosen.against, chosen.labels) if chosen.against else None
    if chosen.json:
        write_json(chosen.json, result)
    for name, value in result.items():
        print(f"{name:18} {_shown(value)}")
    for name, value in baselines(chosen.labels).items():
        print(f"{name:18} {_shown(value)}  (a constant, for comparison)")
    if other:
        interval = f"95 % of resamples from {other.low:+.4f} to {other.high:+.4f}"
        print(f"against {chosen.against}: {other.difference:+.4f} ({interval}); better in {other.share_better:.1%}")
    return 0


def _submit(chosen: Arguments) -> int:
    from stenosis_kit.submit import submit

    run = submit(chosen.data, chosen.out, _budget(chosen), chosen.model)
    return int(not run["legal"])


def _bundle(chosen: Arguments) -> int:
    from stenosis_kit.kaggle.bundle import bundle

    folder = bundle(chosen.model, chosen.owner, chosen.output)
    print(f"next: kaggle datasets create -p {folder} (later: kaggle datasets version -p {folder} -m WHY)")
    return 0


def _kernels(chosen: Arguments) -> int:
    from stenosis_kit.kaggle.bundle import stage_kernels

    folder = stage_kernels(chosen.owner, chosen.output)
    print(f"next: kaggle kernels push -p {folder}/submit --timeout 32400")
    return 0


def _paper(chosen: Arguments) -> int:
    from stenosis_kit.paper.command import paper

    paper(chosen.data, chosen.out, _budget(chosen), chosen.split_by, chosen.input_size)
    return 0


def _report(chosen: Arguments) -> int:
    from stenosis_kit.report.command import report

    print(report(chosen.folder))
    return 0


# --- Parsing -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("stenosis-kit", description="From CSV and DICOM to a checked submission.csv.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    submit = _command(
        commands, "submit", _submit, "the whole road: format, train, predict, check, score, report", "data", "out"
    )
    submit.set_defaults(writes="out")
    submit.add_argument("--model", type=Path, help="a trained model; then nothing is trained")
    _time_limit(submit, "8m")

    phantom = _command(commands, "phantom", _phantom, "make a synthetic cohort in the competition's layout", "out")
    phantom.set_defaults(writes="out")
    phantom.add_argument("--studies", type=_count, default=240, help="training studies (default %(default)s)")
    phantom.add_argument("--test-studies", type=_count, default=100, help="test studies (default %(default)s)")
    phantom.add_argument("--seed", type=_count, default=0)
    phantom.add_argument("--size", choices=("tiny", "fast", "full"), default="tiny", help="default: %(default)s")
    phantom.add_argument("--faults", choices=("none", "real", "hard"), default="real", help="default: %(default)s")
    phantom.add_argument("--noise", type=float, default=1.0, help="of the readers: 0 none, 1 as real (default)")
    phantom.add_argument("--workers", type=_positive, help="processes (default: all cores)")
    phantom.add_argument("--preview", type=Path, metavar="F.png", help="also draw one study")

    split = _command(commands, "split", _split, "hold out studies for offline scoring", "data", "out")
    split.set_defaults(writes="out")
    split.add_argument("--test-share", type=float, default=0.2, help="share held out (default %(default)s)")
    split.add_argument("--seed", type=_count, default=0)

    doctor = _command(commands, "doctor", _doctor, "what is wrong with a data folder", "data")
    _which_split(doctor, "train")
    doctor.add_argument("--pixels", action="store_true", help="decode every image too, not only its header")
    doctor.add_argument("--json", type=Path, metavar="F", help="also write the findings there")

    format_ = _command(commands, "format", _format, "cut crops from tables and DICOM", "data", "store")
    format_.set_defaults(writes="store")
    format_.add_argument("--workers", type=_positive, help="processes (default: all cores)")
    format_.add_argument("--fresh", action="store_true", help="make everything anew")

    train = _command(commands, "train", _train, "train graders on a crop store", "store", "model")
    train.set_defaults(writes="model")
    _time_limit(train, "30m")
    train.add_argument("--folds", type=_positive, help="models a grader (default 3, fewer where the time is short)")
    train.add_argument("--seed", type=_count)
    train.add_argument("--fresh", action="store_true", help="train everything anew")

    levels = _command(commands, "levels", _levels, "find the 25 points of each study", "data")
    levels.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="default: the bundled localiser")
    levels.add_argument("-o", "--output", type=Path, required=True)
    _which_split(levels, "test")
    levels.add_argument("--preview", type=Path, metavar="F.png", help="also draw the points of a few studies")

    predict = _command(commands, "predict", _predict, "grade a split with trained models", "data")
    predict.add_argument("model", type=Path, nargs="+", metavar="MODEL")
    predict.add_argument("-o", "--output", type=Path, required=True)
    _which_split(predict, "test")
    _time_limit(predict, None)

    check = _command(commands, "check", _check, "is a submission legal?", "submission", "data")
    _which_split(check, "test")

    score = _command(commands, "score", _score, "the official metric", "submission", "labels")
    score.add_argument("--against", type=Path, metavar="OTHER", help="paired bootstrap against another submission")
    score.add_argument("--json", type=Path, metavar="F", help="also write the score there")

    bundle = _command(commands, "bundle", _bundle, "stage what kaggle datasets create uploads")
    bundle.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="a trained model (default: none)")
    bundle.add_argument("--owner", metavar="NAME", help="your Kaggle account")
    _output(bundle, "submission/build")

    kernels = _command(commands, "kernels", _kernels, "stage what kaggle kernels push uploads")
    kernels.add_argument("--owner", metavar="NAME", required=True, help="your Kaggle account")
    _output(kernels, "submission/kernels")

    paper = _command(commands, "paper", _paper, "the paper's own recipe, with its tables and figures", "data", "out")
    paper.set_defaults(writes="out")
    paper.add_argument("--split-by", choices=("both", "study", "image"), default="both", help="default: %(default)s")
    paper.add_argument("--input-size", type=_positive, metavar="N", help="pixels a side (default: 256, or what fits)")
    _time_limit(paper, "30m")

    report = _command(commands, "report", _report, "make a run's report.html, a page that needs no network")
    report.add_argument("folder", type=Path, metavar="RUN", help="what submit, predict, train or paper wrote")
    return parser


def _command(commands: Any, name: str, run: Any, summary: str, *paths: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=run)
    for path in paths:
        parser.add_argument(path, type=Path, metavar=path.upper())
    return parser


def _time_limit(parser: argparse.ArgumentParser, default: str | None) -> None:
    shown = default or "none"
    help_ = f"wall time of the whole command, e.g. 90s, 15m, 8.5h (default {shown})"
    parser.add_argument(
        "--time-limit", type=_time, default=_time(default) if default else None, metavar="T", help=help_
    )


def _output(parser: argparse.ArgumentParser, default: str) -> None:
    help_ = "folder to stage in (default %(default)s)"
    parser.add_argument("-o", "--output", type=Path, default=Path(default), help=help_)


def _which_split(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--split", choices=rsna.SPLITS, default=default, help="default: %(default)s")


def _time(text: str) -> float:
    try:
        return parse_time(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a whole number, 0 or more; found {text!r}")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0; found {text!r}")
    return int(text)


def _budget(chosen: Arguments) -> Budget:
    """The command's time limit, counted from when the command began."""
    spent = chosen.started.elapsed()
    return Budget(chosen.time_limit, spent) if chosen.time_limit else Budget(spent=spent)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {count}" for name, count in value.items())
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(len(value) if isinstance(value, list) else value)
