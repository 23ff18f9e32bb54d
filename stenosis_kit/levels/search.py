"""Finding the levels of many studies: workers read overviews, the main process looks at them in batches."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from stenosis_kit.backend import load_tensorflow
from stenosis_kit.budget import Budget
from stenosis_kit.errors import InputError
from stenosis_kit.folds import read_folds
from stenosis_kit.levels.localiser import DESCRIPTION_NAME, TAUGHT_ON_LABELS, Localiser
from stenosis_kit.levels.overview import Overview, read_overviews
from stenosis_kit.study import CanalPoints, StudyTask
from stenosis_kit.workers import run_tasks

log = logging.getLogger(__name__)

_TOGETHER = 16  # studies that are looked at in one go


def find_canals(
    tasks: Sequence[StudyTask],
    models: Sequence[Path] = (),
    workers: int | None = None,
    budget: Budget | None = None,
) -> list[StudyTask]:
    """The tasks, each with the canal where a localiser found it.

    The first model that has a localiser of its own lends it; a study that a model was trained on is left to the
    bundled one, which has seen no real study. A study that cannot be read, or for which the time does not reach, stays
    without: what cuts it falls back on ways that need no network.

    Args:
        tasks: studies.
        models: folders made by `train`.
        workers: processes that read; all cores by default.
        budget: the time; without limit by default.
    """
    own = next((folder for folder in models if (folder / DESCRIPTION_NAME).is_file()), None)
    localiser = _load(own)
    if localiser is None:
        return list(tasks)
    seen = {study for folder in models for study in read_folds(folder)} if localiser.notes.get(TAUGHT_ON_LABELS) else ()
    known = [task for task in tasks if task.study_id in seen]
    found = _locate_all([task for task in tasks if task.study_id not in seen], localiser, workers, budget or Budget())
    unbiased = _load(None) if known else None
    if unbiased:
        found |= _locate_all(known, unbiased, workers, budget or Budget())
    return [replace(task, canal=found.get(task.study_id), carry=localiser.carry) for task in tasks]


def _load(folder: Path | None) -> Localiser | None:
    """The localiser of a model, else the bundled one; None, said aloud, where none can be used."""
    load_tensorflow()
    try:
        return Localiser.load(folder) if folder else Localiser.bundled()
    except InputError as error:
        log.error("levels: %s", error)
        return _load(None) if folder else None


def _locate_all(
    tasks: Sequence[StudyTask], localiser: Localiser, workers: int | None, budget: Budget
) -> dict[int, CanalPoints]:
    found: dict[int, CanalPoints] = {}
    waiting: list[tuple[int, list[Overview]]] = []
    results = run_tasks(read_overviews, tasks, workers, budget=budget)
    for task, overviews in tqdm(results, "levels", len(tasks), unit="study", disable=None, leave=False):
        if isinstance(overviews, Exception):
            log.warning("levels: study %d: %s", task.study_id, overviews)
        else:
            waiting.append((task.study_id, overviews))
        if len(waiting) == _TOGETHER:
            found |= _look(localiser, waiting)
            waiting = []
    return found | _look(localiser, waiting)


def _look(localiser: Localiser, waiting: Sequence[tuple[int, list[Overview]]]) -> dict[int, CanalPoints]:
    answers = localiser.locate([overviews for _, overviews in waiting])
    return {study: canal for (study, _), canal in zip(waiting, answers, strict=True) if canal}
