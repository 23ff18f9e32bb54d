"""K-Means on slice location, the paper's way to levels."""

import numpy as np
import pytest
from bare_series import LEVEL_Z, disc_angled, series_of
from fabricate import stored

from stenosis_kit import rsna
from stenosis_kit.levels import kmeans


def levels_of(positions):
    """(slices,) the level of each slice, and (5,) the levels' centres."""
    centers = kmeans.level_centers(positions)
    return np.abs(positions[:, None] - centers).argmin(axis=1), centers


@pytest.mark.parametrize(
    ("order", "how"),
    [
        ("head first", "as is"),
        ("feet first", "as is"),
        ("shuffled", "as is"),
        ("feet first", "flipped x"),
        ("head first", "flipped y"),
        ("head first", "rotated"),
    ],
)
def test_k_means_labels_equal_disc_angled_blocks_whatever_the_stored_order(order, how):
    planes, owner = disc_angled()
    places = {
        "head first": np.arange(20),
        "feet first": np.arange(20)[::-1],
        "shuffled": np.random.default_rng(3).permutation(20),
    }[order]
    planes = [stored(planes[i], np.zeros(planes[i].shape), how)[0] for i in places]
    series = series_of(planes, rsna.AXIAL_T2)
    found, _ = levels_of(kmeans.slice_positions(series))
    assert found.tolist() == [owner[places[item.number - 1]] for item in series.slices]


@pytest.mark.parametrize("how", ["as is", "flipped x", "flipped y", "rotated"])
def test_k_means_picks_a_slice_of_each_level_l1_l2_first(how):
    planes, _ = disc_angled(each=3)
    series = series_of([stored(item, np.zeros(item.shape), how)[0] for item in planes], rsna.AXIAL_T2)
    picked = [series.slices[i] for i in kmeans.level_slices(series)]
    assert [item.number for item in picked] == [2, 5, 8, 11, 14]  # the middle slice of each block, head first
    assert [item.plane.center[2] for item in picked] == pytest.approx(LEVEL_Z)


def test_k_means_centres_run_from_head_to_feet():
    positions = np.array([50.0, -40, 10, -20, 30, 51, -41, 11, -21, 31])
    found, centers = levels_of(positions)
    assert centers == pytest.approx([50.5, 30.5, 10.5, -20.5, -40.5])
    assert found.tolist() == [0, 4, 2, 3, 1, 0, 4, 2, 3, 1]


def test_k_means_of_five_slices_gives_each_its_own_level():
    found, centers = levels_of(np.array([0.0, 4, 8, 12, 16]))
    assert found.tolist() == [4, 3, 2, 1, 0]
    assert centers == pytest.approx([16, 12, 8, 4, 0])


def test_k_means_gives_the_same_answer_each_time():
    positions = np.random.default_rng(1).uniform(-80, 80, 40)
    (first, _), (second, _) = levels_of(positions), levels_of(positions)
    assert np.array_equal(first, second)


@pytest.mark.parametrize("positions", [[], [1.0], [0.0, 4, 8, 12], [0.0, 0, 4, 4, 8, 8, 12, 12]])
def test_k_means_of_too_few_different_positions_is_an_error(positions):
    with pytest.raises(ValueError, match="at least five"):
        kmeans.level_centers(np.array(positions))


def test_k_means_canal_points_are_the_middles_of_the_level_slices():
    planes, _ = disc_angled(each=3)
    points = kmeans.canal_points(series_of(planes, rsna.AXIAL_T2))
    assert points == pytest.approx(np.array([[0, 0, z] for z in LEVEL_Z]), abs=1e-6)
