"""Minutes to quality: how long networks are trained until they answer held-out studies well enough.

    PYTHONPATH=tests python -m campaigns.minutes --crops FOLDER --share open --json F

FOLDER holds <view>_<share>.npz as `crops.given_crops` describes them. A network of each view in `WANTED` is trained on
four of five folds for one epoch, for two and so on, each time from its start over one whole cycle of the learning rate,
until its own answers to the fifth have the weighted log loss that is wanted: from new weights, and from the bundled
graders. Leave both cores to it.

Writes {view: {start: {"wanted": loss, "tried": [{"epochs", "seconds", "loss"}], "seconds": s}}}; the last is null where
the loss was not reached.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from campaigns.arguments import crops_parser
from given_store import write_store

from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.given_crops import read_given
from stenosis_kit.crops.store import Store, open_store
from stenosis_kit.graders.batches import labelled, read_lesson
from stenosis_kit.graders.bundled import BUNDLED, NONE
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.plan import Plan
from stenosis_kit.graders.settings import Grader, Training
from stenosis_kit.graders.warm_start import chosen_start
from stenosis_kit.tables.folds import assign_folds

WANTED = {"foraminal_sagittal": 0.52, "subarticular_axial": 0.62}
"""Losses of single networks that are near the medallists'."""
EPOCHS = (1, 2, 3, 4, 6, 8, 11, 15, 22, 30)
_HELD_OUT = 0
_USUAL = Plan(2, axial=1.5)  # what `train` makes of 1,200 real studies in 8 minutes


def tries(store: Store, grader: Grader, start: str, wanted: float, seed: int, epochs: Sequence[int] = EPOCHS) -> dict:
    """Trains a grader's network for more and more epochs until it is good enough.

    Args:
        store: of labelled crops.
        grader: its settings.
        start: "bundled" or "none".
        wanted: weighted log loss.
        seed: of folds and networks.
        epochs: how many are tried.
    """
    from stenosis_kit.graders.loss import weighted_log_loss
    from stenosis_kit.graders.trainer import Trainer

    folds = assign_folds(labelled(store), 5, seed)
    lesson, _ = read_lesson(store, grader.view, folds, _HELD_OUT)
    found: list[dict] = []
    for count in epochs:
        own = replace(grader, repeats=count / Training().max_epochs)
        earlier = chosen_start(start, store.folder / "model", Training())
        training = earlier.settings(Training(), set(folds)) if earlier else Training()
        weights = earlier.weights(TrainedGrader.of(own, _HELD_OUT), training, set(folds)) if earlier else None
        trainer = Trainer(own, training)
        trainer.build(lesson)
        watch = Stopwatch()
        _, answers = trainer.run(lesson, Budget(), seed, start=weights)
        seconds = watch.lap("training")
        loss = weighted_log_loss(answers, lesson.severity[lesson.validate], lesson.weight[lesson.validate])
        found.append({"epochs": count, "seconds": round(seconds, 1), "loss": round(loss, 4)})
        print(grader.view, start, found[-1], flush=True)
        if loss <= wanted:
            break
    reached = found[-1]["seconds"] if found[-1]["loss"] <= wanted else None
    return {"wanted": wanted, "tried": found, "seconds": reached}


def graders(store: Store) -> list[Grader]:
    """Of the views that the store has crops of, with inputs as in `_USUAL`."""
    return [grader for grader in _USUAL.settings(Training()).graders if grader.view in store.arrays]


def main(arguments: list[str] | None = None) -> int:
    """Reads the arguments, measures, prints and writes; 2 where the input is no good."""
    parser = crops_parser("campaigns.minutes", __doc__.split("\n")[0])
    parser.add_argument("--seed", type=int, default=0, help="of folds and networks (default 0)")
    parser.add_argument("--epochs", type=int, nargs="+", default=EPOCHS, help="that are tried")
    args = parser.parse_args(arguments)
    load_tensorflow()
    try:
        cells = read_given(args.crops, args.share, set(WANTED))
        figures: dict[str, dict] = {}
        with tempfile.TemporaryDirectory() as folder:
            studies = {study for one in cells for study in one.study.tolist()}
            store = open_store(write_store(Path(folder) / "store", cells, studies))
            for grader in graders(store):
                wanted = WANTED[grader.view]
                for start in (BUNDLED, NONE):
                    found = tries(store, grader, start, wanted, args.seed, args.epochs)
                    figures.setdefault(grader.view, {})[start] = found
                    write_json(args.json, figures)
    except InputError as error:
        print(f"campaigns.minutes: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
