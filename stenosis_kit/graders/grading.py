"""A model's answers to cut studies: its graders by view, their pools, and the second stage over a study's cells."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.out_of_fold import pool_views
from stenosis_kit.answers.priors import cell_priors
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.crops.views import VIEW_BY_NAME

if TYPE_CHECKING:
    from stenosis_kit.graders.model import Model


def grade_studies(
    model: Model, studies: Sequence[StudyCrops], share: float = 1.0
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Answers all cells of studies that could be cut in at least one view.

    Args:
        model: with its networks loaded.
        studies: as `study_crops` makes them; their pixels go through the networks together.
        share: of the networks that answer, see `Model.grade`.

    Returns:
        (studies, 25, 3) probabilities in the orders of `rsna.CELLS` and severity, NaN where there is no answer; and
        {view: (studies, 25)} whether the view had a part in it.
    """
    by_view = {view: _view_answers(model, view, studies, share) for view in VIEW_BY_NAME}
    prior = cell_priors(model.description.priors)
    answers = pool_views(model.description.pools, by_view, prior)
    return model.description.second_stage.answer(answers, prior), {
        view: np.isfinite(own).all(axis=2) for view, own in by_view.items()
    }


def _view_answers(model: Model, view: str, studies: Sequence[StudyCrops], share: float) -> np.ndarray:
    """(studies, 25, 3), NaN where there is none."""
    table = np.full((len(studies), len(rsna.CELLS), len(rsna.SEVERITIES)), np.nan)
    cut = [(place, crops) for place, crops in enumerate(studies) if view in crops.arrays]
    if not cut:
        return table
    rows = [(place, row) for place, crops in cut for row in crops.rows if row["view"] == view]
    ids = np.array([studies[place].study_id for place, _ in rows])
    answers = model.grade(view, np.concatenate([crops.arrays[view] for _, crops in cut]), ids, share)
    if answers is not None:
        cells = [rsna.CELLS.index((row["condition"], row["level"])) for _, row in rows]
        table[[place for place, _ in rows], cells] = answers
    return table
