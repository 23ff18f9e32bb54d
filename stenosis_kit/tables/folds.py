"""Folds by study: saved with the model, so that everybody knows which network has not seen a study."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.files import write_frame
from stenosis_kit.tables.csv_table import INTEGER, Column, read_table

FOLDS_NAME = "folds.csv"


def assign_folds(manifest: pl.DataFrame, folds: int, seed: int) -> dict[int, int]:
    """{study_id: fold}: whole studies, the severities spread evenly over the folds; a single study is of fold 0."""
    from sklearn.model_selection import StratifiedGroupKFold

    cells = manifest.unique(["study_id", "condition", "level"], maintain_order=True)
    studies = cells["study_id"].to_numpy()
    count = min(folds, len(np.unique(studies)))
    if count < 2:
        return dict.fromkeys(studies.tolist(), 0)
    strata = _strata(cells, count)
    splitter = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    result: dict[int, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # rare strata have fewer members than folds
        for fold, (_, held_out) in enumerate(splitter.split(studies, strata, studies)):
            result |= dict.fromkeys(studies[held_out].tolist(), fold)
    return dict(sorted(result.items()))


def _strata(cells: pl.DataFrame, folds: int) -> np.ndarray:
    """(cells,) what is to be spread evenly: severities by term; less where none of them has as many cells as folds."""
    terms = [rsna.CONDITION_BY_NAME[name].term for name in cells["condition"]]
    finest = [f"{term} {severity}" for term, severity in zip(terms, cells["severity"], strict=True)]
    offers = (np.array(names) for names in (finest, terms, ["one"] * len(terms)))
    return next(each for each in offers if np.unique(each, return_counts=True)[1].max() >= folds)


def write_folds(folder: Path, folds: dict[int, int]) -> None:
    """Writes folds.csv: study_id, fold."""
    write_frame(folder / FOLDS_NAME, pl.DataFrame({"study_id": list(folds), "fold": list(folds.values())}))


def read_folds(folder: Path) -> dict[int, int]:
    """{study_id: fold} of folds.csv; empty where there is none (a model that travels without it).

    Raises:
        InputError: where it is damaged.
    """
    path = folder / FOLDS_NAME
    if not path.is_file():
        return {}
    frame = read_table(path, {"study_id": Column(INTEGER), "fold": Column(INTEGER)}, key=("study_id",))
    return dict(frame.iter_rows())
