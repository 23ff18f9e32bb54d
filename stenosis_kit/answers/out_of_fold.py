"""Out-of-fold answers, those of graders to studies that they have not seen, and pools fitted on them.

Answers stand in arrays of (studies, 25, 3): cells in the order of `rsna.CELLS`, severities in theirs, NaN where there
is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.pools import Before, Pool, fit_pool
from stenosis_kit.answers.submission import answer_frame, legal_rows
from stenosis_kit.crops.store import severity_indices
from stenosis_kit.crops.views import VIEWS


@dataclass(frozen=True)
class Answers:
    """Out-of-fold answers of one view: (n,) rows of the manifest and (n, 3) probabilities."""

    rows: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def mean_of(cls, rows: np.ndarray, probabilities: np.ndarray) -> Answers:
        """Of (n,) rows, some of which were answered several times, and their (n, 3) answers: a mean for each row."""
        unique, place, count = np.unique(rows, return_inverse=True, return_counts=True)
        total = np.zeros((len(unique), len(rsna.SEVERITIES)))
        np.add.at(total, place, probabilities)
        return cls(unique, total / count[:, None])


@dataclass(frozen=True)
class Labels:
    """The labels of a store: study ids (n,), ascending, and class indices (n, 25), -1 where there is none."""

    studies: np.ndarray
    severity: np.ndarray

    @classmethod
    def of(cls, manifest: pl.DataFrame) -> Labels:
        """Of a manifest's labelled crops."""
        studies = np.unique(manifest["study_id"].to_numpy())
        severity = np.full((len(studies), len(rsna.CELLS)), -1)
        severity[_places(manifest, studies)] = severity_indices(manifest)
        return cls(studies, severity)

    def table(self, manifest: pl.DataFrame, answers: Answers) -> np.ndarray:
        """A view's answers as (studies, 25, 3)."""
        table = np.full((*self.severity.shape, len(rsna.SEVERITIES)), np.nan)
        table[_places(manifest[answers.rows], self.studies)] = answers.probabilities
        return table


def fit_pools(
    by_view: Mapping[str, np.ndarray], labels: Labels, prior: np.ndarray, before: Before | None = None
) -> tuple[Pool, ...]:
    """A pool for every combination of views of a term, fitted on the labelled cells that all of them answered.

    Args:
        by_view: {view: (studies, 25, 3)} out-of-fold answers.
        labels: of the same studies.
        prior: (25, 3) of the training labels, or what stands in its place, (studies, 25, 3).
        before: the powers before fitting.
    """
    pools = []
    for views in _view_combinations(list(by_view)):
        use = _answered(by_view, views) & (labels.severity >= 0)
        severity = labels.severity[use]
        weight = np.asarray(rsna.SEVERITY_WEIGHTS)[severity]
        priors = np.broadcast_to(prior, (*use.shape, prior.shape[-1]))[use]
        pools.append(fit_pool(views, [by_view[view][use] for view in views], priors, severity, weight, before))
    return tuple(pools)


def pool_views(pools: Sequence[Pool], by_view: Mapping[str, np.ndarray], prior: np.ndarray) -> np.ndarray:
    """(studies, 25, 3) pooled answers: of each cell by the pool for just those views that answered it.

    Args:
        pools: a model's.
        by_view: {view: (studies, 25, 3)}.
        prior: (25, 3) or (studies, 25, 3), as the pools were fitted with.
    """
    pooled = np.full_like(next(iter(by_view.values())), np.nan)
    for pool in sorted(pools, key=lambda pool: len(pool.views)):  # more views overrule fewer
        if not set(pool.views) <= set(by_view):
            continue
        use = _answered(by_view, pool.views)
        priors = np.broadcast_to(prior, pooled.shape)[use]
        pooled[use] = pool.answer([by_view[view][use] for view in pool.views], priors)
    return pooled


def as_rows(studies: np.ndarray, answers: np.ndarray) -> pl.DataFrame:
    """A table of answers in the competition's format: the answered cells, by row_id."""
    place, cell = np.isfinite(answers).all(axis=2).nonzero()
    row_id = [rsna.row_id(study, *rsna.CELLS[k]) for study, k in zip(studies[place].tolist(), cell, strict=True)]
    return answer_frame(row_id, legal_rows(answers[place, cell])).sort("row_id")


def _places(manifest: pl.DataFrame, studies: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the cells of a manifest's rows stand in a table of the studies."""
    cells = [rsna.CELLS.index(cell) for cell in manifest.select("condition", "level").iter_rows()]
    return np.searchsorted(studies, manifest["study_id"].to_numpy()), np.array(cells, int)


def _answered(by_view: Mapping[str, np.ndarray], views: Sequence[str]) -> np.ndarray:
    """(studies, 25) whether all the views answered."""
    return np.logical_and.reduce([np.isfinite(by_view[view]).all(axis=2) for view in views])


def _view_combinations(views: Sequence[str]) -> list[tuple[str, ...]]:
    """Every non-empty combination of the views of a term, in the order of `VIEWS`."""
    terms = {term: [view.name for view in VIEWS if view.term == term and view.name in views] for term in rsna.TERMS}
    return [chosen for names in terms.values() for n in range(1, len(names) + 1) for chosen in combinations(names, n)]
