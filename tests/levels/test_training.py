"""Training the localiser on a store's overviews."""

from dataclasses import replace

import numpy as np
import pytest

from stenosis_kit.base.budget import Budget
from stenosis_kit.levels import training
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS
from stenosis_kit.levels.localiser import Localiser
from stenosis_kit.levels.overview_store import open_overviews
from stenosis_kit.levels.targets import heatmap_loss, target_maps


def test_teaching_makes_maps_likelier_and_leaves_the_first_localiser_as_it_was(store, bundled, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 24)
    monkeypatch.setattr(training, "BATCH", 8)
    overviews = open_overviews(store)
    studies = np.unique(overviews.study).tolist()
    forgot = Localiser(bundled.steps)  # all that the bundled one knows, but for its last layer
    weights = bundled.network.get_weights()
    spoilt = [*weights[:-2], np.zeros_like(weights[-2]), np.zeros_like(weights[-1])]
    forgot.network.set_weights(spoilt)
    taught = training.learn(overviews, studies, Budget(), start=forgot)
    assert taught.notes[TAUGHT_ON_LABELS] and taught.notes["steps"] == 24
    images, targets = overviews.pixels[:, 2, ..., None].astype(np.float32) / 255, target_maps(overviews.points()[:, 2])
    first, after = (
        heatmap_loss(targets, one.network.predict_on_batch(images)).numpy().mean() for one in (forgot, taught)
    )
    assert after < first - 1
    assert all(np.array_equal(a, b) for a, b in zip(forgot.network.get_weights(), spoilt, strict=True))


def test_studies_without_a_label_point_of_the_canal_are_refused_at_once(store):
    overviews = open_overviews(store)
    studies, bare = np.unique(overviews.study).tolist(), np.full_like(overviews.canal, np.nan)
    for some, wanted in ((replace(overviews, canal=bare), studies), (overviews, []), (overviews, [max(studies) + 1])):
        with pytest.raises(ValueError, match="studies with label points of the canal"):
            training.learn(some, wanted, Budget(1.0))
