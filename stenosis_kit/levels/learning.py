"""From a store's overviews to a localiser, and how far its points lie from the labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.levels.carry import Carry, in_frame, learn_carry
from stenosis_kit.levels.chain import Steps
from stenosis_kit.levels.heatmaps import to_cells
from stenosis_kit.levels.label_points import OWN_POINTS, place_of
from stenosis_kit.levels.localiser import TAUGHT_ON_LABELS, Localiser
from stenosis_kit.levels.overview import SLICES
from stenosis_kit.levels.overview_store import Overviews


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


def carry_of_labels(overviews: Overviews, manifest: pl.DataFrame) -> Carry:
    """The mean way from the canal's label points to those beside it, of a store's crops."""
    canal = dict(zip(overviews.study.tolist(), overviews.canal, strict=True))
    steps: dict[str, list[list[np.ndarray]]] = {}
    for row in manifest.filter(pl.col("point_source").is_in(OWN_POINTS)).iter_rows(named=True):
        index, points = rsna.LEVELS.index(row["level"]), canal.get(row["study_id"])
        if points is not None and np.isfinite(points[index]).all():
            by_level = steps.setdefault(row["view"], [[] for _ in rsna.LEVELS])
            by_level[index].append(
                in_frame(points, index, rsna.CONDITION_BY_NAME[row["condition"]].side, place_of(row))
            )
    return learn_carry(steps)
