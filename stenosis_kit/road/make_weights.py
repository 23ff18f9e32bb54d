"""Makes the bundled weights again: python -m stenosis_kit.road.make_weights (or `make weights`).

The localiser and the graders are taught with the phantom alone, and hold nothing of any real patient. On two cores the
localiser takes some 25 minutes, the graders five hours, an hour of them per 1000 studies for making these; stopped at
any time it goes on where it was, and no step takes longer than an hour.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from stenosis_kit import __version__
from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.console import log_to_stderr
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json
from stenosis_kit.base.lock import locked
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.graders.bundled import FOLDER_NAME
from stenosis_kit.graders.model_file import read_description
from stenosis_kit.graders.settings_file import read_training
from stenosis_kit.levels.localiser import DESCRIPTION_NAME, WEIGHTS_NAME
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.road.fit_leans import complete, fit_leans, write_leans
from stenosis_kit.road.format import format
from stenosis_kit.road.make_graders import make_graders

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


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the command line, and makes one stage after the other."""
    parser = argparse.ArgumentParser("python -m stenosis_kit.road.make_weights", description=__doc__.splitlines()[0])
    stages = {"localiser": _localiser, "graders": _graders, "lean": _lean}
    help_ = "localiser, graders (default: both), or lean, which needs --crops"
    parser.add_argument("stages", nargs="*", choices=[*stages, []], metavar="STAGE", help=help_)
    parser.add_argument("--studies", type=int, help="synthetic ones (default 1000 and 3000)")
    parser.add_argument("--minutes", type=float, default=120.0, help="of training the graders (default %(default)s)")
    parser.add_argument("--config", type=Path, metavar="F.toml", help="settings of the graders, as of train")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--scratch", type=Path, default=Path("submission/local/weights"), help="goes on from there")
    parser.add_argument("--out", type=Path, default=Path(__file__).parents[1] / "weights", help="default: the package")
    parser.add_argument("--crops", type=Path, help="folder of real <view>_<share>.npz, for lean")
    parser.add_argument("--share", default="open", help="of the crops (default %(default)s)")
    chosen = parser.parse_args(arguments)
    if "lean" in chosen.stages and not chosen.crops:
        parser.error("lean needs --crops")
    log_to_stderr()
    try:
        with locked(chosen.scratch):
            for stage in chosen.stages or ("localiser", "graders"):
                log.info("weights: %s: %s", stage, stages[stage](chosen))
    except InputError as error:
        parser.exit(2, f"weights: {error}\n")


def _localiser(chosen: argparse.Namespace) -> dict:
    """Makes the localiser, where it is not there yet with the same settings."""
    studies = chosen.studies or 1000
    folder = chosen.scratch / f"localiser-{fingerprint(__version__, studies, chosen.seed)}"
    if not (folder / DESCRIPTION_NAME).is_file():
        with tempfile.TemporaryDirectory(dir=chosen.scratch) as scratch:
            make(folder, studies, chosen.seed, Path(scratch))
    make_folder(chosen.out)
    for name in (WEIGHTS_NAME, DESCRIPTION_NAME):
        shutil.copyfile(folder / name, chosen.out / name)
    return read_json(folder / DESCRIPTION_NAME, "a localiser's description")["notes"]


def _graders(chosen: argparse.Namespace) -> dict:
    training = read_training(chosen.config) if chosen.config else None
    out, studies = chosen.out / FOLDER_NAME, chosen.studies or 3000
    return make_graders(out, chosen.scratch, studies, chosen.minutes, chosen.seed, training)["reached"]


def _lean(chosen: argparse.Namespace) -> dict:
    folder = chosen.out / FOLDER_NAME
    fitted = fit_leans(folder, chosen.crops, chosen.share)
    for view, each in fitted.items():
        log.info("weights: %s: %s", view, each)
    views = [each.grader.view for each in read_description(folder).graders]
    leans = complete(fitted, views)
    write_leans(folder, leans)
    return leans


if __name__ == "__main__":
    main()
