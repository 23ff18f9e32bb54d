"""The crop store: one uint8 array a view, memory-mapped, and a manifest with a row a crop.

STORE/<view>.npy         (crops, px, px, slices) uint8, in the manifest's `row` order
STORE/manifest.parquet   see MANIFEST
STORE/overviews/         see `levels.overview_store`
STORE/run.json           fingerprints of input, settings and content, counts, studies that failed or are left; the last
STORE/parts/             while format is at work, and as long as studies failed or are left, see `parts`

A folder without run.json is no whole store.
"""

from __future__ import annotations

import math
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.arrays import DAMAGED
from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.base.files import read_json
from stenosis_kit.base.manifest import RUN_NAME
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.levels.points import PATIENT_MM

MANIFEST = {
    "study_id": pl.Int64,
    "condition": pl.String,
    "level": pl.String,
    "view": pl.String,
    "series_id": pl.Int64,
    "instance_number": pl.Int64,
    "x": pl.Float64,  # pixels: the crop's centre on its slice
    "y": pl.Float64,
    **dict.fromkeys(PATIENT_MM, pl.Float64),
    "point_source": pl.String,  # what centred it: see levels.label_points, or the method that found its level
    "severity": pl.String,  # null where unlabelled
    "weight": pl.Float64,  # of the metric: 1, 2, 4
    "padding": pl.Float64,  # share of the crop outside the image
    "row": pl.Int64,  # index in the view's array
}
MANIFEST_NAME = "manifest.parquet"
_FILLED = ("study_id", "condition", "level", "view", "row")  # columns that have a value in every row
_WORDS = {
    "condition": tuple(rsna.CONDITION_BY_NAME),
    "level": rsna.LEVELS,
    "view": tuple(VIEW_BY_NAME),
    "severity": rsna.SEVERITIES,
}
_TOGETHER = 1024  # crops that `in_parts` reads together: all of a large store take half a GB and more


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

    @property
    def cutting_version(self) -> int:
        """Of its crops, see `study_crops`. What others made, whose run.json lists no views, is taken as cut as now."""
        return self.run.get("cutting_version", 1 if "views" in self.run else CUTTING_VERSION)

    @property
    def content(self) -> str:
        """Fingerprint of what is in it; of a store of before that was noted, of what it was made of."""
        return self.run.get("content") or self.run.get("fingerprint", "")


def open_store(folder: Path) -> Store:
    """Opens a finished store.

    Raises:
        InputError: where the folder is not a whole store.
    """
    run = read_json(folder / RUN_NAME, "the run.json of a crop store")
    remedy = "Make it again: stenosis-kit format DATA STORE --fresh"
    try:
        manifest = pl.read_parquet((folder / MANIFEST_NAME).read_bytes()).select(list(MANIFEST))
        if odd := _odd_columns(manifest):
            raise ValueError(f"other values in {', '.join(odd)} of {MANIFEST_NAME}")
        views = manifest["view"].unique().sort().to_list()
        arrays = {view: np.load(folder / f"{view}.npy", mmap_mode="r") for view in views}
    except (*DAMAGED, pl.exceptions.PolarsError) as error:
        raise InputError(folder, "a whole crop store", first_line(error), remedy) from None
    for view, array in arrays.items():
        rows = manifest.filter(view=view)["row"]
        expected = f"{len(rows)} crops of this version's {view}"
        if view not in VIEW_BY_NAME or array.dtype != np.uint8 or array.shape != (len(rows), *VIEW_BY_NAME[view].shape):
            raise InputError(folder / f"{view}.npy", expected, f"{array.dtype} {array.shape}", remedy)
        if sorted(rows) != list(range(len(rows))):
            raise InputError(folder / MANIFEST_NAME, expected, "rows that are not theirs", remedy)
    return Store(folder, manifest, arrays, run)


def _odd_columns(manifest: pl.DataFrame) -> list[str]:
    """The columns of a manifest that are of another type, or hold what no crop has."""
    other = [name for name, kind in MANIFEST.items() if manifest.schema[name] != kind]
    if other:
        return other
    gaps = [name for name in _FILLED if manifest[name].has_nulls()]
    return gaps or [name for name, known in _WORDS.items() if not manifest[name].is_in(known).all()]


def is_whole(folder: Path) -> bool:
    """Whether a store can be opened: nothing of it is missing or cut off."""
    try:
        open_store(folder)
        open_overviews(folder)
    except InputError:
        return False
    return True


def release(crops: np.ndarray) -> None:
    """Drops a memory map's resident pages, so that the process's memory shrinks; read again they come from the cache.

    For arrays that cannot be dropped themselves: TensorFlow keeps whatever a `numpy_function` has seen for ever.
    """
    for array in getattr(crops, "arrays", [crops]):  # several stores' behind one another, see `store_set`
        mapped = array.base
        while isinstance(mapped, np.ndarray):
            mapped = mapped.base
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)


def in_parts(crops: np.ndarray, rows: np.ndarray) -> Iterator[np.ndarray]:
    """Reads some crops of a view, so many together that memory does not grow with the store, and lets them go.

    Args:
        crops: of the view, may be memory-mapped.
        rows: indices into them.

    Yields:
        The crops of the rows, in their order; of no rows one part without crops.
    """
    for part in np.array_split(rows, math.ceil(len(rows) / _TOGETHER) or 1):
        yield crops[part]
    release(crops)


def severity_indices(manifest: pl.DataFrame) -> np.ndarray:
    """(rows,) index into `rsna.SEVERITIES` of each crop; -1 where unlabelled."""
    names = {name: index for index, name in enumerate(rsna.SEVERITIES)}
    return np.array([names.get(name, -1) for name in manifest["severity"]], int)
