"""The crop store: one uint8 array a view, memory-mapped, and a manifest with a row a crop.

    STORE/<view>.npy         (crops, px, px, slices) uint8, in the manifest's `row` order
    STORE/manifest.parquet   see MANIFEST
    STORE/overviews/         see `overview_store`
    STORE/run.json           fingerprint of input and settings, counts; written last
    STORE/parts/             one file a study while format is at work

Each study's part is written whole or not at all, so a stopped run goes on with the studies it lacks; the parts are
joined one by one, so memory does not grow with their pixels.
"""

from __future__ import annotations

import json
import mmap
import shutil
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import DAMAGED, growing_array, read_json, replacing, write_frame
from stenosis_kit.crops.centres import Lost
from stenosis_kit.crops.cutting import StudyCrops
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.levels.example import Example
from stenosis_kit.levels.overview import Overview
from stenosis_kit.levels.overview_store import growing_overviews, open_overviews

MANIFEST = {
    "study_id": pl.Int64,
    "condition": pl.String,
    "level": pl.String,
    "view": pl.String,
    "series_id": pl.Int64,
    "instance_number": pl.Int64,
    "x": pl.Float64,  # pixels: the crop's centre on its slice
    "y": pl.Float64,
    "patient_x_mm": pl.Float64,
    "patient_y_mm": pl.Float64,
    "patient_z_mm": pl.Float64,
    "point_source": pl.String,  # what centred it: see sites.LABEL and levels.locate
    "severity": pl.String,  # null where unlabelled
    "weight": pl.Float64,  # of the metric: 1, 2, 4
    "padding": pl.Float64,  # share of the crop outside the image
    "row": pl.Int64,  # index in the view's array
}
_MANIFEST_NAME, _RUN_NAME, _PARTS_NAME = "manifest.parquet", "run.json", "parts"


@dataclass(frozen=True)
class Store:
    """An open store.

    Attributes:
        folder: where it lies.
        manifest: a row a crop, columns as `MANIFEST`.
        arrays: {view: (crops, px, px, slices) uint8}, memory-mapped.
        run: its run.json.
    """

    folder: Path
    manifest: pl.DataFrame
    arrays: dict[str, np.ndarray]
    run: dict


def open_store(folder: Path) -> Store:
    """Opens a finished store.

    Raises:
        InputError: where the folder is not a whole store.
    """
    run = read_json(folder / _RUN_NAME, "the run.json of a crop store")
    remedy = "Make it again: stenosis-kit format DATA STORE --fresh"
    try:
        manifest = pl.read_parquet(folder / _MANIFEST_NAME, glob=False).select(list(MANIFEST))
        views = manifest["view"].unique().sort().to_list()
        arrays = {view: np.load(folder / f"{view}.npy", mmap_mode="r") for view in views}
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(folder, "a whole crop store", str(error).splitlines()[0], remedy) from None
    for view, array in arrays.items():
        rows = manifest.filter(view=view)["row"]
        expected = f"{len(rows)} crops of this version's {view}"
        if view not in VIEW_BY_NAME or array.dtype != np.uint8 or array.shape != (len(rows), *_shape(view)):
            raise InputError(folder / f"{view}.npy", expected, f"{array.dtype} {array.shape}", remedy)
        if sorted(rows) != list(range(len(rows))):
            raise InputError(folder / _MANIFEST_NAME, expected, "rows that are not theirs", remedy)
    return Store(folder, manifest, arrays, run)


def is_whole(folder: Path) -> bool:
    """Whether a store can be opened: nothing of it is missing or cut off."""
    try:
        open_store(folder)
        open_overviews(folder)
    except InputError:
        return False
    return True


def _shape(view: str) -> tuple[int, int, int]:
    return VIEW_BY_NAME[view].px, VIEW_BY_NAME[view].px, VIEW_BY_NAME[view].slices


