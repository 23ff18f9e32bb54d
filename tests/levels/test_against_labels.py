"""How far found points lie from a store's label points, and the carry that those give."""

import numpy as np
import pytest

from stenosis_kit.crops.store import open_store
from stenosis_kit.levels.against_labels import carry_of_labels, errors_mm, mean_miss_mm, placement_errors
from stenosis_kit.levels.carry import CANAL_SAGITTAL, FORAMINAL, SUBARTICULAR
from stenosis_kit.levels.overview_store import open_overviews


def test_errors_are_measured_from_the_label_points(store, bundled, broken):
    overviews = open_overviews(store)
    studies = np.unique(overviews.study).tolist()
    errors = errors_mm(bundled, overviews, studies)
    assert errors.shape == (8, 5) and np.nanmedian(errors) <= 3
    assert np.isinf(errors_mm(broken, overviews, studies[:1])).any()


def test_a_carry_of_the_labels_leads_from_the_canal_back_to_them(store):
    manifest, overviews = open_store(store).manifest, open_overviews(store)
    canals = dict(zip(overviews.study.tolist(), overviews.canal, strict=True))
    errors = placement_errors(canals, carry_of_labels(overviews, manifest), manifest)
    assert np.nanmax(np.abs(errors[CANAL_SAGITTAL])) < 1e-9  # it lies at the canal's own label point
    for view in (FORAMINAL, SUBARTICULAR):
        labels = manifest.filter(view=view, point_source="label").height
        assert errors[view].shape == (labels, 3)
        assert np.abs(np.nanmean(errors[view], axis=0)).max() < 2


@pytest.mark.parametrize(
    ("distances", "mean"),
    [([1.0, 3.0, np.nan], 2.0), ([0.0, 500.0], 10.0), ([0.0, np.inf], 10.0), ([np.inf], np.inf), ([], np.inf)],
    ids=["unlabelled", "another level", "not found", "none found", "none"],
)
def test_a_miss_counts_no_more_than_20_mm(distances, mean):
    assert mean_miss_mm(np.array(distances)) == mean
