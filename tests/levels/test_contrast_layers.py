"""What both level networks see of an image."""

import keras
import numpy as np

from stenosis_kit.levels.contrast_layers import contrast


def test_the_second_channel_stays_where_brightness_and_contrast_change():
    image = np.random.default_rng(0).uniform(0.2, 0.5, (1, 60, 60, 1)).astype(np.float32)
    (plain, dimmed) = (np.asarray(contrast(keras.ops.convert_to_tensor(each), 3, 5)) for each in (image, image * 0.5))
    assert plain.shape == (1, 60, 60, 2)
    np.testing.assert_allclose(plain[..., 0], np.sqrt(image[..., 0]), atol=1e-3)
    inner = slice(10, 50)
    np.testing.assert_allclose(dimmed[:, inner, inner, 1], plain[:, inner, inner, 1], atol=0.02)
    assert np.abs(dimmed[..., 0] - plain[..., 0]).min() > 0.1


def test_black_is_finite():
    black = keras.ops.zeros((1, 30, 30, 1))
    assert np.isfinite(np.asarray(contrast(black, 3, 5))).all()
