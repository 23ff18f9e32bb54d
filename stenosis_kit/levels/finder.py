"""Finding the levels of many studies: workers read overviews and patches, the main process localises in batches.

First the canal, then the foramina about the places where that one's points let them be expected.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tasks import TimeUp, is_accident, run_tasks
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.foramen_patches import read_patches
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview import read_overviews
from stenosis_kit.tables.folds import read_folds
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)

Canals = dict[str, dict[int, CanalPoints]]
"""{fingerprint of networks: {study: the canal that they found}}: of a localiser alone, and with a foramen finder.

They hold for any carry: moving where foramina are expected by 1.2 mm moves where they are found by .07 mm (median of
400 synthetic ones).
"""
_Network = TypeVar("_Network", Localiser, ForamenFinder)
_TOGETHER = 16  # studies that are looked at in one go


def find_canals(
    studies: Sequence[Study],
    models: Sequence[Path] = (),
    workers: int | None = None,
    budget: Budget | None = None,
) -> list[LocatedStudy]:
    """The studies, each with the canal where a localiser found it, and its foramina, see `CanalFinder`."""
    return CanalFinder(models, workers).find(studies, budget)


class CanalFinder:
    """A localiser and a foramen finder, loaded once, for one batch of studies after the other.

    They are those of the first model that has them, else the bundled ones. Studies on which a model was trained are
    left to the bundled ones, which have seen no real study.
    """

    def __init__(self, models: Sequence[Path] = (), workers: int | None = None, canals: Canals | None = None) -> None:
        """Loads the networks; where none can be used, an error is logged, and nothing will be found.

        Args:
            models: folders made by `train`.
            workers: processes that read; all cores by default.
            canals: that were found before, which are not looked for again; what is found is added.
        """
        self._workers = workers
        self._canals: Canals = {} if canals is None else canals
        self._networks = _Networks.of(models)
        self._seen = {study for folder in models for study in read_folds(folder)} if self._networks.taught else set()

    @cached_property
    def _unbiased(self) -> _Networks:
        return _Networks.of(())

    @workers_kept()
    def find(self, studies: Sequence[Study], budget: Budget | None = None) -> list[LocatedStudy]:
        """The studies, each with the canal where a localiser found it, and the foramina that were found about it.

        A study that cannot be read, or for which the time does not reach, has no canal, and is left to `fallback`;
        where it is only its foramina, they are carried from the canal.
        """
        if self._networks.localiser is None:
            return [LocatedStudy(study) for study in studies]
        budget, accidents = budget or Budget(), {}
        known = [one for one in studies if one.study_id in self._seen]
        new = [one for one in studies if one.study_id not in self._seen]
        found = self._find(self._networks, new, budget, accidents)
        if known:
            found = found | self._find(self._unbiased, known, budget, accidents)
        return [self._located(one, found, accidents.get(one.study_id, "")) for one in studies]

    def _located(self, study: Study, found: Mapping[int, CanalPoints], accident: str = "") -> LocatedStudy:
        return LocatedStudy(study, found.get(study.study_id), self._networks.localiser.carry, accident)

    def _find(
        self, networks: _Networks, studies: Sequence[Study], budget: Budget, accidents: dict[int, str]
    ) -> dict[int, CanalPoints]:
        """The canals by study, with their foramina; adds to the accidents why studies could not be looked at."""
        if networks.localiser is None:
            return {}
        canals = self._canals.setdefault(networks.localiser.content, {})
        new = [one for one in studies if one.study_id not in canals]
        failed = self._look(networks.localiser, read_overviews, new, "levels", canals, budget)
        whole = self._canals.setdefault(networks.content, {})
        if networks.foramina:
            located = [self._located(one, canals) for one in studies if one.study_id in canals.keys() - whole.keys()]
            failed = self._look(networks.foramina, read_patches, located, "foramina", whole, budget) | failed
        found = _of(canals | whole, {one.study_id for one in studies})
        for study in failed:  # what was found without all files is not for good
            canals.pop(study, None)
            whole.pop(study, None)
        accidents |= failed
        return found

    def _look(
        self,
        network: Localiser | ForamenFinder,
        read: Callable[[Any], Any],
        tasks: Sequence[Study | LocatedStudy],
        what: str,
        found: dict[int, CanalPoints],
        budget: Budget,
    ) -> dict[int, str]:
        """Adds the canals that a network finds in what workers read; {study: why} of accidents, which are not for good.

        Args:
            network: that looks.
            read: what it looks at, of a task.
            tasks: one a study.
            what: is looked for.
            found: canals by study, to which those that are found are added.
            budget: the time.
        """
        waiting, late, accidents = {}, 0, {}
        results = run_tasks(read, tasks, self._workers, budget=budget)
        for task, seen in tqdm(results, what, len(tasks), unit="study", disable=None, leave=False):
            if isinstance(seen, TimeUp):
                late += 1
            elif isinstance(seen, Exception):
                log.warning("levels: the %s of study %d cannot be looked for: %s", what, task.study_id, seen)
                if is_accident(seen):
                    accidents[task.study_id] = f"its {what} could not be looked for: {seen}"
            else:
                waiting[task.study_id], unread = seen
                if unread:
                    accidents[task.study_id] = f"its {what} were looked for without all files, {unread}"
            if len(waiting) == _TOGETHER:
                found |= network.find(waiting)  # in place
                waiting = {}
        found |= network.find(waiting)
        if late:
            log.warning("levels: no time was left to look for the %s of %d of %d studies", what, late, len(tasks))
        return accidents


def _of(canals: Mapping[int, CanalPoints], studies: Set[int]) -> dict[int, CanalPoints]:
    return {study: canal for study, canal in canals.items() if study in studies}


@dataclass(frozen=True)
class _Networks:
    """What finds canals, and what finds foramina; None where it cannot be used."""

    localiser: Localiser | None
    foramina: ForamenFinder | None

    @classmethod
    def of(cls, models: Sequence[Path]) -> _Networks:
        """Those of the first models that have them, else the bundled ones."""
        return cls(_load(Localiser, models), _load(ForamenFinder, models))

    @property
    def content(self) -> str:
        """See `LevelNetwork.content`."""
        return " ".join(one.content for one in (self.localiser, self.foramina) if one)

    @property
    def taught(self) -> bool:
        """Whether one of them was taught with a user's own studies."""
        return any(one.notes.get(TAUGHT_ON_LABELS) for one in (self.localiser, self.foramina) if one)


def _load(kind: type[_Network], models: Sequence[Path]) -> _Network | None:
    """That of the first model that has one, else the bundled one; None where neither can be used. Errors are logged."""
    load_tensorflow()
    folder = next((folder for folder in models if (folder / kind.description_name).is_file()), None)
    try:
        return kind.load(folder) if folder else kind.bundled()
    except InputError as error:
        log.error("levels: %s", error)
        return _load(kind, ()) if folder else None
