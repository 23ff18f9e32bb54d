"""How far found points lie from a store's label points."""

import numpy as np

from stenosis_kit.levels.against_labels import errors_mm
from stenosis_kit.levels.overview_store import open_overviews


def test_errors_are_measured_from_the_label_points(store, bundled, broken):
    overviews = open_overviews(store)
    studies = np.unique(overviews.study).tolist()
    errors = errors_mm(bundled, overviews, studies)
    assert errors.shape == (8, 5) and np.nanmedian(errors) <= 3
    assert np.isinf(errors_mm(broken, overviews, studies[:1])).any()
