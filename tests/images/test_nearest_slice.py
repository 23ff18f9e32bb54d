"""From a point to the slice that shows it, over several series."""

import numpy as np
import pytest
from bare_series import LEVEL_Z, LORDOSIS, disc_angled, sagittal, series_of
from fabricate import plane

from stenosis_kit import rsna
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.series import largest


def test_projection_picks_the_nearest_slice_over_several_series():
    upper = series_of([plane("axial", z) for z in (30.0, 26.0, 22.0)], rsna.AXIAL_T2, 1)
    lower = series_of([plane("axial", z) for z in (-2.0, 2.5)], rsna.AXIAL_T2, 2)
    pick = nearest_slice([upper, lower], np.array([3.0, 4.0, 1.0]))
    assert (pick.series.series_id, pick.slice.number) == (2, 2)
    pick = nearest_slice([upper, lower], np.array([3.0, 4.0, 25.0]))
    assert (pick.series.series_id, pick.slice.number) == (1, 2)


def test_projection_measures_to_the_plane_of_an_angled_slice():
    planes, owner = disc_angled(each=3)
    series = series_of(planes, rsna.AXIAL_T2)
    for level, z in enumerate(LEVEL_Z):
        steep = planes[3 * level + 1]
        point = steep.center + 20 * steep.column  # behind the middle of the block's middle slice
        pick = nearest_slice([series], point)
        assert owner[pick.slice.number - 1] == level
        assert pick.slice.plane is steep
        assert abs(point[2] - z) == pytest.approx(20 * abs(np.sin(np.deg2rad(LORDOSIS[level]))), abs=1e-6)


@pytest.mark.parametrize(("away", "covered"), [(9.99, True), (10.01, False)])
def test_projection_guards_at_ten_mm(away, covered):
    series = series_of([plane("axial", 0.0), plane("axial", 4.0)], rsna.AXIAL_T2)
    assert (nearest_slice([series], np.array([0, 0, -away])) is not None) == covered


def test_projection_on_nothing_is_nothing():
    assert nearest_slice([], np.zeros(3)) is None
    assert nearest_slice([series_of([], rsna.AXIAL_T2)], np.zeros(3)) is None


def test_a_far_slice_that_shows_the_point_does_not_hide_a_covering_one_beside_it():
    # the point lies 2 mm above a slice, just outside its image; a wide slice 60 mm below "shows" it
    small = series_of([plane("axial", 0.0, shape=(40, 40))], rsna.AXIAL_T2, 1)
    wide = series_of([plane("axial", -60.0, shape=(200, 200))], rsna.AXIAL_T2, 2)
    point = np.array([25.0, 0.0, 2.0])
    assert nearest_slice([small], point).series is small
    pick = nearest_slice([small, wide], point)
    assert pick is not None
    assert pick.series is small


def test_largest_has_the_most_slices_and_of_equals_comes_first():
    study = [
        sagittal(offsets=(0.0, 4.0), series_id=1),
        sagittal(offsets=(0.0, 4.0, 8.0), series_id=2),
        sagittal(offsets=(1.0, 5.0, 9.0), series_id=3),
        sagittal(rsna.SAGITTAL_T1, series_id=4),
    ]
    assert largest(study, rsna.SAGITTAL_T2).series_id == 2
    assert largest(study, rsna.AXIAL_T2) is None
