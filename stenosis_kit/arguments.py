"""What each command of the command line understands, and what `--help` says of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stenosis_kit import __version__, commands, rsna
from stenosis_kit.base.budget import DEFAULT_LIMITS, parse_time
from stenosis_kit.graders.settings import LARGEST_SEED

Arguments = argparse.Namespace


def parse(arguments: Sequence[str] | None = None) -> Arguments:
    """Reads a command line; where it is wrong, argparse says how, and ends the process with code 2.

    A MODEL may also stand behind an option, where argparse no longer expects what may be left out.

    Args:
        arguments: those of the process where none are given.

    Returns:
        The arguments by name, with `command`; `run`, what it does; and `writes`, the name of the argument that is a
        folder for it alone, or None.
    """
    parser = _parser()
    chosen, rest = parser.parse_known_args(arguments)
    if not any(text.startswith("-") for text in rest):
        if chosen.command == "predict":
            chosen.model, rest = [*chosen.model, *map(_model, rest)], []
        elif chosen.command == "levels" and len(rest) == 1 and not chosen.model:
            chosen.model, rest = Path(rest[0]), []
    if rest:
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return chosen


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("stenosis-kit", description="From CSV and DICOM to a checked submission.csv.")
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (_add_road, _add_data, _add_answers, _add_kaggle, _add_pages):
        add(subparsers)
    return parser


def _add_road(subparsers: Any) -> None:
    """From a competition root to a submission."""
    road = "the whole road: format, train, predict, check, score, report"
    submit = _command(subparsers, "submit", road, "data", "out", writes="out")
    submit.add_argument("--model", type=_model, help="a trained model; then nothing is trained")
    _start(submit)
    _config(submit)
    _time_limit(submit, DEFAULT_LIMITS["submit"])

    format_ = _command(subparsers, "format", "cut crops from tables and DICOM", "data", "store", writes="store")
    format_.add_argument("--workers", type=_positive, help="processes (default: all cores)")
    _scheduler(format_)
    format_.add_argument("--fresh", action="store_true", help="make everything anew")

    train = _command(subparsers, "train", "train graders on a crop store", "store", "model", writes="model")
    _time_limit(train, DEFAULT_LIMITS["train"])
    train.add_argument("--folds", type=_positive, help="networks a grader (default 5; fewer or more, by the time)")
    train.add_argument("--seed", type=_seed, help="of folds, weights and augmentation (default 0)")
    _start(train)
    _config(train)
    _scheduler(train)
    train.add_argument("--fresh", action="store_true", help="train everything anew")

    levels = _command(subparsers, "levels", "find the 25 points of each study", "data")
    levels.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="default: the bundled localiser")
    levels.add_argument("-o", "--output", type=Path, required=True)
    _which_split(levels, "test")
    levels.add_argument("--preview", type=Path, metavar="F.png", help="also draw the points of a few studies")

    predict = _command(subparsers, "predict", "grade a split", "data")
    help_ = "trained models, whose answers are averaged (default: the package's own graders)"
    predict.add_argument("model", type=_model, nargs="*", metavar="MODEL", help=help_)
    predict.add_argument("-o", "--output", type=Path, required=True)
    predict.add_argument("--lean", action="store_true", help="on the prior, as far as the data are unlike the model's")
    _which_split(predict, "test")
    _time_limit(predict, None)


def _add_data(subparsers: Any) -> None:
    """Data: made, held out, examined."""
    made = "make a synthetic cohort in the competition's layout"
    phantom = _command(subparsers, "phantom", made, "out", writes="out")
    phantom.add_argument("--studies", type=_count, default=240, help="training studies (default %(default)s)")
    phantom.add_argument("--test-studies", type=_count, default=100, help="test studies (default %(default)s)")
    phantom.add_argument("--seed", type=_seed, default=0, help="default: %(default)s")
    phantom.add_argument("--size", choices=("tiny", "fast", "full"), default="tiny", help="default: %(default)s")
    phantom.add_argument("--faults", choices=("none", "real", "hard"), default="real", help="default: %(default)s")
    phantom.add_argument("--noise", type=float, default=1.0, help="of the readers: 0 none, 1 as real (default)")
    phantom.add_argument("--workers", type=_positive, help="processes (default: all cores)")
    phantom.add_argument("--preview", type=Path, metavar="F.png", help="also draw one study")

    split = _command(subparsers, "split", "hold out studies for offline scoring", "data", "out", writes="out")
    split.add_argument("--test-share", type=float, default=0.2, help="share held out (default %(default)s)")
    split.add_argument("--seed", type=_seed, default=0, help="default: %(default)s")

    adopt = _command(
        subparsers, "adopt", "make a competition root of any folder of DICOM files", "folder", writes="root"
    )
    adopt.add_argument("root", type=Path, metavar="ROOT", help="a new or empty folder, or one that adopt made")
    _which_split(adopt, "test")
    adopt.add_argument("--series", type=Path, metavar="F.csv", help="what series are: adopted.csv, as you edited it")
    adopt.add_argument(
        "--labels", type=Path, metavar="F.csv", help="your own grades, for training or scoring, see README.md"
    )
    adopt.add_argument("--keep-uids", action="store_true", help="adopted.csv has UIDs as they are, not hashed")

    doctor = _command(subparsers, "doctor", "what is wrong with a data folder", "data")
    _which_split(doctor, "train")
    doctor.add_argument("--pixels", action="store_true", help="decode every image too, not only its header")
    doctor.add_argument("--json", type=Path, metavar="F", help="also write the findings there")


def _add_answers(subparsers: Any) -> None:
    """Submissions: legal, and how good."""
    check = _command(subparsers, "check", "is a submission legal?", "submission", "data")
    _which_split(check, "test")

    score = _command(subparsers, "score", "the official metric", "submission", "labels")
    score.add_argument("--against", type=Path, metavar="OTHER", help="paired bootstrap against another submission")
    score.add_argument("--json", type=Path, metavar="F", help="also write the score there")


def _add_kaggle(subparsers: Any) -> None:
    """What goes to Kaggle."""
    bundle = _command(subparsers, "bundle", "stage what kaggle datasets create uploads")
    bundle.add_argument("model", type=Path, nargs="?", metavar="MODEL", help="a trained model (default: none)")
    bundle.add_argument("--owner", metavar="NAME", help="your Kaggle account")
    _output(bundle, "submission/build")

    kernels = _command(subparsers, "kernels", "stage what kaggle kernels push uploads")
    kernels.add_argument("--owner", metavar="NAME", required=True, help="your Kaggle account")
    _output(kernels, "submission/kernels")


def _add_pages(subparsers: Any) -> None:
    """What is there to look at."""
    recipe = "the paper's own recipe, with its tables and figures"
    paper = _command(subparsers, "paper", recipe, "data", "out", writes="out")
    paper.add_argument("--split-by", choices=("both", "study", "image"), default="both", help="default: %(default)s")
    paper.add_argument("--input-size", type=_positive, metavar="N", help="pixels a side (default: 256, or what fits)")
    _time_limit(paper, DEFAULT_LIMITS["paper"])

    sheet = _command(subparsers, "sheet", "a page for each study, to take in at a glance", "data", "submission", "out")
    _which_split(sheet, "test")

    report = _command(subparsers, "report", "make a run's report.html, a page that needs no network")
    report.add_argument("folder", type=Path, metavar="RUN", help="what submit, predict, train or paper wrote")


def _command(
    subparsers: Any, name: str, summary: str, *paths: str, writes: str | None = None
) -> argparse.ArgumentParser:
    """A command with its paths; `writes` names the one that is a folder for it alone."""
    parser = subparsers.add_parser(name, help=summary, description=summary)
    parser.set_defaults(run=getattr(commands, f"run_{name}"), writes=writes)
    for path in paths:
        parser.add_argument(path, type=Path, metavar=path.upper())
    return parser


def _time_limit(parser: argparse.ArgumentParser, default: str | None) -> None:
    shown = default or "none"
    help_ = f"wall time of the whole command, e.g. 90s, 15m, 8.5h (default {shown})"
    parser.add_argument(
        "--time-limit", type=_time, default=_time(default) if default else None, metavar="T", help=help_
    )


def _config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, metavar="F.toml", help="settings of graders and training, see README.md")


def _start(parser: argparse.ArgumentParser) -> None:
    help_ = "what networks start from: bundled (default), none (new weights) or an earlier MODEL, see README.md"
    parser.add_argument("--start", metavar="MODEL", help=help_)


def _scheduler(parser: argparse.ArgumentParser) -> None:
    help_ = "host:port of a Dask scheduler, whose cluster does the work, see README.md"
    parser.add_argument("--scheduler", metavar="ADDRESS", help=help_)


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


def _model(text: str) -> Path:
    """A model's folder; one called "bundled", given as ./bundled, is not the package's own, see `graders.bundled`."""
    from stenosis_kit.graders.bundled import BUNDLED  # which takes polars: `--help` is to come at once

    path = Path(text)
    return path.absolute() if path == Path(BUNDLED) and text != BUNDLED else path


def _whole_number(text: str, least: int, largest: int | None, expected: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) < least or (largest is not None and int(text) > largest):
        raise argparse.ArgumentTypeError(f"expected a whole number{expected}; found {text!r}")
    return int(text)


def _count(text: str) -> int:
    return _whole_number(text, 0, None, ", 0 or more")


def _positive(text: str) -> int:
    return _whole_number(text, 1, None, " above 0")


def _seed(text: str) -> int:
    return _whole_number(text, 0, LARGEST_SEED, f" from 0 to {LARGEST_SEED}")
