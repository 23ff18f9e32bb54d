"""The two passes of submit over the test studies: by what training starts from, and by what was trained.

The first one takes little of the time, so that there are graded rows within half a minute. Its answers stay where the
second one's do not reach, and where the time is too short to train.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from stenosis_kit.answers.score import score
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget, Stopwatch, show_time, slowness
from stenosis_kit.base.cores import usable_cores
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.tasks import TimeUp
from stenosis_kit.base.tensorflow_start import load_s, load_tensorflow
from stenosis_kit.graders.bundled import BUNDLED, NONE, bundled_graders
from stenosis_kit.graders.cost import least_s
from stenosis_kit.graders.model_file import MODEL_NAME
from stenosis_kit.graders.own_localiser import teaching_s
from stenosis_kit.graders.planned_run import BESIDE_S
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.warm_start import read_start
from stenosis_kit.levels.finder import Canals
from stenosis_kit.road.format import format as format_store
from stenosis_kit.road.predict import predict
from stenosis_kit.road.train import train
from stenosis_kit.tables.root import Root

log = logging.getLogger(__name__)

_FIRST_SHARE = 0.15  # chosen by hand: of the time, the most for the first pass, as long as training is to come
_FIRST_LEAST_S = 12.0  # with less, training comes first: networks and the localiser alone take 3 to 5 s to load
_FINISH_S = 2.5  # usually, check, score, run.json, and a report of text alone
_REPORT_S = 15.0  # the whole report, of 100 studies on two cores,
_REPORT_SHARE = 0.03  # but no more than this of a short limit; it then leaves pictures out
_START_S = 8.0  # starting worker processes, the localiser and the foramen finder
_OPEN_S = 2.0  # chosen by hand: opening the store, and what training starts from, before training looks at its time
_LEVELS_S, _SECOND_STAGE_S = 0.12, 0.03  # a test study, on two cores; training leaves time for its graders
_CUT_MARGIN = 1.5  # chosen by hand: what cutting a test study may take, of what a training study took
_CUT_SHARE = 0.5  # chosen by hand: of the time, the most for cutting training studies; the rest trains and answers


@dataclass(frozen=True)
class FirstPass:
    """The start's answers.

    Attributes:
        submission: with them.
        said: for run.json: model, rows by source, and score where labels are known.
    """

    submission: Submission
    said: dict

    def is_whole(self) -> bool:
        """Whether the time reached for all studies."""
        return all(row["why"] != str(TimeUp()) for row in self.submission.sources)


@dataclass(frozen=True)
class Passes:
    """Where a run comes from and goes to, and its time.

    Attributes:
        root: the test split.
        out: output folder, for store and model.
        output: the submission.
        whole: the run's time.
        watch: seconds of each stage.
        studies: numbers of training studies: cut, left for want of time, failed (see `road.format`).
        canals: that the first pass found, for the second one.
    """

    root: Root
    out: Path
    output: Path
    whole: Budget
    watch: Stopwatch = field(default_factory=Stopwatch)
    studies: dict[str, int] = field(default_factory=dict)
    canals: Canals = field(default_factory=dict)

    def until_report(self) -> Budget:
        """The time until prediction ends: the run's without the report's share and what check and score take.

        The latter by the machine's speed of now, which takes 50 ms to measure.
        """
        report = min(_REPORT_S, _REPORT_SHARE * self.whole.seconds)
        return self.whole.share(keep=_FINISH_S * slowness() + report)

    def check_start(self, start: Path | str) -> None:
        """Raises InputError where the start cannot be used: it is said now, not after formatting."""
        if str(start) == BUNDLED:
            bundled_graders()
        elif str(start) != NONE:
            read_start(Path(start), self._model)

    def first(self, training: Training, start: Path | str) -> FirstPass | None:
        """The start's own answers; None where there are none: no start, or so short a time that training comes first.

        Raises:
            InputError: as `check_start`.
        """
        self.check_start(start)
        if str(start) == NONE:
            return None
        left = self.until_report()
        share = _FIRST_SHARE if _can_train(training, left) or self._has_model() else 1.0
        if not left.share(share).reaches(_FIRST_LEAST_S):
            return None
        load_tensorflow()  # training needs it too, so it is no part of the share: a busy machine takes half a minute
        submission = self.answered_by(start, time=self.until_report().share(share), stage="first_pass")
        if not submission.graded().any():
            return None
        known = self.root.known_labels(self.root.grid)
        reached = score(self.output, known[0]) if known else None
        log.info("submit: the start, %s, has answered; training is to improve on that", start)
        return FirstPass(submission, {"model": str(start), "rows": submission.counts(), "score": reached})

    def second(self, training: Training, start: Path | str, first: FirstPass | None) -> Submission | None:
        """The trained model's answers, else an earlier one's in OUT, else the start's; None where there are none.

        Raises:
            InputError: where the training data cannot be used; the start has answered all studies first.
        """
        earlier, has_start, left = first and first.submission, str(start) != NONE, self.until_report()
        try:
            if has_start and not _can_train(training, left):  # then rather more answers of the start than of a store
                expected = f"at least {show_time(slowness() * _training_s(training))} for training"
                raise TimeTooShort(expected, f"{show_time(left.remaining())} left", "Give more time.")
            self._format_and_train(training, start)
        except TimeTooShort as error:
            if not self._has_model():
                answering = f"the start, {start}, answers" if has_start else "all rows are priors"
                log.error("submit: NOTHING WAS TRAINED, %s: %s", answering, error)
                return self._start_alone(start, first)
            log.error("submit: NOTHING WAS TRAINED, an earlier model in %s answers: %s", self._model, error)
        except InputError:
            self._start_alone(start, first)
            raise
        return self.answered_by(self._model, earlier)

    def _start_alone(self, start: Path | str, first: FirstPass | None) -> Submission | None:
        """The start's answers to all studies; None where there is no start."""
        if str(start) == NONE or (first is not None and first.is_whole()):
            return first and first.submission
        return self.answered_by(start, first and first.submission)

    def answered_by(
        self,
        model: Path | str,
        earlier: Submission | None = None,
        time: Budget | None = None,
        stage: str = "predict",
    ) -> Submission:
        """A model's answers; the earlier ones stay where it has none. The stage goes by its name in run.json."""
        time = time or self.until_report()
        submission = predict(self.root, [model], self.output, budget=time, earlier=earlier, canals=self.canals)
        self.watch.lap(stage)
        return submission

    @property
    def _model(self) -> Path:
        return self.out / "model"

    def _has_model(self) -> bool:
        return (self._model / MODEL_NAME).is_file()

    def _format_and_train(self, training: Training, start: Path | str) -> None:
        time = self.until_report().share(_CUT_SHARE)
        stored = format_store(self.root.of("train"), self.out / "store", budget=time, in_part=True)
        self.watch.lap("format")
        self._note(stored)
        studies = self.root.series["study_id"].n_unique()
        cut_s = stored["cutting_s"] / max(stored["studies"], 1) / usable_cores()
        slow, left = slowness(), self.until_report()
        new = studies - self._known_canals(left, slow)
        reserve = slow * (_START_S + studies * _SECOND_STAGE_S + new * _LEVELS_S) + studies * _CUT_MARGIN * cut_s
        most = left.remaining() - slow * (least_s(training) + BESIDE_S + _OPEN_S)
        reserve = max(0.0, min(reserve, most))  # rather answers to some
        text = "submit: %s left before the report; %s of it kept for prediction"
        log.info(text, show_time(left.remaining()), show_time(reserve))
        time = left.share(keep=reserve)
        train(self.out / "store", self._model, time, training=training, start=start, to_grade=studies)
        self.watch.lap("train")

    def _known_canals(self, left: Budget, slow: float) -> int:
        """Studies whose levels are not looked for again: none where there is time to teach what finds them."""
        return 0 if teaching_s(left, slow) else max(map(len, self.canals.values()), default=0)

    def _note(self, stored: dict) -> None:
        """Notes, for run.json, how much of the training data there is, and says where it is not all."""
        cut, left = stored["studies"], stored["studies_left"]
        self.studies.update(cut=cut, left=left, failed=len(stored["failed_studies"]))
        if left:
            text = "submit: TIME IS SHORT: %d of %d training studies, drawn at random, are cut; to cut the rest: %s"
            command = f"stenosis-kit format {self.root.folder} {self.out / 'store'}"
            log.warning(text, cut, cut + left, command)


def _can_train(training: Training, left: Budget) -> bool:
    """Whether the time might reach for it."""
    return left.reaches(_training_s(training))


def _training_s(training: Training) -> float:
    """Seconds without which no training is begun."""
    return load_s() + least_s(training) + BESIDE_S
