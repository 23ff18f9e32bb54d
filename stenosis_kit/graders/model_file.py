"""model.json: what a model consists of, and how its networks are rebuilt.

`.keras` files do not load across the Keras versions that Kaggle and a laptop have; our own description does.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from stenosis_kit import __version__, rsna
from stenosis_kit.answers.dataset_shift import Moments
from stenosis_kit.answers.pools import Pool
from stenosis_kit.answers.priors import Priors
from stenosis_kit.answers.second_stage import SecondStage, read_second_stage
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.levels.localiser import DESCRIPTION_NAME
from stenosis_kit.tables.folds import FOLDS_NAME

MODEL_NAME = "model.json"
_BESIDE = ("run.json", "oof.csv", "history.csv", FOLDS_NAME, DESCRIPTION_NAME)


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
        moments: of the held-out answers in training, see `answers.dataset_shift`.
        priors: of the labels it was trained on.
        fingerprint: of the input and settings.
        cutting_version: of the crops it was trained on, see `crops.study_crops`.
    """

    training: Training
    graders: tuple[TrainedGrader, ...]
    pools: tuple[Pool, ...]
    second_stage: SecondStage
    moments: Moments
    priors: Priors
    fingerprint: str = ""
    cutting_version: int = CUTTING_VERSION

    def check_cutting(self, folder: Path, version: int = CUTTING_VERSION) -> None:
        """Raises InputError where the model, in a folder, was trained on crops of another version of the cutting."""
        if self.cutting_version != version:
            expected = f"a model for crops of version {version} of the cutting"
            remedy = "Train again, or use the version of stenosis-kit that made it."
            raise InputError(folder / MODEL_NAME, expected, f"one for version {self.cutting_version}", remedy)

    def save(self, folder: Path) -> None:
        """Writes model.json."""
        value = asdict(self) | {"version": __version__}
        value["priors"] = {f"{condition}_{level}": row.tolist() for (condition, level), row in self.priors.items()}
        write_json(folder / MODEL_NAME, value)


def model_files(folder: Path) -> list[Path]:
    """The files of a model's folder that `train` writes, whether they are there or not, and its weights."""
    return [*(folder / name for name in (*_BESIDE, MODEL_NAME)), *folder.glob("*.weights.h5")]


def read_description(folder: Path) -> Description:
    """Reads model.json.

    Raises:
        InputError: where there is none, or it is not one that this version can read.
    """
    path = folder / MODEL_NAME
    value = read_json(path, "a trained model's model.json")
    try:
        return _checked(_parsed(value))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        remedy = "Train again, or use the version of stenosis-kit that made it."
        made = f"one of version {value.get('version')}: {type(error).__name__}: {error}"
        found = made if "version" in value else "another program's"
        raise InputError(path, f"the model.json of version {__version__}", found, remedy) from None


def _parsed(value: dict) -> Description:
    settings = dict(value["training"], graders=tuple(Grader(**row) for row in value["training"]["graders"]))
    settings |= {name: tuple(settings[name]) for name in ("filters", "dense")}
    return Description(
        training=Training(**settings),
        graders=tuple(TrainedGrader(Grader(**row.pop("grader")), **row) for row in value["graders"]),
        pools=tuple(Pool(tuple(p["views"]), tuple(p["powers"]), p["prior_power"]) for p in value["pools"]),
        second_stage=read_second_stage(value["second_stage"]["weights"]),
        moments={term: (tuple(mean), tuple(sd)) for term, (mean, sd) in value["moments"].items()},
        priors={cell: np.array(value["priors"]["_".join(cell)], float) for cell in rsna.CELLS},
        fingerprint=value["fingerprint"],
        cutting_version=value.get("cutting_version", 1),
    )


def _checked(found: Description) -> Description:
    """The description; raises ValueError where it leads out of its folder or would fail later."""
    bad = [each.grader.view for each in found.graders if each.grader.view not in VIEW_BY_NAME]
    bad += [each.weights for each in found.graders if Path(each.weights).name != each.weights]
    if bad or any(row.shape != (len(rsna.SEVERITIES),) for row in found.priors.values()):
        raise ValueError(f"unknown views or file names {bad}, or priors that are not three numbers")
    return found
