"""train: folds, graders, out-of-fold answers and their pools, inside the time limit."""

from __future__ import annotations

import logging
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from stenosis_kit import __version__
from stenosis_kit.base.budget import Budget, Stopwatch, default_budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, read_json, write_json
from stenosis_kit.base.manifest import RUN_NAME, run_matches
from stenosis_kit.base.output import check_outputs
from stenosis_kit.crops.store import MANIFEST_NAME, Store, open_store
from stenosis_kit.graders.bundled import BUNDLED
from stenosis_kit.graders.job import JOBS
from stenosis_kit.graders.model_file import MODEL_NAME, is_whole, model_files
from stenosis_kit.graders.planned_run import check_time, plan_run
from stenosis_kit.graders.request import Request
from stenosis_kit.graders.settings import Training
from stenosis_kit.graders.training_run import finish, train_planned
from stenosis_kit.graders.warm_start import Start, chosen_start
from stenosis_kit.road.folder_kinds import MODEL, check_kind
from stenosis_kit.tables.own_files import own_files

if TYPE_CHECKING:
    from stenosis_kit.base.cluster import Cluster

log = logging.getLogger(__name__)

UNFINISHED = "unfinished"
"""Folder in a model's folder in which the next one is made, so that an earlier one is whole until there is another."""


def train(
    store: Path | str,
    model: Path | str,
    budget: Budget | None = None,
    training: Training | None = None,
    fresh: bool = False,
    cluster: Cluster | None = None,
    start: Path | str = BUNDLED,
    to_grade: int = 0,
) -> dict:
    """Trains all graders on a crop store.

    Writes model.json, *.weights.h5, folds.csv, history.csv, oof.csv and run.json. They are made in a folder of their
    own and take an earlier model's place when all are there; whatever ends the run before leaves that as it was.

    Args:
        store: a store made by `format`.
        model: output folder.
        budget: the time; 30 minutes by default.
        training: settings.
        fresh: train everything anew.
        cluster: trains the networks instead of this process; it must see all folders under the same paths.
        start: an earlier model, whose weights the networks start from, see `graders.warm_start`; "bundled" for the
            package's own, "none" for new weights.
        to_grade: studies for whose grading, with all of its networks, the budget has to leave time.

    Returns:
        The run.json.

    Raises:
        InputError: where the store or the model to start from cannot be used or would be written over, or the time is
            too short to train a grader of each term once.
    """
    folder, budget, training = Path(model), budget or default_budget("train"), training or Training()
    opened = open_store(Path(store))
    earlier = chosen_start(start, folder, training, opened.cutting_version)
    building = folder / UNFINISHED
    request = Request(opened, building, training, budget, cluster, earlier, to_grade)
    check_kind(folder, MODEL)
    make_folder(folder)
    if not fresh and run_matches(folder / RUN_NAME, request.fingerprint):
        if is_whole(folder):
            shutil.rmtree(building, ignore_errors=True)  # where it was stopped at its very end
            log.info("train: %s is up to date", folder)
            return read_json(folder / RUN_NAME, "run.json")
        log.warning("train: %s HAS LOST FILES OR HAS OTHERS THAN IT WAS MADE WITH: it is made again", folder)
    check_outputs(model_files(folder), _read_files(opened, earlier))
    if not fresh and run_matches(building / RUN_NAME, request.fingerprint):  # stopped just before its end
        return _put_in_place(building, folder)
    if fresh or not run_matches(building / JOBS / RUN_NAME, request.fingerprint):
        check_time(request)  # before anything of an unfinished model is dropped: is there time for another one?
        _start_over(request)
    watch = Stopwatch()
    trained = train_planned(plan_run(request))
    watch.lap("train")
    summary = finish(trained) | {
        "fingerprint": request.fingerprint,
        "version": __version__,
        "seconds": watch.seconds,
        "settings": asdict(request.training),
    }
    write_json(building / RUN_NAME, summary)
    return _put_in_place(building, folder)


def _read_files(store: Store, earlier: Start | None) -> list[Path]:
    """What links in the model's folder must not lead to."""
    made = [store.folder / name for name in (RUN_NAME, MANIFEST_NAME, *(f"{view}.npy" for view in store.arrays))]
    data = own_files(Path(store.run["data"])) if isinstance(store.run.get("data"), str) else []
    return [*made, *data, *(model_files(earlier.folder) if earlier else [])]


def _start_over(request: Request) -> None:
    """Drops an unfinished model of other input, settings, time limit or version.

    Raises:
        InputError: where its folder is somebody else's.
    """
    building = request.folder
    is_ours = (building / JOBS).is_dir() or (building / RUN_NAME).is_file()
    if building.is_dir() and any(building.iterdir()) and not is_ours:
        found = f"{next(building.iterdir()).name} and no jobs"
        raise InputError(building, "an unfinished model", found, "Give another MODEL folder, or move it.")
    if building.exists() or (building.parent / MODEL_NAME).exists():
        text = "train: %s was made from other input, settings, time limit or version: it is made anew"
        log.info(text, building.parent)
    _drop(building)
    write_json(building / JOBS / RUN_NAME, {"fingerprint": request.fingerprint})


def _drop(building: Path) -> None:
    """Removes an unfinished model, its jobs last: until then they show whose it is."""
    for path in building.glob("*"):
        if path.is_file():
            path.unlink(missing_ok=True)
    shutil.rmtree(building, ignore_errors=True)


def _put_in_place(building: Path, folder: Path) -> dict:
    """Puts a finished model in the place of an earlier one; returns its run.json, which moves last.

    Stopped in between, it goes on: an earlier model's run.json is the last of its files to go.
    """
    earlier = folder / RUN_NAME
    if earlier.exists():
        for path in sorted(model_files(folder), key=lambda path: path == earlier):
            path.unlink(missing_ok=True)
    new = [path for path in building.iterdir() if path.is_file()]
    last = (MODEL_NAME, RUN_NAME)  # as they name the others, or say that all are there
    for path in sorted(new, key=lambda path: last.index(path.name) if path.name in last else -1):
        path.replace(folder / path.name)
    shutil.rmtree(building, ignore_errors=True)  # a job that is late may be looking there
    return read_json(earlier, "run.json")
