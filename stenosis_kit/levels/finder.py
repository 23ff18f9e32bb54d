"""Finding the canals of many studies: workers read overviews, the main process localises in batches."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from tqdm import tqdm

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tasks import TimeUp, is_accident, run_tasks
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.levels.localiser import DESCRIPTION_NAME, TAUGHT_ON_LABELS, Localiser
from stenosis_kit.levels.overview import Overview, read_overviews
from stenosis_kit.tables.folds import read_folds
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)

Canals = dict[str, dict[int, CanalPoints]]
"""{content of a localiser: {study: the canal that it found}}."""

_TOGETHER = 16  # studies that are looked at in one go


def find_canals(
    studies: Sequence[Study],
    models: Sequence[Path] = (),
    workers: int | None = None,
    budget: Budget | None = None,
) -> list[LocatedStudy]:
    """The studies, each with the canal where a localiser found it, see `CanalFinder`."""
    return CanalFinder(models, workers).find(studies, budget)


class CanalFinder:
    """A localiser, loaded once, for one batch of studies after the other.

    It is that of the first model that has one, else the bundled one. Studies on which a model was trained are left to
    the bundled one, which has seen no real study.
    """

    def __init__(self, models: Sequence[Path] = (), workers: int | None = None, canals: Canals | None = None) -> None:
        """Loads the localiser; where none can be used, an error is logged, and no canal will be found.

        Args:
            models: folders made by `train`.
            workers: processes that read; all cores by default.
            canals: that were found before, which are not looked for again; what is found is added.
        """
        self._workers = workers
        self._canals: Canals = {} if canals is None else canals
        self._localiser = _load(next((folder for folder in models if (folder / DESCRIPTION_NAME).is_file()), None))
        taught = self._localiser is not None and self._localiser.notes.get(TAUGHT_ON_LABELS)
        self._seen = {study for folder in models for study in read_folds(folder)} if taught else set()

    @cached_property
    def _unbiased(self) -> Localiser | None:
        return _load(None)

    def find(self, studies: Sequence[Study], budget: Budget | None = None) -> list[LocatedStudy]:
        """The studies, each with the canal where a localiser found it.

        A study that cannot be read, or for which the time does not reach, has none, and is left to `fallback`.
        """
        if self._localiser is None:
            return [LocatedStudy(study) for study in studies]
        budget = budget or Budget()
        accidents: dict[int, str] = {}
        new = [one for one in studies if one.study_id not in self._seen]
        found = self._locate(self._localiser, new, budget, accidents)
        known = [one for one in studies if one.study_id in self._seen]
        if known and self._unbiased:
            found |= self._locate(self._unbiased, known, budget, accidents)
        carry = self._localiser.carry
        return [LocatedStudy(one, found.get(one.study_id), carry, accidents.get(one.study_id, "")) for one in studies]

    def _locate(
        self, localiser: Localiser, studies: Sequence[Study], budget: Budget, accidents: dict[int, str]
    ) -> dict[int, CanalPoints]:
        """The canals by study; adds to the accidents why studies could not be looked at this time."""
        found = self._canals.setdefault(localiser.content, {})
        waiting: dict[int, list[Overview]] = {}
        late, new = 0, [one for one in studies if one.study_id not in found]
        results = run_tasks(read_overviews, new, self._workers, budget=budget)
        for study, overviews in tqdm(results, "levels", len(new), unit="study", disable=None, leave=False):
            if isinstance(overviews, TimeUp):
                late += 1
            elif isinstance(overviews, Exception):
                log.warning("levels: study %d: %s", study.study_id, overviews)
                if is_accident(overviews):
                    accidents[study.study_id] = f"its levels could not be looked for: {overviews}"
            else:
                waiting[study.study_id] = overviews
            if len(waiting) == _TOGETHER:
                found |= localiser.find(waiting)  # in place
                waiting = {}
        if late:
            log.warning("levels: the time was up for %d of %d studies", late, len(studies))
        found |= localiser.find(waiting)
        return found


def _load(folder: Path | None) -> Localiser | None:
    """The localiser of a model, else the bundled one; None where none can be used. Errors are logged."""
    load_tensorflow()
    try:
        return Localiser.load(folder) if folder else Localiser.bundled()
    except InputError as error:
        log.error("levels: %s", error)
        return _load(None) if folder else None
