"""A model's localiser, and the jitter that lets training crops lie where prediction's will."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import Store
from stenosis_kit.crops.views import View
from stenosis_kit.graders.augmentation import Augmentation
from stenosis_kit.levels.against_labels import carry_of_labels, errors_mm, found_canals, placement_errors
from stenosis_kit.levels.labelled_overviews import Overviews
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview_store import open_overviews

log = logging.getLogger(__name__)

Jitter = dict[str, list[float]]
"""{view: sd of outward, back and up, mm}: how far prediction cuts from the label points."""

_TEACHING_SHARE, _LEAST_TEACHING_S, _MOST_TEACHING_S = 0.06, 40.0, 300.0
_FEWEST_STUDIES = 30  # to learn from
_MOST_MEASURED = 60  # studies, on which errors are measured,
_MEASURING_SHARE, _MEASURING_S = 0.02, 0.1  # in so much of the budget, s a study
_GROSS_MM = 20.0  # a point farther off counts as so far: what is lost is lost
_JITTER_MM = (1.0, 5.0)


def make_localiser(store: Store, folder: Path, folds: Mapping[int, int], budget: Budget, seed: int) -> Jitter:
    """Writes the localiser that the model's graders will be used with, and measures where it lets crops be cut.

    The bundled one; or, where there is time to teach it further on the store's own label points and that brings it
    closer to those of the fold that was held out, the better one. Its carry comes from the labels.

    Args:
        store: with overviews.
        folder: of the model.
        folds: {study: fold}; fold 0 is held out.
        budget: the training's.
        seed: of teaching.

    Returns:
        The jitter; empty where it could not be measured.
    """
    overviews = open_overviews(store.folder)
    try:
        localiser = Localiser.bundled()
    except InputError as error:
        log.error("train: %s", error)
        return {}
    affordable = int(min(_MOST_MEASURED, max(4, _MEASURING_SHARE * budget.remaining() / _MEASURING_S)))
    held_out = [study for study, fold in folds.items() if fold == 0][:affordable]
    localiser = _taught(localiser, overviews, folds, held_out, budget, seed)
    localiser.carry = carry_of_labels(overviews, store.manifest)
    localiser.save(folder)
    errors = placement_errors(found_canals(localiser, overviews, held_out), localiser.carry, store.manifest)
    return {view: _robust_sd(rows).round(2).tolist() for view, rows in errors.items()}


def _taught(
    localiser: Localiser,
    overviews: Overviews,
    folds: Mapping[int, int],
    held_out: list[int],
    budget: Budget,
    seed: int,
) -> Localiser:
    learners = [study for study, fold in folds.items() if fold != 0]
    share = min(_MOST_TEACHING_S, _TEACHING_SHARE * budget.remaining())
    if share < _LEAST_TEACHING_S or len(learners) < _FEWEST_STUDIES:
        return localiser
    from stenosis_kit.levels.training import learn

    own = learn(overviews, learners, Budget(share), seed, localiser)
    before, after = (_mean_error(one, overviews, held_out) for one in (localiser, own))
    kept = own if after < before else localiser
    text = "train: localiser: %.2f mm from held-out label points, %.2f mm after %s of teaching: %s is kept"
    log.info(text, before, after, show_time(share), "the taught one" if kept is own else "the bundled one")
    return kept


def _mean_error(localiser: Localiser, overviews: Overviews, studies: list[int]) -> float:
    errors = np.minimum(errors_mm(localiser, overviews, studies), _GROSS_MM)
    return float(np.nanmean(errors)) if np.isfinite(errors).any() else np.inf


def _robust_sd(errors: np.ndarray) -> np.ndarray:
    """(3,) standard deviation as half the width that holds the middle 68 %, with the mean's offset."""
    low, high = np.percentile(errors, (16, 84), axis=0)
    return np.clip(np.maximum(np.abs(low), np.abs(high)), *_JITTER_MM)


def augmentation(view: View, jitter: Jitter) -> Augmentation:
    """The default augmentation, with a view's own jitter of place and slice where that was measured."""
    if view.name not in jitter:
        return Augmentation()
    outward, back, up = jitter[view.name]
    axial = view.series_kind == rsna.AXIAL_T2
    shift, depth = ((outward, back), up) if axial else ((back, up), outward)
    # The slice changes where the error passes half the distance between slices; errors taken as normal.
    slip = float(2 * (1 - _normal_share(view.step_mm / 2 / depth)))
    return replace(Augmentation(), shift_mm=shift, slip=slip)


def _normal_share(z: float) -> float:
    from math import erf, sqrt

    return 0.5 * (1 + erf(z / sqrt(2)))
