"""submit: the whole road, from a competition root to a checked and, where labels are known, scored submission, and its
report.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path

from stenosis_kit import __version__, rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.answers.priors import Priors, builtin_prior, smoothed_prior
from stenosis_kit.answers.score import baselines, score
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget, Stopwatch, show_time
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import make_folder, write_json
from stenosis_kit.graders.description import MODEL_NAME
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.start import read_start
from stenosis_kit.road.format import format as format_store
from stenosis_kit.road.predict import predict
from stenosis_kit.road.train import train
from stenosis_kit.tables.root import Root, as_root

log = logging.getLogger(__name__)

_FINISH_S = 2.0  # check, score and run.json
_REPORT_S = 15.0  # the whole report, of 100 studies on two cores,
_REPORT_SHARE = 0.03  # but no more than this of a short limit; it then leaves pictures out
_START_S = 5.0  # starting workers, and what the localiser takes to start
_LEVELS_S = 0.06  # a study, for the localiser and the second stage; training leaves time for its graders
_CUT_MARGIN = 1.5  # cutting a test study against what a training study took


def submit(
    data: Root | Path | str,
    out: Path | str,
    budget: Budget | None = None,
    model: Path | str | None = None,
    training: Training | None = None,
    start: Path | str | None = None,
) -> dict:
    """Formats, trains (unless a model is given), predicts the test split, checks, and scores where it can.

    Writes OUT/submission.csv (complete from the first second), OUT/run.json, OUT/report.html and, where labels of the
    test studies are known (DATA/solution.csv, or train.csv where it holds them), OUT/score.json. Store and model stay
    in OUT, so that a stopped run goes on where it was.

    Args:
        data: competition root.
        out: output folder.
        budget: the time; 8 minutes by default.
        model: a trained model: nothing is trained.
        training: settings.
        start: an earlier model whose weights training starts from, see `starting`.

    Returns:
        The run.json.

    Raises:
        InputError: where the test split has no usable series table; also, with the priors in place, where the train
            tables cannot be used.
    """
    root, out, budget, training = as_root(data, "test"), Path(out), budget or Budget(480.0), training or Training()
    watch = Stopwatch()
    make_folder(out)
    submission = Submission(root.grid, _first_priors(root))
    output = out / "submission.csv"
    submission.save(output, {"version": __version__, "data": str(root.folder)})
    log.info("submit: priors written for all %d rows: %s", submission.grid.height, output)
    watch.lap("priors")
    if start:
        read_start(Path(start), out / "model")  # what is missing there is said now, not after formatting
    studies = root.series["study_id"].n_unique()
    learn = partial(train, training=training, start=start, to_grade=studies)
    trained = Path(model) if model else _trained(root, out, budget, learn, studies, watch)
    if trained:
        submission = predict(root, [trained], output, budget=budget.share(keep=_finish_s(budget)))
        watch.lap("predict")
    findings = check(output, root)
    legal = "legal" if is_legal(findings) else "NOT LEGAL: " + "; ".join(map(str, findings))
    log.info("submit: %s has %d rows and is %s", output, submission.grid.height, legal)
    result = _score(root, out, output)
    run = {
        "version": __version__,
        "data": str(root.folder),
        "time_limit_s": budget.seconds,
        "elapsed_s": budget.elapsed(),
    }
    run |= {} if model else {"settings": asdict(training), "start": str(start) if start else None}
    run |= {"seconds": watch.seconds, "score": result, "rows": submission.counts(), "legal": is_legal(findings)}
    write_json(out / "run.json", run)
    page = _report(out, budget.share(keep=_FINISH_S / 4), root)
    log.info("submit: done in %s of %s", show_time(budget.elapsed()), show_time(budget.seconds))
    if page:
        log.info("submit: look at %s", page)
    return run


def _finish_s(budget: Budget) -> float:
    """Seconds kept for what comes after prediction."""
    return _FINISH_S + min(_REPORT_S, _REPORT_SHARE * budget.seconds)


def _report(out: Path, budget: Budget, root: Root) -> Path | None:
    """The report's path; a report that fails costs nothing but itself."""
    try:
        from stenosis_kit.report.command import attempted, report
    except ImportError as error:
        log.warning("submit: no report could be made: %s", error)
        return None
    return attempted(lambda: report(out, budget, root))


def _first_priors(root: Root) -> Priors:
    """Of the labels given where they can be read; what is wrong with them is reported when they are needed."""
    return builtin_prior() if root.label_table.error else smoothed_prior(root.cells)


def _trained(
    root: Root, out: Path, budget: Budget, learn: Callable, test_studies: int, watch: Stopwatch
) -> Path | None:
    """Formats and trains; None where the time is too short for it, which is said."""
    try:
        return _format_and_train(root, out, budget, learn, test_studies, watch)
    except TimeTooShort as error:
        if (out / "model" / MODEL_NAME).is_file():
            log.error("submit: NOTHING WAS TRAINED, an earlier model in %s answers: %s", out / "model", error)
            return out / "model"
        log.error("submit: NOTHING WAS TRAINED, all rows are priors: %s", error)
        return None


def _format_and_train(
    root: Root, out: Path, budget: Budget, learn: Callable, test_studies: int, watch: Stopwatch
) -> Path:
    stored = format_store(root.of("train"), out / "store", budget=budget.share(keep=_finish_s(budget)))
    watch.lap("format")
    cut_s = stored["cutting_s"] / max(stored["studies"], 1) / (os.cpu_count() or 1)
    reserve = _START_S + test_studies * (_CUT_MARGIN * cut_s + _LEVELS_S) + _finish_s(budget)
    log.info("submit: %s left; %s of it kept for prediction", show_time(budget.remaining()), show_time(reserve))
    learn(out / "store", out / "model", budget.share(keep=reserve))
    watch.lap("train")
    return out / "model"


def _score(root: Root, out: Path, output: Path) -> dict | None:
    """Scores the test studies whose labels are known, and says how that compares."""
    known = root.known_labels(root.grid)
    if known is None:
        log.info("submit: no labels of the test studies are at hand, so there is no score")
        return None
    truth, table = known
    if table == rsna.TRAIN_TABLE:
        count = truth["study_id"].n_unique()
        log.warning("submit: %d test studies are also training studies: THE SCORE IS NOT HELD OUT", count)
    result = score(output, truth)
    result["baselines"] = baselines(truth)
    with suppress(InputError):  # only a phantom's own test split has an oracle
        result["baselines"]["oracle"] = score(root.folder / "oracle_submission.csv", truth)["score"]
    write_json(out / "score.json", result)
    for name in ("score", "spinal", "foraminal", "subarticular", "any_severe_spinal"):
        log.info("submit: %-18s %s", name, _figure(result[name]))
    beside = ", ".join(f"{name} {_figure(value)}" for name, value in result["baselines"].items())
    log.info("submit: beside it (lower is better): %s", beside)
    return result


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
