"""The foramen finder that travels with a model, and how far from the label points it lets foramina be cut."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import Store, release
from stenosis_kit.levels.against_labels import mean_miss_mm
from stenosis_kit.levels.carry import FORAMINAL, Carry
from stenosis_kit.levels.foramen_errors import Expected, expected_places, found_places, label_crops
from stenosis_kit.levels.foramen_finder import ForamenFinder

log = logging.getLogger(__name__)


def make_foramen_finder(
    store: Store,
    folder: Path,
    learners: Sequence[int],
    canals: Mapping[int, np.ndarray],
    carry: Carry,
    budget: Budget | None,
    seed: int,
) -> np.ndarray:
    """Writes the foramen finder that the model's graders will be used with, and measures its errors.

    It is the bundled one or, where there is time to teach that and the held-out error falls, the taught one.

    Args:
        store: of crops about label points.
        folder: of the model.
        learners: studies to teach it with.
        canals: {held-out study: (5, 3) canal points that the model's localiser finds}.
        carry: the way from there to where foramina are expected.
        budget: of the teaching; None: it is not taught.
        seed: of the teaching.

    Returns:
        (n, 3) how far from the held-out label points foramina are found: outward, back and up, mm.
    """
    try:
        finder = ForamenFinder.bundled()
    except InputError as error:
        log.error("train: %s", error)
        return np.empty((0, 3))
    crops, expected = store.arrays.get(FORAMINAL), expected_places(canals, carry, store.manifest)
    rows = label_crops(store.manifest, learners)
    places = np.empty((0, 3))
    if crops is not None:
        places = found_places(finder, crops, expected)
        if budget and len(rows):
            finder, places = _better(finder, places, crops, rows, expected, budget, seed)
        release(crops)
    finder.save(folder)
    return expected.in_frame(places)


def _better(
    bundled: ForamenFinder,
    places: np.ndarray,
    crops: np.ndarray,
    rows: np.ndarray,
    expected: Expected,
    budget: Budget,
    seed: int,
) -> tuple[ForamenFinder, np.ndarray]:
    """The bundled finder with the places (n, 3) that it found, or the taught one with its own."""
    from stenosis_kit.levels.foramen_training import learn

    log.info("train: foramina: %s of teaching on %d of them", show_time(budget.remaining()), len(rows))
    taught = learn(crops, rows, budget, seed, bundled)
    taught_places = found_places(taught, crops, expected)
    before, after = (mean_miss_mm(np.linalg.norm(each, axis=1)) for each in (places, taught_places))
    kept, name = ((taught, taught_places), "the taught") if after < before else ((bundled, places), "the bundled")
    text = "train: foramina: %.2f mm from held-out label points, %.2f mm after teaching: %s finder is kept"
    log.info(text, before, after, name)
    return kept
