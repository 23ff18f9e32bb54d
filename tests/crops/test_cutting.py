"""Accidents and results: what could not be read this time is tried again, what is no good is not."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest
from flaky_disk import FlakyDisk, input_output_error
from small_study import EVERY_CELL, LEVEL_Z, SERIES, STUDY, T1, T2

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tasks import ExecutorGone, TaskLost, TimeUp
from stenosis_kit.base.worker_process import WorkerDied
from stenosis_kit.crops import cutting
from stenosis_kit.crops.cutting import cut_part, cut_parts
from stenosis_kit.crops.made_of import images_of
from stenosis_kit.crops.parts import is_cut, read_notes, read_part
from stenosis_kit.crops.study_crops import StudyCrops
from stenosis_kit.images import series as series_module
from stenosis_kit.levels.canal import CanalPoints, LocatedStudy
from stenosis_kit.tables.study import LabelPoint, Study

POINTS = dict.fromkeys(EVERY_CELL, LabelPoint(T2, 6, 35.0, 34.0))


@pytest.fixture
def labelled(images):
    return Study(images, STUDY, SERIES, EVERY_CELL, POINTS)


@pytest.fixture(scope="module")
def whole(images, tmp_path_factory):
    """The study's part as a healthy disk gives it."""
    folder = tmp_path_factory.mktemp("whole")
    assert cut_parts(folder, [Study(images, STUDY, SERIES, EVERY_CELL, POINTS)], workers=1) == {}
    return read_part(folder, STUDY)


def same(part, whole):
    assert part.rows == whole.rows
    assert part.arrays.keys() == whole.arrays.keys()
    for view, crops in whole.arrays.items():
        np.testing.assert_array_equal(part.arrays[view], crops)


@pytest.mark.parametrize(
    "error", [input_output_error, lambda: TimeoutError("timed out"), lambda: MemoryError(), lambda: PermissionError()]
)
@pytest.mark.parametrize("when", ["its header", "its pixels"])
def test_what_fails_once_is_cut_at_the_second_try(labelled, whole, tmp_path, monkeypatch, error, when):
    disk = FlakyDisk(monkeypatch, error)
    disk.fail(f"{T2}/6.dcm", 1)
    if when == "its pixels":
        once = disk.fails
        disk.fails = lambda path: str(path).endswith(f"{T2}/6.dcm") and disk.opened.count(path) == 2 and once(path)
    assert cut_parts(tmp_path, [labelled], workers=1) == {}
    assert any(disk.opened.count(path) > 2 for path in disk.opened)
    same(read_part(tmp_path, STUDY), whole)
    assert read_part(tmp_path, STUDY).accidents == {}


def test_what_keeps_failing_is_named_and_what_could_be_read_is_kept(labelled, whole, tmp_path, monkeypatch):
    disk = FlakyDisk(monkeypatch)
    disk.fail(f"/{T1}/")
    failed = cut_parts(tmp_path, [labelled], workers=1)
    assert failed[STUDY].startswith(f"{T1}/1.dcm: expected a file that can be read; found: Input/output error.")
    assert failed[STUDY].endswith("(and 10 more)")
    part = read_part(tmp_path, STUDY)
    assert {row["view"] for row in part.rows} == {row["view"] for row in whole.rows} - {"foraminal_sagittal"}
    assert len(part.accidents) == 11
    disk.wake()
    assert cut_parts(tmp_path, [labelled], workers=1) == {}
    same(read_part(tmp_path, STUDY), whole)


def test_a_folder_that_cannot_be_listed_for_a_moment_is_no_empty_series(labelled, whole, tmp_path, monkeypatch):
    honest, failing = series_module.list_now, [True]

    def list_now(folder):
        if failing and folder.name == str(T1):
            raise input_output_error()
        return honest(folder)

    monkeypatch.setattr(series_module, "list_now", list_now)
    failed = cut_parts(tmp_path, [labelled], workers=1)
    why = "expected a folder that can be read; found: Input/output error. Mind its permissions, and its disk"
    assert failed == {STUDY: f"{T1}/its folder: {why}"}
    failing.clear()
    assert cut_parts(tmp_path, [labelled], workers=1) == {}
    same(read_part(tmp_path, STUDY), whole)


