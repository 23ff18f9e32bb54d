"""A model's own foramen finder: taught where there is time, kept where it is better."""

import numpy as np
import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.crops.store import open_store
from stenosis_kit.graders import own_foramina
from stenosis_kit.graders.own_foramina import make_foramen_finder
from stenosis_kit.levels import foramen_training
from stenosis_kit.levels.against_labels import found_canals
from stenosis_kit.levels.foramen_finder import ForamenFinder
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview_store import open_overviews


@pytest.fixture(scope="module")
def opened(store):
    return open_store(store)


def made(opened, folder, budget, held_out=slice(0, 3)):
    studies = sorted(opened.manifest["study_id"].unique().to_list())
    localiser = Localiser.bundled()
    canals = found_canals(localiser, open_overviews(opened.folder), studies[held_out])
    errors = make_foramen_finder(opened, folder, studies[3:], canals, localiser.carry, budget, seed=0)
    return errors, ForamenFinder.load(folder)


def is_bundled(finder):
    pairs = zip(finder.network.get_weights(), ForamenFinder.bundled().network.get_weights(), strict=True)
    return all(np.array_equal(*pair) for pair in pairs) and not finder.notes.get(TAUGHT_ON_LABELS)


def test_without_time_it_is_the_bundled_one_and_its_errors_are_known(opened, tmp_path):
    errors, finder = made(opened, tmp_path, None)
    assert is_bundled(finder)
    assert len(errors) >= 25 and np.median(np.linalg.norm(errors, axis=1)) <= 2


@pytest.mark.parametrize("better", [True, False])
def test_the_taught_one_is_kept_where_it_is_better(opened, tmp_path, monkeypatch, better):
    monkeypatch.setattr(foramen_training, "STEPS", 2)
    answers = iter([np.full((4, 3), 2.0), np.full((4, 3), 1.0 if better else 3.0)])
    monkeypatch.setattr(own_foramina, "found_places", lambda *_: next(answers))
    monkeypatch.setattr(own_foramina.Expected, "in_frame", lambda self, places: places)
    errors, finder = made(opened, tmp_path, Budget(60.0))
    assert bool(finder.notes.get(TAUGHT_ON_LABELS)) == better
    assert is_bundled(finder) != better
    assert np.unique(errors).tolist() == [1.0 if better else 2.0]


def test_without_held_out_studies_nothing_taught_is_kept(opened, tmp_path, monkeypatch):
    monkeypatch.setattr(foramen_training, "STEPS", 2)
    errors, finder = made(opened, tmp_path, Budget(60.0), held_out=slice(0, 0))
    assert is_bundled(finder) and errors.shape == (0, 3)
