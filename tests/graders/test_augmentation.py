from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from stenosis_kit.crops.views import VIEW_BY_NAME, VIEWS
from stenosis_kit.graders.augmentation import Augmentation, augmentation_of, central_parts, change, random_parts, sample

QUIET = Augmentation(shift_mm=(0, 0), rotation_deg=0, zoom=0, gamma=0, gain=0, tilt=0, noise=0)


def ramp(view, count=4):
    """Crops whose grey is x, with the slice's number added."""
    x = np.broadcast_to(np.arange(view.px)[None, None, :, None], (count, view.px, view.px, view.slices))
    return (x + 10 * np.arange(view.slices)).astype(np.uint8)


def test_the_whole_crop_at_its_own_size_is_the_crop():
    view = VIEW_BY_NAME["canal_axial"]
    crops = np.random.default_rng(0).integers(0, 256, (2, view.px, view.px, view.slices), np.uint8)
    images = central_parts(crops, view, [view.mm], view.px)
    np.testing.assert_allclose(images, crops / 255, atol=4e-4)  # a tenth of a grey level


def test_the_central_part_has_the_crops_centre_in_its_middle():
    view = VIEW_BY_NAME["canal_sagittal"]
    images = np.asarray(central_parts(ramp(view), view, [view.mm / 2], 48)) * 255
    assert images.shape == (4, 48, 48, view.slices)
    np.testing.assert_allclose(images[0, 20, :, 0].mean(), (view.px - 1) / 2, atol=0.01)
    np.testing.assert_allclose(images[0, 20, -1, 0] - images[0, 20, 0, 0], 47, atol=0.01)  # 1 stored pixel a pixel


def test_parts_of_several_sides_come_side_by_side_and_end_where_the_crop_does():
    view = VIEW_BY_NAME["canal_axial"]
    crops = np.random.default_rng(0).integers(0, 256, (3, view.px, view.px, view.slices), np.uint8)
    sides = [40.0, view.mm, 1.12 * view.mm]
    images = np.asarray(central_parts(crops, view, sides, 48)).reshape(3, 3, 48, 48, view.slices)
    for side, own in zip(sides, images, strict=True):
        np.testing.assert_array_equal(own, central_parts(crops, view, [side], 48))
    corners = np.ix_(range(3), [0, -1], [0, -1])
    np.testing.assert_allclose(images[2][corners], crops[corners] / 255, atol=4e-4)


def test_random_parts_without_ranges_are_the_central_part():
    view = VIEW_BY_NAME["foraminal_sagittal"]
    crops = np.random.default_rng(0).integers(0, 256, (3, view.px, view.px, view.slices), np.uint8)
    at_random = sample(crops, random_parts(view, 50, 48, 3, QUIET), 48)
    np.testing.assert_allclose(at_random, central_parts(crops, view, [50.0], 48), atol=1e-4)


def test_random_parts_differ_and_stay_near_the_centre():
    view = VIEW_BY_NAME["subarticular_axial"]
    tf.random.set_seed(1)
    images = np.asarray(sample(ramp(view, 200), random_parts(view, 40, 40, 200, Augmentation()), 40)) * 255
    centres = images[:, 19:21, 19:21, 0].mean(axis=(1, 2))
    assert centres.std() == pytest.approx(2.0 * view.px / view.mm, rel=0.2)
    assert centres.mean() == pytest.approx((view.px - 1) / 2, abs=1)


@pytest.mark.parametrize(
    ("name", "axis"),
    [("canal_axial", 2), ("canal_sagittal", 3), ("foraminal_sagittal", None), ("subarticular_axial", None)],
)
def test_a_flip_is_the_patients_and_only_where_both_sides_are_alike(name, axis):
    view = VIEW_BY_NAME[name]
    images = ramp(view, 64).astype(np.float32) / 255
    tf.random.set_seed(2)
    changed = np.asarray(change(tf.constant(images), view, QUIET))
    flipped = np.array([not np.allclose(a, b, atol=1e-4) for a, b in zip(images, changed, strict=True)])
    assert flipped.any() == (axis is not None)
    if axis:
        assert not flipped.all()
        np.testing.assert_allclose(changed[flipped], np.flip(images, axis)[flipped], atol=1e-4)


