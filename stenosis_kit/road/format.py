"""format: tables + DICOM to a crop store, study by study, over worker processes."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import Executor
from dataclasses import asdict
from pathlib import Path

import polars as pl

from stenosis_kit import __version__, rsna
from stenosis_kit.base.budget import Budget, Stopwatch
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.base.files import make_folder, read_json, write_json
from stenosis_kit.base.manifest import RUN_NAME, fingerprint
from stenosis_kit.base.output import check_outputs
from stenosis_kit.crops.cutting import cut_parts
from stenosis_kit.crops.made_of import MadeOf
from stenosis_kit.crops.parts import drop_part, drop_parts, is_cut, join_parts, parts_run, read_notes
from stenosis_kit.crops.store import MANIFEST_NAME, is_whole
from stenosis_kit.crops.study_crops import CUTTING_VERSION, StudyCrops
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.road.folder_kinds import STORE, check_kind
from stenosis_kit.road.passed_over import nothing_readable
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root, as_root
from stenosis_kit.tables.study import Study

log = logging.getLogger(__name__)

_CHANGED = {"kit": "version or settings", "tables": "tables", "images": "images"}
_FEWEST = 2  # studies of a store of a part of them: training divides them into folds


def format(
    data: Root | Path | str,
    store: Path | str,
    workers: int | None = None,
    executor: Executor | None = None,
    fresh: bool = False,
    budget: Budget | None = None,
    in_part: bool = False,
) -> dict:
    """Cuts the crops of all labelled cells of a competition root's train split into a store.

    A store that was made from the same input by the same settings is left as it is; one that was left half done is
    finished; any other is made anew, and that is said. Studies that could not be read this time are named in run.json
    (see `crops.cutting`), the store does with what could be read of them, and the next run cuts them again.

    Args:
        data: competition root.
        store: output folder, see `crops.store`.
        workers: processes; all cores by default.
        executor: a `concurrent.futures.Executor` to use instead (a Dask cluster's, for instance).
        fresh: make everything anew.
        budget: the time; without limit by default.
        in_part: when the time is up, make a store of the studies that are cut, a random part of them.

    Returns:
        The run.json: fingerprints, counts of crops by view, what was not cut and why, priors' label counts, seconds.

    Raises:
        InputError: where the tables cannot be used, nothing could be cut, or the store cannot be written.
        TimeTooShort: where studies were left when the time was up (if `in_part`, nearly all); the next run goes on.
    """
    root, store = as_root(data, "train"), Path(store)
    check_outputs([store / RUN_NAME, store / MANIFEST_NAME], own_files(root.folder))
    check_kind(store, STORE)
    if executor:  # its workers may have another working directory
        root, store = Root(root.folder.absolute(), "train"), store.absolute()
    studies = root.checked().labelled_studies()
    tables = [root.folder / name for name in (rsna.TRAIN_TABLE, rsna.POINTS_TABLE, rsna.series_table("train"))]
    made_of = MadeOf.of(tables, studies)
    make_folder(store)
    if not fresh and (run := _up_to_date(store, made_of)):
        drop_parts(store)  # where it was stopped at its very end
        log.info("format: %s is up to date", store)
        return run
    _begin(store, made_of, fresh)
    watch = Stopwatch()
    failed = cut_parts(store, _missing(store, studies, made_of), workers, executor, budget)
    run = _finish(store, studies, root, made_of, failed, in_part)
    watch.lap("format")
    run |= {"version": __version__, "data": str(root.folder), "seconds": watch.seconds}
    write_json(store / RUN_NAME, run)
    if not _is_unfinished(run):
        drop_parts(store)
    _summarise(run, watch.seconds["format"])
    return run


def _is_unfinished(run: dict) -> bool:
    """Whether a run.json leaves something to cut."""
    return bool(run.get("failed_studies") or run.get("studies_left"))


def _up_to_date(store: Path, made_of: MadeOf) -> dict | None:
    """The run.json of a store with nothing left to do."""
    run = _run_of(store / RUN_NAME)
    if not run or made_of.changes(run) or _is_unfinished(run) or not is_whole(store):
        return None
    if unlisted := made_of.unlisted:
        text = "format: THE IMAGES OF %d STUDIES CANNOT BE LISTED, the first of %d: taken to be as they were"
        log.warning(text, len(unlisted), unlisted[0])
    return run


def _run_of(path: Path) -> dict | None:
    try:
        return read_json(path, "a run.json")
    except InputError:
        return None


def _begin(store: Path, made_of: MadeOf, fresh: bool) -> None:
    """Keeps the parts of an unfinished run over the same tables, see `_missing`; drops anything else."""
    begun, finished = _run_of(parts_run(store)), _run_of(store / RUN_NAME)
    changes = made_of.changes(begun or finished) if begun or finished else []
    if changes and not fresh:
        log.info("format: %s is made anew: %s changed since", store, " and ".join(_CHANGED[kind] for kind in changes))
    elif finished and not begun and not fresh:
        log.info("format: %s is made anew: files of it are missing or cut off", store)
    if fresh or not begun or set(changes) - {"images"}:
        drop_parts(store)
    elif not changes:
        log.info("format: going on with the unfinished %s", store)
    write_json(parts_run(store), {"made_of": made_of.noted()})


def _missing(store: Path, studies: list[Study], made_of: MadeOf) -> list[Study]:
    """Studies that are to be cut; parts that were cut from other images are dropped."""
    missing = [one for one in studies if not is_cut(store, one.study_id, made_of.images[one.study_id])]
    for study in missing:
        notes = read_notes(store, study.study_id)
        if notes and made_of.images[study.study_id] not in ("", notes.images):
            drop_part(store, study.study_id)
    return missing


def _finish(
    store: Path, studies: list[Study], root: Root, made_of: MadeOf, failed: dict[int, str], in_part: bool
) -> dict:
    """Joins the parts; what run.json says of them."""
    notes = {one.study_id: found for one in studies if (found := read_notes(store, one.study_id))}
    left = len({one.study_id for one in studies} - notes.keys() - failed.keys())
    if left and (not in_part or len(notes) < _FEWEST):
        found = f"{left} left when the time was up"
        raise TimeTooShort(f"time to cut {len(studies)} studies", found, "Start again to go on, with more time.")
    lost = Counter(f"{each.view}: {each.why}" for part in notes.values() for each in part.lost)
    skipped = Counter(why for part in notes.values() for why in part.skipped_files.values())
    if not any(part.rows for part in notes.values()):  # an earlier store stays
        raise _nothing_cut(root, notes, [*lost, *set(failed.values())])
    joined = join_parts(store, list(notes))
    counts = root.cells.drop_nulls("severity").group_by("condition", "level", "severity").len().sort(pl.all())
    return {
        "fingerprint": fingerprint(made_of.noted()),
        "made_of": made_of.noted(),
        "content": joined.content,
        "cutting_version": CUTTING_VERSION,
        "studies": len(notes),
        "studies_left": left,
        "failed_studies": _failed(notes, made_of, failed),
        "crops": dict(joined.manifest.group_by("view").len().sort("view").iter_rows()),
        "point_sources": dict(joined.manifest.group_by("point_source").len().sort("point_source").iter_rows()),
        "lost": dict(lost.most_common()),
        "skipped_files": dict(skipped.most_common()),
        "cutting_s": round(sum(part.seconds for part in notes.values()), 3),
        "views": [asdict(view) for view in VIEWS],
        "label_counts": [list(row) for row in counts.iter_rows()],
    }


def _nothing_cut(root: Root, notes: dict[int, StudyCrops], why: list[str]) -> InputError:
    expected = "images that crops can be cut from"
    if notes and not any(part.readable for part in notes.values()):
        files = {f"{study}/{name}": why for study, part in notes.items() for name, why in part.skipped_files.items()}
        error = nothing_readable(root.images, files)
        return InputError(root.images, expected, f"none ({error.found})", error.remedy)
    found = f"none ({'; '.join(why) or 'no labelled studies'})"
    remedy = f"Is {root.images.name}/ complete? stenosis-kit doctor DATA tells more."
    return InputError(root.folder, expected, found, remedy)


def _failed(notes: dict[int, StudyCrops], made_of: MadeOf, failed: dict[int, str]) -> list[dict]:
    """What run.json says of the studies that the next run cuts again."""
    why = {study: "its files cannot be listed, or changed meanwhile" for study in notes}
    unsure = [study for study, part in notes.items() if part.images != (made_of.images[study] or None)]
    return [{"study_id": study, "why": (why | failed)[study]} for study in sorted({*failed, *unsure})]


def _summarise(run: dict, seconds: float) -> None:
    crops = ", ".join(f"{count} {view}" for view, count in run["crops"].items())
    log.info("format: %d studies in %.1f s: %s", run["studies"], seconds, crops)
    for why, count in run["lost"].items():
        log.info("format: not cut: %d %s", count, why)
    for why, count in run["skipped_files"].items():
        log.info("format: files passed over: %d %s", count, why)
    for each in run["failed_studies"]:
        log.warning("format: STUDY %d COULD NOT BE READ: %s: the next run tries again", each["study_id"], each["why"])
    if run["studies_left"]:
        log.warning("format: %d STUDIES ARE LEFT, for want of time: the next run goes on", run["studies_left"])
