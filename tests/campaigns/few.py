"""What few labelled studies are worth: training on some real studies from the bundled graders, answers to the others.

    PYTHONPATH=tests python -m campaigns.few --crops FOLDER --share open --studies 3 10 30 100 --draws 5 --json F

FOLDER holds <view>_<share>.npz as `crops.given_crops` describes them. Studies are drawn of those that have crops of all
its views; answers are measured on all that are not drawn.

Writes {"bundled": {view: loss}, "prior": {view: loss}, "trained": {studies: {view: [loss of each draw]}}}: the metric's
weighted log loss of what `predict` would answer.
"""

from __future__ import annotations

import sys
import tempfile
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


def losses(model: Path, cells: list[GivenCrops], left_out: np.ndarray) -> Losses:
    """Of what a model answers to each view's crops, studies that are left out aside."""
    studies = [crops for crops in by_study(cells) if crops.study_id not in left_out]
    answers, _ = Model(model).answer(studies)
    place_of = {crops.study_id: place for place, crops in enumerate(studies)}
    found = {}
    for one in cells:
        table = np.full((len(one.study), 3), np.nan)
        use = np.array([study in place_of for study in one.study.tolist()])
        table[use] = answers[[place_of[study] for study in one.study[use].tolist()], one.places[use]]
        found[one.view.name] = round(one.loss(table), 4)
    return found


def draw(cells: list[GivenCrops], count: int, seed: int) -> np.ndarray:
    """Studies at random of those that have crops of all views."""
    whole = reduce(np.intersect1d, (one.study for one in cells))
    return np.random.default_rng(seed).permutation(whole)[:count]


def worth(cells: list[GivenCrops], count: int, seed: int, seconds: float) -> Losses:
    """Losses after training on some studies from the bundled graders."""
    studies = draw(cells, count, seed)
    with tempfile.TemporaryDirectory() as folder:
        store = write_store(Path(folder) / "store", cells, studies.tolist())
        train(store, Path(folder) / "model", Budget(seconds))
        return losses(Path(folder) / "model", cells, studies)


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
        figures = {
            "bundled": losses(bundled_graders(), cells, np.array([], int)),
            "prior": {one.view.name: round(one.loss(one.prior()), 4) for one in cells},
            "trained": {},
        }
        for count in args.studies:
            drawn = [worth(cells, count, seed, args.time_limit) for seed in range(args.draws)]
            figures["trained"][count] = {view: [each[view] for each in drawn] for view in drawn[0]}
            print(count, figures["trained"][count], flush=True)
            write_json(args.json, figures)
    except InputError as error:
        print(f"campaigns.few: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
