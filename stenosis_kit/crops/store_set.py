"""Several crop stores as one, where they lie: joining them would take the room of all once more."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import Store


class JoinedArrays:
    """Arrays of one shape behind one another, to be read by index; they stay memory-mapped.

    Attributes:
        arrays: the arrays.
    """

    def __init__(self, arrays: Sequence[np.ndarray]) -> None:
        self.arrays = arrays
        self._ends = np.cumsum([len(array) for array in arrays])

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """The rows (n,), in their order."""
        rows = np.asarray(rows)
        found = np.empty((len(rows), *self.arrays[0].shape[1:]), self.arrays[0].dtype)
        which = np.searchsorted(self._ends, rows, side="right")
        for place in np.unique(which):
            own, array = which == place, self.arrays[place]
            found[own] = array[rows[own] - (self._ends[place] - len(array))]
        return found


def join_stores(stores: Sequence[Store]) -> Store:
    """The stores as one, for `graders.batches`; its folder and run.json are the first one's.

    Raises:
        InputError: where two hold the same study.
    """
    counts = pl.concat([one.manifest.select("study_id").unique() for one in stores])
    if counts["study_id"].n_unique() < counts.height:
        raise InputError(stores[0].folder, "stores of different studies", "one in two of them", "Give others.")
    views = sorted({view for one in stores for view in one.arrays})
    sizes = dict.fromkeys(views, 0)
    manifests = []
    for one in stores:
        before = pl.col("view").replace_strict(sizes, return_dtype=pl.Int64)
        manifests.append(one.manifest.with_columns(row=pl.col("row") + before))
        sizes = {view: sizes[view] + len(one.arrays.get(view, ())) for view in views}
    arrays = {view: JoinedArrays([one.arrays[view] for one in stores if view in one.arrays]) for view in views}
    return Store(stores[0].folder, pl.concat(manifests), arrays, stores[0].run)
