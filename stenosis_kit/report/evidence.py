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
        model: folder of the model that answered.
        model_run: that folder's run.json.
        store: the crops it was trained on.
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
    evidence.sources = predicted.get("rows", {})
    # Runs note paths as they were given; the data may have moved since.
    named = (evidence.run.get("data"), predicted.get("data"))
    data = next((Path(name) for name in named if name and Path(name).is_dir()), None)
    evidence.root = root or (Root(data, predicted.get("split", "test")) if data else None)
    answered_by = [if_usable(model_folder, Path(name)) for name in predicted.get("models", [])]
    models = [*filter(None, answered_by), folder, folder / "model"]
    evidence.model = next((model for model in models if (model / MODEL_NAME).is_file()), None)
    if evidence.model:
        evidence.model_run = read_run(evidence.model)
        evidence.store = if_usable(open_store, evidence.model.parent / "store")
    _add_answers(evidence)
    if not evidence.root and any(named):
        evidence.basis = f"The run's data, {next(filter(None, named))}, are not found from here. {evidence.basis}"
    return evidence


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
