"""A trained model's folder: weights as *.weights.h5, and model.json that says how to rebuild the networks.

`.keras` files do not load across the Keras versions that Kaggle and a laptop have; our own description does.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from stenosis_kit import __version__, rsna
from stenosis_kit.calibration import Pool
from stenosis_kit.crops import VIEW_BY_NAME
from stenosis_kit.errors import InputError
from stenosis_kit.files import read_json, write_json
from stenosis_kit.folds import read_folds
from stenosis_kit.likeness import Moments
from stenosis_kit.priors import Priors
from stenosis_kit.second_stage import SecondStage, read_second_stage
from stenosis_kit.settings import Grader, Training

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)
_BATCH = 256
MODEL_NAME = "model.json"


def build_network(grader: Grader, training: Training) -> keras.Model:
    """The untrained network of a grader."""
    from stenosis_kit.network import five_block_cnn

    shape = (grader.px, grader.px, VIEW_BY_NAME[grader.view].slices)
    return five_block_cnn(
        shape,
        training.filters,
        training.dense,
        training.block_dropout,
        training.dense_dropout,
        training.momentum,
        name=grader.view,
    )


def grade(network: keras.Model, grader: Grader, crops: np.ndarray) -> np.ndarray:
    """(n, 3) probabilities in severity order of (n, px, px, slices) uint8 crops of the grader's view."""
    import tensorflow as tf

    from stenosis_kit.augment import central, sample

    view = VIEW_BY_NAME[grader.view]
    answers = [np.empty((0, len(rsna.SEVERITIES)), np.float32)]
    for start in range(0, len(crops), _BATCH):
        batch = tf.constant(np.asarray(crops[start : start + _BATCH]))
        transforms = central(view, grader.mm, grader.px, len(batch))
        answers.append(np.asarray(network.predict_on_batch(sample(batch, transforms, grader.px))))
    return np.concatenate(answers)


@dataclass(frozen=True)
class TrainedGrader:
    """One network's place in a model: what it is, which fold it has not seen, and its weights' file name."""

    grader: Grader
    fold: int
    weights: str

    @classmethod
    def of(cls, grader: Grader, fold: int) -> TrainedGrader:
        """Names the weights' file."""
        return cls(grader, fold, f"{grader.view}.fold{fold}.weights.h5")

    @property
    def name(self) -> str:
        """View and fold, for people and file names."""
        return f"{self.grader.view}.fold{self.fold}"


@dataclass(frozen=True)
class Description:
    """What model.json holds.

    Attributes:
        training: the settings it was trained with.
        graders: its networks.
        pools: how views and prior are pooled, a pool for each combination of views of a term.
        second_stage: how a study's pooled answers change each other.
        moments: of the held-out answers in training, see `likeness`.
        priors: of the labels it was trained on.
        fingerprint: of the input and settings.
    """

    training: Training
    graders: tuple[TrainedGrader, ...]
    pools: tuple[Pool, ...]
    second_stage: SecondStage
    moments: Moments
    priors: Priors
    fingerprint: str = ""

    def save(self, folder: Path) -> None:
        """Writes model.json."""
        value = asdict(self) | {"version": __version__}
        value["priors"] = {f"{condition}_{level}": row.tolist() for (condition, level), row in self.priors.items()}
        write_json(folder / MODEL_NAME, value)


def read_description(folder: Path) -> Description:
    """Reads model.json.

    Raises:
        InputError: where there is none, or it is not one that this version can read.
    """
    path = folder / MODEL_NAME
    value = read_json(path, "a trained model's model.json")
    try:
        graders = tuple(TrainedGrader(Grader(**row.pop("grader")), **row) for row in value["graders"])
        pools = tuple(Pool(tuple(p["views"]), tuple(p["powers"]), p["prior_power"]) for p in value["pools"])
        second = read_second_stage(value["second_stage"]["weights"])
        priors = {cell: np.array(value["priors"]["_".join(cell)], float) for cell in rsna.CELLS}
        spread = {term: (tuple(mean), tuple(sd)) for term, (mean, sd) in value["moments"].items()}
        training = _training(value["training"])
        description = Description(training, graders, pools, second, spread, priors, value["fingerprint"])
        bad = [each.grader.view for each in graders if each.grader.view not in VIEW_BY_NAME]
        bad += [each.weights for each in graders if Path(each.weights).name != each.weights]  # none leads out of it
        if bad or any(row.shape != (len(rsna.SEVERITIES),) for row in priors.values()):
            raise ValueError(f"unknown views or file names {bad}, or priors that are not three numbers")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        remedy = "Train again, or use the version of stenosis-kit that made it."
        found = f"{type(error).__name__}: {error} (version {value.get('version')})"
        raise InputError(path, f"the model.json of version {__version__}", found, remedy) from None
    return description


def _training(value: dict[str, Any]) -> Training:
    lists = {name: tuple(value[name]) for name in ("filters", "dense")}
    return Training(**{**value, **lists, "graders": tuple(Grader(**row) for row in value["graders"])})


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
        from stenosis_kit.network import load_weights

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
