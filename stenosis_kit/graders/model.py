"""A trained model's folder: weights as *.weights.h5, and model.json that says how to rebuild the networks.

`.keras` files do not load across the Keras versions that Kaggle and a laptop have; our own description does.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.graders.description import TrainedGrader, read_description
from stenosis_kit.graders.network import build_network, grade
from stenosis_kit.tables.folds import read_folds

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)


class Model:
    """A trained model with its networks loaded.

    Attributes:
        description: its model.json.
        folds: {study_id: fold} of the studies it was trained on, itself or what it started from.
    """

    def __init__(self, folder: Path) -> None:
        """Loads what can be loaded: a network whose weights are missing or damaged is left out, and that is logged.

        Raises:
            InputError: where model.json cannot be used, or no weights can be loaded.
        """
        from stenosis_kit.base.weights_file import load_weights

        self.description = read_description(folder)
        self.folds = read_folds(folder)
        self._networks: dict[TrainedGrader, keras.Model] = {}
        for trained in self.description.graders:
            network = build_network(trained.grader, self.description.training)
            try:
                load_weights(network, folder / trained.weights)
            except InputError as error:  # none may cost the rows of other graders
                log.error("%s: expected %s; found %s", error.path, error.expected, error.found)
                continue
            self._networks[trained] = network
        if not self._networks:
            remedy = "Train again, or copy the model's folder again."
            raise InputError(folder, "at least one readable *.weights.h5", "none", remedy)

    def grade(self, view: str, crops: np.ndarray, studies: np.ndarray, share: float = 1.0) -> np.ndarray | None:
        """(n, 3) answers to crops of a view, averaged over folds.

        A study that the model was trained on is graded by the network that did not see it, and by no other.

        Args:
            view: name of the view.
            crops: (n, px, px, slices) uint8.
            studies: (n,) study ids.
            share: of its networks that answer, one at least; a study that the model knows is not affected.

        Returns:
            None where no network of the view could be loaded; NaN rows where all that were have seen the study.
        """
        networks = {trained: network for trained, network in self._networks.items() if trained.grader.view == view}
        if not networks:
            return None
        fold_of = np.array([self.folds.get(int(study), -1) for study in studies], int)
        total, count = np.zeros((len(crops), len(rsna.SEVERITIES))), np.zeros((len(crops), 1))
        most = max(1, round(share * len(networks)))
        for place, (trained, network) in enumerate(networks.items()):
            use = np.flatnonzero((fold_of == -1) & (place < most) | (fold_of == trained.fold))
            total[use] += grade(network, trained.grader, crops[use])
            count[use] += 1
        return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)
