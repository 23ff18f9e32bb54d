"""From a store's overviews to a localiser, and how far its points lie from the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.budget import Budget
from stenosis_kit.levels.carry import Carry, in_frame, learn_carry
from stenosis_kit.levels.chain import Steps
from stenosis_kit.levels.heatmaps import to_cells
from stenosis_kit.levels.localiser import TAUGHT_ON_LABELS, Localiser
from stenosis_kit.levels.midline import moved_to
from stenosis_kit.levels.overview import SLICES
from stenosis_kit.overview_store import Overviews
from stenosis_kit.sites import LABEL, LABEL_MIDPOINT

_OWN_POINTS = [LABEL, LABEL_MIDPOINT]


def learn(
    overviews: Overviews, studies: Sequence[int], budget: Budget, seed: int = 0, start: Localiser | None = None
) -> Localiser:
    """Teaches a localiser with some studies of a store.

    Args:
        overviews: of the store.
        studies: ids of those that are learnt from.
        budget: the time.
        seed: of weights, order and changes.
        start: a localiser to go on from; it is not changed.
    """
    from stenosis_kit.levels.teaching import Lesson, teach

    rows = np.flatnonzero(np.isin(overviews.study, list(studies)) & np.isfinite(overviews.canal).any(axis=(1, 2)))
    points = overviews.points()
    localiser = Localiser.untaught(Steps.of(to_cells(points[rows, SLICES // 2])))
    if start:
        localiser.network.set_weights(start.network.get_weights())
    steps = teach(localiser.network, Lesson(overviews.pixels, points), rows, budget, seed)
    taught = len(np.unique(overviews.study[rows]))
    localiser.notes = {"studies": taught, "steps": steps, "seed": seed, TAUGHT_ON_LABELS: True}
    return localiser


def errors_mm(localiser: Localiser, overviews: Overviews, studies: Sequence[int]) -> np.ndarray:
    """(n, 5) distance of the canal points from the label points in the sagittal plane, mm.

    NaN where unlabelled, infinite where nothing was found.
    """
    found = []
    by_study = overviews.of_studies(studies)
    for study, canal in zip(by_study, localiser.locate(list(by_study.values())), strict=True):
        truth = overviews.canal[np.flatnonzero(overviews.study == study)[0]]
        points = canal.points if canal else np.full(truth.shape, np.inf)
        found.append(np.linalg.norm((points - truth)[:, 1:], axis=1))
    return np.array(found).reshape(-1, overviews.canal.shape[1])


def carry_of_labels(overviews: Overviews, manifest: pl.DataFrame) -> Carry:
    """The mean way from the canal's label points to those beside it, of a store's crops."""
    canal = dict(zip(overviews.study.tolist(), overviews.canal, strict=True))
    steps: dict[str, list[list[np.ndarray]]] = {}
    for row in manifest.filter(pl.col("point_source").is_in(_OWN_POINTS)).iter_rows(named=True):
        index, points = rsna.LEVELS.index(row["level"]), canal.get(row["study_id"])
        if points is not None and np.isfinite(points[index]).all():
            by_level = steps.setdefault(row["view"], [[] for _ in rsna.LEVELS])
            by_level[index].append(in_frame(points, index, rsna.CONDITION_BY_NAME[row["condition"]].side, _place(row)))
    return learn_carry(steps)


def found_canals(localiser: Localiser, overviews: Overviews, studies: Sequence[int]) -> dict[int, np.ndarray]:
    """{study: (5, 3) canal points as prediction finds them, on the midline, patient mm}, of those that are found."""
    by_study = overviews.of_studies(studies)
    midline = dict(zip(overviews.study.tolist(), overviews.midline, strict=True))
    answers = zip(by_study, localiser.locate(list(by_study.values())), strict=True)
    return {study: moved_to(canal.points, midline[study]) for study, canal in answers if canal}


def placement_errors(canals: dict[int, np.ndarray], carry: Carry, manifest: pl.DataFrame) -> dict[str, np.ndarray]:
    """How far prediction would have cut from the labels: {view: (n, 3) outward, back and up, mm}.

    Args:
        canals: {study: (5, 3) canal points that a localiser found}.
        carry: the way from there.
        manifest: of a store.
    """
    errors: dict[str, list[np.ndarray]] = {}
    for row in manifest.filter(pl.col("point_source").is_in(_OWN_POINTS)).iter_rows(named=True):
        canal = canals.get(row["study_id"])
        if canal is not None:
            index, side = rsna.LEVELS.index(row["level"]), rsna.CONDITION_BY_NAME[row["condition"]].side
            wanted = carry.point(canal, row["view"], row["condition"], row["level"])
            away = in_frame(canal, index, side, _place(row)) - in_frame(canal, index, side, wanted)
            errors.setdefault(row["view"], []).append(away)
    return {view: np.array(rows) for view, rows in errors.items()}


def _place(row: dict) -> np.ndarray:
    return np.array([row[f"patient_{axis}_mm"] for axis in "xyz"])
