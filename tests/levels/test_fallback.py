"""Which way finds the levels of a study where the localiser has no answer."""

import numpy as np
import pytest
from bare_series import LEVEL_Z, disc_angled, sagittal, series_of
from fabricate import plane

from stenosis_kit import rsna
from stenosis_kit.levels import anatomical_prior, kmeans
from stenosis_kit.levels.fallback import locate


def axial_series():
    return series_of(disc_angled(each=3)[0], rsna.AXIAL_T2, 7)


def test_locate_takes_k_means_where_one_axial_series_shows_all_levels():
    found = locate([axial_series(), sagittal(), sagittal(rsna.SAGITTAL_T1)])
    assert found.method == kmeans.METHOD
    assert found.points[:, 2] == pytest.approx(LEVEL_Z)


@pytest.mark.parametrize("axial", ["none", "too short", "two series"])
def test_locate_prefers_t2_where_no_single_axial_series_shows_all_levels(axial):
    planes = disc_angled(each=3)[0]
    series = {"none": [], "too short": [planes[:9]], "two series": [planes, planes]}[axial]
    t2, t1 = sagittal(shape=(80, 80)), sagittal(rsna.SAGITTAL_T1, offsets=np.arange(-20.0, 21.0, 4.0))
    found = locate([*(series_of(each, rsna.AXIAL_T2, 7 + i) for i, each in enumerate(series)), t1, t2])
    assert found.points == pytest.approx(anatomical_prior.canal_points(t2))
    assert found.method == anatomical_prior.METHOD


@pytest.mark.parametrize("instead", ["missing", "empty"])
def test_locate_falls_back_on_t1_where_t2_is_gone(instead):
    t1 = sagittal(rsna.SAGITTAL_T1, shape=(80, 80))
    found = locate([t1] + ([series_of([], rsna.SAGITTAL_T2)] if instead == "empty" else []))
    assert found.points == pytest.approx(anatomical_prior.canal_points(t1))
    assert found.method == anatomical_prior.METHOD


def test_locate_falls_back_on_k_means_where_only_axial_images_are_left():
    two = [axial_series(), series_of(disc_angled(each=2)[0], rsna.AXIAL_T2, 8), series_of([], rsna.SAGITTAL_T1)]
    assert locate(two).method == kmeans.METHOD
    assert locate(two).points[:, 2] == pytest.approx(LEVEL_Z)


def test_locate_says_less_the_further_it_falls_back():
    first, last = locate([axial_series()]), locate([sagittal()])
    assert 0 < last.confidence.max() < first.confidence.min() < 1


@pytest.mark.parametrize(
    "study",
    [
        [],
        [series_of([], kind) for kind in rsna.SERIES_KINDS],
        [series_of([plane("axial", z) for z in (0.0, 4, 8, 12)], rsna.AXIAL_T2)],
    ],
    ids=["no series", "empty series", "four axial slices"],
)
def test_locate_says_so_where_nothing_can_be_found(study):
    assert locate(study) is None
