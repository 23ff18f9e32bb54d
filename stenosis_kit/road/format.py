"""format: tables + DICOM to a crop store, study by study, over worker processes."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import Executor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit import __version__, rsna
from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import make_folder, read_json, write_json
from stenosis_kit.base.manifest import fingerprint, run_matches
from stenosis_kit.base.tasks import ExecutorGone, TimeUp, run_tasks
from stenosis_kit.crops.parts import drop_parts, has_part, join_parts, write_part
from stenosis_kit.crops.store import is_whole
from stenosis_kit.crops.study_crops import StudyCrops, cut_study
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.images.names import list_files
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.overview import GRID as OVERVIEW_GRID
from stenosis_kit.road.passed_over import nothing_readable
from stenosis_kit.tables.root import Root, as_root
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)


def format(
    data: Root | Path | str,
    store: Path | str,
    workers: int | None = None,
    executor: Executor | None = None,
    fresh: bool = False,
    budget: Budget | None = None,
) -> dict:
    """Cuts the crops of all labelled cells of a competition root's train split into a store.

    A store that was made from the same input by the same settings is left as it is; one that was left half done is
    finished; any other is made anew, and that is said.

    Args:
        data: competition root.
        store: output folder, see `crops.store`.
        workers: processes; all cores by default.
        executor: a `concurrent.futures.Executor` to use instead (a Dask cluster's, for instance).
        fresh: make everything anew.
        budget: the time; without limit by default.

    Returns:
        The run.json: fingerprint, counts of crops by view, what was not cut and why, priors' label counts, seconds.

    Raises:
        InputError: where the tables cannot be used, nothing could be cut, or the store cannot be written.
        TimeTooShort: where studies were left when the time was up; the next run goes on with them.
    """
    root, store = as_root(data, "train"), Path(store)
    if executor:  # its workers may have another working directory
        root, store = Root(root.folder.absolute(), "train"), store.absolute()
    studies = root.checked().labelled_studies()
    tables = [root.folder / name for name in (rsna.TRAIN_TABLE, rsna.POINTS_TABLE, rsna.series_table("train"))]
    views = [asdict(view) for view in VIEWS]
    print_ = fingerprint(__version__, views, OVERVIEW_GRID, *tables, _image_listing(studies))
    make_folder(store)
    if not fresh and run_matches(store / "run.json", print_) and is_whole(store):
        log.info("format: %s is up to date", store)
        return read_json(store / "run.json", "run.json")
    _begin(store, print_, fresh)
    watch = Stopwatch()
    _cut_all(store, studies, workers, executor, budget)
    run = _finish(store, studies, root)
    watch.lap("format")
    run |= {"fingerprint": print_, "version": __version__, "data": str(root.folder), "seconds": watch.seconds}
    write_json(store / "run.json", run)
    drop_parts(store)
    _summarise(run, watch.seconds["format"])
    return run


def _image_listing(studies: list[Study]) -> list:
    """Names and sizes of all image files, by which the fingerprint knows that some were added or replaced."""
    series = [(study.study_id, series_id, study.images) for study in studies for series_id, _ in study.series]
    folders = [(study, series_id, images / str(study) / str(series_id)) for study, series_id, images in series]
    return [[*ids, [(path.name, _size(path)) for path in list_files(folder)]] for *ids, folder in folders]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a link to nowhere
        return -1


def _begin(store: Path, print_: str, fresh: bool) -> None:
    """Keeps the parts of an unfinished run over the same input; drops anything else."""
    if fresh or not run_matches(store / "parts" / "run.json", print_):
        if (store / "run.json").exists() or (store / "parts").exists():
            log.info("format: %s was made from other input, settings or version, and is made anew", store)
        drop_parts(store)
        write_json(store / "parts" / "run.json", {"fingerprint": print_})
    else:
        log.info("format: going on with the unfinished %s", store)


def _cut_all(
    store: Path, studies: list[Study], workers: int | None, executor: Executor | None, budget: Budget | None
) -> None:
    """Cuts the studies whose parts are not there yet. One that cannot be cut leaves an empty part."""
    missing = [one for one in studies if not has_part(store, one.study_id)]
    left = _with_missing_points(missing, workers, budget)
    results = run_tasks(partial(_cut_part, store), left, workers, executor, budget)
    late = 0
    for located, result in tqdm(results, "format", len(left), unit="study", disable=None, leave=False):
        study = located.study.study_id
        if isinstance(result, TimeUp):
            late += 1
        elif isinstance(result, InputError):  # the store cannot be written: no study's fault
            raise result
        elif isinstance(result, ExecutorGone):  # nor is this
            raise InputError("the executor", "workers until all studies are cut", str(result), "Start again to go on.")
        elif isinstance(result, Exception):
            log.warning("format: study %d could not be cut: %s", study, result)
            write_part(store, StudyCrops(study))
    if late:
        found = f"{late} left when the time was up"
        raise TimeTooShort(f"time to cut {len(studies)} studies", found, "Start again to go on, with more time.")


def _with_missing_points(studies: list[Study], workers: int | None, budget: Budget | None) -> list[LocatedStudy]:
    """The studies in their order; those with a cell that no label point places, with what the localiser finds."""
    unplaced = [study for study in studies if _lacks_points(study)]
    found: dict[int, LocatedStudy] = {}
    if unplaced:
        log.info("format: looking for the levels of %d studies that lack label points", len(unplaced))
        found = {one.study.study_id: one for one in find_canals(unplaced, workers=workers, budget=budget)}
    return [found.get(study.study_id, LocatedStudy(study)) for study in studies]


def _lacks_points(study: Study) -> bool:
    """Whether a labelled cell has neither a label point nor one of its level's canal."""
    canal = rsna.condition_of("spinal", None).name
    return any(cell not in study.points and (canal, cell[1]) not in study.points for cell in study.severities or ())


def _cut_part(store: Path, located: LocatedStudy) -> None:
    """Cuts a study in a worker and leaves its part on disk, so that no pixels travel between processes."""
    watch = Stopwatch()
    crops = cut_study(located)
    crops.seconds = watch.lap("cut")
    write_part(store, crops)


def _finish(store: Path, studies: list[Study], root: Root) -> dict:
    """Joins the parts; what run.json says of them."""
    manifest, parts = join_parts(store, [study.study_id for study in studies])
    lost = Counter(f"{each.view}: {each.why}" for part in parts for each in part.lost)
    skipped = Counter(why for part in parts for why in part.skipped_files.values())
    if manifest.is_empty():
        raise _nothing_cut(root, parts, lost)
    counts = root.cells.drop_nulls("severity").group_by("condition", "level", "severity").len().sort(pl.all())
    return {
        "studies": len(parts),
        "crops": dict(manifest.group_by("view").len().sort("view").iter_rows()),
        "point_sources": dict(manifest.group_by("point_source").len().sort("point_source").iter_rows()),
        "lost": dict(lost.most_common()),
        "skipped_files": dict(skipped.most_common()),
        "cutting_s": round(sum(part.seconds for part in parts), 3),
        "views": [asdict(view) for view in VIEWS],
        "label_counts": [list(row) for row in counts.iter_rows()],
    }


def _nothing_cut(root: Root, parts: list[StudyCrops], lost: Counter[str]) -> InputError:
    expected = "images that crops can be cut from"
    if parts and not any(part.images for part in parts):
        files = {f"{part.study_id}/{name}": why for part in parts for name, why in part.skipped_files.items()}
        error = nothing_readable(root.images, files)
        return InputError(root.images, expected, f"none ({error.found})", error.remedy)
    found = f"none ({'; '.join(lost) or 'no labelled studies'})"
    remedy = f"Is {root.images.name}/ complete? stenosis-kit doctor DATA tells more."
    return InputError(root.folder, expected, found, remedy)


def _summarise(run: dict, seconds: float) -> None:
    crops = ", ".join(f"{count} {view}" for view, count in run["crops"].items())
    log.info("format: %d studies in %.1f s: %s", run["studies"], seconds, crops)
    for why, count in run["lost"].items():
        log.info("format: not cut: %d %s", count, why)
    for why, count in run["skipped_files"].items():
        log.info("format: files passed over: %d %s", count, why)
