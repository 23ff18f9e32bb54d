"""How good a model is on real crops: each view's networks alone, and what `predict` would answer, beside the prior.

    PYTHONPATH=tests python -m campaigns.transfer --crops FOLDER --share open [--model MODEL] --json F

FOLDER holds <view>_<share>.npz as `crops.given_crops` describes them. The model is the bundled one, or one that `train`
made; a study that it was trained on is answered by the network that did not see it.

Writes {view: {cells, raw, answered, prior, severe, any}}: the metric's weighted log loss of the networks' own answers,
of what `predict` would answer, and of the prior by condition and level; areas under the ROC curve of severe against the
rest, and of anything but normal_mild, of the networks' own answers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.given_crops import GivenCrops, read_given
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.graders.bundled import BUNDLED, model_folder


def by_study(cells: list[GivenCrops]) -> list[StudyCrops]:
    """The crops as `predict` has them, a study at a time."""
    found: dict[int, StudyCrops] = {}
    for one in cells:
        for study in np.unique(one.study).tolist():
            crops = found.setdefault(study, StudyCrops(study))
            rows = np.flatnonzero(one.study == study)
            crops.arrays[one.view.name] = one.crops[rows]
            for row, place in enumerate(one.places[rows]):
                condition, level = rsna.CELLS[place]
                crops.rows.append({"condition": condition, "level": level, "view": one.view.name, "row": row})
    return list(found.values())


def measure(folder: Path, share: str, model: Path) -> dict[str, dict[str, float]]:
    """The figures of each view that the folder has crops of and the model networks for."""
    from stenosis_kit.graders.model import Model

    loaded = Model(model)
    graded = {trained.grader.view for trained in loaded.description.graders}
    cells = read_given(folder, share, graded)
    studies = by_study(cells)
    answers, _ = loaded.answer(studies)
    place_of = {crops.study_id: place for place, crops in enumerate(studies)}
    figures = {}
    for one in cells:
        raw = loaded.grade(one.view.name, one.crops, one.study)
        answered = answers[[place_of[study] for study in one.study.tolist()], one.places]
        known = np.isfinite(raw).all(axis=1)
        severe, anything = (raw[:, 2] - raw[:, 0])[known], 1 - raw[known, 0]
        figures[one.view.name] = {
            "cells": int(known.sum()),
            "raw": one.loss(raw),
            "answered": one.loss(answered),
            "prior": one.loss(one.prior()),
            "severe": _area(one.severity[known] == 2, severe),
            "any": _area(one.severity[known] > 0, anything),
        }
    return {view: {name: value and round(value, 4) for name, value in row.items()} for view, row in figures.items()}


def _area(true: np.ndarray, score: np.ndarray) -> float | None:
    """Under the ROC curve; None where all are of one kind."""
    return float(roc_auc_score(true, score)) if 0 < true.sum() < len(true) else None


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, measures, prints and writes; 2 where the input is no good."""
    parser = argparse.ArgumentParser(prog="campaigns.transfer", description=__doc__.split("\n")[0])
    parser.add_argument("--crops", type=Path, required=True, help="folder of <view>_<share>.npz")
    parser.add_argument("--share", default="open", help="open or kept (default open)")
    parser.add_argument("--model", default=BUNDLED, help="a model's folder (default: the bundled one)")
    parser.add_argument("--json", type=Path, required=True, help="where the figures go")
    args = parser.parse_args(arguments)
    load_tensorflow()
    try:
        figures = measure(args.crops, args.share, model_folder(args.model))
        write_json(args.json, figures)
    except InputError as error:
        print(f"campaigns.transfer: {error}", file=sys.stderr)
        return 2
    for view, row in figures.items():
        print(f"{view:22}", "  ".join(f"{name} {value}" for name, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
