from pathlib import Path

import numpy as np
import polars as pl
import pytest

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.crops.centres import Lost
from stenosis_kit.crops.parts import has_part, join_parts, read_part, write_part
from stenosis_kit.crops.store import MANIFEST, open_store, release, severity_indices
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.crops.views import VIEW_BY_NAME, VIEWS


def study_crops(study_id, count, view="canal_axial"):
    facts = VIEW_BY_NAME[view]
    rng = np.random.default_rng(study_id)
    pixels = rng.integers(0, 256, (count, facts.px, facts.px, facts.slices)).astype(np.uint8)
    row = dict.fromkeys(MANIFEST) | {"study_id": study_id, "view": view, "severity": "moderate"}
    rows = [row | {"row": number} for number in range(count)]
    return StudyCrops(study_id, {view: pixels}, rows, [Lost("c", "l1_l2", view, "why")], {"7/1.dcm": "broken"})


def test_a_part_comes_back_as_it_was(tmp_path):
    crops = study_crops(5, 3)
    assert not has_part(tmp_path, 5)
    write_part(tmp_path, crops)
    assert has_part(tmp_path, 5)
    back = read_part(tmp_path, 5)
    np.testing.assert_array_equal(back.arrays["canal_axial"], crops.arrays["canal_axial"])
    assert (back.rows, back.lost, back.skipped_files) == (crops.rows, crops.lost, crops.skipped_files)


def test_joined_parts_lie_in_the_order_given_and_rows_point_at_their_crops(tmp_path):
    parts = {study: study_crops(study, count) for study, count in ((9, 2), (4, 3), (6, 1))}
    for part in parts.values():
        write_part(tmp_path, part)
    join_parts(tmp_path, [4, 6, 9])
    write_json(tmp_path / "run.json", {"fingerprint": "x"})
    store = open_store(tmp_path)
    assert store.manifest["study_id"].to_list() == [4, 4, 4, 6, 9, 9]
    assert store.manifest["row"].to_list() == [0, 1, 2, 3, 4, 5]
    np.testing.assert_array_equal(store.arrays["canal_axial"][4], parts[9].arrays["canal_axial"][0])


def test_a_study_without_crops_takes_no_place(tmp_path):
    write_part(tmp_path, StudyCrops(3))
    write_part(tmp_path, study_crops(5, 1))
    manifest, notes = join_parts(tmp_path, [3, 5])
    assert [each.study_id for each in notes] == [3, 5]
    assert manifest["study_id"].to_list() == [5]


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
    manifest, _ = join_parts(tmp_path, [5])
    write_json(tmp_path / "run.json", {})
    manifest.with_columns(row=pl.lit(1, pl.Int64)).write_parquet(tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match="rows that are not theirs"):
        open_store(tmp_path)


def test_arrays_are_memory_mapped_and_shaped_as_the_views_say(store):
    arrays = open_store(store).arrays
    assert set(arrays) == {view.name for view in VIEWS}
    for view in VIEWS:
        assert isinstance(arrays[view.name], np.memmap)
        assert arrays[view.name].shape[1:] == (view.px, view.px, view.slices)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what a process has mapped")
def test_released_crops_count_no_longer_and_are_still_there(tmp_path):
    np.save(tmp_path / "crops.npy", np.full((30, 1024, 1024), 7, np.uint8))
    crops = np.load(tmp_path / "crops.npy", mmap_mode="r")
    before = mapped_mb()
    assert crops.sum() == 7 * crops.size
    assert mapped_mb() > before + 25
    release(crops)
    assert mapped_mb() < before + 5
    assert crops[29, 5, 5] == 7
    release(np.zeros(3))  # nothing is mapped: nothing to do


def mapped_mb():
    """What this process holds of mapped files, MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("RssFile"))


def test_severities_count_in_the_submissions_order():
    manifest = pl.DataFrame({"severity": ["severe", None, "normal_mild", "moderate"]})
    assert severity_indices(manifest).tolist() == [2, -1, 0, 1]
