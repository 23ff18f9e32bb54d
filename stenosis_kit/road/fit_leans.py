"""Fits how the bundled graders lean on the prior, on real crops that stay outside the repository.

    python -m stenosis_kit.road.make_weights lean --crops FOLDER [--share open]

Only constants go into model.json: of each view a temperature, the prior's weight and two shifts, and of each term five
weights of a cell's kin and two shifts, see `answers.second_stage`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from pathlib import Path

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.answers.lean import Lean, Leaning, fit_lean, lean_views
from stenosis_kit.answers.priors import cell_priors
from stenosis_kit.answers.second_stage import fit_second_stage
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.given_crops import read_given
from stenosis_kit.graders.model import Model
from stenosis_kit.graders.model_file import MODEL_NAME, read_description


@dataclass(frozen=True, eq=False)
class Measured:
    """What a model's networks answer to labelled crops.

    Attributes:
        by_view: {view: (studies, 25, 3)} their own answers, NaN where there is no crop.
        severity: (studies, 25) class indices, -1 where there is no label.
        prior: (25, 3) the model's.
        views: all that it grades.
    """

    by_view: dict[str, np.ndarray]
    severity: np.ndarray
    prior: np.ndarray
    views: tuple[str, ...]

    @classmethod
    def of(cls, model: Path, crops: Path, share: str = "open") -> Measured:
        """Has a model answer; a study that it was trained on, by the network that did not see it.

        Args:
            model: its folder.
            crops: folder of <view>_<share>.npz, see `crops.given_crops`.
            share: which.

        Raises:
            InputError: where the model cannot be used, or there are no crops.
        """
        load_tensorflow()
        loaded = Model(model)
        views = tuple(each.grader.view for each in loaded.description.graders)
        given = read_given(crops, share, set(views))
        studies = reduce(np.union1d, (one.study for one in given))
        severity, by_view = np.full((len(studies), len(rsna.CELLS)), -1), {}
        for one in given:
            rows = np.searchsorted(studies, one.study)
            severity[rows, one.places] = one.severity
            by_view[one.view.name] = np.full((*severity.shape, len(rsna.SEVERITIES)), np.nan)
            by_view[one.view.name][rows, one.places] = loaded.grade(one.view.name, one.crops, one.study)
        return cls(by_view, severity, cell_priors(loaded.description.priors), views)

    def of_studies(self, places: np.ndarray) -> Measured:
        """Of some studies alone."""
        by_view = {view: table[places] for view, table in self.by_view.items()}
        return replace(self, by_view=by_view, severity=self.severity[places])

    def answered(self) -> dict[str, np.ndarray]:
        """Of the views that have an answer at all."""
        return {view: table for view, table in self.by_view.items() if np.isfinite(table).any()}

    def losses(self, answers: np.ndarray) -> dict[str, float]:
        """{view: weighted log loss} of (studies, 25, 3) answers, on the cells that the view has crops of."""
        from stenosis_kit.graders.loss import weighted_log_loss

        weights, found = np.array(rsna.SEVERITY_WEIGHTS), {}
        for view, table in self.answered().items():
            use = np.isfinite(table).all(axis=2) & np.isfinite(answers).all(axis=2)
            truth = self.severity[use]
            found[view] = round(weighted_log_loss(answers[use], truth, weights[truth]), 4)
        return found


def fit_leaning(measured: Measured) -> Leaning:
    """The constants.

    Raises:
        ValueError: where there is no answer.
    """
    weights = np.array(rsna.SEVERITY_WEIGHTS)[measured.severity]
    fitted = {}
    for view, table in measured.answered().items():
        prior = np.broadcast_to(measured.prior, table.shape)
        cells = (each.reshape(-1, *each.shape[2:]) for each in (table, measured.severity, weights, prior))
        fitted[view] = fit_lean(*cells)
    leans = complete(fitted, measured.views)
    first = lean_views(leans, measured.by_view, measured.prior)
    return Leaning(leans, fit_second_stage(first, measured.prior, measured.severity, tied=True)[0])


def held_out(measured: Measured) -> np.ndarray:
    """(studies, 25, 3) answers to each half of the studies, at random, with constants fitted on the other.

    NaN where there is nothing to fit on.
    """
    answers = np.full((*measured.severity.shape, len(rsna.SEVERITIES)), np.nan)
    halves = np.array_split(np.random.default_rng(0).permutation(len(answers)), 2)
    for own, other in (halves, halves[::-1]):
        part, rest = measured.of_studies(own), measured.of_studies(other)
        if rest.answered():
            answers[own] = fit_leaning(rest).answer(part.by_view, part.prior)
    return answers


def complete(fitted: Mapping[str, Lean], views: Sequence[str]) -> dict[str, Lean]:
    """A lean for each view: one that was not measured is trusted as the least trusted one, without its shift."""
    least = max(fitted.values(), key=lambda lean: lean.temperature)
    return {view: fitted[view] if view in fitted else replace(least, shift=(0.0, 0.0, 0.0)) for view in views}


def write_leaning(model: Path, leaning: Leaning) -> None:
    """Writes the constants into a model's model.json.

    Its moments go: they are of answers that do not lean, and `predict --lean` would lean once more by them.

    Raises:
        InputError: where the model cannot be read, or a view of its has no constants.
    """
    description = read_description(model)
    missing = sorted({each.grader.view for each in description.graders} - leaning.leans.keys())
    if missing:
        found = f"none for {', '.join(missing)}"
        raise InputError(model / MODEL_NAME, "a lean of each view that is graded", found, "Fit or give that too.")
    replace(description, lean=dict(leaning.leans), second_stage=leaning.second_stage, moments={}).save(model)
