"""A store's label points as the measure: how far found points lie from them, and the mean carry between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.levels.carry import Carry, in_frame, learn_carry
from stenosis_kit.levels.label_points import OWN_POINTS
from stenosis_kit.levels.labelled_overviews import Overviews
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.midline import moved_to
from stenosis_kit.levels.points import PATIENT_MM

_GROSS_MM = 20.0  # chosen by hand: half of the distance between levels


def errors_mm(localiser: Localiser, overviews: Overviews, studies: Sequence[int]) -> np.ndarray:
    """(n, 5) distance of the canal points from the label points in the sagittal plane, mm.

    NaN where unlabelled, infinite where nothing was found.
    """
    by_study, truth = overviews.of_studies(studies), _by_study(overviews, overviews.canal)
    found = localiser.find(by_study)
    off = [(found[study].points if study in found else np.inf) - truth[study] for study in by_study]
    return np.linalg.norm(np.reshape(off, (-1, len(rsna.LEVELS), 3))[..., 1:], axis=2)


def mean_miss_mm(distances: np.ndarray) -> float:
    """Mean of distances from label points, mm, none counting as more than `_GROSS_MM`: a missed level is missed.

    NaN is passed over; infinite where nothing else is left, so that nothing is kept for having missed less.
    """
    known = distances[~np.isnan(distances)]
    return float(np.minimum(known, _GROSS_MM).mean()) if np.isfinite(known).any() else np.inf


def found_canals(localiser: Localiser, overviews: Overviews, studies: Sequence[int]) -> dict[int, np.ndarray]:
    """{study: (5, 3) canal points as prediction finds them, on the midline, patient mm}, of those that are found."""
    midline, found = _by_study(overviews, overviews.midline), localiser.find(overviews.of_studies(studies))
    return {study: moved_to(canal.points, midline[study]) for study, canal in found.items()}


def placement_errors(canals: Mapping[int, np.ndarray], carry: Carry, manifest: pl.DataFrame) -> dict[str, np.ndarray]:
    """How far prediction would have cut from the labels: {view: (n, 3) outward, back and up, mm}.

    Args:
        canals: {study: (5, 3) canal points that a localiser found}.
        carry: the way from there.
        manifest: of a store.
    """
    errors: dict[str, list[np.ndarray]] = {}
    for row, index, step in _label_steps(canals, manifest):
        canal, side = canals[row["study_id"]], rsna.CONDITION_BY_NAME[row["condition"]].side
        predicted = carry.point(canal, row["view"], row["condition"], row["level"])
        errors.setdefault(row["view"], []).append(step - in_frame(canal, index, side, predicted))
    return {view: np.array(rows) for view, rows in errors.items()}


def carry_of_labels(overviews: Overviews, manifest: pl.DataFrame) -> Carry:
    """The mean way from the canal's label points to those beside it, of a store's crops."""
    steps: dict[str, list[list[np.ndarray]]] = {}
    for row, index, step in _label_steps(_by_study(overviews, overviews.canal), manifest):
        if np.isfinite(step).all():
            steps.setdefault(row["view"], [[] for _ in rsna.LEVELS])[index].append(step)
    return learn_carry(steps)


def _by_study(overviews: Overviews, values: np.ndarray) -> dict[int, np.ndarray]:
    return dict(zip(overviews.study.tolist(), values, strict=True))


def _label_steps(canals: Mapping[int, np.ndarray], manifest: pl.DataFrame) -> Iterator[tuple[dict, int, np.ndarray]]:
    """The manifest's rows that lie where readers put them, their level's index, and the step (3,) to there.

    From canal points (5, 3), see `carry.in_frame`; studies without are passed over.
    """
    for row in manifest.filter(pl.col("point_source").is_in(OWN_POINTS)).iter_rows(named=True):
        canal = canals.get(row["study_id"])
        if canal is not None:
            index, side = rsna.LEVELS.index(row["level"]), rsna.CONDITION_BY_NAME[row["condition"]].side
            yield row, index, in_frame(canal, index, side, np.array([row[name] for name in PATIENT_MM]))
