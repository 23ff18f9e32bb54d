"""Opening a crop store: whole, or refused."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from fabricated_crops import study_crops

import stenosis_kit.crops.store as store_module
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.crops.parts import join_parts, write_part
from stenosis_kit.crops.store import MANIFEST, in_parts, open_store, release, severity_indices
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.crops.views import VIEWS


def test_a_store_without_its_run_is_not_whole(tmp_path):
    write_part(tmp_path, study_crops(5, 1))
    join_parts(tmp_path, [5])
    with pytest.raises(InputError, match=r"run\.json"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("shape", "kind"), [((1, 96, 96, 3), np.uint8), ((2, 64, 64, 3), np.uint8), ((2, 96, 96, 3), np.float32)]
)
def test_an_array_of_another_length_size_or_type_is_refused(tmp_path, shape, kind):
    write_part(tmp_path, study_crops(5, 2))
    join_parts(tmp_path, [5])
    write_json(tmp_path / "run.json", {})
    np.save(tmp_path / "canal_axial.npy", np.zeros(shape, kind))
    with pytest.raises(InputError, match=r"expected 2 crops of this version's canal_axial; found \w+ \("):
        open_store(tmp_path)


def test_a_manifest_whose_rows_point_elsewhere_is_refused(tmp_path):
    write_part(tmp_path, study_crops(5, 2))
    manifest = join_parts(tmp_path, [5]).manifest
    write_json(tmp_path / "run.json", {})
    manifest.with_columns(row=pl.lit(1, pl.Int64)).write_parquet(tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match="rows that are not theirs"):
        open_store(tmp_path)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("row", None),
        ("study_id", None),
        ("view", None),
        ("condition", "tail"),
        ("level", "l9_l9"),
        ("severity", "worse"),
        ("study_id", "5"),
        ("row", 0.5),
    ],
)
def test_a_manifest_with_values_that_no_crop_has_is_refused(tmp_path, column, value):
    write_part(tmp_path, study_crops(5, 2))
    manifest = join_parts(tmp_path, [5]).manifest
    write_json(tmp_path / "run.json", {})
    odd = pl.lit(value, MANIFEST[column] if value is None else None).alias(column)
    manifest.with_columns(odd).write_parquet(tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match=f"a whole crop store; found other values in {column} of manifest.parquet"):
        open_store(tmp_path)


def test_arrays_are_memory_mapped_and_shaped_as_the_views_say(store):
    arrays = open_store(store).arrays
    assert set(arrays) == {view.name for view in VIEWS}
    for view in VIEWS:
        assert isinstance(arrays[view.name], np.memmap)
        assert arrays[view.name].shape[1:] == (view.px, view.px, view.slices)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process has mapped")
@pytest.mark.parametrize("last", [None, 29], ids=["the whole file", "the first part of it"])
def test_released_crops_count_no_longer_and_are_still_there(tmp_path, last):
    np.save(tmp_path / "crops.npy", np.full((30, 1024, 1024), 7, np.uint8))
    crops = np.load(tmp_path / "crops.npy", mmap_mode="r")[:last]
    before = mapped_mb()
    assert crops.sum() == 7 * crops.size
    assert mapped_mb() > before + 25
    release(crops)
    assert mapped_mb() < before + 5
    assert crops[-1, 5, 5] == 7
    release(np.zeros(3))  # nothing is mapped: nothing to do


@pytest.mark.parametrize(("rows", "parts"), [([3, 1, 3, 0, 2], [2, 2, 1]), ([4], [1]), ([], [0])])
def test_crops_are_read_in_parts_in_the_order_of_their_rows_and_let_go(monkeypatch, rows, parts):
    released = []
    monkeypatch.setattr(store_module, "_TOGETHER", 2)
    monkeypatch.setattr(store_module, "release", released.append)
    crops = np.arange(5 * 4, dtype=np.uint8).reshape(5, 2, 2, 1)
    read = list(in_parts(crops, np.array(rows, int)))
    assert [len(part) for part in read] == parts
    np.testing.assert_array_equal(np.concatenate(read), crops[rows] if rows else crops[:0])
    assert released[0] is crops


def mapped_mb():
    """What this process holds of mapped files, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssFile"))


def test_severities_count_in_the_submissions_order():
    manifest = pl.DataFrame({"severity": ["severe", None, "normal_mild", "moderate"]})
    assert severity_indices(manifest).tolist() == [2, -1, 0, 1]


@pytest.mark.parametrize(
    ("run", "version"), [({"cutting_version": 7}, 7), ({"views": []}, 1), ({"studies": 1}, CUTTING_VERSION)]
)
def test_a_store_of_before_has_cutting_version_1_and_one_that_others_made_that_of_now(tmp_path, run, version):
    write_part(tmp_path, study_crops(5, 1))
    join_parts(tmp_path, [5])
    write_json(tmp_path / "run.json", run)
    assert open_store(tmp_path).cutting_version == version
