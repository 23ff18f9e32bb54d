"""The bundled localiser on synthetic and (where they are at hand) real studies; loading, saving and teaching it."""

import json
import shutil

import numpy as np
import polars as pl
import pytest

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError
from stenosis_kit.images.series import read_study
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.heatmaps import SIDE, log_shares, to_cells, to_overview
from stenosis_kit.levels.label_points import canal_labels
from stenosis_kit.levels.localiser import DESCRIPTION_NAME, TAUGHT_ON_LABELS, WEIGHTS_NAME, Localiser
from stenosis_kit.levels.overview import PX, SLICES, Overview, study_overviews, to_pixels
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.road.levels import levels
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import LabelPoint

CANAL = rsna.condition_of("spinal", None)


@pytest.fixture(scope="module")
def bundled():
    return Localiser.bundled()


def tasks_of(root, split="test"):
    return Root(root, split).studies()


def truth_of(root, task):
    """(5, 3) true canal points of a test study, patient mm."""
    table = root / "solution_coordinates.csv"
    frame = pl.read_csv(table if table.is_file() else root / rsna.POINTS_TABLE)
    rows = frame.filter(study_id=task.study_id, condition=CANAL.label).iter_rows(named=True)
    points = {
        (CANAL.name, rsna.LEVELS[rsna.LEVEL_LABELS.index(row["level"])]): LabelPoint(
            row["series_id"], row["instance_number"], row["x"], row["y"]
        )
        for row in rows
    }
    return canal_labels(read_study(task.images, task.study_id, task.series), points)


def sagittal_errors(root, tasks):
    return np.array([np.linalg.norm((one.canal.points - truth_of(root, one.study))[:, 1:], axis=1) for one in tasks])


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


def test_the_levels_command_asks_it(cohort, tmp_path):
    found = levels(cohort, tmp_path / "levels.csv", workers=1, preview=tmp_path / "levels.png")
    assert set(found["method"].drop_nulls()) == {"localiser on T2 and T1"}
    assert found["series_id"].is_null().sum() <= 4 and found.height == 75
    assert (tmp_path / "levels.png").read_bytes().startswith(b"\x89PNG")


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


def test_a_network_that_answers_with_nan_finds_nothing(bundled, cohort):
    broken = Localiser(bundled.steps)
    broken.network.set_weights([np.full_like(weights, np.nan) for weights in bundled.network.get_weights()])
    task = tasks_of(cohort)[0]
    overviews = study_overviews(read_study(task.images, task.study_id, task.series))
    assert broken.locate([overviews]) == [None]


def test_a_study_that_cannot_be_read_stays_without_and_costs_no_other(cohort, tmp_path):
    shutil.copytree(cohort, tmp_path / "root", symlinks=True)
    tasks = tasks_of(tmp_path / "root")
    shutil.rmtree(tasks[0].images / str(tasks[0].study_id))
    found = find_canals(tasks, workers=1)
    assert found[0].canal is None
    assert all(task.canal for task in found[1:])


def test_no_time_leaves_every_study_to_the_ways_that_need_no_network(cohort):
    assert all(task.canal is None for task in find_canals(tasks_of(cohort), workers=1, budget=Budget(0.0)))


# --- In a folder -----------------------------------------------------------------------------------


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


def test_a_models_damaged_localiser_gives_way_to_the_bundled_one_aloud(bundled, cohort, tmp_path, caplog):
    bundled.save(tmp_path)
    (tmp_path / WEIGHTS_NAME).write_bytes(b"")
    found = find_canals(tasks_of(cohort), [tmp_path], workers=1)
    assert all(task.canal for task in found)
    assert WEIGHTS_NAME in caplog.text


def test_training_studies_are_left_to_the_localiser_that_has_not_seen_them(bundled, cohort, tmp_path):
    """The model's own localiser answers nothing at all here, so whoever is found was found by the bundled one."""
    blind = Localiser(bundled.steps)
    blind.notes = {TAUGHT_ON_LABELS: True}
    blind.save(tmp_path)
    tasks = tasks_of(cohort)
    (tmp_path / "folds.csv").write_text(f"study_id,fold\n{tasks[1].study_id},0\n")
    found = find_canals(tasks, [tmp_path], workers=1)
    assert [task.canal is not None for task in found] == [False, True, False]


# --- Maps and teaching -----------------------------------------------------------------------------


def test_maps_sum_to_one_and_cells_lead_back():
    logits = np.random.default_rng(0).normal(0, 9, (2, SIDE, SIDE, 5))
    assert np.exp(log_shares(logits)).sum(axis=(1, 2)) == pytest.approx(np.ones((2, 5)))
    pixels = np.array([[0.0, 3.5], [159.0, 80.25]])
    assert to_overview(to_cells(pixels)) == pytest.approx(pixels)


