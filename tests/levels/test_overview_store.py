"""A store's overviews with their label points."""

import numpy as np
import polars as pl
import pytest
from true_canal import CANAL

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.levels.overview import PX, SLICES, to_pixels
from stenosis_kit.levels.overview_store import growing_overviews, open_overviews


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


def test_a_store_without_any_overview_opens_as_none(tmp_path):
    with growing_overviews(tmp_path):
        pass
    overviews = open_overviews(tmp_path)
    assert overviews.pixels.shape == (0, SLICES, PX, PX)
    assert overviews.points().shape == (0, SLICES, 5, 2)
