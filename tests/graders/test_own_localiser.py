"""A model's own localiser, and how far from the labels it places crops."""

import json
import shutil

import numpy as np

from stenosis_kit.base.budget import Budget
from stenosis_kit.crops.store import open_store
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders import own_localiser
from stenosis_kit.graders.own_localiser import make_localiser
from stenosis_kit.levels.carry import FORAMINAL, TYPICAL
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.localiser import Localiser


def test_a_model_holds_the_bundled_localiser_and_a_carry_of_its_own(model):
    own, bundled = Localiser.load(model), Localiser.bundled()
    assert all(
        np.array_equal(*pair) for pair in zip(own.network.get_weights(), bundled.network.get_weights(), strict=True)
    )
    assert not own.notes.get(TAUGHT_ON_LABELS)
    assert not np.allclose(own.carry.steps[FORAMINAL], TYPICAL.steps[FORAMINAL], atol=0.05)
    assert json.loads((model / Localiser.description_name).read_text())["carry"].keys() == TYPICAL.steps.keys()


def test_the_placement_errors_of_a_cohort_are_those_of_its_readers(store, tmp_path):
    """The bundled localiser is nearly exact here; what is left is the 1.5 mm by which the readers' points stray, and
    across foramina the distance of the slices on which they lie.
    """
    opened = open_store(store)
    folds = dict.fromkeys(opened.manifest["study_id"].unique().to_list(), 0)
    errors = make_localiser(opened, tmp_path, folds, Budget(), seed=0)
    assert errors.keys() == VIEW_BY_NAME.keys()
    for view in ("subarticular_axial", "canal_axial"):
        assert max(errors[view]) < 3.5, view
    assert max(errors["canal_sagittal"][1:]) < 3 and max(errors["foraminal_sagittal"][1:]) < 3


def test_a_short_budget_measures_fewer_studies(store, tmp_path, monkeypatch):
    measured = []

    def measure(localiser, overviews, studies):
        measured.append(len(studies))
        return {}

    monkeypatch.setattr("stenosis_kit.graders.own_localiser.found_canals", measure)
    opened = open_store(store)
    folds = dict.fromkeys(opened.manifest["study_id"].unique().to_list(), 0)
    for seconds in (10.0, 3600.0):
        make_localiser(opened, tmp_path, folds, Budget(seconds), seed=0)
    assert measured == [4, 8]


def test_a_store_without_overviews_keeps_the_bundled_localiser_however_long_training_may_take(store, tmp_path):
    """As stores have that others made of crops alone, with facts of no length in any dimension."""
    folder = tmp_path / "store"
    shutil.copytree(store, folder, symlinks=True)
    empty = {name: np.array([]) for name in ("study", "kind", "frames", "canal", "midline")}
    np.savez(folder / "overviews/facts.npz", **empty)
    opened = open_store(folder)
    folds = {study: study % 2 for study in range(100)}
    assert make_localiser(opened, tmp_path, folds, Budget(3600), seed=0) == {}
    own, bundled = Localiser.load(tmp_path), Localiser.bundled()
    assert all(
        np.array_equal(*pair) for pair in zip(own.network.get_weights(), bundled.network.get_weights(), strict=True)
    )


def test_studies_without_a_label_point_of_the_canal_teach_and_measure_nothing(store, tmp_path, monkeypatch):
    """As in a root that adopt made of grades: it has overviews, and no points."""

    def learn(*_):
        raise AssertionError("there is nothing to learn from")

    monkeypatch.setattr(own_localiser, "_FEWEST_STUDIES", 1)
    monkeypatch.setattr("stenosis_kit.levels.training.learn", learn)
    folder = tmp_path / "store"
    shutil.copytree(store, folder, symlinks=True)
    with np.load(folder / "overviews/facts.npz") as file:
        facts = dict(file)
    np.savez(folder / "overviews/facts.npz", **(facts | {"canal": np.full_like(facts["canal"], np.nan)}))
    opened = open_store(folder)
    folds = {study: row % 2 for row, study in enumerate(opened.manifest["study_id"].unique().sort().to_list())}
    assert make_localiser(opened, tmp_path, folds, Budget(3600), seed=0) == {}
    assert not Localiser.load(tmp_path).notes.get(TAUGHT_ON_LABELS)


def test_errors_are_those_of_normal_ones_and_grow_evenly_with_the_share_of_slipped_slices():
    rng = np.random.default_rng(0)
    normal = rng.normal(0, 2.0, (4000, 3))
    np.testing.assert_allclose(own_localiser._robust_sd(normal), 2.0, rtol=0.06)
    normal[:80] = 60.0  # a level off
    assert (own_localiser._robust_sd(normal) < 2.4).all()
    shares = [0.12, 0.15, 0.18, 0.21]
    slipped = [own_localiser._robust_sd(4.4 * (rng.random((4000, 3)) < share))[0] for share in shares]
    assert np.diff(slipped).min() > 0
    assert np.diff(slipped).max() < 0.5
    np.testing.assert_array_equal(own_localiser._robust_sd(np.zeros((5, 3))), 1.0)
