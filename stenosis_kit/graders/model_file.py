"""model.json: what a model consists of, and how its networks are rebuilt.

`.keras` files do not load across the Keras versions that Kaggle and a laptop have; our own description does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import numpy as np

from stenosis_kit import __version__, rsna
from stenosis_kit.answers.dataset_shift import Moments
from stenosis_kit.answers.lean import Lean, Leaning
from stenosis_kit.answers.pools import Pool
from stenosis_kit.answers.priors import Priors
from stenosis_kit.answers.second_stage import SecondStage, read_second_stage
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.manifest import RUN_NAME, fingerprint
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader, Training, field_value
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.tables.folds import FOLDS_NAME

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

MODEL_NAME = "model.json"
_BESIDE = (
    *(RUN_NAME, "oof.csv", "history.csv", FOLDS_NAME),
    *(Localiser.description_name, ForamenFinder.description_name),
)


@dataclass(frozen=True)
class TrainedGrader:
    """One network's place in a model.

    Attributes:
        grader: what it is.
        fold: that it has not seen.
        weights: its weights' file name.
        content: fingerprint of that file; empty while it is trained, and in models of before that was noted.
        number: 0, or 1 and so on of further networks of the same grader and fold, which differ by chance alone.
    """

    grader: Grader
    fold: int
    weights: str
    content: str = ""
    number: int = 0

    @classmethod
    def of(cls, grader: Grader, fold: int, number: int = 0) -> TrainedGrader:
        """Names the weights' file."""
        return cls(grader, fold, f"{_name(grader, fold, number)}.weights.h5", number=number)

    @property
    def name(self) -> str:
        """View, fold and number, for people and file names."""
        return _name(self.grader, self.fold, self.number)


@dataclass(frozen=True)
class Description:
    """What model.json holds.

    Attributes:
        training: the settings it was trained with.
        graders: its networks.
        pools: how views and prior are pooled, a pool for each combination of views of a term.
        second_stage: how a study's answers change each other, after pools or lean.
        moments: of the held-out answers in training, see `answers.dataset_shift`.
        priors: of the labels it was trained on.
        fingerprint: of the input and settings.
        cutting_version: of the crops it was trained on, see `crops.study_crops`.
        lean: how each view leans on the prior, in the place of pools; empty where none does.
        start: fingerprint of the bundled graders whose answers stand in the prior's place in the pools, see
            `start_answers`; empty where it is the prior.
    """

    training: Training
    graders: tuple[TrainedGrader, ...]
    pools: tuple[Pool, ...]
    second_stage: SecondStage
    moments: Moments
    priors: Priors
    fingerprint: str = ""
    cutting_version: int = CUTTING_VERSION
    lean: dict[str, Lean] = field(default_factory=dict)
    start: str = ""

    @property
    def leaning(self) -> Leaning:
        """How its graders lean, where they do."""
        return Leaning(self.lean, self.second_stage)

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


def is_whole(folder: Path) -> bool:
    """Whether a model's folder has its model.json, the weights that it was saved with, and its folds."""
    try:
        description = read_description(folder)
        same = all(fingerprint(folder / each.weights) == each.content for each in description.graders)
    except (InputError, OSError):
        return False
    return same and (folder / FOLDS_NAME).is_file()


def networks_a_grader(networks: Iterable[TrainedGrader]) -> int:
    """How many a grader has, in all folds; the most where they differ."""
    return max(Counter(each.grader.view for each in networks).values())


def _name(grader: Grader, fold: int, number: int) -> str:
    return f"{grader.view}.fold{fold}" + (f".{number}" if number else "")


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
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        remedy = "Train again, or use the version of stenosis-kit that made it."
        made = f"one of version {value.get('version')}: {type(error).__name__}: {error}"
        found = made if "version" in value else "another program's"
        raise InputError(path, f"the model.json of version {__version__}", found, remedy) from None


def _parsed(value: dict) -> Description:
    training = dict(value["training"])
    graders = tuple(_settings(Grader, row) for row in training.pop("graders"))
    return Description(
        training=replace(_settings(Training, training), graders=graders),
        graders=tuple(TrainedGrader(_settings(Grader, row.pop("grader")), **row) for row in value["graders"]),
        pools=tuple(Pool(tuple(p["views"]), tuple(p["powers"]), p["prior_power"]) for p in value["pools"]),
        second_stage=read_second_stage(value["second_stage"]["weights"]),
        moments={term: (tuple(mean), tuple(sd)) for term, (mean, sd) in value["moments"].items()},
        priors={cell: np.array(value["priors"]["_".join(cell)], float) for cell in rsna.CELLS},
        fingerprint=value["fingerprint"],
        cutting_version=value.get("cutting_version", 1),
        lean={view: _lean(**constants) for view, constants in value.get("lean", {}).items()},
        start=value.get("start", ""),
    )


def _lean(temperature: float, shift: list[float], prior_weight: float) -> Lean:
    return Lean(float(temperature), tuple(map(float, shift)), float(prior_weight))


def _settings(kind: type, values: dict) -> Any:
    """A dataclass of `settings`, each of its values held against its field's rule."""
    types = get_type_hints(kind, include_extras=True)
    return kind(**{name: field_value(types[name], value) for name, value in values.items()})


def _checked(found: Description) -> Description:
    """The description; raises ValueError where it leads out of its folder or would fail later."""
    rules = {
        "graders of known views": all(each.grader.view in VIEW_BY_NAME for each in found.graders),
        "inputs that the blocks can halve, of the crops' size at most": all(
            each.grader.px >= 2 ** len(found.training.filters) and each.grader.mm <= VIEW_BY_NAME[each.grader.view].mm
            for each in found.graders
            if each.grader.view in VIEW_BY_NAME
        ),
        "names of files": all(Path(each.weights).name == each.weights for each in found.graders),
        "folds and numbers from 0": all(
            type(place) is int and place >= 0 for each in found.graders for place in (each.fold, each.number)
        ),
        "a power for each view of a pool": all(len(pool.views) == len(pool.powers) > 0 for pool in found.pools),
        "powers that are numbers": all(_are_numbers([*pool.powers, pool.prior_power]) for pool in found.pools),
        "a second stage of numbers": all(_are_numbers(rows) for rows in found.second_stage.weights.values()),
        "moments of two numbers each": all(_are_numbers(each, shape=(2, 2)) for each in found.moments.values()),
        "priors of three probabilities above 0": all(
            _are_numbers(row, shape=(len(rsna.SEVERITIES),)) and min(row) > 0 for row in found.priors.values()
        ),
        "leans of known views": all(view in VIEW_BY_NAME for view in found.lean),
        "leans of five numbers each, with a temperature above 0": all(
            _are_numbers([each.temperature, *each.shift, each.prior_weight], (5,)) and each.temperature > 0
            for each in found.lean.values()
        ),
        "a start's fingerprint": isinstance(found.start, str),
        "a version of the cutting": type(found.cutting_version) is int,
    }
    broken = [rule for rule, holds in rules.items() if not holds]
    if broken:
        raise ValueError(f"expected {' and '.join(broken)}")
    return found


def _are_numbers(values: ArrayLike, shape: tuple[int, ...] | None = None) -> bool:
    """Whether all values are finite, and of a shape where one is given."""
    array = np.array(values, float)
    return bool(np.isfinite(array).all()) and shape in (None, array.shape)