def test_slices_slip_to_either_side_and_the_last_is_repeated():
    view = VIEW_BY_NAME["foraminal_sagittal"]
    images = np.random.default_rng(0).random((64, 4, 4, view.slices), np.float32)
    tf.random.set_seed(3)
    changed = np.asarray(change(tf.constant(images), view, replace(QUIET, slip=0.8)))
    ahead, behind = images[..., [1, 2, 3, 4, 4]], images[..., [0, 0, 1, 2, 3]]
    counts = [
        sum(np.allclose(one, wanted, atol=1e-4) for one, wanted in zip(changed, way, strict=True))
        for way in (images, ahead, behind)
    ]
    assert sum(counts) == 64
    assert counts == pytest.approx([0.2 * 64, 0.4 * 64, 0.4 * 64], abs=12)


def test_the_gain_is_a_factor_of_the_signal():
    view = VIEW_BY_NAME["subarticular_axial"]
    images = np.random.default_rng(0).uniform(0.1, 0.3, (200, 8, 8, view.slices)).astype(np.float32)
    tf.random.set_seed(4)
    factors = np.asarray(change(tf.constant(images), view, replace(QUIET, gain=0.3))) / images
    assert factors.std(axis=(1, 2, 3)).max() < 1e-3
    assert np.log(factors[:, 0, 0, 0]).std() == pytest.approx(0.3, rel=0.2)


def test_the_tilt_is_a_gain_that_rises_along_x_and_y_from_the_middle():
    view = VIEW_BY_NAME["subarticular_axial"]
    images = np.full((200, 9, 9, view.slices), 0.2, np.float32)
    tf.random.set_seed(5)
    gains = np.log(np.asarray(change(tf.constant(images), view, replace(QUIET, tilt=0.3))) / 0.2)[..., 0]
    np.testing.assert_allclose(gains[:, 4, 4], 0, atol=1e-3)
    np.testing.assert_allclose(gains[:, 4, 8], -gains[:, 4, 0], atol=1e-3)
    np.testing.assert_allclose(gains[:, 8, 8], gains[:, 8, 4] + gains[:, 4, 8], atol=1e-3)
    assert gains[:, 4, 8].std() == pytest.approx(0.3, rel=0.2) == gains[:, 8, 4].std()


def test_the_gamma_is_a_power_of_the_signal():
    view = VIEW_BY_NAME["subarticular_axial"]
    signal = np.linspace(0, 1, 16 * 16 * view.slices, dtype=np.float32).reshape(16, 16, view.slices)
    tf.random.set_seed(4)
    changed = np.asarray(change(tf.constant(np.stack([signal] * 8)), view, replace(QUIET, gamma=0.25)))
    grey = (signal > 0.05) & (signal < 0.9)
    powers = [np.median(np.log(image[grey]) / np.log(signal[grey])) for image in changed]
    assert np.std(powers) > 0.05
    for image, power in zip(changed, powers, strict=True):
        np.testing.assert_allclose(image, signal**power, atol=1e-3)


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_changed_images_stay_between_0_and_1(view):
    images = np.random.default_rng(0).random((8, 16, 16, view.slices), np.float32)
    changed = np.asarray(change(tf.constant(images), view, Augmentation(noise=0.5)))
    assert changed.min() >= 0
    assert changed.max() <= 1


# --- As far as prediction errs -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("view", "shift"),
    [("foraminal_sagittal", (2.0, 3.0)), ("subarticular_axial", (1.0, 2.0))],
    ids=["sagittal", "axial"],
)
def test_placement_errors_run_along_the_images_axes(view, shift):
    """Outward, back and up: a sagittal image shows back and up, an axial one outward and back."""
    assert augmentation_of(VIEW_BY_NAME[view], [1.0, 2.0, 3.0]).shift_mm == shift


def test_some_crops_are_the_middle_slice_alone():
    view = VIEW_BY_NAME["foraminal_sagittal"]
    images = ramp(view, 400).astype(np.float32) / 255
    tf.random.set_seed(4)
    changed = np.asarray(change(tf.constant(images), view, replace(QUIET, alone=0.3)))
    alone = np.array([np.allclose(each, each[..., 2:3], atol=1e-4) for each in changed])
    assert alone.mean() == pytest.approx(0.3, abs=0.07)
    np.testing.assert_allclose(changed[alone][..., 0], images[alone][..., 2], atol=1e-4)
    np.testing.assert_allclose(changed[~alone], images[~alone], atol=1e-4)


def test_slices_slip_more_where_depth_is_less_certain():
    view = VIEW_BY_NAME["foraminal_sagittal"]
    slips = [augmentation_of(view, [depth, 1.0, 1.0]).slip for depth in (1.0, 2.5, 5.0)]
    assert slips == sorted(slips) and slips[0] < 0.05 and 0.5 < slips[2] < 0.8


def test_where_errors_were_not_measured_the_default_holds():
    assert augmentation_of(VIEW_BY_NAME["canal_axial"], None) == Augmentation()
