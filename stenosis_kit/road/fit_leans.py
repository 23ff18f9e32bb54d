"""Fits how the bundled graders lean on the prior, on real crops that stay outside the repository.

    python -m stenosis_kit.road.make_weights lean --crops FOLDER [--share open]

Only the constants go into model.json: a temperature, the prior's weight and two shifts a view.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from stenosis_kit.answers.lean import Lean, fit_lean
from stenosis_kit.answers.priors import cell_priors
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.given_crops import GivenCrops, read_given
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import MODEL_NAME, read_description


@dataclass(frozen=True)
class Fitted:
    """The constants of a view that was measured, with weighted log losses on its crops.

    Attributes:
        lean: the constants.
        raw, prior: of the networks' own answers, and of the model's prior.
        answered: with the constants.
        held_out: with constants that were fitted on the other half of the studies.
    """

    lean: Lean
    raw: float
    prior: float
    answered: float
    held_out: float


def fit_leans(model: Path, crops: Path, share: str = "open") -> dict[str, Fitted]:
    """The constants of each view of which there are crops, fitted on the networks' own answers.

    Args:
        model: its folder; a study that it was trained on is answered by the network that did not see it.
        crops: folder of <view>_<share>.npz, see `crops.given_crops`.
        share: which.

    Raises:
        InputError: where the model cannot be used, or there are no crops.
    """
    load_tensorflow()
    loaded = Model(model)
    graded = {each.grader.view for each in loaded.description.graders}
    prior = cell_priors(loaded.description.priors)
    return {one.view.name: _fitted(loaded, one, prior) for one in read_given(crops, share, graded)}


def _fitted(model: Model, crops: GivenCrops, priors: np.ndarray) -> Fitted:
    raw, prior = model.grade(crops.view.name, crops.crops, crops.study), priors[crops.places]
    half = np.random.default_rng(0).permutation(np.unique(crops.study))[::2]
    first, held_out = np.isin(crops.study, half), np.full_like(raw, np.nan)
    for own in (first, ~first):
        if own.any() and (~own).any():
            lean = fit_lean(raw[~own], crops.severity[~own], crops.weight[~own], prior[~own])
            held_out[own] = lean.answer(raw[own], prior[own])
    lean = fit_lean(raw, crops.severity, crops.weight, prior)
    answers = raw, prior, lean.answer(raw, prior), held_out
    return Fitted(lean, *(round(crops.loss(each), 4) for each in answers))


def complete(fitted: Mapping[str, Fitted], views: list[str]) -> dict[str, Lean]:
    """A lean for each view: one that was not measured is trusted as the least trusted one, without its shift."""
    least = max((each.lean for each in fitted.values()), key=lambda lean: lean.temperature)
    return {view: fitted[view].lean if view in fitted else replace(least, shift=(0.0, 0.0, 0.0)) for view in views}


def write_leans(model: Path, leans: Mapping[str, Lean]) -> None:
    """Writes the constants into a model's model.json.

    Its moments go: they are of answers that do not lean, and `predict --lean` would lean once more by them.

    Raises:
        InputError: where the model cannot be read, or a view of its has no constants.
    """
    description = read_description(model)
    missing = sorted({each.grader.view for each in description.graders} - leans.keys())
    if missing:
        found = f"none for {', '.join(missing)}"
        raise InputError(model / MODEL_NAME, "a lean of each view that is graded", found, "Fit or give that too.")
    replace(description, lean=dict(leans), moments={}).save(model)
