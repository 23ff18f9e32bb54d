"""The localiser and the foramen finder that travel with a model, and how far from the label points crops are cut.

Graders train on crops about label points and answer to crops about points that were found. So training shifts its crops
at random, as far as the points found lie from those of a held-out fold.

Held-out crops stay about label points. Moved by such errors, drawn at random, before pools and second stage were fitted
on the answers, they cost .011 of the score of 100 synthetic studies (.473 to .483): readers' points stray too, and what
is found may lie nearer to the truth.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from stenosis_kit.base.budget import Budget, show_time, slowness
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import Store, release
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.graders.own_foramina import make_foramen_finder
from stenosis_kit.levels.against_labels import (
    carry_of_labels,
    errors_mm,
    found_canals,
    mean_miss_mm,
    placement_errors,
)
from stenosis_kit.levels.labelled_overviews import Overviews
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview_store import open_overviews

log = logging.getLogger(__name__)

PlacementErrors = dict[str, list[float]]
"""{view: standard deviations outward, back and up, mm}: how far prediction cuts from the label points."""

_FORAMINAL_VIEWS = {view.name for view in VIEWS if view.term == "foraminal"}
# Chosen by hand:
_TUNING_SHARE, _LEAST_TUNING_S, _MOST_TUNING_S = 0.06, 40.0, 300.0  # of the budget, s
_FORAMINA_SHARE = 0.3  # of that, for the foramen finder, whose network is smaller
_FEWEST_STUDIES = 30  # to fine-tune on
_MOST_MEASURED, _MEASURING_SHARE = 60, 0.02  # studies on which errors are measured, in a share of the budget
_MEASURING_S = 0.15  # that a study takes
_SD_MM = (1.0, 5.0)  # least and most


def make_localiser(store: Store, folder: Path, folds: Mapping[int, int], budget: Budget, seed: int) -> PlacementErrors:
    """Writes the localiser and foramen finder that the model's graders will be used with, and measures their errors.

    They are the bundled ones or, where there is time to fine-tune those on the store's label points and the held-out
    error falls, the fine-tuned ones. The carry comes from the labels.

    Args:
        store: with overviews.
        folder: of the model.
        folds: {study: fold}; fold 0 is held out. Studies without a label point of the canal teach and measure nothing.
        budget: of the whole training.
        seed: of fine-tuning.

    Returns:
        The errors; empty where they could not be measured.
    """
    overviews = open_overviews(store.folder)
    try:
        bundled = Localiser.bundled()
    except InputError as error:
        log.error("train: %s", error)
        return {}
    slow = slowness()
    affordable = int(min(_MOST_MEASURED, max(4, _MEASURING_SHARE * budget.remaining() / (_MEASURING_S * slow))))
    labelled = overviews.labelled  # none in a store of crops alone, or of grades without points, as adopt writes them
    held_out = [study for study, fold in folds.items() if fold == 0 and study in labelled][:affordable]
    learners = [study for study, fold in folds.items() if fold != 0 and study in labelled]
    seconds = teaching_s(budget, slow)
    localiser, is_taught = bundled, seconds > 0 and len(learners) >= _FEWEST_STUDIES
    if is_taught:
        from stenosis_kit.levels.training import learn

        time = Budget((1 - _FORAMINA_SHARE) * seconds)
        log.info("train: localiser: %s of teaching on %d studies", show_time(time.seconds), len(learners))
        tuned = learn(overviews, learners, time, seed, bundled)
        localiser = _better(bundled, tuned, overviews, held_out)
    localiser.carry = carry_of_labels(overviews, store.manifest)
    localiser.save(folder)
    canals = found_canals(localiser, overviews, held_out)
    time_left = Budget(_FORAMINA_SHARE * seconds) if is_taught else None
    foramina = make_foramen_finder(store, folder, learners, canals, localiser.carry, time_left, seed)
    release(overviews.pixels)
    errors = placement_errors(canals, localiser.carry, store.manifest)
    for view in _FORAMINAL_VIEWS.intersection(errors) if len(foramina) else ():
        errors[view] = foramina
    deviations = {view: _robust_sd(rows).round(2).tolist() for view, rows in errors.items()}
    shown = (f"{view} {'/'.join(f'{value:.1f}' for value in row)}" for view, row in deviations.items())
    log.info("train: crops are cut this far from labels (mm, outward/back/up): %s", ", ".join(shown))
    return deviations


def teaching_s(budget: Budget, slow: float) -> float:
    """Seconds that a training teaches localiser and foramen finder; 0 where its time is too short.

    Args:
        budget: of the training.
        slow: how many times longer than usual work takes here, see `slowness`.
    """
    seconds = min(_MOST_TUNING_S, _TUNING_SHARE * budget.remaining())
    return seconds if seconds >= _LEAST_TUNING_S * slow else 0.0


def _better(bundled: Localiser, tuned: Localiser, overviews: Overviews, held_out: list[int]) -> Localiser:
    before, after = (mean_miss_mm(errors_mm(one, overviews, held_out)) for one in (bundled, tuned))
    kept, name = (tuned, "the taught one") if after < before else (bundled, "the bundled one")
    text = "train: localiser: %.2f mm from held-out label points, %.2f mm after teaching: %s is kept"
    log.info(text, before, after, name)
    return kept


def _robust_sd(errors: np.ndarray) -> np.ndarray:
    """(3,) standard deviations about zero, clipped to 1-5 mm, of errors of which none counts for more.

    Percentiles would jump: of foramina some are cut one slice off, now more than a sixth of a few studies', now less.
    """
    least, most = _SD_MM
    return np.maximum(np.sqrt((np.clip(errors, -most, most) ** 2).mean(axis=0)), least)
