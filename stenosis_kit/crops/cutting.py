"""Cutting many labelled studies into a store's parts, by workers, whatever becomes of one of them."""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator, Sequence, Set
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tasks import ExecutorGone, TimeUp, is_accident, run_tasks
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.crops.made_of import images_of
from stenosis_kit.crops.parts import is_cut, read_notes, write_part
from stenosis_kit.crops.study_crops import StudyCrops, cut_study
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.fallback import METHODS
from stenosis_kit.levels.finder import CanalFinder
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)

_GUESSED = "label points that cannot be placed"
_PART = 128  # studies that are located before they are cut, chosen by hand


@workers_kept()
def cut_parts(
    store: Path,
    studies: Sequence[Study],
    workers: int | None = None,
    executor: Executor | None = None,
    budget: Budget | None = None,
) -> dict[int, str]:
    """Cuts studies in random order, so that those that are cut when the time is up stand for all.

    A study that could not be read this time (its disk failed, its worker died or took too long), or whose label points
    cannot be placed, is tried once more after all others; in the latter case a localiser looks for its levels first.
    What cannot be cut by its own fault has an empty part.

    Args:
        store: folder of the store.
        studies: labelled ones.
        workers: processes; all cores by default.
        executor: to use instead.
        budget: the time; without limit by default.

    Returns:
        {study: why} of those that could not be read at either try, or whose levels nothing has looked for yet. What
        could be read of them has a part.

    Raises:
        InputError: where the store cannot be written, or the executor is gone.
    """
    shuffled = random.Random(0).sample(studies, len(studies))
    unplaced = {study.study_id for study in studies if _lacks_points(study)}
    failed = _cut(store, shuffled, unplaced, workers, executor, budget)
    again = [study for study in shuffled if study.study_id in failed]
    if again:
        guessed = {study.study_id for study in again if _was_guessed(store, study)}
        if guessed:
            log.warning("format: the levels of %d studies, whose label points do not fit, are looked for", len(guessed))
        if len(again) > len(guessed):
            text = "format: %d studies could not be read this time: they are tried once more"
            log.warning(text, len(again) - len(guessed))
        failed |= _cut(store, again, unplaced | guessed, workers, executor, budget)
    return {study.study_id: failed[study.study_id] for study in studies if _still_failed(store, study, failed)}


def _was_guessed(store: Path, study: Study) -> bool:
    notes = read_notes(store, study.study_id)
    return bool(notes) and _GUESSED in notes.accidents


def _still_failed(store: Path, study: Study, failed: dict[int, str]) -> bool:
    return study.study_id in failed and not is_cut(store, study.study_id, images_of(study))


def _cut(
    store: Path,
    studies: list[Study],
    unplaced: Set[int],
    workers: int | None,
    executor: Executor | None,
    budget: Budget | None,
) -> dict[int, str]:
    """{study: why} of those that could not be read this time; those for which the time did not reach are left.

    The levels of the unplaced ones are looked for first.
    """
    failed = {}
    results = (
        each
        for part in _located(studies, unplaced, workers, budget)
        for each in run_tasks(partial(cut_part, store), part, workers, executor, budget)
    )
    for located, result in tqdm(results, "format", len(studies), unit="study", disable=None, leave=False):
        study = located.study.study_id
        if isinstance(result, InputError):  # the store cannot be written: no study's fault
            raise result
        if isinstance(result, ExecutorGone):  # nor is this
            raise InputError("the executor", "workers until all studies are cut", str(result), "Start again to go on.")
        if result and not isinstance(result, TimeUp) and (isinstance(result, str) or is_accident(result)):
            failed[study] = str(result)
        elif isinstance(result, Exception) and not isinstance(result, TimeUp):
            log.warning("format: study %d could not be cut: %s", study, result)
            write_part(store, StudyCrops(study, images=images_of(located.study)))
    return failed


def _located(
    studies: list[Study], unplaced: Set[int], workers: int | None, budget: Budget | None
) -> Iterator[list[LocatedStudy]]:
    """The studies in their order; the unplaced ones with what the localiser finds.

    Where there are such, they come in parts, so that when the time is up most of those that were located are cut.
    """
    if not any(study.study_id in unplaced for study in studies):
        yield [LocatedStudy(study, is_looked_for=False) for study in studies]
        return
    log.info("format: looking for the levels of %d studies", sum(study.study_id in unplaced for study in studies))
    finder = CanalFinder(workers=workers)
    for first in range(0, len(studies), _PART):
        part = studies[first : first + _PART]
        located = finder.find([study for study in part if study.study_id in unplaced], budget)
        found = {one.study_id: one for one in located}
        yield [found.get(study.study_id, LocatedStudy(study, is_looked_for=False)) for study in part]


def _lacks_points(study: Study) -> bool:
    """Whether a labelled cell has neither a label point nor one of its level's canal."""
    canal = rsna.condition_of("spinal", None).name
    return any(cell not in study.points and (canal, cell[1]) not in study.points for cell in study.severities or ())


def _is_guessed(located: LocatedStudy, crops: StudyCrops) -> bool:
    """Whether some crops were cut where neither a label point nor a localiser, which was not asked, has put them."""
    return not located.is_looked_for and any(row["point_source"] in METHODS for row in crops.rows)


def cut_part(store: Path, located: LocatedStudy) -> str:
    """Cuts a study in a worker and leaves its part on disk, so that no pixels travel between processes.

    An earlier part with more crops stays, where this time not all files could be read.

    Returns:
        Why not all could be read this time; empty where it could.
    """
    watch, images = Stopwatch(), images_of(located.study)  # before cutting: what changes meanwhile is seen later
    crops = cut_study(located)
    crops.seconds, crops.images = watch.lap("cut"), images
    if _is_guessed(located, crops):
        crops.accidents = {_GUESSED: "nothing has looked for its levels yet"} | crops.accidents
    earlier = read_notes(store, crops.study_id) if crops.accidents else None
    if not earlier or len(earlier.rows) <= len(crops.rows):
        write_part(store, crops)
    return crops.accident()
