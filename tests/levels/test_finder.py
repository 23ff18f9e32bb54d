"""Finding the canals of many studies, whatever becomes of one of them or of a model's localiser."""

import shutil

import numpy as np
import pytest
from flaky_disk import FlakyDisk
from true_canal import sagittal_errors, tasks_of

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.worker_process import WorkerDied
from stenosis_kit.images.series import read_study
from stenosis_kit.levels import finder, foramen_finder
from stenosis_kit.levels.fallback import canal_of
from stenosis_kit.levels.finder import CanalFinder, find_canals
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.foramen_patches import read_patches
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview import read_overviews


def test_it_finds_the_levels_of_synthetic_studies_it_has_never_seen(cohort):
    found = find_canals(tasks_of(cohort), workers=1)
    errors = sagittal_errors(cohort, found)
    assert np.nanmedian(errors) <= 2
    assert np.nanmax(errors) <= 10
    assert all(task.canal.method == "localiser on T2 and T1" for task in found)
    assert all((task.canal.confidence > 0.3).all() for task in found)


def test_it_finds_the_levels_of_real_studies(real_studies):
    errors = sagittal_errors(real_studies, find_canals(tasks_of(real_studies), workers=1))
    assert np.nanmax(errors) <= 10
    assert np.nanmedian(errors) <= 3


def test_a_study_that_cannot_be_read_stays_without_and_costs_no_other(cohort, tmp_path):
    shutil.copytree(cohort, tmp_path / "root", symlinks=True)
    tasks = tasks_of(tmp_path / "root")
    shutil.rmtree(tasks[0].images / str(tasks[0].study_id))
    found = find_canals(tasks, workers=1)
    assert found[0].canal is None
    assert all(task.canal for task in found[1:])


def test_no_time_leaves_every_study_to_the_ways_that_need_no_network(cohort):
    assert all(task.canal is None for task in find_canals(tasks_of(cohort), workers=1, budget=Budget(0.0)))


def test_a_models_damaged_localiser_gives_way_to_the_bundled_one_aloud(bundled, cohort, tmp_path, caplog):
    bundled.save(tmp_path)
    (tmp_path / Localiser.weights_name).write_bytes(b"")
    found = find_canals(tasks_of(cohort), [tmp_path], workers=1)
    assert all(task.canal for task in found)
    assert Localiser.weights_name in caplog.text


def test_training_studies_are_left_to_the_localiser_that_has_not_seen_them(bundled, cohort, tmp_path):
    """The model's own localiser answers nothing at all here, so whoever is found was found by the bundled one."""
    blind = Localiser(bundled.steps)
    blind.notes = {TAUGHT_ON_LABELS: True}
    blind.save(tmp_path)
    tasks = tasks_of(cohort)
    (tmp_path / "folds.csv").write_text(f"study_id,fold\n{tasks[1].study_id},0\n")
    found = find_canals(tasks, [tmp_path], workers=1)
    assert [task.canal is not None for task in found] == [False, True, False]


def test_a_study_whose_worker_died_says_so_and_one_that_is_no_good_does_not(cohort, tmp_path, monkeypatch):
    tasks = tasks_of(cohort)[:2]

    def read(study):
        raise WorkerDied if study.study_id == tasks[0].study_id else ValueError("no such thing")

    monkeypatch.setattr(finder, "read_overviews", read)
    found = find_canals(tasks, workers=1)
    assert [one.accident for one in found] == ["its levels could not be looked for: a worker process died on it", ""]


def test_overviews_are_read_again_where_a_file_fails_for_a_moment(cohort, monkeypatch):
    task = tasks_of(cohort)[0]
    whole, _ = read_overviews(task)
    disk = FlakyDisk(monkeypatch)
    disk.fail(".dcm", 5)
    again, unread = read_overviews(task)
    assert not unread
    for one, other in zip(again, whole, strict=True):
        np.testing.assert_array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("kind", [rsna.SAGITTAL_T2, rsna.SAGITTAL_T1])
def test_levels_found_without_all_files_are_told_of_and_not_for_good(cohort, monkeypatch, kind):
    task, canals = tasks_of(cohort)[0], {}
    asleep = next(series_id for series_id, own in task.series if own == kind)
    disk = FlakyDisk(monkeypatch)
    disk.fail(f"/{asleep}/")
    (found,) = CanalFinder(workers=1, canals=canals).find([task])
    assert found.canal
    assert f"without all files, {asleep}/" in found.accident and "Input/output error" in found.accident
    disk.wake()
    (again,) = CanalFinder(workers=1, canals=canals).find([task])
    assert again.accident == ""
    assert np.array_equal(again.canal.points, CanalFinder(workers=1).find([task])[0].canal.points)


