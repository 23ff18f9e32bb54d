"""Makes the bundled graders: one network a view, from many synthetic studies and nothing else.

In steps that may be stopped at any time and are not done twice: studies in chunks, whose images go when their crops are
cut; then a network a view. A tenth of the studies is held out: by its answers the networks are watched, and pools,
second stage and moments fitted, as `train` does by out-of-fold answers.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import __version__
from stenosis_kit.answers.priors import builtin_prior
from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json, write_json
from stenosis_kit.base.manifest import RUN_NAME, fingerprint
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.store import Store, open_store
from stenosis_kit.crops.store_set import join_stores
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.batches import labelled, read_lesson
from stenosis_kit.graders.cost import work
from stenosis_kit.graders.ensemble import assemble
from stenosis_kit.graders.job import result_path
from stenosis_kit.graders.model_file import MODEL_NAME, TrainedGrader, model_files
from stenosis_kit.graders.settings import GRADERS, Training
from stenosis_kit.phantom import phantom
from stenosis_kit.phantom.cohort import VERSION
from stenosis_kit.road.format import format
from stenosis_kit.tables.folds import write_folds

log = logging.getLogger(__name__)

CHUNK = 300
"""Studies that are made at a time: their images take 3 GB."""
SIZES = ("fast", "tiny")
"""Of the chunks in turn: scanners' pixels differ too."""
ALONE = 0.3
"""Share of crops that show their middle slice alone: how neighbours differ is not as in real studies.

It took the weighted log loss on real crops, calibrated, from .759 to .706 (foramina of one slice, networks of 270
synthetic studies), and from .61 to .54 (axial canals, 540 studies); single runs, which differ by some .03.
"""
MISSED_MM = (2.0, 2.0, 2.5)
"""How far real studies are cut from label points: standard deviations outward, back and up.

Medians of three real studies are 1.9 mm (canals) to 3.2 mm (recesses) in space; on synthetic ones it is half of that.
"""
_LEARNT = {"foraminal_sagittal": {"repeats": 1 / 2}, "subarticular_axial": {"repeats": 1 / 3, "px": 48}}
SHIPPED = Training(graders=tuple(replace(grader, **_LEARNT.get(grader.view, {})) for grader in GRADERS))
"""The settings, where none are given: what is learnt for long from synthetic images carries over the less.

On 11,984 real foramina the weighted log loss, leaning on the prior, was .678 after 15 epochs (one network) and .653 to
.664 after 8 (three); on 2,840 real recesses the area of severe against the rest was .83 after 15 epochs, .87 after 5.
"""
SEEDS = {"foraminal_sagittal": 3, "subarticular_axial": 2}
"""Of views of which several networks were made and the one that answers best to real crops ships.

They differ by .01 (three networks of foramina) and .07 (five of recesses), leaning on the prior.
"""
_HELD_OUT = 10  # one study in so many
_MOST_CHANGE = 1e-3  # of a probability by half precision, in the mean


def make_graders(
    out: Path, scratch: Path, studies: int, minutes: float, seed: int, training: Training | None = None
) -> dict:
    """Makes a whole model of one network a view, as training starts from it, in a folder.

    Args:
        out: the folder; a model that it holds is replaced.
        scratch: where crops and unfinished networks stay; run again with the same settings, it goes on from there.
        studies: synthetic ones.
        minutes: of training, of all views together.
        seed: of everything random; of networks where `SEEDS` has none for their view.
        training: settings; by default `SHIPPED`. `folds` and `grow` have no meaning.

    Returns:
        What run.json says: what it was made from, and the weighted log loss on the held-out studies by view.

    Raises:
        InputError: where half precision would change the answers.
    """
    training = training or SHIPPED
    store = join_stores([open_store(folder) for folder in _chunks(scratch, studies, seed)])
    mark = fingerprint(__version__, CUTTING_VERSION, studies, minutes, seed, SEEDS, asdict(training))
    folder = scratch / f"graders-{mark}"
    everyone = np.random.default_rng(seed).permutation(labelled(store)["study_id"].unique().sort().to_numpy())
    folds = {study: int(place % _HELD_OUT > 0) for place, study in enumerate(everyone.tolist())}
    load_tensorflow()
    networks = [TrainedGrader.of(grader, 0) for grader in training.graders if grader.view in store.arrays]
    crops = dict(labelled(store).group_by("view").len().iter_rows())
    works = {each: work(each.grader, training, crops[each.grader.view]) for each in networks}
    reached = {}
    for each in networks:
        if not result_path(folder, each).is_file():
            seconds = 60 * minutes * works[each] / sum(works.values())
            own = replace(training, seed=SEEDS.get(each.grader.view, seed))
            _train(each, store, folder, folds, Budget(seconds), own)
        reached[each.grader.view] = read_json(result_path(folder, each), "a finished network")["reached"]
    held_out = labelled(store).filter(pl.col("study_id").replace_strict(folds) == 0)
    assemble(folder, held_out, training, networks, mark, store.cutting_version, builtin_prior())
    run = {"version": __version__, "made_from": "the phantom alone", "studies": studies, "networks": len(networks)}
    run |= {
        "held_out": sum(fold == 0 for fold in folds.values()),
        "minutes": minutes,
        "seed": seed,
        "seeds": SEEDS,
        "reached": reached,
    }
    run |= {"settings": asdict(training), "start": "none"}
    _put_in_place(folder, out, networks, run)
    return run


