"""What the graders say of the studies that they have not seen, and how that is pooled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.calibration import Pool, fit_pool
from stenosis_kit.crops import VIEWS
from stenosis_kit.priors import Priors, prior_rows
from stenosis_kit.store import severity_indices
from stenosis_kit.submission import legal_rows
from stenosis_kit.tables import row_ids

_CELL = ["study_id", "condition", "level"]


@dataclass(frozen=True)
class Answers:
    """Out-of-fold answers of one view: (n,) rows of the manifest and (n, 3) probabilities."""

    rows: np.ndarray
    probabilities: np.ndarray


def fit_pools(manifest: pl.DataFrame, answers: dict[str, Answers], priors: Priors) -> tuple[Pool, ...]:
    """A pool for every combination of views of a term, fitted on the cells that all of them answered.

    Args:
        manifest: the store's labelled crops.
        answers: by view.
        priors: of the training labels.
    """
    pools = []
    for views in _view_combinations(list(answers)):
        cells, graded = _together(manifest, views, answers)
        severity = severity_indices(cells)
        weight = np.asarray(rsna.SEVERITY_WEIGHTS)[severity]
        pools.append(fit_pool(views, graded, _priors_of(cells, priors), severity, weight))
    return tuple(pools)


def pooled(manifest: pl.DataFrame, answers: dict[str, Answers], priors: Priors, pools: Sequence[Pool]) -> pl.DataFrame:
    """Out-of-fold probabilities in the competition's format; the largest pool answers a cell seen in several views."""
    frames = []
    for pool in sorted(pools, key=lambda pool: -len(pool.views)):
        cells, graded = _together(manifest, pool.views, answers)
        rows = legal_rows(pool.answer(graded, _priors_of(cells, priors)))
        columns = {name: rows[:, k] for k, name in enumerate(rsna.SEVERITIES)}
        frames.append(cells.select(row_ids(cells)).with_columns(**columns))
    return pl.concat(frames).unique("row_id", keep="first", maintain_order=True).sort("row_id")


def _together(
    manifest: pl.DataFrame, views: Sequence[str], answers: dict[str, Answers]
) -> tuple[pl.DataFrame, list[np.ndarray]]:
    """The cells that all the views answered (their manifest rows in the first view), and those answers."""
    frames = [manifest[answers[view].rows].select(_CELL).with_row_index(view) for view in views]
    joined = frames[0]
    for frame in frames[1:]:
        joined = joined.join(frame, on=_CELL, how="inner", maintain_order="left")
    graded = [answers[view].probabilities[joined[view].to_numpy()] for view in views]
    return manifest[answers[views[0]].rows[joined[views[0]].to_numpy()]], graded


def _view_combinations(views: Sequence[str]) -> list[tuple[str, ...]]:
    """Every non-empty combination of the views of a term, in the order of `VIEWS`."""
    terms = {term: [view.name for view in VIEWS if view.term == term and view.name in views] for term in rsna.TERMS}
    return [chosen for names in terms.values() for n in range(1, len(names) + 1) for chosen in combinations(names, n)]


def _priors_of(cells: pl.DataFrame, priors: Priors) -> np.ndarray:
    return prior_rows(cells, priors) if cells.height else np.empty((0, len(rsna.SEVERITIES)))
