"""The parts of a crop store that is not finished: a file a study, STORE/parts/<study_id>.npz.

Each is written whole or not at all, so a stopped run goes on with the studies it lacks; they are joined one by one, so
memory does not grow with their pixels. Where studies could not be read, or are left for want of time, the parts stay
beside the store that was joined from them, for the next run.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit.base.arrays import DAMAGED, growing_array
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import is_partial, replacing, write_frame
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.crops.centres import Lost
from stenosis_kit.crops.store import MANIFEST, MANIFEST_NAME
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.levels.labelled_overviews import FIELDS, NO_OVERVIEWS, Overviews
from stenosis_kit.levels.overview_store import growing_overviews

_PARTS_NAME = "parts"
_OVERVIEWS = {name: f"overviews.{name}" for name in FIELDS}


def write_part(folder: Path, crops: StudyCrops) -> None:
    """Writes a study's crops as a part of the store."""
    notes = {
        "rows": crops.rows,
        "lost": [asdict(lost) for lost in crops.lost],
        "skipped_files": crops.skipped_files,
        "seconds": crops.seconds,
        "accidents": crops.accidents,
        "readable": crops.readable,
        "images": crops.images,
    }
    seen = {key: getattr(crops.overviews, name) for name, key in _OVERVIEWS.items()}
    with replacing(_part(folder, crops.study_id), synced=False) as partial, partial.open("wb") as file:
        np.savez(file, notes=np.frombuffer(json.dumps(notes).encode(), np.uint8), **crops.arrays, **seen)


def is_cut(folder: Path, study_id: int, images: str) -> bool:
    """Whether a study's part is there, can be read, and has nothing to gain from cutting the study again.

    Args:
        folder: of the store.
        study_id: the study.
        images: fingerprint of its image files, see `made_of`; empty where it is not known: any will do.
    """
    try:
        part = read_part(folder, study_id)
    except DAMAGED:
        return False
    return not part.accidents and images in ("", part.images)


def read_part(folder: Path, study_id: int) -> StudyCrops:
    """Reads a part back.

    Raises:
        arrays.DAMAGED: where there is no such part, or it is damaged.
    """
    with np.load(_part(folder, study_id)) as file:
        arrays = {view.name: file[view.name] for view in VIEWS if view.name in file.files}
        overviews = Overviews(**{name: file[key] for name, key in _OVERVIEWS.items()})
        return replace(_noted(study_id, file), arrays=arrays, overviews=overviews)


def _noted(study_id: int, file: np.lib.npyio.NpzFile) -> StudyCrops:
    notes = json.loads(file["notes"].tobytes())
    notes["lost"] = [Lost(**each) for each in notes["lost"]]
    return StudyCrops(study_id, **notes)


def read_notes(folder: Path, study_id: int) -> StudyCrops | None:
    """What a part says beside its pixels and overviews; None where there is no part, or it is damaged."""
    try:
        with np.load(_part(folder, study_id)) as file:
            return _noted(study_id, file)
    except DAMAGED:
        return None


def parts_run(folder: Path) -> Path:
    """The run.json of the parts, which says what they are made of."""
    return folder / _PARTS_NAME / RUN_NAME


def drop_part(folder: Path, study_id: int) -> None:
    """Removes a study's part."""
    _part(folder, study_id).unlink(missing_ok=True)


def drop_parts(folder: Path) -> None:
    """Removes what an earlier, unfinished run left.

    Raises:
        InputError: where the folder of the parts holds something else, which may be dear to somebody.
    """
    parts = folder / _PARTS_NAME
    for path in parts.iterdir() if parts.is_dir() else ():
        is_part = path.suffix == ".npz" and path.stem.isdigit()
        if not (is_part or path.name == RUN_NAME or is_partial(path)):
            remedy = "Give another STORE, or move that file."
            raise InputError(parts, "nothing but parts of a crop store", path.name, remedy)
    shutil.rmtree(parts, ignore_errors=True)


@dataclass(frozen=True)
class Joined:
    """What parts were joined to.

    Attributes:
        manifest: the store's.
        notes: of each study what its part says beside its crops: arrays and rows are left out.
        content: fingerprint of crops, rows and overviews: the same where a store is made again to the same end.
    """

    manifest: pl.DataFrame
    notes: list[StudyCrops]
    content: str


def join_parts(folder: Path, studies: Sequence[int]) -> Joined:
    """Joins the parts of the studies, in the order given, into arrays and manifest.

    The caller then writes run.json, and drops the parts once none is missing.
    """
    (folder / RUN_NAME).unlink(missing_ok=True)  # from here until it is written again the store is not whole
    digest = hashlib.sha256()
    rows: list[dict] = []
    notes: list[StudyCrops] = []
    paths = {view.name: folder / f"{view.name}.npy" for view in VIEWS}
    sizes = dict.fromkeys(paths, 0)
    with ExitStack() as files:
        append = {view.name: files.enter_context(growing_array(paths[view.name], view.shape)) for view in VIEWS}
        append_overviews = files.enter_context(growing_overviews(folder))
        for study_id in studies:
            part = read_part(folder, study_id)
            rows += [{**row, "row": row["row"] + sizes[row["view"]]} for row in part.rows]
            for view, crops in part.arrays.items():
                append[view](crops)
                sizes[view] += len(crops)
            append_overviews(part.overviews)
            digest.update(json.dumps(part.rows).encode())
            for array in (*part.arrays.values(), *(getattr(part.overviews, name) for name in FIELDS)):
                digest.update(np.ascontiguousarray(array).tobytes())
            notes.append(replace(part, arrays={}, rows=[], overviews=NO_OVERVIEWS))
    for view, size in sizes.items():
        if not size:
            paths[view].unlink()
    manifest = pl.DataFrame(rows, schema=MANIFEST, orient="row")
    write_frame(folder / MANIFEST_NAME, manifest)
    return Joined(manifest, notes, digest.hexdigest()[:16])


def _part(folder: Path, study_id: int) -> Path:
    return folder / _PARTS_NAME / f"{study_id}.npz"