def _chunks(scratch: Path, studies: int, seed: int) -> list[Path]:
    """The crop stores of all studies; those that are not there yet are made."""
    folders = []
    for first in range(0, studies, CHUNK):
        count, chunk = min(CHUNK, studies - first), first // CHUNK
        own, size = 1000 * seed + 1 + chunk, SIZES[chunk % len(SIZES)]
        folder = scratch / f"crops-{fingerprint(__version__, CUTTING_VERSION, VERSION, own, count, size)}"
        folders.append(folder)
        if (folder / RUN_NAME).is_file():
            continue
        log.info("graders: studies %d to %d of %d", first + 1, first + count, studies)
        root = scratch / "phantom"
        shutil.rmtree(root, ignore_errors=True)
        phantom(root, studies=count, test_studies=0, seed=own, size=size)
        format(root, folder)
        shutil.rmtree(root)
    return folders


def _train(
    trained: TrainedGrader,
    store: Store,
    folder: Path,
    folds: dict[int, int],
    budget: Budget,
    training: Training,
) -> None:
    """Trains a network, and leaves its weights in half precision and, last, its answers to the held-out crops."""
    from stenosis_kit.base.weights_file import halve_weights, load_weights, save_weights
    from stenosis_kit.graders.augmentation import augmentation_of
    from stenosis_kit.graders.loss import weighted_log_loss
    from stenosis_kit.graders.trainer import Trainer

    view, path = trained.grader.view, folder / trained.weights
    lesson, places = read_lesson(store, view, folds, 0)
    trainer = Trainer(trained.grader, training)
    ranges = replace(augmentation_of(VIEW_BY_NAME[view], MISSED_MM), alone=ALONE)
    history, whole = trainer.run(lesson, budget, training.seed, ranges)
    save_weights(trainer.network, path)
    halve_weights(path)
    load_weights(trainer.network, path)
    answers = trainer.answer(lesson.crops[lesson.validate])
    change = np.abs(answers - whole)
    if change.mean() > _MOST_CHANGE:
        expected = f"answers that half precision changes by less than {_MOST_CHANGE} in the mean"
        raise InputError(path, expected, f"{change.mean():.1e}", "Train with another seed, or keep the weights whole.")
    reached = weighted_log_loss(answers, lesson.severity[lesson.validate], lesson.weight[lesson.validate])
    took = show_time(budget.elapsed())
    text = (
        "graders: %s: %d epochs in %s, weighted log loss held out %.3f, half precision changes answers by %.0e at most"
    )
    log.info(text, view, len(history), took, reached, change.max())
    fold = labelled(store)["study_id"].replace_strict(folds).to_numpy()
    rows = np.searchsorted(np.flatnonzero(fold == 0), places)  # as the held-out manifest counts them
    result = {"history": history, "rows": rows.tolist(), "answers": answers.tolist(), "reached": round(reached, 4)}
    write_json(result_path(folder, trained), result)


def _put_in_place(folder: Path, out: Path, networks: Sequence[TrainedGrader], run: dict) -> None:
    make_folder(out)
    for path in model_files(out):
        path.unlink(missing_ok=True)
    for name in (*(each.weights for each in networks), MODEL_NAME):
        shutil.copyfile(folder / name, out / name)
    write_folds(out, {})
    write_json(out / RUN_NAME, run)
