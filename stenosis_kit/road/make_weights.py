"""Makes the bundled localiser again: python -m stenosis_kit.road.make_weights (or `make weights`).

It is taught with the phantom alone, and holds nothing of any real patient. Some 25 minutes on two cores.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np

from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.console import log_to_stderr
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.road.format import format

log = logging.getLogger(__name__)


def make(folder: Path, studies: int, seed: int, scratch: Path) -> dict:
    """Makes a phantom, teaches a localiser with it, measures that on other studies, and saves it.

    Returns:
        The localiser's notes.
    """
    from stenosis_kit.levels.against_labels import errors_mm
    from stenosis_kit.levels.localiser import TAUGHT_ON_LABELS
    from stenosis_kit.phantom import phantom

    watch = Stopwatch()
    held_out = max(studies // 10, 1)
    cohort = phantom(scratch / "phantom", studies=studies + held_out, test_studies=0, seed=seed)
    format(cohort, scratch / "store")
    overviews = open_overviews(scratch / "store")
    watch.lap("cohort")
    load_tensorflow()
    from stenosis_kit.levels.training import learn

    everyone = np.unique(overviews.study)
    localiser = learn(overviews, everyone[held_out:], Budget(), seed)
    errors = errors_mm(localiser, overviews, everyone[:held_out])
    known = errors[np.isfinite(errors)]
    watch.lap("teaching")
    del localiser.notes[TAUGHT_ON_LABELS]
    localiser.notes |= {
        "made_from": "the phantom alone",
        "held_out_studies": held_out,
        "median_mm": round(float(np.median(known)), 2),
        "within_10_mm": round(float((known < 10).mean()), 4),
        "seconds": watch.seconds,
    }
    localiser.save(folder)
    return localiser.notes


def main() -> None:
    """Parses the command line."""
    parser = argparse.ArgumentParser("python -m stenosis_kit.road.make_weights", description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scratch", type=Path, help="where cohort and store stay (default: they go)")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parents[1] / "weights")
    chosen = parser.parse_args()
    log_to_stderr()
    with tempfile.TemporaryDirectory() as scratch:
        notes = make(chosen.folder, chosen.studies, chosen.seed, chosen.scratch or Path(scratch))
    log.info("weights: %s", notes)


if __name__ == "__main__":
    main()
