"""The paper's answers and the kit's own, by the competition's metric, on the canal rows of the same studies."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.bootstrap import Estimate, estimate, resampled
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.answers.score import ALL_TERMS, ANY_SEVERE, StudyLosses, constant_answers, study_losses
from stenosis_kit.answers.submission import legal_rows, read_submission
from stenosis_kit.base.budget import Budget
from stenosis_kit.road.split import split
from stenosis_kit.road.submit import submit
from stenosis_kit.tables.labels import read_solution

KIT = "kit"
"""Folder of the kit's own run: data (images linked), store, model, submission, report."""
PAPER, KIT_NAME, PRIOR = "the paper's network", "the kit's graders", "prior"
_CANAL = rsna.condition_of("spinal", None).name
_TERMS = ("spinal", ANY_SEVERE)


def run_kit(data: Path, out: Path, held_out: list[int], budget: Budget) -> dict[str, Any]:
    """The kit on the same studies, in the same time: `submit` on a root whose test studies are the held-out ones.

    Returns:
        Its run.json.

    Raises:
        InputError: as `split` and `submit`.
    """
    shutil.rmtree(out / KIT, ignore_errors=True)
    split(data, out / KIT / "data", held_out=held_out)
    return submit(out / KIT / "data", out / KIT, budget)


def canal_answers(rows: pl.DataFrame, answers: np.ndarray) -> pl.DataFrame:
    """The paper's answers as rows of a submission.

    Args:
        rows: study_id and level of images.
        answers: (rows, 3) in the paper's class order.
    """
    legal = legal_rows(answers[:, [rsna.PAPER_CLASSES.index(name) for name in rsna.SEVERITIES]])
    ids = [rsna.row_id(study, _CANAL, level) for study, level in rows.select("study_id", "level").iter_rows()]
    return pl.DataFrame({"row_id": ids} | {name: legal[:, k] for k, name in enumerate(rsna.SEVERITIES)})


def compare_on_canals(answers: pl.DataFrame, out: Path) -> dict[str, Any]:
    """Both on the held-out studies' labelled canal rows; a row that the paper's way has no image for is a prior.

    Returns:
        rows, studies, rows_without_image, terms ({who: {term: loss}}) and differences ({term: (value, low, high)},
        the paper's minus the kit's: above 0 the kit is better).
    """
    truth = read_solution(out / KIT / "data" / rsna.SOLUTION).filter(condition=_CANAL)
    prior = constant_answers(truth, builtin_prior())
    filled = pl.concat([answers, prior.join(answers, on="row_id", how="anti")])
    kit = read_submission(out / KIT / "submission.csv")
    losses = {
        name: study_losses(frame, truth, name) for name, frame in ((PAPER, filled), (KIT_NAME, kit), (PRIOR, prior))
    }
    return {
        "rows": truth.height,
        "studies": truth["study_id"].n_unique(),
        "rows_without_image": truth.join(answers, on="row_id", how="anti").height,
        "terms": {name: _terms(each) for name, each in losses.items()},
        "differences": _differences(losses[PAPER], losses[KIT_NAME]),
    }


def _terms(losses: StudyLosses) -> dict[str, float]:
    found = dict(zip(ALL_TERMS, losses.terms().tolist(), strict=True))
    return {term: found[term] for term in _TERMS}


def _differences(first: StudyLosses, second: StudyLosses) -> dict[str, Estimate]:
    counts = resampled(len(first.studies))
    drawn = dict(zip(ALL_TERMS, (first.terms(counts) - second.terms(counts)).T, strict=True))
    return {term: estimate(drawn[term]) for term in _TERMS}
