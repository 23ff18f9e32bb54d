"""submit: the whole road, from a competition root to a checked and, where labels are known, scored submission, and its
report.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from stenosis_kit import __version__, rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.answers.priors import builtin_prior, smoothed_prior
from stenosis_kit.answers.score import baselines, score
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget, Stopwatch, show_time
from stenosis_kit.base.cores import usable_cores
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import make_folder, run_json_of, write_json
from stenosis_kit.base.output import check_outputs, followed
from stenosis_kit.graders.model_file import MODEL_NAME, model_files
from stenosis_kit.graders.plan import least_s
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.training_run import BESIDE_S
from stenosis_kit.graders.warm_start import read_start
from stenosis_kit.report.page import REPORT
from stenosis_kit.road.format import format as format_store
from stenosis_kit.road.predict import predict
from stenosis_kit.road.train import train
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root

log = logging.getLogger(__name__)

_SUBMISSION = "submission.csv"
_FINISH_S = 2.0  # check, score and run.json
_REPORT_S = 15.0  # the whole report, of 100 studies on two cores,
_REPORT_SHARE = 0.03  # but no more than this of a short limit; it then leaves pictures out
_START_S = 5.0  # starting worker processes and the localiser
_LEVELS_S = 0.06  # a test study, for the localiser and the second stage; training leaves time for its graders
_CUT_MARGIN = 1.5  # chosen by hand: what cutting a test study may take, of what a training study took
_CUT_SHARE = 0.5  # chosen by hand: of the time, the most for cutting training studies; the rest trains and answers


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

    Where the time does not reach for cutting all training studies, a random part of them is trained on, and run.json
    says how many are left; `format` into OUT/store goes on with them.

    Args:
        data: competition root.
        out: output folder.
        budget: the time; 8 minutes by default.
        model: a trained model: nothing is trained.
        training: settings.
        start: an earlier model whose weights training starts from, see `graders.warm_start`.

    Returns:
        The run.json.

    Raises:
        InputError: where the test split has no usable series table, or what is written to OUT is an input; also, with
            the priors in place, where the train tables cannot be used.
    """
    root, out, budget, training = as_root(data, "test"), Path(out), budget or Budget(480.0), training or Training()
    before_finish = budget.share(keep=_FINISH_S + min(_REPORT_S, _REPORT_SHARE * budget.seconds))
    road, output = _Road(root, out, before_finish), out / _SUBMISSION
    check_outputs(written(out), [*own_files(root.folder), *(model_files(Path(model)) if model else [])], streams=False)
    make_folder(out)
    submission = _priors(root, out)
    road.watch.lap("priors")
    if start:
        read_start(Path(start), out / "model")  # what is missing there is said now, not after formatting
    trained = Path(model) if model else road.trained(training, start)
    if trained:
        submission = predict(root, [trained], output, budget=road.budget)
        road.watch.lap("predict")
    judged = _judged(root, out, submission)
    run = {
        "version": __version__,
        "data": str(root.folder),
        "time_limit_s": budget.seconds,
        "elapsed_s": budget.elapsed(),
        **({} if model else {"settings": asdict(training), "start": str(start) if start else None}),
        "training_studies": road.studies,
        "seconds": road.watch.seconds,
        **judged,
    }
    write_json(out / "run.json", run)
    page = _report(out, budget.share(keep=_FINISH_S / 4), root)
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
    return [out / "score.json", out / "run.json", out / REPORT]


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
    """What run.json says of the finished submission: its rows, whether it is legal, and its score if known."""
    output = out / _SUBMISSION
    findings = check(output, root)
    legal = "legal" if is_legal(findings) else "NOT LEGAL: " + "; ".join(map(str, findings))
    log.info("submit: %s has %d rows and is %s", output, submission.grid.height, legal)
    return {"score": _score(root, out, output), "rows": submission.counts(), "legal": is_legal(findings)}


def _report(out: Path, budget: Budget, root: Root) -> Path | None:
    """The report's path; a report that fails costs nothing but itself."""
    try:
        from stenosis_kit.report.command import attempted, report
    except ImportError as error:
        log.warning("submit: no report could be made: %s", error)
        return None
    return attempted(lambda: report(out, budget, root))


@dataclass(frozen=True)
class _Road:
    """Where a run comes from and goes to, and its time.

    Attributes:
        root: the test split.
        out: output folder.
        budget: the time until prediction ends: the run's without what check, score and report take.
        watch: seconds of each stage.
        studies: numbers of training studies: cut, left for want of time, failed (see `road.format`).
    """

    root: Root
    out: Path
    budget: Budget
    watch: Stopwatch = field(default_factory=Stopwatch)
    studies: dict[str, int] = field(default_factory=dict)

    def trained(self, training: Training, start: Path | str | None) -> Path | None:
        """Formats and trains; None where the time is too short for it, which is said."""
        try:
            self._format_and_train(training, start)
        except TimeTooShort as error:
            if not (self.out / "model" / MODEL_NAME).is_file():
                log.error("submit: NOTHING WAS TRAINED, all rows are priors: %s", error)
                return None
            log.error("submit: NOTHING WAS TRAINED, an earlier model in %s answers: %s", self.out / "model", error)
        return self.out / "model"

    def _format_and_train(self, training: Training, start: Path | str | None) -> None:
        time = self.budget.share(_CUT_SHARE)
        stored = format_store(self.root.of("train"), self.out / "store", budget=time, in_part=True)
        self.watch.lap("format")
        self._note(stored)
        studies = self.root.series["study_id"].n_unique()
        cut_s = stored["cutting_s"] / max(stored["studies"], 1) / usable_cores()
        reserve = _START_S + studies * (_CUT_MARGIN * cut_s + _LEVELS_S)
        left = self.budget.remaining()
        reserve = max(0.0, min(reserve, left - least_s(training) - BESIDE_S))  # rather answers to some than to none
        log.info("submit: %s left before the report; %s of it kept for prediction", show_time(left), show_time(reserve))
        time = self.budget.share(keep=reserve)
        train(self.out / "store", self.out / "model", time, training=training, start=start, to_grade=studies)
        self.watch.lap("train")

    def _note(self, stored: dict) -> None:
        """Notes, for run.json, how much of the training data there is, and says where it is not all."""
        cut, left = stored["studies"], stored["studies_left"]
        self.studies.update(cut=cut, left=left, failed=len(stored["failed_studies"]))
        if left:
            text = "submit: TIME IS SHORT: %d of %d training studies, drawn at random, are cut; to cut the rest: %s"
            command = f"stenosis-kit format {self.root.folder} {self.out / 'store'}"
            log.warning(text, cut, cut + left, command)


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
