"""Makes the bundled networks of levels, the localiser and the foramen finder, from synthetic studies alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.store import Store, open_store
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.road.format import format

_FROM = {"made_from": "the phantom alone"}


def make_network(name: str, folder: Path, studies: int, seed: int, scratch: Path) -> dict:
    """Makes a phantom, teaches a network with it, measures that on other studies, and saves it.

    Args:
        name: one of `NETWORKS`.
        folder: where description and weights go.
        studies: of the phantom that are learnt from; a tenth as many are held out.
        seed: of phantom and training.
        scratch: where cohort and store stay.

    Returns:
        The network's notes.
    """
    from stenosis_kit.phantom import phantom

    watch = Stopwatch()
    held_out = max(studies // 10, 1)
    cohort = phantom(scratch / "phantom", studies=studies + held_out, test_studies=0, seed=seed)
    format(cohort, scratch / "store")
    store = open_store(scratch / "store")
    watch.lap("cohort")
    load_tensorflow()
    everyone = np.unique(store.manifest["study_id"].to_numpy()).tolist()
    network = NETWORKS[name][1](store, everyone[held_out:], everyone[:held_out], seed)
    watch.lap("teaching")
    network.notes |= _FROM | {"held_out_studies": held_out, "seconds": watch.seconds}
    network.save(folder)
    return network.notes


def _localiser(store: Store, learners: list[int], held_out: list[int], seed: int) -> Any:
    from stenosis_kit.levels.against_labels import errors_mm
    from stenosis_kit.levels.training import learn

    overviews = open_overviews(store.folder)
    localiser = learn(overviews, learners, Budget(), seed)
    errors = errors_mm(localiser, overviews, held_out)
    known = errors[np.isfinite(errors)]
    del localiser.notes[TAUGHT_ON_LABELS]
    localiser.notes |= {
        "median_mm": round(float(np.median(known)), 2),
        "within_10_mm": round(float((known < 10).mean()), 4),
    }
    return localiser


def _foramen_finder(store: Store, learners: list[int], held_out: list[int], seed: int) -> Any:
    from stenosis_kit.levels.against_labels import found_canals
    from stenosis_kit.levels.carry import FORAMINAL
    from stenosis_kit.levels.foramen_errors import expected_places, found_places, label_crops
    from stenosis_kit.levels.foramen_training import learn
    from stenosis_kit.levels.localiser import Localiser

    crops, localiser = store.arrays[FORAMINAL], Localiser.bundled()
    finder = learn(crops, label_crops(store.manifest, learners), Budget(), seed)
    canals = found_canals(localiser, open_overviews(store.folder), held_out)
    places = found_places(finder, crops, expected_places(canals, localiser.carry, store.manifest))
    del finder.notes[TAUGHT_ON_LABELS]
    finder.notes |= {
        "median_mm": round(float(np.median(np.linalg.norm(places, axis=1))), 2),
        "slice_exact": round(float((np.abs(places[:, 0]) < 1).mean()), 4),
    }
    return finder


NETWORKS: dict[str, tuple[int, Callable[..., Any]]] = {
    "localiser": (1000, _localiser),
    "foramina": (400, _foramen_finder),
}
"""{name: studies that it is taught with, what makes it}."""
