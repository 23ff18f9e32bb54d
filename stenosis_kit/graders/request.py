"""What a training run is asked for, and what is settled once for all attempts at it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from stenosis_kit import __version__
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.crops.store import Store
from stenosis_kit.graders.batches import labelled
from stenosis_kit.graders.job import JOBS
from stenosis_kit.graders.model_file import MODEL_NAME
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.warm_start import Start
from stenosis_kit.tables.folds import FOLDS_NAME

if TYPE_CHECKING:
    from stenosis_kit.base.cluster import Cluster


@dataclass(frozen=True)
class Request:
    """What a run is asked for, and what with.

    Attributes:
        store: with the labelled crops.
        folder: of the model.
        training: settings.
        budget: the time.
        cluster: that trains the networks; None: this process.
        start: an earlier model to start from.
        to_grade: studies for whose grading the budget has to leave time.
    """

    store: Store
    folder: Path
    training: Training
    budget: Budget
    cluster: Cluster | None = None
    start: Start | None = None
    to_grade: int = 0

    @cached_property
    def fingerprint(self) -> str:
        """Of the input, the settings and the command's time: a run with the same one can be gone on with."""
        earlier = [self.start.folder / name for name in (MODEL_NAME, FOLDS_NAME)] if self.start else []
        made_of = self.store.content, asdict(self.training), self.budget.whole
        return fingerprint(__version__, *made_of, *earlier)

    @cached_property
    def manifest(self) -> pl.DataFrame:
        """The store's labelled rows."""
        return labelled(self.store)

    @cached_property
    def studies(self) -> frozenset[int]:
        """That have labels."""
        return frozenset(self.manifest["study_id"])

    @cached_property
    def adapted(self) -> Training:
        """The settings for this store and start: graders of the views that are there, see `warm_start.Start.settings`.

        Raises:
            InputError: where the store has no crops of any grader's view, or the inputs are too small for the start's
                networks.
        """
        graders = tuple(grader for grader in self.training.graders if grader.view in self.store.arrays)
        if not graders:
            wanted, there = (", ".join(names) for names in ([g.view for g in self.training.graders], self.store.arrays))
            remedy = "Give graders of the views that are there in --config, or other training data."
            raise InputError(self.store.folder, f"crops of {wanted}", there or "none", remedy)
        training = replace(self.training, graders=graders)
        return self.start.settings(training, self.studies, self.crops) if self.start else training

    @cached_property
    def crops(self) -> dict[str, int]:
        """{view: number of labelled crops}."""
        return dict(self.manifest.group_by("view").len().iter_rows())

    def settled(self, name: str, make: Callable[[], dict]) -> dict:
        """What an earlier attempt at this run settled in a file of jobs/, else what is settled now.

        Raises:
            InputError: where the file cannot be written or read.
        """
        path = self.folder / JOBS / name
        if not path.is_file():
            write_json(path, make())
        return read_json(path, "an unfinished run")
