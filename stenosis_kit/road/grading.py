"""Grading a split's studies: cut in workers, answered by the models, put into a submission as they come."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget, Pace, Stopwatch, slowness
from stenosis_kit.base.tasks import TimeUp, is_accident, run_tasks
from stenosis_kit.crops.study_crops import StudyCrops, cut_study
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import networks_a_grader
from stenosis_kit.graders.network import looks
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.finder import CanalFinder
from stenosis_kit.road.passed_over import PassedOver
from stenosis_kit.tables.grid import row_ids
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)

_PART = 64  # studies that are finished before the next ones are begun, so that most are whole where time runs out
_FIRST_PART = 8  # the first of them, so that graded rows are on disk soon
_TOGETHER = 16  # studies that go through the networks together
_FINISH_S = 3.0  # usually, for the last batch of studies, and writing
_MARGIN = 1.5  # chosen by hand: what the last batch may take, of what the one before took
_LEVELS_SHARE = 0.5  # of the time left, the most for a part's levels, which take about a third of predicting


class Grading:
    """Cuts studies in workers and puts the models' answers into a submission.

    Attributes:
        failed: {study: why} of those that could not be read this time, or not all of them.
    """

    def __init__(
        self,
        submission: Submission,
        models: list[Model],
        budget: Budget,
        passed_over: PassedOver,
        workers: int | None,
        spare: Model | None = None,
    ) -> None:
        """Begins nothing yet.

        Args:
            submission: where answers go.
            models: whose answers are averaged.
            budget: the time.
            passed_over: what is told of files.
            workers: processes that read and cut; all cores by default.
            spare: a model that answers what none of the others can.
        """
        self.passed_over = passed_over
        self.submission = submission
        self.models = models
        self.spare = [spare] if spare else []
        self.budget = budget
        self.workers = workers
        networks = [model.description.graders for model in [*models, *self.spare]]
        self.cutter = partial(cut_study, views=frozenset(each.grader.view for own in networks for each in own))
        self.looks = max(looks(networks_a_grader(own)) for own in networks)
        self.failed: dict[int, str] = {}
        self._asked = self.looks
        self._finish_s = slowness() * _FINISH_S
        self._crops: Counter[int] = Counter()  # of each study, as graded last

    def grade_all(self, studies: list[Study], finder: CanalFinder, save: Callable[[], None]) -> None:
        """Grades all studies, and those that could not be read once more; where the time does not reach, says so."""
        for model in [*self.models, *self.spare]:
            model.warm_up()  # else the pace of the first studies would be that of building graphs
        late = self._grade_parts(studies, finder, save)
        if late:
            log.error("predict: THE TIME WAS UP: %d of %d studies are left as they were", late, len(studies))
        elif again := [study for study in studies if study.study_id in self.failed]:
            log.warning("predict: %d studies could not be read this time: they are tried once more", len(again))
            self._grade_parts(again, finder, save)
        for study, why in self.failed.items():
            log.warning("predict: STUDY %d COULD NOT BE READ: %s", study, why)

    def _grade_parts(self, studies: list[Study], finder: CanalFinder, save: Callable[[], None]) -> int:
        """Grades part after part, and saves after each; the number of studies for which the time did not reach."""
        pace, late = None, 0
        with tqdm(desc="predict", total=len(studies), unit="study", disable=None, leave=False) as bar:
            for first, end in pairwise([0, *range(_FIRST_PART, len(studies), _PART), len(studies)]):
                time = self.budget.share(_LEVELS_SHARE, keep=self._finish_s)
                located = finder.find(studies[first:end], time)
                # The first levels take worker processes and graphs to begin: no pace of those that follow.
                pace = pace or Pace(self.budget.share(keep=self._finish_s), len(studies))
                late += self._grade_part(located, pace, bar)
                save()
        return late

    def _grade_part(self, studies: list[LocatedStudy], pace: Pace, bar: tqdm) -> int:
        """Returns the number of studies for which the time did not reach."""
        waiting: list[StudyCrops] = []
        asked = max(1, int(pace.share() * self.looks))
        late, watch, share = 0, Stopwatch(), asked / self.looks
        self._say_looks(asked)
        results = run_tasks(self.cutter, studies, self.workers, budget=self.budget.share(keep=self._finish_s))
        for done, (located, crops) in enumerate(results, 1):
            late += isinstance(crops, TimeUp)
            if self._is_graded(located.study.study_id, crops):
                waiting.append(crops)
            if len(waiting) >= _TOGETHER or done == len(studies):
                watch.lap("cut")
                self._grade(waiting, share)
                took = watch.lap("grade")
                self._finish_s = max(_FINISH_S, _MARGIN * took)
                waiting = []
            bar.update()
        pace.note(len(studies), watch.seconds["grade"], share)
        return late

    def _say_looks(self, asked: int) -> None:
        """Says, where it changes, how many of the looks at a crop the time allows."""
        if asked < self._asked:
            text = "predict: TIME IS SHORT: %d of the %d looks that a grader's networks take at a crop, from here on"
            log.warning(text, asked, self.looks)
        elif asked > self._asked:
            log.info("predict: there is time for %d of the %d looks again", asked, self.looks)
        self._asked = asked

    def _is_graded(self, study: int, result: StudyCrops | Exception) -> bool:
        """Whether there is something to grade, and no less than at an earlier try; if not, the rows say why."""
        if isinstance(result, Exception):
            if study not in self.failed:  # else it was said, and earlier answers stay
                _explain_study(self.submission, study, result)
            if is_accident(result) and not isinstance(result, TimeUp):
                self.failed.setdefault(study, str(result))
            return False
        if result.accidents and len(result.rows) < self._crops[study]:
            return False
        self.failed.pop(study, None)
        if result.accidents:
            self.failed[study] = result.accident()
        self._crops[study] = len(result.rows)
        self.passed_over.note(study, result.readable, result.skipped_files)
        _explain_losses(self.submission, result)
        return True

    def _grade(self, studies: list[StudyCrops], share: float) -> None:
        """Answers all cells of some studies that were cut in at least one view; models are averaged."""
        answered = [[model.answer(studies, share) for model in each] for each in (self.models, self.spare)]
        for place, crops in enumerate(studies):
            for cell in {(row["condition"], row["level"]) for row in crops.rows}:
                k, row_id = rsna.CELLS.index(cell), rsna.row_id(crops.study_id, *cell)
                able = [
                    [(table[place, k], used) for table, used in each if np.isfinite(table[place, k]).all()]
                    for each in answered
                ]
                if own := able[0] or able[1]:
                    views = [
                        view for view in VIEW_BY_NAME if any(view in used and used[view][place, k] for _, used in own)
                    ]
                    trust = float(crops.trust[rsna.LEVELS.index(cell[1])])
                    self.submission.put(row_id, np.mean([row for row, _ in own], axis=0), " + ".join(views), trust)
                else:
                    self.submission.explain([row_id], "no network that has not seen the study could be loaded")


def _explain_losses(submission: Submission, crops: StudyCrops) -> None:
    for lost in crops.lost:
        submission.explain([rsna.row_id(crops.study_id, lost.condition, lost.level)], f"{lost.view}: {lost.why}")


def _explain_study(submission: Submission, study_id: int, why: Exception) -> None:
    if not isinstance(why, TimeUp):  # which is said once, for all of them
        log.warning("predict: study %d is left at its priors: %s", study_id, why)
    submission.explain(row_ids(submission.grid.filter(study_id=study_id)), str(why))