def write_part(folder: Path, crops: StudyCrops) -> None:
    """Writes a study's crops as a part of the store."""
    notes = {
        "rows": crops.rows,
        "lost": [asdict(lost) for lost in crops.lost],
        "skipped_files": crops.skipped_files,
        "seconds": crops.seconds,
    }
    arrays = crops.arrays | (_example_arrays(crops.example) if crops.example else {})
    with replacing(_part(folder, crops.study_id), synced=False) as partial, partial.open("wb") as file:
        np.savez(file, notes=np.frombuffer(json.dumps(notes).encode(), np.uint8), **arrays)


def _example_arrays(example: Example) -> dict[str, np.ndarray]:
    seen = example.overviews
    return {
        "overviews": np.array([one.pixels for one in seen], np.uint8),
        "kinds": np.array([one.kind for one in seen], str),
        "frames": np.array([one.frames for one in seen]),
        "canal": example.canal,
        "midline": example.midline,
    }


def has_part(folder: Path, study_id: int) -> bool:
    """Whether a study's part is there and can be read."""
    try:
        read_part(folder, study_id)
    except DAMAGED:
        return False
    return True


def release(crops: np.ndarray) -> None:
    """Gives the pages of a mapped array back: read again they come from the system's cache, but they count no longer.

    For whoever read much of it and cannot drop it: TensorFlow holds whatever a `numpy_function` has seen for ever.
    """
    if isinstance(crops.base, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        crops.base.madvise(mmap.MADV_DONTNEED)


def read_part(folder: Path, study_id: int) -> StudyCrops:
    """Reads a part back.

    Raises:
        files.DAMAGED: where there is no such part, or it is damaged.
    """
    with np.load(_part(folder, study_id)) as file:
        notes = json.loads(file["notes"].tobytes())
        arrays = {view: file[view] for view in VIEW_BY_NAME if view in file.files}
        example = _read_example(file) if "canal" in file.files else None
    lost = [Lost(**each) for each in notes["lost"]]
    return StudyCrops(study_id, arrays, notes["rows"], lost, notes["skipped_files"], notes["seconds"], example)


def _read_example(file: Mapping[str, np.ndarray]) -> Example:
    seen = zip(file["kinds"].tolist(), file["overviews"], file["frames"], strict=True)
    return Example([Overview(*each) for each in seen], file["canal"], file["midline"])


def drop_parts(folder: Path) -> None:
    """Removes what an earlier, unfinished run left."""
    shutil.rmtree(folder / _PARTS_NAME, ignore_errors=True)


def join_parts(folder: Path, studies: Sequence[int]) -> tuple[pl.DataFrame, list[StudyCrops]]:
    """Joins the parts of the studies, in the order given, into arrays and manifest.

    The caller then writes run.json, and drops the parts.

    Returns:
        The manifest, and of each study what its part says beside its crops: arrays and rows are left out.
    """
    (folder / _RUN_NAME).unlink(missing_ok=True)  # from here until it is written again the store is not whole
    rows: list[dict] = []
    notes: list[StudyCrops] = []
    sizes = dict.fromkeys(VIEW_BY_NAME, 0)
    with ExitStack() as files:
        append = {view: files.enter_context(growing_array(folder / f"{view}.npy", _shape(view))) for view in sizes}
        append_overviews = files.enter_context(growing_overviews(folder))
        for study_id in studies:
            part = read_part(folder, study_id)
            rows += [{**row, "row": row["row"] + sizes[row["view"]]} for row in part.rows]
            for view, crops in part.arrays.items():
                append[view](crops)
                sizes[view] += len(crops)
            if part.example:
                append_overviews(study_id, part.example)
            notes.append(replace(part, arrays={}, rows=[], example=None))
    for view in (view for view, size in sizes.items() if not size):
        (folder / f"{view}.npy").unlink()
    manifest = pl.DataFrame(rows, schema=MANIFEST, orient="row")
    write_frame(folder / _MANIFEST_NAME, manifest)
    return manifest, notes


def _part(folder: Path, study_id: int) -> Path:
    return folder / _PARTS_NAME / f"{study_id}.npz"


def severity_indices(manifest: pl.DataFrame) -> np.ndarray:
    """(rows,) index into `rsna.SEVERITIES` of each crop; -1 where unlabelled."""
    names = {name: index for index, name in enumerate(rsna.SEVERITIES)}
    return np.array([names.get(name, -1) for name in manifest["severity"]], int)