def test_what_was_found_before_is_not_looked_for_again(cohort, monkeypatch):
    tasks, canals = tasks_of(cohort), {}
    first = CanalFinder(workers=1, canals=canals).find(tasks)
    monkeypatch.setattr(finder, "read_overviews", None)
    monkeypatch.setattr(finder, "read_patches", None)
    again = CanalFinder(workers=1, canals=canals).find(tasks)
    assert all(one.canal.foramina for one in first)
    assert [one.canal for one in again] == [one.canal for one in first]


def test_canals_that_were_found_before_stand_in_the_place_of_no_other_localisers(bundled, cohort, tmp_path):
    """As submit's two passes: the bundled localiser has looked at all studies, then a taught one at those new to it."""
    blind = Localiser(bundled.steps)
    blind.notes = {TAUGHT_ON_LABELS: True}
    blind.save(tmp_path)
    tasks, canals = tasks_of(cohort), {}
    CanalFinder(workers=1, canals=canals).find(tasks)
    (tmp_path / "folds.csv").write_text(f"study_id,fold\n{tasks[1].study_id},0\n")
    found = CanalFinder([tmp_path], workers=1, canals=canals).find(tasks)
    assert [task.canal is not None for task in found] == [False, True, False]


def test_a_canal_that_another_localiser_found_is_looked_for_again(bundled, cohort, tmp_path):
    tasks, canals = tasks_of(cohort), {}
    first = CanalFinder(workers=1, canals=canals).find(tasks)
    other = Localiser(bundled.steps)
    other.save(tmp_path)
    assert all(task.canal is None for task in CanalFinder([tmp_path], 1, canals).find(tasks))
    again = CanalFinder(workers=1, canals=canals).find(tasks, Budget(0.0))
    assert [one.canal for one in again] == [one.canal for one in first]


def test_foramina_that_another_finder_found_are_looked_for_again_and_their_canals_are_not(
    cohort, tmp_path, monkeypatch
):
    tasks, canals = tasks_of(cohort), {}
    first = CanalFinder(workers=1, canals=canals).find(tasks)
    blind_foramen_finder().save(tmp_path)
    monkeypatch.setattr(finder, "read_overviews", None)
    again = CanalFinder([tmp_path], 1, canals).find(tasks)
    assert not any(one.canal.foramina for one in again)
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.canal.points, other.canal.points)


def test_a_study_whose_foramina_could_not_be_looked_for_has_them_looked_for_the_next_time(cohort, monkeypatch):
    tasks, canals = tasks_of(cohort), {}

    def fail(located):
        raise OSError("no such thing")

    with monkeypatch.context() as patch:
        patch.setattr(finder, "read_patches", fail)
        assert not any(one.canal.foramina for one in CanalFinder(workers=1, canals=canals).find(tasks))
    assert all(one.canal.foramina for one in CanalFinder(workers=1, canals=canals).find(tasks))


def test_foramina_are_found_about_the_canal(located):
    for one in located:
        assert one.canal.is_on_midline
        assert len(one.canal.foramina) >= 8
        assert {found.method for found in one.canal.foramina.values()} == {foramen_finder.METHOD}


def test_the_canal_is_where_it_is_without_foramina(cohort, located, monkeypatch):
    monkeypatch.setattr(ForamenFinder, "bundled", refuse)
    for one, other in zip(find_canals(tasks_of(cohort), workers=1), located, strict=True):
        assert other.canal.foramina and not one.canal.foramina
        study = read_study(one.study.images, one.study.study_id, one.study.series)
        assert np.array_equal(canal_of(study, one.canal).points, canal_of(study, other.canal).points)


def blind_foramen_finder():
    """One that finds nothing at all."""
    blind = ForamenFinder()
    blind.network.set_weights([np.full_like(one, np.nan) for one in blind.network.get_weights()])
    return blind


def refuse():
    raise InputError("foramina.json", "a description", "none", "")


def test_a_study_whose_t1_cannot_be_read_has_its_foramina_carried(cohort, monkeypatch, caplog):
    tasks = tasks_of(cohort)[:2]

    def read(located):
        if located.study.study_id == tasks[0].study_id:
            raise ValueError("no such thing")
        return read_patches(located)

    monkeypatch.setattr(finder, "read_patches", read)
    found = find_canals(tasks, workers=1)
    assert [bool(one.canal.foramina) for one in found] == [False, True]
    assert [one.accident for one in found] == ["", ""]
    assert f"the foramina of study {tasks[0].study_id}" in caplog.text


def test_training_studies_are_left_to_the_foramen_finder_that_has_not_seen_them(bundled, cohort, tmp_path):
    """The model's own finder finds nothing at all here, so whoever has foramina has them of the bundled one."""
    blind = blind_foramen_finder()
    blind.notes = {TAUGHT_ON_LABELS: True}
    blind.save(tmp_path)
    bundled.save(tmp_path)
    tasks = tasks_of(cohort)
    (tmp_path / "folds.csv").write_text(f"study_id,fold\n{tasks[1].study_id},0\n")
    found = find_canals(tasks, [tmp_path], workers=1)
    assert [bool(one.canal.foramina) for one in found] == [False, True, False]
