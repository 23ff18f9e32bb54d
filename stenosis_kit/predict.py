"""predict: a split's studies to a submission. Priors are on disk first; graded rows replace them as they come."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from tqdm import tqdm

from stenosis_kit import __version__, rsna
from stenosis_kit.backend import load_tensorflow
from stenosis_kit.budget import Budget, Pace, Stopwatch
from stenosis_kit.crops import VIEW_BY_NAME
from stenosis_kit.cutting import StudyCrops, cut_study
from stenosis_kit.errors import InputError
from stenosis_kit.levels.search import CanalFinder
from stenosis_kit.model import read_description
from stenosis_kit.priors import Priors, builtin_prior
from stenosis_kit.study import StudyTask
from stenosis_kit.submission import Submission
from stenosis_kit.tables import grid, read_split_series, row_ids
from stenosis_kit.workers import TimeUp, run_tasks

if TYPE_CHECKING:
    from stenosis_kit.model import Model

log = logging.getLogger(__name__)

_PART = 64  # studies that are graded before those after them are begun: where time runs out, most are whole
_TOGETHER = 16  # studies that are graded in one go
_FINISH_S = 3.0  # for the last batch of studies, and writing
_LEVELS_SHARE = 0.5  # of the time that is left, for a part's levels: they take about a third of predicting
_LOAD_S = 8.0  # TensorFlow and the networks take about 6 s on two cores


def predict(
    data: Path | str,
    models: Sequence[Path | str],
    output: Path | str,
    split: str = "test",
    budget: Budget | None = None,
    workers: int | None = None,
    lean: bool = False,
) -> Submission:
    """Grades all cells of a split and writes a submission, and beside it <output>.run.json.

    Never reads labels. Whatever cannot be graded (no image, no time, no model) keeps the prior, and run.json says why.

    Args:
        data: competition root.
        models: folders made by `train`; their answers are averaged.
        output: the CSV.
        split: train or test.
        budget: the time; without limit by default.
        workers: processes that read and cut; all cores by default.
        lean: on the prior, as far as the data are unlike the models' training data, see `likeness`.

    Raises:
        InputError: where there is no grid, or the submission cannot be written.
    """
    data, output, budget = Path(data), Path(output), budget or Budget()
    folders = [Path(model) for model in models]
    series = read_split_series(data, split)
    submission = Submission(grid(series), _priors(folders))
    run = {"version": __version__, "data": str(data), "split": split, "models": [str(folder) for folder in folders]}
    protect_inputs(data, output)
    submission.save(output, run)
    log.info("predict: priors written for %d rows: %s", submission.grid.height, output)
    in_time = budget.remaining() > _LOAD_S
    loaded = _load(folders) if in_time else []
    if loaded:
        views = frozenset(each.grader.view for model in loaded for each in model.description.graders)
        tasks = [replace(task, views=views) for task in unlabelled_tasks(data, split, series)]
        finder, late = CanalFinder(folders, workers), 0
        pace = Pace(budget.share(keep=_FINISH_S), len(tasks))
        with tqdm(desc="predict", total=len(tasks), unit="study", disable=None, leave=False) as bar:
            for first in range(0, len(tasks), _PART):
                part = finder.find(tasks[first : first + _PART], budget.share(_LEVELS_SHARE, keep=_FINISH_S))
                late += _grade_part(submission, loaded, part, budget, workers, bar, pace)
                submission.save(output, run)
        if late:
            log.error("predict: THE TIME WAS UP: %d of %d studies are left at their priors", late, len(tasks))
        if lean:
            run["leaning"] = _lean(submission, loaded[0])
    else:
        why = "no model could be used" if in_time else "the time was up"
        log.error("predict: %s: ALL ROWS ARE PRIORS", why)
        submission.explain(submission.grid["row_id"], why)
    submission.save(output, run)
    _summarise(submission)
    return submission


def protect_inputs(data: Path, output: Path) -> None:
    """Raises InputError where an output would overwrite one of the competition's own files."""
    if output.resolve().parent == data.resolve() and output.name in rsna.FILES:
        raise InputError(output, "a new file", "one of the competition's own", "Give the output another name.")


def unlabelled_tasks(data: Path, split: str, series: pl.DataFrame) -> list[StudyTask]:
    """A task without labels for each study of a series table."""
    by_study: dict[int, list[tuple[int, str]]] = {}
    for study, series_id, kind in series.select("study_id", "series_id", "series_description").iter_rows():
        known = by_study.setdefault(study, [])
        if kind in rsna.SERIES_KINDS:
            known.append((series_id, kind))
        else:
            log.warning("study %d: series %d is not read: its kind is %s", study, series_id, kind)
    images = data / rsna.images_folder(split)
    return [StudyTask(images, study, tuple(rows)) for study, rows in sorted(by_study.items())]