def test_targets_lie_at_the_points_and_unknown_ones_count_for_nothing():
    import tensorflow as tf

    from stenosis_kit.levels.targets import heatmap_loss, target_maps

    points = np.array([[[80.0, 40.0], [np.nan, np.nan], [-60.0, 20.0], [159.0, 159.0], [0.0, 0.0]]], np.float32)
    maps = target_maps(tf.constant(points)).numpy()
    y, x = np.mgrid[:SIDE, :SIDE]
    assert [(maps[0, ..., 0] * x).sum(), (maps[0, ..., 0] * y).sum()] == pytest.approx(to_cells(points[0, 0]), abs=1e-3)
    assert maps.sum(axis=(1, 2))[0] == pytest.approx([1, 0, 0, 1, 1], abs=1e-5)
    right, wrong = (heatmap_loss(maps, sign * 20.0 * maps).numpy()[0] for sign in (1, -1))
    assert right < wrong


def test_changes_move_points_with_the_image():
    import tensorflow as tf

    from stenosis_kit.levels.augmentation import Changes, move

    tf.random.set_seed(1)
    y, x = np.mgrid[:PX, :PX]
    points = np.array([[70.0, 60.0], [90.0, 100.0], [60.0, 95.0], [100.0, 70.0], [80.0, 80.0]], np.float32)
    balls = np.stack([np.exp(-((x - px) ** 2 + (y - py) ** 2) / 18) for px, py in points], axis=-1).astype(np.float32)
    images, moved = move(tf.constant(np.tile(balls, (8, 1, 1, 1))), tf.constant(np.tile(points, (8, 1, 1))), Changes())
    images = images.numpy()
    for image, places in zip(images, moved.numpy(), strict=True):
        for level, place in enumerate(places):
            layer = image[..., level]
            center = np.array([(layer * x).sum(), (layer * y).sum()]) / layer.sum()
            if layer.sum() > 60 and place.min() > 15 and place.max() < PX - 15:
                assert center == pytest.approx(place, abs=0.5)
    assert np.ptp(moved.numpy()[:, 0, 0]) > 10  # the images differ


def test_a_changed_image_still_shows_its_levels():
    import tensorflow as tf

    from stenosis_kit.levels.augmentation import Changes, frame

    points = np.tile(np.array([[80.0, 40 + 18 * level] for level in range(5)], np.float32), (20, 1, 1))
    inside = frame(tf.constant(points), tf.constant(20), Changes(crop=1.0)).numpy()[..., 0]
    for image in inside:
        assert all(image[int(y), int(x)] == 1 for x, y in points[0])
    assert 0.02 < inside.mean() < 0.9


def test_teaching_makes_maps_likelier_and_leaves_the_first_localiser_as_it_was(store, bundled, monkeypatch):
    from stenosis_kit.levels import training
    from stenosis_kit.levels.targets import heatmap_loss, target_maps
    from stenosis_kit.levels.training import learn

    monkeypatch.setattr(training, "STEPS", 24)
    overviews = open_overviews(store)
    studies = np.unique(overviews.study).tolist()
    forgot = Localiser(bundled.steps)  # all that the bundled one knows, but for its last layer
    weights = bundled.network.get_weights()
    spoilt = [*weights[:-2], np.zeros_like(weights[-2]), np.zeros_like(weights[-1])]
    forgot.network.set_weights(spoilt)
    taught = learn(overviews, studies, Budget(), start=forgot)
    assert taught.notes[TAUGHT_ON_LABELS] and taught.notes["steps"] == 24
    images, targets = overviews.pixels[:, 2, ..., None].astype(np.float32) / 255, target_maps(overviews.points()[:, 2])
    first, after = (
        heatmap_loss(targets, one.network.predict_on_batch(images)).numpy().mean() for one in (forgot, taught)
    )
    assert after < first - 1
    assert all(np.array_equal(a, b) for a, b in zip(forgot.network.get_weights(), spoilt, strict=True))


def test_errors_are_measured_from_the_label_points(store, bundled):
    from stenosis_kit.levels.against_labels import errors_mm

    overviews = open_overviews(store)
    studies = np.unique(overviews.study).tolist()
    errors = errors_mm(bundled, overviews, studies)
    assert errors.shape == (8, 5) and np.nanmedian(errors) <= 3
    broken = Localiser(bundled.steps)
    broken.network.set_weights([np.full_like(weights, np.nan) for weights in bundled.network.get_weights()])
    assert np.isinf(errors_mm(broken, overviews, studies[:1])).any()


def test_a_stores_overviews_carry_their_label_points(store, cohort):
    overviews = open_overviews(store)
    assert overviews.pixels.shape[1:] == (SLICES, PX, PX)
    assert set(overviews.kind) == {rsna.SAGITTAL_T1, rsna.SAGITTAL_T2}
    assert len(overviews.study) == 16
    points = pl.read_csv(cohort / rsna.POINTS_TABLE).filter(condition=CANAL.label)
    assert np.isfinite(overviews.canal[..., 0]).sum() == 2 * points.height
    assert overviews.points()[0, 2] == pytest.approx(to_pixels(overviews.frames[0], overviews.canal[0])[2], nan_ok=True)


def test_a_store_without_its_overviews_is_refused(store, tmp_path):
    with pytest.raises(InputError, match="overviews"):
        open_overviews(tmp_path)
