"""submit: the whole road, from a competition root to a checked and, where labels are known, scored submission, and its
report.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from stenosis_kit import __version__, rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.answers.priors import builtin_prior, smoothed_prior
from stenosis_kit.answers.score import baselines, score
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget, default_budget, show_time, slowness
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json, run_json_of, write_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.base.output import check_outputs, followed
from stenosis_kit.graders.bundled import BUNDLED
from stenosis_kit.graders.model_file import model_files
from stenosis_kit.graders.settings import Training
from stenosis_kit.report.page import REPORT
from stenosis_kit.road.folder_kinds import SUBMIT, check_kind
from stenosis_kit.road.passes import FirstPass, Passes
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

log = logging.getLogger(__name__)

_SUBMISSION = "submission.csv"
_LEAVE_S = 0.5  # to end the process


def submit(
    data: Root | Path | str,
    out: Path | str,
    budget: Budget | None = None,
    model: Path | str | None = None,
    training: Training | None = None,
    start: Path | str = BUNDLED,
) -> dict:
    """Formats, trains (unless a model is given), predicts the test split, checks, and scores where it can.

    What training starts from answers first, in a seventh of the time at most, so that there are graded rows within half
    a minute; these stay where the trained model's answers do not reach, or the time is too short to train.

    Writes OUT/submission.csv (complete from the first second), OUT/run.json, OUT/report.html and, where labels of the
    test studies are known (DATA/solution.csv, or train.csv where it holds them), OUT/score.json. Store and model stay
    in OUT, so that a stopped run goes on where it was.

    Where the time does not reach for cutting all training studies, a random part of them is trained on, and run.json
    says how many are left; `format` into OUT/store goes on with them.

    Args:
        data: competition root.
        out: output folder.
        budget: the time; 8 minutes by default.
        model: a trained model, or "bundled" for the package's own: nothing is trained.
        training: settings.
        start: what training starts from: "bundled", "none", or an earlier model, see `graders.warm_start`.

    Returns:
        The run.json.

    Raises:
        InputError: where the test split has no usable series table, or what is written to OUT is an input; also, with
            the priors in place, or an earlier run's answers, where the start cannot be used; also, with the priors or
            the start's answers in place, where the train tables cannot be.
    """
    root, out, budget = as_root(data, "test"), Path(out), budget or default_budget("submit")
    training = training or Training()
    road = Passes(root, out, out / _SUBMISSION, budget)
    check_outputs(written(out), [*own_files(root.folder), *(model_files(Path(model)) if model else [])], streams=False)
    check_kind(out, SUBMIT)
    make_folder(out)
    if not model and (out / _SUBMISSION).exists():
        road.check_start(start)  # before an earlier run's answers go
    submission = _priors(root, out)
    road.watch.lap("priors")
    first = None if model else road.first(training, start)
    submission = road.answered_by(model) if model else road.second(training, start, first) or submission
    judged = _judged(root, out, submission)
    gain = _gain(first, judged, is_trained="train" in road.watch.seconds)
    run = {
        "version": __version__,
        "data": str(root.folder),
        "time_limit_s": budget.seconds,
        "elapsed_s": budget.elapsed(),
        **({} if model else {"settings": asdict(training), "start": str(start), "first_pass": gain}),
        "training_studies": road.studies,
        "seconds": road.watch.seconds,
        **judged,
    }
    write_json(out / RUN_NAME, run)
    page = _report(out, budget.share(keep=_LEAVE_S * slowness()), root)
    log.info("submit: done in %s of %s", show_time(budget.elapsed()), show_time(budget.seconds))
    if page:
        log.info("submit: look at %s", page)
    return run


def written(out: Path) -> list[Path]:
    """The files that submit writes in OUT itself."""
    submission = out / _SUBMISSION
    return [submission, run_json_of(submission), *_said_of_it(out)]


def _said_of_it(out: Path) -> list[Path]:
    """Those of them that say how good the submission is, and how it came about."""
    return [out / "score.json", out / RUN_NAME, out / REPORT]


def _priors(root: Root, out: Path) -> Submission:
    """A submission of priors, on disk; what an earlier run said of its own goes."""
    submission = Submission(root.grid, builtin_prior() if root.label_table.error else smoothed_prior(root.cells))
    output = out / _SUBMISSION
    submission.save(output, {"version": __version__, "data": str(root.folder)})
    for stale in _said_of_it(out):
        with suppress(OSError):
            followed(stale).unlink()
    log.info("submit: priors written for all %d rows: %s", submission.grid.height, output)
    return submission


def _judged(root: Root, out: Path, submission: Submission) -> dict:
    """What run.json says of the finished submission: what answered, its rows, whether it is legal, and any score."""
    output = out / _SUBMISSION
    findings = check(output, root)
    legal = "legal" if is_legal(findings) else "NOT LEGAL: " + "; ".join(map(str, findings))
    log.info("submit: %s has %d rows and is %s", output, submission.grid.height, legal)
    models = read_json(run_json_of(output), "what predict says of each row").get("models", [])
    score = _score(root, out, output)
    return {"models": models, "score": score, "rows": submission.counts(), "legal": is_legal(findings)}


def _gain(first: FirstPass | None, judged: dict, is_trained: bool) -> dict | None:
    """What run.json says of the first pass, with what training, if there was any, gained where both have a score."""
    if first is None:
        return None
    before, after = ((each["score"] or {}).get("score") for each in (first.said, judged))
    gained = before - after if is_trained and before is not None and after is not None else None
    if gained is not None:
        log.info("submit: the start alone had %s; what was trained gained %.4f", _figure(before), gained)
    return first.said | {"gained": gained}


def _report(out: Path, budget: Budget, root: Root) -> Path | None:
    """The report's path; a report that fails costs nothing but itself."""
    try:
        from stenosis_kit.report.command import attempted, report
    except ImportError as error:
        log.warning("submit: no report could be made: %s", error)
        return None
    return attempted(lambda: report(out, budget, root))


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
    result = score(output, truth) | {"baselines": baselines(truth)}
    with suppress(InputError):  # only a phantom's own test split has an oracle
        result["baselines"]["oracle"] = score(root.folder / rsna.ORACLE, truth)["score"]
    write_json(out / "score.json", result)
    for name in ("score", "spinal", "foraminal", "subarticular", "any_severe_spinal"):
        log.info("submit: %-18s %s", name, _figure(result[name]))
    beside = ", ".join(f"{name} {_figure(value)}" for name, value in result["baselines"].items())
    log.info("submit: beside it (lower is better): %s", beside)
    return result


def _figure(value: float | None) -> str:
    return "none" if value is None else f"{value:.4f}"