def _priors(folders: list[Path]) -> Priors:
    for folder in folders:
        try:
            return read_description(folder).priors
        except InputError:
            continue  # it is reported when the model is loaded
    return builtin_prior()


def _load(folders: list[Path]) -> list[Model]:
    load_tensorflow()
    from stenosis_kit.model import Model

    models = []
    for folder in folders:
        try:
            models.append(Model(folder))
        except InputError as error:
            log.error("predict: %s", error)
    return models


def _grade_part(
    submission: Submission,
    models: list[Model],
    tasks: list[StudyTask],
    budget: Budget,
    workers: int | None,
    bar: tqdm,
    pace: Pace,
) -> int:
    """Cuts studies and answers their cells. Returns the number of studies for which the time did not reach."""
    waiting: list[StudyCrops] = []
    folds = max(1 + each.fold for model in models for each in model.description.graders)
    asked = max(1, int(pace.share() * folds))
    late, seconds, share = 0, 0.0, asked / folds
    if share < 1:
        text = "predict: TIME IS SHORT: %d of a grader's %d networks answer for %d studies"
        log.warning(text, asked, folds, len(tasks))
    results = run_tasks(cut_study, tasks, workers, budget=budget.share(keep=_FINISH_S))
    for done, (task, crops) in enumerate(results, 1):
        if isinstance(crops, Exception):
            late += isinstance(crops, TimeUp)
            _explain_study(submission, task.study_id, crops)
        else:
            waiting.append(crops)
        if len(waiting) >= _TOGETHER or done == len(tasks):
            watch = Stopwatch()
            _grade(submission, models, waiting, share)
            seconds += watch.lap("grade")
            waiting = []
        bar.update()
    pace.note(len(tasks), seconds, share)
    return late


def _grade(submission: Submission, models: list[Model], studies: list[StudyCrops], share: float) -> None:
    """Answers all cells of some studies that were cut in at least one view; models are averaged."""
    from stenosis_kit.grading import grade_studies

    for crops in studies:
        _explain_losses(submission, crops)
    answers, used = zip(*(grade_studies(model, studies, share) for model in models), strict=True)
    by_view = {view: np.logical_or.reduce([each[view] for each in used]) for view in VIEW_BY_NAME}
    for place, crops in enumerate(studies):
        for cell in {(row["condition"], row["level"]) for row in crops.rows}:
            k, row_id = rsna.CELLS.index(cell), rsna.row_id(crops.study_id, *cell)
            own = [table[place, k] for table in answers if np.isfinite(table[place, k]).all()]
            if own:
                views = [view for view, part in by_view.items() if part[place, k]]
                submission.put(row_id, np.mean(own, axis=0), " + ".join(views))
            else:
                submission.explain([row_id], "no network that has not seen the study could be loaded")


def _lean(submission: Submission, model: Model) -> list[dict]:
    """Leans on the prior where the answers are unlike those to the first model's training studies, and says so."""
    from stenosis_kit.likeness import lean, leanings

    shape = (-1, len(rsna.CELLS), len(rsna.SEVERITIES))  # a grid holds its studies' cells in the order of `rsna.CELLS`
    graded = np.array([[row["source"] == "grader"] for row in submission.sources])
    answers = np.where(graded, submission.probabilities, np.nan).reshape(shape)
    prior = submission.priors[: len(rsna.CELLS)]
    found = leanings(answers, prior, model.description.moments)
    leant = lean(answers, prior, found).reshape(submission.probabilities.shape)
    for place in graded[:, 0].nonzero()[0]:
        submission.put(submission.grid["row_id"][int(place)], leant[place], submission.sources[place]["why"])
    for each in found:
        text = "predict: %s answers lie %.1f sd from those in training: they count for %.0f %%"
        log.info(text, each.term, each.distance, 100 * each.trust)
    return [{"term": each.term, "distance": each.distance, "trust": each.trust} for each in found]


def _explain_losses(submission: Submission, crops: StudyCrops) -> None:
    for lost in crops.lost:
        submission.explain([rsna.row_id(crops.study_id, lost.condition, lost.level)], f"{lost.view}: {lost.why}")
    by_series: dict[tuple[str, str], list[str]] = {}
    for name, why in crops.skipped_files.items():
        by_series.setdefault((name.split("/")[0], why), []).append(name)
    for (series, why), names in by_series.items():
        text = "predict: study %d, series %s: %d file(s) passed over, the first %s: %s"
        log.warning(text, crops.study_id, series, len(names), names[0].split("/")[1], why)


def _explain_study(submission: Submission, study_id: int, why: Exception) -> None:
    if not isinstance(why, TimeUp):  # which is said once, for all of them
        log.warning("predict: study %d is left at its priors: %s", study_id, why)
    submission.explain(row_ids(submission.grid.filter(study_id=study_id)), str(why))


def _summarise(submission: Submission) -> None:
    for source, count in submission.counts().items():
        log.info("predict: %5d rows from %s", count, source)
