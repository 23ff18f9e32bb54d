"""The bundled localiser on synthetic studies and on what is no spine; what it saves beside its network."""

from dataclasses import replace

import numpy as np
import pytest
from true_canal import tasks_of, truth_of

from stenosis_kit import rsna
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.heatmaps import SIDE, to_cells, to_overview
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview import PX, SLICES, Overview, study_overviews


@pytest.mark.parametrize(("kept", "method"), [(0, "localiser on T2"), (1, "localiser on T1")])
def test_one_series_alone_will_do(bundled, cohort, kept, method):
    task = tasks_of(cohort)[0]
    overviews = study_overviews(read_study(task.images, task.study_id, task.series))
    (canal,) = bundled.locate([overviews[kept : kept + 1]])
    assert canal.method == method
    assert np.linalg.norm((canal.points - truth_of(cohort, task))[:, 1:], axis=1).max() <= 10


def test_what_shows_no_spine_gets_no_answer(bundled):
    frames = np.tile(np.array([[0.0, 0, 0], [0, 2, 0], [0, 0, -2]]), (SLICES, 1, 1))
    noise = np.random.default_rng(0).integers(0, 255, (SLICES, PX, PX)).astype(np.uint8)
    images = [np.zeros_like(noise), noise, np.full_like(noise, 200)]
    assert bundled.locate([[Overview(rsna.SAGITTAL_T2, one, frames)] for one in images]) == [None] * 3
    assert bundled.locate([[], []]) == [None, None]


def test_a_network_that_answers_with_nan_finds_nothing(broken, cohort):
    task = tasks_of(cohort)[0]
    overviews = study_overviews(read_study(task.images, task.study_id, task.series))
    assert broken.locate([overviews]) == [None]


def test_steps_and_carry_come_back_as_they_were_saved(bundled, tmp_path):
    bundled.save(tmp_path)
    again = Localiser.load(tmp_path)
    assert again.steps.mean == pytest.approx(bundled.steps.mean, abs=1e-3)
    assert {view: rows.shape for view, rows in again.carry.steps.items()} == dict.fromkeys(bundled.carry.steps, (5, 3))


def test_other_steps_are_other_content(bundled, tmp_path):
    bundled.save(tmp_path)
    other = Localiser.load(tmp_path)
    other.steps = replace(bundled.steps, mean=bundled.steps.mean + 1)
    assert other.content != bundled.content


def test_maps_sum_to_one(bundled):
    noise = np.random.default_rng(0).integers(0, 255, (2, SLICES, PX, PX)).astype(np.uint8)
    maps = bundled.maps(noise)
    assert maps.shape == (2, SLICES, SIDE, SIDE, 5)
    assert maps.sum(axis=(2, 3)) == pytest.approx(np.ones((2, SLICES, 5)), abs=1e-5)


def test_cells_lead_back_to_the_overview():
    pixels = np.array([[0.0, 3.5], [159.0, 80.25]])
    assert to_overview(to_cells(pixels)) == pytest.approx(pixels)