@pytest.mark.parametrize("how", ["missing", "empty", "no image"])
def test_a_file_that_is_no_good_is_a_result_and_not_tried_again(labelled, tmp_path, monkeypatch, how):
    folder = shutil.copytree(labelled.images, tmp_path / "images")
    path = folder / str(STUDY) / str(T2) / "6.dcm"
    path.unlink()
    if how == "missing":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_bytes(b"" if how == "empty" else b"no image" * 100)
    tries = []
    honest = cutting.cut_study
    monkeypatch.setattr(cutting, "_is_guessed", lambda *_: False)  # its points lie on that slice: see below
    monkeypatch.setattr(cutting, "cut_study", lambda located: tries.append(located) or honest(located))
    assert cut_parts(tmp_path, [replace(labelled, images=folder)], workers=1) == {}
    assert len(tries) == 1
    assert f"{T2}/6.dcm" in read_part(tmp_path, STUDY).skipped_files


def failing(monkeypatch, *outcomes):
    """cut_study with outcomes, one a call: an exception, or None for what it honestly gives."""
    honest, left, calls = cutting.cut_study, list(outcomes), []

    def cut_study(located):
        calls.append(located.study.study_id)
        outcome = left.pop(0) if left else None
        if outcome:
            raise outcome
        return honest(located)

    monkeypatch.setattr(cutting, "cut_study", cut_study)
    return calls


ACCIDENTS = [WorkerDied(), TaskLost("it took more than 60 s and was given up"), MemoryError(), input_output_error()]


@pytest.mark.parametrize("accident", ACCIDENTS, ids=lambda error: type(error).__name__)
def test_a_study_lost_by_accident_is_tried_once_more_and_leaves_no_part(
    labelled, whole, tmp_path, monkeypatch, accident
):
    calls = failing(monkeypatch, accident, accident)
    failed = cut_parts(tmp_path, [labelled], workers=1)
    assert failed == {STUDY: str(accident)} and len(calls) == 2
    assert read_notes(tmp_path, STUDY) is None
    failing(monkeypatch, accident)
    assert cut_parts(tmp_path, [labelled], workers=1) == {}
    same(read_part(tmp_path, STUDY), whole)


def test_a_study_that_cutting_cannot_cope_with_is_a_result(labelled, tmp_path, monkeypatch, caplog):
    calls = failing(monkeypatch, ValueError("no such thing"))
    assert cut_parts(tmp_path, [labelled], workers=1) == {}
    assert len(calls) == 1
    assert read_part(tmp_path, STUDY).rows == []
    assert f"study {STUDY} could not be cut: no such thing" in caplog.text


def test_failed_studies_are_tried_again_after_all_others(labelled, tmp_path, monkeypatch):
    studies = [replace(labelled, study_id=number) for number in range(5)]  # without images, which will do
    calls = failing(monkeypatch, MemoryError())
    assert cut_parts(tmp_path, studies, workers=1) == {}
    assert len(calls) == 6 and sorted(calls[:5]) == list(range(5)) and calls[5] == calls[0]


def test_without_time_for_a_second_try_the_first_one_s_reason_stays(labelled, tmp_path, monkeypatch):
    budget = Budget()

    def cut_study(located):
        budget.deadline = 0.0
        raise WorkerDied

    monkeypatch.setattr(cutting, "cut_study", cut_study)
    assert cut_parts(tmp_path, [labelled], workers=1, budget=budget) == {STUDY: str(WorkerDied())}


def test_studies_for_which_the_time_did_not_reach_are_left_and_not_failed(labelled, tmp_path):
    assert cut_parts(tmp_path, [labelled], workers=1, budget=Budget(0.0)) == {}
    assert read_notes(tmp_path, STUDY) is None


def test_studies_are_cut_in_an_order_that_is_not_that_of_their_ids(labelled, tmp_path, monkeypatch):
    calls = failing(monkeypatch)
    cut_parts(tmp_path, [replace(labelled, study_id=number) for number in range(20)], workers=1)
    assert sorted(calls) == list(range(20)) != calls
    assert set(calls[:10]) != set(range(10))


