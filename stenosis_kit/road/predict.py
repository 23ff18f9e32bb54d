"""predict: a split's studies to a submission. Priors are on disk first; graded rows replace them as they come."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
from tqdm import tqdm

from stenosis_kit import __version__, rsna
from stenosis_kit.answers import dataset_shift
from stenosis_kit.answers.priors import Priors, builtin_prior
from stenosis_kit.answers.submission import Submission
from stenosis_kit.base.budget import Budget, Pace, Stopwatch
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import run_json_of
from stenosis_kit.base.output import check_outputs
from stenosis_kit.base.tasks import TimeUp, is_accident, run_tasks
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.study_crops import StudyCrops, cut_study
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import model_files, read_description
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.finder import CanalFinder
from stenosis_kit.road.passed_over import PassedOver
from stenosis_kit.tables.grid import row_ids
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)

_PART = 64  # studies that are finished before the next ones are begun, so that most are whole where time runs out
_TOGETHER = 16  # studies that go through the networks together
_FINISH_S = 3.0  # for the last batch of studies, and writing
_LEVELS_SHARE = 0.5  # of the time left, the most for a part's levels, which take about a third of predicting
_LOAD_S = 8.0  # TensorFlow and the networks take about 6 s on two cores


def predict(
    data: Root | Path | str,
    models: Sequence[Path | str],
    output: Path | str,
    split: str = "test",
    budget: Budget | None = None,
    workers: int | None = None,
    lean: bool = False,
) -> Submission:
    """Grades all cells of a split and writes a submission, and beside it <output>.run.json.

    Never reads labels. Whatever cannot be graded (no image, no time, no model) keeps the prior, and run.json says why.
    A study that could not be read this time (its disk failed, its worker died or took too long) is tried once more
    after all others; run.json names those that it did not help, under failed_studies.

    Args:
        data: competition root.
        models: folders made by `train`; their answers are averaged.
        output: the CSV.
        split: train or test.
        budget: the time; without limit by default.
        workers: processes that read and cut; all cores by default.
        lean: on the prior, as far as the data are unlike the models' training data, see `answers.dataset_shift`.

    Raises:
        InputError: where there is no grid, or the submission cannot be written or is an input.
    """
    root, output, budget = as_root(data, split), Path(output), budget or Budget()
    folders = [Path(model) for model in models]
    kept = [*own_files(root.folder), *(path for folder in folders for path in model_files(folder))]
    check_outputs([output, run_json_of(output)], kept, streams=False)
    submission = Submission(root.grid, _priors(folders))
    run = {
        "version": __version__,
        "data": str(root.folder),
        "split": root.split,
        "models": [str(folder) for folder in folders],
    }
    submission.save(output, run)
    log.info("predict: priors written for %d rows: %s", submission.grid.height, output)
    in_time = budget.remaining() > _LOAD_S
    loaded = _load(folders) if in_time else []
    if loaded:
        passed_over = PassedOver("predict", root.images)
        grading = _Grading(submission, loaded, budget, passed_over, workers)
        grading.grade_all(root.studies(), CanalFinder(folders, workers), lambda: submission.save(output, run))
        passed_over.finish()
        run["skipped_files"] = passed_over.reasons
        run["failed_studies"] = [{"study_id": study, "why": why} for study, why in sorted(grading.failed.items())]
        if lean:
            run["leaning"] = _lean(submission, loaded[0])
    else:
        why = "no model could be used" if in_time else "the time was up"
        log.error("predict: %s: ALL ROWS ARE PRIORS", why)
        submission.explain(submission.grid["row_id"], why)
    submission.save(output, run)
    for source, count in submission.counts().items():
        log.info("predict: %5d rows from %s", count, source)
    return submission


def _priors(folders: list[Path]) -> Priors:
    for folder in folders:
        with suppress(InputError):  # it is reported when the model is loaded
            return read_description(folder).priors
    return builtin_prior()


def _load(folders: list[Path]) -> list[Model]:
    load_tensorflow()
    models = []
    for folder in folders:
        try:
            models.append(Model(folder))
        except InputError as error:
            log.error("predict: %s", error)
    return models


class _Grading:
    """Cuts studies in workers and puts the models' answers into a submission.

    Attributes:
        failed: {study: why} of those that could not be read this time, or not all of them.
    """

    def __init__(
        self, submission: Submission, models: list[Model], budget: Budget, passed_over: PassedOver, workers: int | None
    ) -> None:
        self.passed_over = passed_over
        self.submission = submission
        self.models = models
        self.budget = budget
        self.workers = workers
        networks = [each for model in models for each in model.description.graders]
        self.cutter = partial(cut_study, views=frozenset(each.grader.view for each in networks))
        self.folds = max(1 + each.fold for each in networks)
        self.failed: dict[int, str] = {}
        self._crops: Counter[int] = Counter()  # of each study, as graded last

    def grade_all(self, studies: list[Study], finder: CanalFinder, save: Callable[[], None]) -> None:
        """Grades all studies, and those that could not be read once more; where the time does not reach, says so."""
        late = self._grade_parts(studies, finder, save)
        if late:
            log.error("predict: THE TIME WAS UP: %d of %d studies are left at their priors", late, len(studies))
        elif again := [study for study in studies if study.study_id in self.failed]:
            log.warning("predict: %d studies could not be read this time: they are tried once more", len(again))
            self._grade_parts(again, finder, save)
        for study, why in self.failed.items():
            log.warning("predict: STUDY %d COULD NOT BE READ: %s", study, why)

    def _grade_parts(self, studies: list[Study], finder: CanalFinder, save: Callable[[], None]) -> int:
        """Grades part after part, and saves after each; the number of studies for which the time did not reach."""
        pace, late = Pace(self.budget.share(keep=_FINISH_S), len(studies)), 0
        with tqdm(desc="predict", total=len(studies), unit="study", disable=None, leave=False) as bar:
            for first in range(0, len(studies), _PART):
                time = self.budget.share(_LEVELS_SHARE, keep=_FINISH_S)
                late += self._grade_part(finder.find(studies[first : first + _PART], time), pace, bar)
                save()
        return late

    def _grade_part(self, studies: list[LocatedStudy], pace: Pace, bar: tqdm) -> int:
        """Returns the number of studies for which the time did not reach."""
        waiting: list[StudyCrops] = []
        asked = max(1, int(pace.share() * self.folds))
        late, watch, share = 0, Stopwatch(), asked / self.folds
        if share < 1:
            text = "predict: TIME IS SHORT: %d of a grader's %d networks answer for %d studies"
            log.warning(text, asked, self.folds, len(studies))
        results = run_tasks(self.cutter, studies, self.workers, budget=self.budget.share(keep=_FINISH_S))
        for done, (located, crops) in enumerate(results, 1):
            late += isinstance(crops, TimeUp)
            if self._is_graded(located.study.study_id, crops):
                waiting.append(crops)
            if len(waiting) >= _TOGETHER or done == len(studies):
                watch.lap("cut")
                self._grade(waiting, share)
                watch.lap("grade")
                waiting = []
            bar.update()
        pace.note(len(studies), watch.seconds["grade"], share)
        return late

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
        answers, used = zip(*(model.answer(studies, share) for model in self.models), strict=True)
        for place, crops in enumerate(studies):
            for cell in {(row["condition"], row["level"]) for row in crops.rows}:
                k, row_id = rsna.CELLS.index(cell), rsna.row_id(crops.study_id, *cell)
                own = [table[place, k] for table in answers if np.isfinite(table[place, k]).all()]
                if own:
                    views = [view for view in VIEW_BY_NAME if any(part[view][place, k] for part in used)]
                    self.submission.put(row_id, np.mean(own, axis=0), " + ".join(views))
                else:
                    self.submission.explain([row_id], "no network that has not seen the study could be loaded")


def _lean(submission: Submission, model: Model) -> list[dict]:
    """Leans on the prior where the answers are unlike those to the first model's training studies, and says so."""
    shape = (-1, len(rsna.CELLS), len(rsna.SEVERITIES))  # a grid holds its studies' cells in the order of `rsna.CELLS`
    graded = np.array([[row["source"] == "grader"] for row in submission.sources])
    answers = np.where(graded, submission.probabilities, np.nan).reshape(shape)
    prior = submission.priors[: len(rsna.CELLS)]
    found = dataset_shift.leanings(answers, prior, model.description.moments)
    leant = dataset_shift.lean(answers, prior, found).reshape(submission.probabilities.shape)
    for place in graded[:, 0].nonzero()[0]:
        submission.put(submission.grid["row_id"][int(place)], leant[place], submission.sources[place]["why"])
    for each in found:
        text = "predict: %s answers lie %.1f sd from those in training: they count for %.0f %%"
        log.info(text, each.term, each.distance, 100 * each.trust)
    return [{"term": each.term, "distance": each.distance, "trust": each.trust} for each in found]


def _explain_losses(submission: Submission, crops: StudyCrops) -> None:
    for lost in crops.lost:
        submission.explain([rsna.row_id(crops.study_id, lost.condition, lost.level)], f"{lost.view}: {lost.why}")


def _explain_study(submission: Submission, study_id: int, why: Exception) -> None:
    if not isinstance(why, TimeUp):  # which is said once, for all of them
        log.warning("predict: study %d is left at its priors: %s", study_id, why)
    submission.explain(row_ids(submission.grid.filter(study_id=study_id)), str(why))
