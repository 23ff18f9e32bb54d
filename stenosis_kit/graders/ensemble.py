"""From trained networks to a model: pools, second stage and moments are fitted on their out-of-fold answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.dataset_shift import moments
from stenosis_kit.answers.out_of_fold import Answers, Labels, as_rows, fit_pools, pool_views
from stenosis_kit.answers.pools import Pool
from stenosis_kit.answers.priors import Priors, cell_priors, filled, smoothed_prior
from stenosis_kit.answers.second_stage import fit_second_stage
from stenosis_kit.base.files import read_json, write_frame
from stenosis_kit.base.manifest import fingerprint as content_of
from stenosis_kit.graders.job import result_path
from stenosis_kit.graders.model_file import Description, TrainedGrader, networks_a_grader
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.graders.start_answers import StartAnswers, before

_CUT_SHORT = 0.5  # chosen by hand; of the median epochs of a grader's networks


def cut_short(folder: Path, networks: Sequence[TrainedGrader]) -> dict[TrainedGrader, str]:
    """Networks that got less than half of the epochs that their grader's networks usually got, and what to say of them.

    A network whose machine stood still for a while is hardly trained, and its answers would count as much as those of
    the other folds: one with 3 epochs beside others with 10 to 13 cost the canal's term .009 (600 synthetic studies).

    Args:
        folder: of the model, with the jobs' results.
        networks: that were trained.
    """
    epochs = {each: len(result["history"]) for each, result in _results(folder, networks).items()}
    found = {}
    for each, n in epochs.items():
        usual = median(epochs[other] for other in networks if other.grader == each.grader)
        if n < _CUT_SHORT * usual:
            found[each] = f"it got {n} epochs, where {usual:g} are usual here: was the machine busy?"
    return found


def assemble(
    folder: Path,
    manifest: pl.DataFrame,
    training: Training,
    networks: Sequence[TrainedGrader],
    fingerprint: str,
    cutting_version: int,
    priors: Priors | None = None,
    start: StartAnswers | None = None,
) -> dict[str, int]:
    """Writes model.json, oof.csv and history.csv beside the networks' weights.

    Args:
        folder: of the model, with the jobs' results.
        manifest: the store's labelled rows, which the results count.
        training: settings.
        networks: that were trained.
        fingerprint: of the run.
        cutting_version: of the store.
        priors: of the model; those of the labels where none are given.
        start: what stands in the prior's place in the pools.

    Returns:
        How many models a grader, networks and out-of-fold rows there are.
    """
    results = _results(folder, networks)
    labels = Labels.of(manifest)
    by_view = {grader.view: labels.table(manifest, _joined(results, grader)) for grader in training.graders}
    priors = priors or smoothed_prior(manifest.unique(["study_id", "condition", "level"]))
    prior = cell_priors(priors)
    pools, answers = _pooled(by_view, labels, prior, start)
    second, answers = fit_second_stage(answers, prior, labels.severity, training.seed)
    spread = moments(answers, prior)
    graders = tuple(replace(each, content=content_of(folder / each.weights)) for each in networks)
    name = start.fingerprint if start else ""
    Description(training, graders, pools, second, spread, priors, fingerprint, cutting_version, start=name).save(folder)
    rows = as_rows(labels.studies, answers)
    write_frame(folder / "oof.csv", rows)
    write_frame(folder / "history.csv", _history(results))
    return {"models": networks_a_grader(networks), "networks": len(networks), "oof_rows": rows.height}


def _pooled(
    by_view: Mapping[str, np.ndarray], labels: Labels, prior: np.ndarray, start: StartAnswers | None
) -> tuple[tuple[Pool, ...], np.ndarray]:
    """The pools, and (studies, 25, 3) what they answer."""
    beside = filled(start.answers, prior) if start else prior
    pools = fit_pools(by_view, labels, beside, before(len(labels.studies)) if start else None)
    return pools, pool_views(pools, by_view, beside)


def _results(folder: Path, networks: Sequence[TrainedGrader]) -> dict[TrainedGrader, dict]:
    return {each: read_json(result_path(folder, each), "a finished job") for each in networks}


def _joined(results: dict[TrainedGrader, dict], grader: Grader) -> Answers:
    """A grader's answers: where several of its networks have a fold, their mean, as in prediction."""
    own = [result for job, result in results.items() if job.grader == grader]
    return Answers.mean_of(
        np.array([row for result in own for row in result["rows"]], int),
        np.array([row for result in own for row in result["answers"]], float).reshape(-1, len(rsna.SEVERITIES)),
    )


def _history(results: dict[TrainedGrader, dict]) -> pl.DataFrame:
    rows = [
        {"view": job.grader.view, "fold": job.fold, "number": job.number, "epoch": place, **epoch}
        for job, result in results.items()
        for place, epoch in enumerate(result["history"], start=1)
    ]
    return pl.DataFrame(rows, infer_schema_length=None)
