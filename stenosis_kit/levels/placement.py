"""How far found points lie from label points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.levels.carry import Carry, in_frame
from stenosis_kit.levels.label_points import OWN_POINTS, place_of
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.midline import moved_to
from stenosis_kit.levels.overview_store import Overviews


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
    for row in manifest.filter(pl.col("point_source").is_in(OWN_POINTS)).iter_rows(named=True):
        canal = canals.get(row["study_id"])
        if canal is not None:
            index, side = rsna.LEVELS.index(row["level"]), rsna.CONDITION_BY_NAME[row["condition"]].side
            wanted = carry.point(canal, row["view"], row["condition"], row["level"])
            away = in_frame(canal, index, side, place_of(row)) - in_frame(canal, index, side, wanted)
            errors.setdefault(row["view"], []).append(away)
    return {view: np.array(rows) for view, rows in errors.items()}
