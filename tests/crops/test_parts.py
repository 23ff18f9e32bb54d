"""A store's parts: whole or not there, and joined in order."""

from dataclasses import replace

import numpy as np
import pytest
from fabricated_crops import study_crops
from small_study import STUDY

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import write_json
from stenosis_kit.crops.parts import drop_parts, is_cut, join_parts, parts_run, read_notes, read_part, write_part
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.levels.labelled_overviews import FIELDS, labelled_overviews
from stenosis_kit.tables.study import Study


def test_a_part_comes_back_as_it_was(tmp_path):
    crops = study_crops(5, 3)
    assert not is_cut(tmp_path, 5, "")
    write_part(tmp_path, crops)
    assert is_cut(tmp_path, 5, "")
    back = read_part(tmp_path, 5)
    np.testing.assert_array_equal(back.arrays["canal_axial"], crops.arrays["canal_axial"])
    assert (back.rows, back.lost, back.skipped_files) == (crops.rows, crops.lost, crops.skipped_files)


def test_parts_are_dropped_and_what_is_somebody_elses_is_not(tmp_path):
    write_part(tmp_path, study_crops(5, 1))
    write_json(parts_run(tmp_path), {})
    (tmp_path / "parts" / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="nothing but parts of a crop store; found thesis.txt"):
        drop_parts(tmp_path)
    assert is_cut(tmp_path, 5, "")
    (tmp_path / "parts" / "thesis.txt").rename(tmp_path / "parts" / ".1.partial.5.npz")  # of a run that was killed
    drop_parts(tmp_path)
    assert not (tmp_path / "parts").exists()


def test_a_part_keeps_the_overviews_of_its_study(tmp_path, study):
    overviews = labelled_overviews(Study(tmp_path, STUDY, ()), study)
    assert overviews.study.tolist() == [STUDY, STUDY]  # T2 and T1
    write_part(tmp_path, replace(study_crops(STUDY, 1), overviews=overviews))
    back = read_part(tmp_path, STUDY).overviews
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(back, name), getattr(overviews, name))


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
    joined = join_parts(tmp_path, [3, 5])
    assert [each.study_id for each in joined.notes] == [3, 5]
    assert joined.manifest["study_id"].to_list() == [5]


def test_a_part_that_may_gain_from_cutting_again_is_not_done(tmp_path):
    write_part(tmp_path, replace(study_crops(5, 2), images="as now"))
    assert is_cut(tmp_path, 5, "as now")
    assert is_cut(tmp_path, 5, "")  # they could not be listed
    assert not is_cut(tmp_path, 5, "changed")
    write_part(tmp_path, replace(study_crops(5, 2), images="as now", accidents={"7/1.dcm": "Input/output error"}))
    assert not is_cut(tmp_path, 5, "as now")
    assert read_notes(tmp_path, 5).accident() == "7/1.dcm: Input/output error"


def test_a_part_without_its_notes_is_none(tmp_path):
    assert read_notes(tmp_path, 5) is None
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "5.npz").write_bytes(b"PK")
    assert read_notes(tmp_path, 5) is None


def test_the_content_is_that_of_crops_and_rows_not_of_how_they_were_cut(tmp_path):
    found = []
    for seconds, count in ((1.0, 2), (2.0, 2), (2.0, 3)):
        write_part(tmp_path, replace(study_crops(5, count), seconds=seconds, images=str(seconds)))
        found.append(join_parts(tmp_path, [5]).content)
    assert found[0] == found[1] != found[2]
