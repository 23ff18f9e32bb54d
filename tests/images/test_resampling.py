"""Pixels on a grid in mm: what SciPy takes for the same affine, for every shape and place."""

import numpy as np
import pytest
from scipy.ndimage import affine_transform

from stenosis_kit.images import resampling as sampling
from stenosis_kit.images.geometry import Plane, SquareGrid
from stenosis_kit.images.resampling import outside_share, resample

OUTSIDE = -500.0


def image_plane(shape, spacing=(1.0, 1.0)):
    """An axial plane whose first pixel is the patient's origin; spacing of rows and of columns, mm."""
    return Plane.from_tags((0, 0, 0), (1, 0, 0, 0, 1, 0), spacing, shape)


def turned(degrees):
    """The grid's axes, turned inside an axial plane."""
    angle = np.deg2rad(degrees)
    return np.array([np.cos(angle), np.sin(angle), 0]), np.array([-np.sin(angle), np.cos(angle), 0])


def by_scipy(signal, spacing, center, axes, px, mm):
    """The same grid, where one sample a pixel is enough."""
    matrix = np.array([[axes[1][1], axes[0][1]], [axes[1][0], axes[0][0]]]) * mm / px  # (row, column) mm of (y, x)
    corner = center[1::-1] - matrix @ np.full(2, (px - 1) / 2)
    matrix, corner = matrix / np.reshape(spacing, (2, 1)), corner / spacing
    return affine_transform(signal, matrix, corner, (px, px), order=1, mode="constant", cval=OUTSIDE)


@pytest.mark.parametrize("degrees", [0, 7, 90, 181, 300])
@pytest.mark.parametrize(
    ("shape", "spacing", "center", "mm"),
    [
        ((40, 50), (1.0, 1.0), (20.0, 20.0, 0.0), 30.0),
        ((40, 50), (1.0, 1.0), (0.0, 0.0, 3.0), 30.0),
        ((40, 50), (1.0, 0.9), (44.3, 11.7, 0.0), 20.0),
        ((2, 2), (1.0, 1.0), (0.5, 0.5, 0.0), 2.0),
        ((3, 60), (1.0, 1.0), (31.0, 1.0, 0.0), 8.0),
    ],
    ids=["inside", "over a corner", "over an edge, pixels not square", "four pixels", "three rows"],
)
def test_values_are_scipys(degrees, shape, spacing, center, mm):
    signal = np.random.default_rng(0).normal(100, 30, shape).astype(np.float32)
    center, axes = np.array(center), turned(degrees)
    found = resample(signal, image_plane(shape, spacing), SquareGrid(center, axes, 24, mm), OUTSIDE)
    assert found.dtype == np.float32
    expected = by_scipy(signal, spacing, center, axes, 24, mm)
    both = (expected > OUTSIDE) & (found > OUTSIDE)
    assert both.sum() > 100
    assert ((expected > OUTSIDE) == (found > OUTSIDE)).mean() > 0.95  # on the very edge it may fall to either side
    # Places are rounded to a thousandth of a pixel, over which values change by some .2 at most.
    np.testing.assert_allclose(found[both], expected[both], rtol=0, atol=0.25)
    assert np.abs(found[both] - expected[both]).mean() < 0.05


@pytest.mark.parametrize("shape", [(1, 9), (9, 1), (1, 1)], ids=str)
def test_an_image_of_one_line_is_sampled_along_it(shape):
    signal = np.arange(9, dtype=np.float32)[: shape[0] * shape[1]].reshape(shape)
    found = resample(signal, image_plane(shape), SquareGrid(np.zeros(3), turned(0), 3, 3.0), OUTSIDE)
    expected = np.full((3, 3), OUTSIDE)
    expected[1:, 1:][: shape[0], : shape[1]] = signal[:2, :2]
    np.testing.assert_allclose(found, expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("away", [1e3, 1e12, 1e200])
def test_a_grid_far_from_the_image_is_outside_without_a_warning(away):
    signal, plane, center = np.ones((8, 8), np.float32), image_plane((8, 8)), np.array([away, -away, 0.0])
    grid = SquareGrid(center, turned(30), 6, 6.0)
    assert (resample(signal, plane, grid, OUTSIDE) == OUTSIDE).all()
    assert outside_share(plane, grid) == 1


def test_the_image_may_be_a_view_of_a_larger_one_and_is_not_changed():
    whole = np.random.default_rng(1).normal(size=(60, 80)).astype(np.float32)
    before = whole.copy()
    for part in (whole, whole[::2, 10:70:3]):
        arguments = image_plane(part.shape), SquareGrid(np.array([9.0, 14.0, 0.0]), turned(20), 8, 10.0), OUTSIDE
        np.testing.assert_array_equal(resample(part, *arguments), resample(part.copy(), *arguments))
    np.testing.assert_array_equal(whole, before)


def test_slices_that_lie_behind_one_another_are_sampled_at_places_found_once():
    """Their positions are written with a few decimals, and drop on each other only to these."""
    sampling._grid.cache_clear()
    for depth in range(5):
        position = (1e-6 * depth, -1e-6 * depth, 4.0 * depth)
        plane = Plane.from_tags(position, (1, 0, 0, 0, 1, 0), (0.6, 0.6), (64, 64))
        grid = SquareGrid(np.array([20.0, 20.0, 0.0]), turned(5), 16, 8.0)
        resample(np.ones((64, 64), np.float32), plane, grid, OUTSIDE)
    assert sampling._grid.cache_info().hits == 4


def test_silent_pixels_lie_outside():
    plane, silent = image_plane((40, 50)), np.zeros((40, 50), bool)
    grid = SquareGrid(np.array([19.5, 19.5, 0.0]), turned(0), 20, 20.0)
    silent[:20] = True
    assert outside_share(plane, grid) == 0
    assert outside_share(plane, grid, silent) == 0.5
    assert outside_share(plane, grid, ~silent) == 0.5
    left = SquareGrid(np.array([-0.5, 19.5, 0.0]), turned(0), 20, 20.0)
    assert outside_share(plane, left) == 0.5
    assert outside_share(plane, left, silent) == 0.75
