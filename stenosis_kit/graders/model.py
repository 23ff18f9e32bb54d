"""A trained model that answers: its networks by view, then pools with the prior, or the lean, and the second stage.

In the pools of a model that started from the bundled graders, their answers stand in the prior's place.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.out_of_fold import pool_views
from stenosis_kit.answers.priors import cell_priors, filled
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.bundled import bundled_graders
from stenosis_kit.graders.model_file import MODEL_NAME, Description, TrainedGrader, read_description
from stenosis_kit.graders.network import Answering, GraderNetwork, dealt_zooms
from stenosis_kit.tables.folds import read_folds

log = logging.getLogger(__name__)


class Model:
    """A trained model with its networks loaded.

    Attributes:
        folder: where it lies.
        description: its model.json.
        folds: {study_id: fold} of the studies it was trained on, itself or what it started from.
        is_whole: whether all of its networks could be loaded.
    """

    def __init__(self, folder: Path) -> None:
        """Loads what can be loaded: a network whose weights are missing or damaged is left out, and that is logged.

        Raises:
            InputError: where model.json cannot be used, the model was trained on crops that are cut in another way, or
                no weights can be loaded.
        """
        self.folder = folder
        self.description = read_description(folder)
        self.description.check_cutting(folder)
        self.folds = read_folds(folder)
        self._networks = dict(_answering(folder, self.description))
        self.is_whole = len(self._networks) == len(self.description.graders)
        if not self._networks:
            remedy = "Train again, or copy the model's folder again."
            raise InputError(folder, "at least one readable *.weights.h5", "none", remedy)
        self._start = _start(folder, self.description.start)

    def warm_up(self) -> None:
        """Builds all networks' graphs, as first answers would: after it the time of some tells that of others."""
        for trained, answer in self._networks.items():
            view = VIEW_BY_NAME[trained.grader.view]
            answer(np.zeros((1, view.px, view.px, view.slices), np.uint8))
        if self._start:
            self._start.warm_up()

    def answer(self, studies: Sequence[StudyCrops], share: float = 1.0) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Answers all cells of studies that could be cut in at least one view.

        Args:
            studies: their pixels go through the networks together.
            share: of what the networks do, see `grade`.

        Returns:
            (studies, 25, 3) probabilities in the orders of `rsna.CELLS` and severity, NaN where there is no answer; and
            {view: (studies, 25)} whether the view had a part in it.
        """
        leans, prior = self.description.lean, cell_priors(self.description.priors)
        views = [view for view in VIEW_BY_NAME if view in leans or not leans]
        by_view = {view: self._view_answers(view, studies, share) for view in views}
        used = {view: np.isfinite(own).all(axis=2) for view, own in by_view.items()}
        if leans:
            return self.description.leaning.answer(by_view, prior), used
        beside = filled(self._start.answer(studies, share)[0], prior) if self._start else prior
        pooled = pool_views(self.description.pools, by_view, beside)
        return self.description.second_stage.answer(pooled, prior), used

    def _view_answers(self, view: str, studies: Sequence[StudyCrops], share: float) -> np.ndarray:
        """(studies, 25, 3), NaN where there is none."""
        table = np.full((len(studies), len(rsna.CELLS), len(rsna.SEVERITIES)), np.nan)
        cells = [(place, row) for place, crops in enumerate(studies) for row in crops.rows if row["view"] == view]
        if cells:
            places = [place for place, _ in cells]
            columns = [rsna.CELLS.index((row["condition"], row["level"])) for _, row in cells]
            crops = np.concatenate([crops.arrays[view] for crops in studies if view in crops.arrays])
            ids = np.array([studies[place].study_id for place in places])
            table[places, columns] = self.grade(view, crops, ids, share)
        return table

    def grade(self, view: str, crops: np.ndarray, studies: np.ndarray, share: float = 1.0) -> np.ndarray:
        """(n, 3) answers to crops of a view, averaged over folds; NaN where no network may answer or was loaded.

        A study that the model was trained on is graded by the network that did not see it, and by no other.

        Args:
            view: name of the view.
            crops: (n, px, px, slices) uint8.
            studies: (n,) study ids.
            share: of the networks' looks, see `dealt_zooms`; a study that the model knows is not affected.
        """
        networks = {trained: answer for trained, answer in self._networks.items() if trained.grader.view == view}
        fold_of = np.array([self.folds.get(int(study), -1) for study in studies], int)
        graded = np.full((len(crops), len(rsna.SEVERITIES)), np.nan)
        for fold in np.unique(fold_of):
            use = np.flatnonzero(fold_of == fold)
            own = [answer for trained, answer in networks.items() if fold in (-1, trained.fold)]
            zooms = dealt_zooms(len(own), share if fold < 0 else 1.0)
            if answers := [answer(crops[use], each) for answer, each in zip(own, zooms, strict=True) if each]:
                graded[use] = np.mean(answers, axis=0)
        return graded


def _answering(folder: Path, description: Description) -> Iterator[tuple[TrainedGrader, Answering]]:
    """A model's networks that can be loaded; that one cannot is logged."""
    graders = {each.grader for each in description.graders}
    networks = {grader: GraderNetwork(grader, description.training) for grader in graders}
    for trained in description.graders:
        try:
            yield trained, networks[trained.grader].of(folder, trained)
        except InputError as error:  # none may cost the rows of other graders
            log.error("%s: expected %s; found %s", error.path, error.expected, error.found)


def bundled_model() -> Model:
    """The package's own graders, loaded once a process: a run of submit asks for them three times.

    Raises:
        InputError: where the package has none, or they cannot be used.
    """
    folder = bundled_graders()
    found = _kept(folder, fingerprint(folder / MODEL_NAME))
    found.description.check_cutting(folder)
    return found


@lru_cache(maxsize=1)
def _kept(folder: Path, _content: str) -> Model:
    return Model(folder)


def _start(folder: Path, expected: str) -> Model | None:
    """The bundled graders, where a model pools with their answers; that they are others now, or gone, is logged."""
    if not expected:
        return None
    try:
        found = bundled_model()
    except InputError as error:
        log.error("%s pools with the bundled graders, and now with the prior: %s", folder, error)
        return None
    if found.description.fingerprint != expected:
        log.warning("%s pools with the bundled graders of another version: better train again", folder)
    return found
