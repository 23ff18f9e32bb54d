"""The bundled localiser on synthetic studies and on what is no spine; loading and saving it."""

import json

import numpy as np
import pytest
from true_canal import tasks_of, truth_of

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.heatmaps import SIDE, to_cells, to_overview
from stenosis_kit.levels.localiser import DESCRIPTION_NAME, WEIGHTS_NAME, Localiser
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


def test_it_comes_back_as_it_was_saved(bundled, tmp_path):
    bundled.save(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [DESCRIPTION_NAME, WEIGHTS_NAME]
    assert (tmp_path / WEIGHTS_NAME).stat().st_size < 5e6
    again = Localiser.load(tmp_path)
    for one, other in zip(again.network.get_weights(), bundled.network.get_weights(), strict=True):
        assert np.array_equal(one, other)
    assert again.steps.mean == pytest.approx(bundled.steps.mean, abs=1e-3)
    assert {view: rows.shape for view, rows in again.carry.steps.items()} == dict.fromkeys(bundled.carry.steps, (5, 3))


@pytest.mark.parametrize("damage", ["no weights", "cut off", "no steps"])
def test_a_damaged_one_is_refused_by_name(bundled, tmp_path, damage):
    bundled.save(tmp_path)
    path = tmp_path / WEIGHTS_NAME
    if damage == "no weights":
        path.unlink()
    elif damage == "cut off":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        description = json.loads((tmp_path / DESCRIPTION_NAME).read_text())
        (tmp_path / DESCRIPTION_NAME).write_text(json.dumps({**description, "steps": {}}))
    with pytest.raises(InputError, match="localiser"):
        Localiser.load(tmp_path)


def test_maps_sum_to_one(bundled):
    noise = np.random.default_rng(0).integers(0, 255, (2, SLICES, PX, PX)).astype(np.uint8)
    maps = bundled.maps(noise)
    assert maps.shape == (2, SLICES, SIDE, SIDE, 5)
    assert maps.sum(axis=(2, 3)) == pytest.approx(np.ones((2, SLICES, 5)), abs=1e-5)


def test_cells_lead_back_to_the_overview():
    pixels = np.array([[0.0, 3.5], [159.0, 80.25]])
    assert to_overview(to_cells(pixels)) == pytest.approx(pixels)
