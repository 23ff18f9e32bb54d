"""What few labelled studies are worth: training on some real studies from the bundled graders, answers to the others.

    PYTHONPATH=tests python -m campaigns.few --crops FOLDER --share open --studies 3 10 30 100 --draws 5 --json F

FOLDER holds <view>_<share>.npz as `crops.given_crops` describes them. Studies are drawn of those that have crops of all
its views; answers are measured on all that are not drawn.

Writes {"bundled": {view: loss}, "prior": {view: loss}, "trained": {studies: {view: [loss of each draw]}}, "untrained":
the same of the bundled graders on the same studies}: the metric's weighted log loss of what `predict` would answer.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np
from campaigns.arguments import crops_parser
from campaigns.transfer import by_study
from given_store import write_store

from stenosis_kit.base.budget import Budget, parse_time
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.given_crops import GivenCrops, read_given
from stenosis_kit.graders.bundled import bundled_graders
from stenosis_kit.graders.model import Model
from stenosis_kit.road.train import train

Losses = dict[str, float]
Answers = dict[str, np.ndarray]


def answered(model: Path, cells: list[GivenCrops]) -> Answers:
    """What a model answers to each view's crops, (n, 3)."""
    studies = by_study(cells)
    answers, _ = Model(model).answer(studies)
    place_of = {crops.study_id: place for place, crops in enumerate(studies)}
    return {one.view.name: answers[[place_of[study] for study in one.study.tolist()], one.places] for one in cells}


def losses(answers: Answers, cells: list[GivenCrops], left_out: Sequence[int] = ()) -> Losses:
    """Of answers to the crops, those of some studies left out."""
    found = {}
    for one in cells:
        table = np.where(np.isin(one.study, left_out)[:, None], np.nan, answers[one.view.name])
        found[one.view.name] = round(one.loss(table), 4)
    return found


def draw(cells: list[GivenCrops], count: int, seed: int) -> np.ndarray:
    """Studies at random of those that have crops of all views."""
    whole = reduce(np.intersect1d, (one.study for one in cells))
    return np.random.default_rng(seed).permutation(whole)[:count]


def worth(cells: list[GivenCrops], studies: np.ndarray, seconds: float) -> Losses:
    """Losses on all other studies after training on some from the bundled graders."""
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / "store", cells, studies.tolist())
        train(store, Path(folder) / "model", Budget(seconds))
        return losses(answered(Path(folder) / "model", cells), cells, studies)


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, measures, prints and writes; 2 where the input is no good."""
    parser = crops_parser("campaigns.few", __doc__.split("\n")[0])
    parser.add_argument(
        "--studies", type=int, nargs="+", default=[3, 10, 30, 100, 300], help="how many are learnt from"
    )
    parser.add_argument("--draws", type=int, default=5, help="of each number (default 5)")
    parser.add_argument("--time-limit", type=parse_time, default=120.0, help="of each training (default 2m)")
    args = parser.parse_args(arguments)
    load_tensorflow()
    try:
        model = Model(bundled_graders())
        cells = read_given(args.crops, args.share, {each.grader.view for each in model.description.graders})
        start = answered(bundled_graders(), cells)
        figures = {
            "bundled": losses(start, cells),
            "prior": {one.view.name: round(one.loss(one.prior()), 4) for one in cells},
            "trained": {},
            "untrained": {},
        }
        for count in args.studies:
            draws = [draw(cells, count, seed) for seed in range(args.draws)]
            found = {
                "trained": [worth(cells, studies, args.time_limit) for studies in draws],
                "untrained": [losses(start, cells, studies) for studies in draws],
            }
            for name, own in found.items():
                figures[name][count] = {view: [each[view] for each in own] for view in own[0]}
                print(count, name, figures[name][count], flush=True)
            write_json(args.json, figures)
    except InputError as error:
        print(f"campaigns.few: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
