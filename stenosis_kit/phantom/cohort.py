"""The whole cohort: studies made in parallel, tables, and a marker file that records arguments and completion."""

from __future__ import annotations

import json
import logging
import multiprocessing
import shutil
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import cv2
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.base.cores import usable_cores
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.base.output import check_outputs
from stenosis_kit.phantom.faults import MODES, RATES
from stenosis_kit.phantom.files.tables import LATENTS, write_tables
from stenosis_kit.phantom.imaging.series import SIZES
from stenosis_kit.phantom.make import make_study
from stenosis_kit.phantom.study import Order, Study
from stenosis_kit.tables.own_files import own_files

VERSION = 4
"""Of the generator: raised whenever the same arguments would give another cohort."""

MARKER = "phantom.json"

_log = logging.getLogger(__name__)


def phantom(
    out: Path | str,
    *,
    studies: int = 240,
    test_studies: int = 100,
    seed: int = 0,
    size: str = "tiny",
    faults: str = "real",
    noise: float = 1.0,
    workers: int | None = None,
    preview: Path | str | None = None,
    force: Mapping[int, Iterable[str]] | None = None,
) -> Path:
    """Makes a synthetic cohort in the competition's layout.

    The same arguments give the same labels and geometry, whatever the number of workers. A finished cohort of the
    same arguments is left as it is; another or an unfinished one is replaced. Workers are spawned, so a script that
    calls this keeps the call under ``if __name__ == "__main__"``.

    Args:
        out: folder to make.
        studies: in the train split.
        test_studies: in the test split; beside its tables lie solution.csv, solution_coordinates.csv and
            oracle_submission.csv.
        seed: of everything random.
        size: tiny, fast or full: how large the images are.
        faults: none, real or hard: how much is wrong with the data, see `faults.RATES`.
        noise: factor of the variance of readers' noise; 0: labels follow the anatomy exactly.
        workers: processes; None takes all cores, 1 stays in this process.
        preview: file for a picture of one study.
        force: index of a study (train first, then test) to faults that it has in any case.

    Returns:
        The folder.

    Raises:
        InputError: where an argument is no good, the folder holds something else, or the picture would be one of its
            files.
    """
    out = Path(out)
    forced = {int(index): tuple(sorted(names)) for index, names in (force or {}).items()}
    settings = {"studies": studies, "test_studies": test_studies, "seed": seed, "size": size, "faults": faults}
    settings |= {"noise": noise, "force": {str(index): list(names) for index, names in sorted(forced.items())}}
    settings |= {"version": VERSION, "complete": True}
    _check_settings(settings, workers)
    _check_folder(out)
    if preview:
        check_outputs([Path(preview)], [*own_files(out), out / MARKER, out / LATENTS])
    if _marker(out) == settings:
        _log.info("%s: the same cohort is there already", out)
    else:
        write_json(out / MARKER, settings | {"complete": False})  # first: what lies there without it is not ours
        _clear(out)
        splits = enumerate(["train"] * studies + ["test"] * test_studies)
        orders = [Order(seed, index, split, size, faults, noise, forced.get(index, ())) for index, split in splits]
        write_tables(out, _make_all(orders, out, workers))
        write_json(out / MARKER, settings)
    if preview:
        from stenosis_kit.phantom.preview import save_preview

        save_preview(out, Path(preview))
    return out


def _make_all(orders: list[Order], out: Path, workers: int | None) -> list[Study]:
    folders = [out / rsna.images_folder(order.split) for order in orders]
    workers = min(workers or usable_cores(), max(1, len(orders) // 2))  # a process takes a second to start
    progress = partial(tqdm, total=len(orders), desc="phantom", unit="study", disable=None)
    if workers <= 1:
        return list(progress(map(make_study, orders, folders)))
    one_thread = cv2.setNumThreads, (1,)  # there is a process for each core
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), *one_thread) as pool:
        return list(progress(pool.map(make_study, orders, folders, chunksize=2)))


def _check_settings(settings: dict[str, Any], workers: int | None) -> None:
    for name, known in (("size", SIZES), ("faults", MODES)):
        if settings[name] not in known:
            raise InputError(name, f"one of {', '.join(known)}", repr(settings[name]), "Choose one of these.")
    studies, test_studies, noise = (settings[name] for name in ("studies", "test_studies", "noise"))
    if min(studies, test_studies) < 0 or studies + test_studies < 1:
        raise InputError("studies", "at least one study", f"{studies} and {test_studies}", "Ask for more.")
    if type(settings["seed"]) is not int or settings["seed"] < 0:
        raise InputError("seed", "a whole number, 0 or more", repr(settings["seed"]), "0 is the default.")
    if not 0 <= noise <= 2:
        raise InputError("noise", "a number from 0 to 2", repr(noise), "1 is as noisy as real readers.")
    if workers is not None and workers < 1:
        raise InputError("workers", "at least 1", repr(workers), "Leave it out to use all cores.")
    unknown = [name for names in settings["force"].values() for name in names if name not in RATES]
    if unknown:
        raise InputError("force", "names of faults", repr(unknown[0]), f"Choose from {', '.join(RATES)}.")


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(out, "a folder", "a file", "Choose another place.")
    if out.is_dir() and any(out.iterdir()) and _marker(out) is None:
        raise InputError(out, "an empty folder or a phantom", "something else", "Choose another place.")


def _marker(out: Path) -> dict | None:
    """Contents of the folder's marker file, or None where it has none of ours."""
    try:
        marker = json.loads((out / MARKER).read_text())
    except (OSError, ValueError):
        return None
    return marker if isinstance(marker, dict) and "complete" in marker else None


def _clear(out: Path) -> None:
    """Makes the folders, empty; removes what an earlier run left in them, and nothing else."""
    for split in rsna.SPLITS:
        shutil.rmtree(out / rsna.images_folder(split), ignore_errors=True)
        (out / rsna.images_folder(split)).mkdir(parents=True, exist_ok=True)
    for path in out.glob("*.csv"):
        path.unlink()
