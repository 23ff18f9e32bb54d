"""Makes the bundled localiser again: python -m stenosis_kit.road.make_weights (or `make weights`).

It is taught with the phantom alone, and holds nothing of any real patient. Some 25 minutes on two cores.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from pathlib import Path

import numpy as np

from stenosis_kit.base.backend import load_tensorflow
from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.console import log_to_stderr
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.labelled_overviews import Overviews, joined_overviews, labelled_overviews
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import Study

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
    overviews = read_examples(cohort)
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


def read_examples(cohort: Path) -> Overviews:
    """What a localiser learns from a cohort's training studies."""
    examples = {}
    for study, found in run_tasks(read_example, Root(cohort).checked().labelled_studies()):
        if isinstance(found, Exception):
            log.warning("weights: study %d: %s", study.study_id, found)
        else:
            examples[study.study_id] = found
    return joined_overviews([overviews for _, overviews in sorted(examples.items())])


def read_example(study: Study) -> Overviews:
    """What a localiser learns from a study; runs in a worker."""
    return labelled_overviews(study, read_study(study.images, study.study_id, study.series))


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
