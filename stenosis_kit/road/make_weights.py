"""Makes the bundled weights again: python -m stenosis_kit.road.make_weights (or `make weights`).

All of them are taught with the phantom alone, and hold nothing of any real patient. On two cores the localiser takes
some 25 minutes, the foramen finder, which is measured with the localiser that ships, 10, and the graders an hour, half
of it for making their studies. Stopped at any time it goes on where it was; no step takes longer than half an hour.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stenosis_kit import __version__
from stenosis_kit.base.console import log_to_stderr
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json
from stenosis_kit.base.lock import locked
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.graders.bundled import FOLDER_NAME
from stenosis_kit.graders.settings_file import read_training
from stenosis_kit.road.fit_leans import Measured, fit_leaning, held_out, write_leaning
from stenosis_kit.road.make_graders import make_graders
from stenosis_kit.road.make_level_networks import NETWORKS, make_network

log = logging.getLogger("stenosis_kit.road.make_weights")  # by its name even where it runs as __main__


def main(arguments: Sequence[str] | None = None) -> None:
    """Parses the command line, and makes one stage after the other."""
    parser = argparse.ArgumentParser("python -m stenosis_kit.road.make_weights", description=__doc__.splitlines()[0])
    stages = {name: partial(_levels, name) for name in NETWORKS} | {"graders": _graders, "lean": _lean}
    help_ = f"{', '.join(NETWORKS)}, graders (default: all of these), or lean, which needs --crops"
    parser.add_argument("stages", nargs="*", choices=[*stages, []], metavar="STAGE", help=help_)
    parser.add_argument("--studies", type=int, help="synthetic ones (default 1000, 400 and 1200)")
    parser.add_argument("--minutes", type=float, default=38.0, help="of training the graders (default %(default)s)")
    parser.add_argument("--config", type=Path, metavar="F.toml", help="settings of the graders, as of train")
    parser.add_argument("--seed", type=int, help="of everything random (default 7; of graders 1)")
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
            for stage in chosen.stages or (*NETWORKS, "graders"):
                log.info("weights: %s: %s", stage, stages[stage](chosen))
    except InputError as error:
        parser.exit(2, f"weights: {error}\n")


def _levels(name: str, chosen: argparse.Namespace) -> dict:
    """Makes a network of levels, where it is not there yet with the same settings."""
    studies, seed = chosen.studies or NETWORKS[name][0], 7 if chosen.seed is None else chosen.seed
    folder = chosen.scratch / f"{name}-{fingerprint(__version__, studies, seed)}"
    files = [f"{name}.weights.h5", f"{name}.json"]
    if not (folder / files[-1]).is_file():
        with tempfile.TemporaryDirectory(dir=chosen.scratch) as scratch:
            make_network(name, folder, studies, seed, Path(scratch))
    make_folder(chosen.out)
    for file in files:
        shutil.copyfile(folder / file, chosen.out / file)
    return read_json(folder / files[-1], "a network's description")["notes"]


def _graders(chosen: argparse.Namespace) -> dict:
    training = read_training(chosen.config) if chosen.config else None
    out, studies, seed = chosen.out / FOLDER_NAME, chosen.studies or 1200, 1 if chosen.seed is None else chosen.seed
    return make_graders(out, chosen.scratch, studies, chosen.minutes, seed, training)["reached"]


def _lean(chosen: argparse.Namespace) -> dict:
    folder = chosen.out / FOLDER_NAME
    measured = Measured.of(folder, chosen.crops, chosen.share)
    leaning = fit_leaning(measured)
    answers = {"answered": leaning.answer(measured.by_view, measured.prior), "held out": held_out(measured)}
    for name, own in answers.items():
        log.info("weights: %s: %s", name, measured.losses(own))
    write_leaning(folder, leaning)
    return leaning.leans


if __name__ == "__main__":
    main()
