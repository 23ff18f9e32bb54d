"""Stores that lie apart, read as one."""

import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.crops.store import in_parts, open_store
from stenosis_kit.crops.store_set import JoinedArrays, join_stores


def test_rows_of_arrays_behind_one_another_come_in_the_order_asked_for():
    arrays = [np.arange(6).reshape(3, 2), np.empty((0, 2), int), np.arange(6, 14).reshape(4, 2)]
    joined, whole = JoinedArrays(arrays), np.concatenate(arrays)
    assert len(joined) == 7
    for rows in ([6, 0, 3, 2, 2], [], list(range(7))):
        np.testing.assert_array_equal(joined[np.array(rows, int)], whole[rows])


def test_every_crop_is_found_where_the_joined_manifest_says(store):
    first = open_store(store)
    moved = replace(first, manifest=first.manifest.with_columns(pl.col("study_id") + 10**12))
    joined = join_stores([first, moved])
    assert joined.manifest.height == 2 * first.manifest.height
    for view, array in first.arrays.items():
        rows = joined.manifest.filter(view=view)["row"].to_numpy()
        np.testing.assert_array_equal(joined.arrays[view][rows], np.tile(array[rows[: len(array)]], (2, 1, 1, 1)))


def test_they_are_read_in_parts_and_let_go_as_one_store_is(store):
    first = open_store(store).arrays["canal_axial"]
    read = list(in_parts(JoinedArrays([first, first]), np.arange(2 * len(first))))
    np.testing.assert_array_equal(np.concatenate(read), np.concatenate([first, first]))


def test_a_study_in_two_of_them_is_refused(store, tmp_path):
    with pytest.raises(InputError, match="stores of different studies"):
        join_stores([open_store(store), open_store(shutil.copytree(store, tmp_path / "again"))])