def test_studies_without_points_are_located_and_cut_part_by_part(labelled, tmp_path, monkeypatch):
    events, budget = [], Budget()

    class Finder:
        def __init__(self, workers):
            pass

        def find(self, studies, budget):
            events.append(("find", {study.study_id for study in studies}))
            return [LocatedStudy(study) for study in studies]

    def cut_study(located):
        events.append(("cut", {located.study_id}))
        if len(events) == 6:  # the second part is located, and one of it is cut
            budget.deadline = 0.0
        return StudyCrops(located.study_id)

    monkeypatch.setattr(cutting, "CanalFinder", Finder)
    monkeypatch.setattr(cutting, "cut_study", cut_study)
    monkeypatch.setattr(cutting, "_PART", 3)
    points = [POINTS, {}, {}, {}, {}, POINTS]
    studies = [replace(labelled, study_id=number, points=own) for number, own in enumerate(points)]
    assert cut_parts(tmp_path, studies, workers=1, budget=budget) == {}
    kinds = [kind for kind, _ in events]
    assert kinds == ["find", "cut", "cut", "cut", "find", "cut"]
    assert all(ids <= {1, 2, 3, 4} for kind, ids in events if kind == "find")
    cut = set.union(*(ids for kind, ids in events if kind == "cut"))
    assert {study for study in range(6) if read_notes(tmp_path, study)} == cut


def test_a_study_whose_points_lie_on_no_slice_is_cut_again_where_its_levels_are_found(labelled, tmp_path, monkeypatch):
    points = dict.fromkeys(EVERY_CELL, LabelPoint(T2, 900, 35.0, 34.0))
    asked = []

    class Finder:
        def __init__(self, workers):
            pass

        def find(self, studies, budget):
            asked.append([study.study_id for study in studies])
            canal = CanalPoints(np.array([[0.0, 15.0, z] for z in LEVEL_Z]), "localiser", np.ones(5))
            return [LocatedStudy(study, canal) for study in studies]

    monkeypatch.setattr(cutting, "CanalFinder", Finder)
    assert cut_parts(tmp_path, [replace(labelled, points=points)], workers=1) == {}
    assert asked == [[STUDY]]
    assert {row["point_source"] for row in read_part(tmp_path, STUDY).rows} == {"localiser"}


@pytest.mark.parametrize("how", ["stopped", "an accident", "no time"])
def test_a_study_that_was_guessed_is_not_whole_until_its_levels_were_looked_for(labelled, tmp_path, monkeypatch, how):
    study = replace(labelled, points=dict.fromkeys(EVERY_CELL, LabelPoint(T2, 900, 35.0, 34.0)))
    honest = cutting._located

    def located(studies, unplaced, workers, given):
        if unplaced and how == "stopped":
            raise KeyboardInterrupt
        if unplaced and how == "no time":
            patch.setattr(cutting, "run_tasks", lambda _, some, *__: ((one, TimeUp()) for one in some))
        if unplaced and how == "an accident":
            failing(monkeypatch, WorkerDied())
        return honest(studies, unplaced, workers, given)

    with monkeypatch.context() as patch:
        patch.setattr(cutting, "_located", located)
        if how == "stopped":
            with pytest.raises(KeyboardInterrupt):
                cut_parts(tmp_path, [study], workers=1)
        else:
            assert list(cut_parts(tmp_path, [study], workers=1)) == [STUDY]
    assert not is_cut(tmp_path, STUDY, images_of(study))
    assert cut_parts(tmp_path, [study], workers=1) == {}
    assert is_cut(tmp_path, STUDY, images_of(study))


def test_a_worse_try_does_not_replace_a_better_one(labelled, tmp_path, monkeypatch):
    disk = FlakyDisk(monkeypatch)
    disk.fail(f"/{T1}/")
    cut_part(tmp_path, LocatedStudy(labelled))
    before = read_part(tmp_path, STUDY)
    disk.fail(".dcm")
    assert "Input/output error" in cut_part(tmp_path, LocatedStudy(labelled))
    same(read_part(tmp_path, STUDY), before)


def test_levels_that_could_not_be_looked_for_are_an_accident(labelled, tmp_path):
    why = cut_part(tmp_path, LocatedStudy(labelled, accident="its levels could not be looked for: a worker died"))
    assert why == "levels: its levels could not be looked for: a worker died"


@pytest.mark.parametrize("result", [ExecutorGone("gone"), InputError("store", "room", "none", "Free some.")])
def test_what_is_no_study_s_fault_ends_the_run(labelled, tmp_path, monkeypatch, result):
    failing(monkeypatch, result)
    with pytest.raises(InputError):
        cut_parts(tmp_path, [labelled], workers=1)
    assert read_notes(tmp_path, STUDY) is None
