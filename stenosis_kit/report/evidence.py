"""Reads a run's folder: its answers beside the labels, where they came from, its store and model."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.submission import read_submission
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json, run_json_of
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.crops.store import Store, open_store
from stenosis_kit.graders.bundled import model_folder
from stenosis_kit.graders.model_file import MODEL_NAME
from stenosis_kit.tables.folds import read_folds
from stenosis_kit.tables.labels import labelled_rows
from stenosis_kit.tables.root import Root

log = logging.getLogger(__name__)

SUBMISSION = "submission.csv"

T = TypeVar("T")


@dataclass
class Evidence:
    """What a report is made from; what a run does not have is None or empty.

    Attributes:
        folder: the run's.
        run: its run.json.
        sources: {row_id: {"source", "why"}} of its submission.
        answers: labelled cells with their answers: row_id, study_id, condition, level, severity (the truth), and a
            probability in a column of each severity's name.
        basis: which cells `answers` holds, or why there are none, in a sentence.
        root: the competition root and the split that `answers` are of.
        model: folder of the model that answered; None where it is not found from here.
        model_run: that folder's run.json.
        store: the crops it was trained on.
        no_store: why there are none, in a sentence.
    """

    folder: Path
    run: dict[str, Any]
    sources: dict[str, dict[str, str]] = field(default_factory=dict)
    answers: pl.DataFrame | None = None
    basis: str = "No labels are known, so nothing can be said of the answers' quality."
    root: Root | None = None
    model: Path | None = None
    model_run: dict[str, Any] = field(default_factory=dict)
    store: Store | None = None
    no_store: str = "The run has no crop store (its model was given)."

    @property
    def name(self) -> str:
        """What the run is called on the page."""
        return self.folder.resolve().name


def read_evidence(folder: Path, root: Root | None = None) -> Evidence:
    """Reads the folder of a `submit`, a `predict` or a `train` run.

    Args:
        folder: the run's.
        root: the competition root that it was made from, where that has been read already.

    Raises:
        InputError: where it is none of them.
    """
    if not (folder / SUBMISSION).is_file() and not (folder / MODEL_NAME).is_file():
        remedy = "Give the OUT of stenosis-kit submit or paper, or a MODEL."
        raise InputError(folder, "the folder of a run", "neither submission.csv nor model.json", remedy)
    evidence = Evidence(folder, read_run(folder))
    predicted = read_json_of(run_json_of(folder / SUBMISSION))
    evidence.sources = _kind(predicted.get("rows"), dict)
    # Runs note paths as they were given; the data may have moved since.
    named = (evidence.run.get("data"), predicted.get("data"))
    data = next((Path(name) for name in named if isinstance(name, str) and Path(name).is_dir()), None)
    evidence.root = root or (Root(data, predicted.get("split", "test")) if data else None)
    evidence.model = _model(folder, _kind(predicted.get("models"), list))
    if evidence.model:
        evidence.model_run = read_run(evidence.model)
        _add_store(evidence)
    _add_answers(evidence)
    if not evidence.root and any(named):
        evidence.basis = f"The run's data, {next(filter(None, named))}, are not found from here. {evidence.basis}"
    return evidence


def _kind(value: Any, kind: type[T]) -> T:
    """A value of a JSON file, if it is of the kind that is expected there; else an empty one."""
    return value if isinstance(value, kind) else kind()


def _model(folder: Path, names: list) -> Path | None:
    """The folder of the first model that answered and is found from here.

    Of a run without answers, or that has moved with its model, its own.
    """
    named = [Path(name) for name in names if isinstance(name, str)]
    models = [*filter(None, (if_usable(model_folder, path) for path in named))]
    if not named or any(path.name == "model" for path in named):
        models += [folder, folder / "model"]
    return next((model for model in models if (model / MODEL_NAME).is_file()), None)


def _add_store(evidence: Evidence) -> None:
    """Adds the store beside the model, if it holds what the model was trained on; else says why there is none."""
    store, folds = if_usable(open_store, evidence.model.parent / "store"), if_usable(read_folds, evidence.model)
    if store and folds and not set(store.manifest["study_id"]) & set(folds):
        evidence.no_store = f"{store.folder} holds none of the studies that the model was trained on."
    elif store:
        evidence.store = store
    elif (evidence.folder / "store").is_dir():
        evidence.no_store = "What answered was not trained on the run's crops."


def read_run(folder: Path) -> dict[str, Any]:
    """A run's run.json; empty where there is none, or it is damaged, which is logged."""
    return read_json_of(folder / RUN_NAME)


def read_json_of(path: Path) -> dict[str, Any]:
    """What a JSON file holds; empty where there is none, or it is damaged, which is logged."""
    return if_usable(lambda path: read_json(path, "a run's run.json"), path) or {}


def if_usable(read: Callable[[Path], T], path: Path) -> T | None:
    """What a reader makes of a path; None where there is nothing, or it cannot be used, which is logged."""
    try:
        return read(path)
    except InputError as error:
        if path.is_file():
            log.warning("report: %s", error)
        return None


def _add_answers(evidence: Evidence) -> None:
    """Adds the answers to cells whose labels are known: the submission's, else the model's out-of-fold answers."""
    answers = if_usable(read_submission, evidence.folder / SUBMISSION)
    known = evidence.root.known_labels(answers) if evidence.root and answers is not None else None
    if known:
        truth, table = known
    else:
        answers = if_usable(read_submission, evidence.model / "oof.csv") if evidence.model else None
        truth, table = None if answers is None else _training_cells(evidence), None
    if truth is None:
        return
    whole = pl.sum_horizontal(rsna.SEVERITIES)  # by which the metric, too, divides
    answers = answers.with_columns(pl.col(rsna.SEVERITIES) / whole)
    evidence.answers = truth.join(answers, on="row_id", how="inner", maintain_order="left")
    cells, studies = evidence.answers.height, evidence.answers["study_id"].n_unique()
    if table == rsna.SOLUTION:
        evidence.basis = f"{cells} labelled cells of {studies} held-out studies, by {table}."
    elif table:
        evidence.basis = (
            f"{cells} labelled cells of {studies} studies, by {table}. Their labels were also there for training: the "
            "score is not held out."
        )
    else:
        evidence.basis = (
            f"No labels of the test studies are known. These are the model's out-of-fold answers to {cells} cells of "
            f"the {studies} studies it was trained on, each by the networks that had not seen the study, at crops "
            "centred on the label points."
        )
        evidence.root = evidence.root and evidence.root.of("train")


def _training_cells(evidence: Evidence) -> pl.DataFrame | None:
    """The labelled cells that the model may have learnt from: its store's, else those of the root's train.csv."""
    if evidence.store:
        return labelled_rows(evidence.store.manifest.unique(["study_id", "condition", "level"])).sort("row_id")
    if evidence.root and not evidence.root.label_table.missing:
        return labelled_rows(evidence.root.cells)
    return None
