"""The kit's layers beside Keras's own, for which they stand."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from stenosis_kit.base import layers

IMAGES = np.random.default_rng(0).normal(2.0, 3.0, (8, 6, 6, 5)).astype(np.float32)
ROWS = IMAGES.reshape(-1, 5)


def pair(name, *arguments, inputs=IMAGES, **options):
    """A layer of the kit and Keras's own, with the same weights that are no longer those they began with."""
    ours, theirs = (getattr(module, name)(*arguments, **options) for module in (layers, keras.layers))
    rng = np.random.default_rng(1)
    for layer in (ours, theirs):
        layer.build(inputs.shape)
    for own, other in zip(ours.variables, theirs.variables, strict=True):
        own.assign(rng.uniform(0.5, 1.5, own.shape))
        other.assign(own)
    return ours, theirs


def answers(layer, inputs, **options):
    """Outputs, and the gradients of an uneven sum of them: to the inputs and to the trainable weights."""
    inputs = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs, **options)
        total = tf.reduce_sum(outputs * tf.cos(outputs))
    return [outputs, *tape.gradient(total, [inputs, *(each.value for each in layer.trainable_variables)])]


def assert_alike(found, expected, tolerance=1e-4):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * np.abs(other).max())


@pytest.mark.parametrize("activation", ["relu", None])
@pytest.mark.parametrize("use_bias", [True, False])
def test_a_convolution_answers_and_learns_as_kerass(activation, use_bias):
    ours, theirs = pair("Conv2D", 7, 3, padding="same", activation=activation, use_bias=use_bias)
    assert_alike(answers(ours, IMAGES), answers(theirs, IMAGES))


@pytest.mark.parametrize("inputs", [IMAGES, ROWS], ids=["images", "rows"])
@pytest.mark.parametrize("training", [True, False])
def test_a_normalisation_answers_and_learns_as_kerass(inputs, training):
    ours, theirs = pair("BatchNormalization", momentum=0.9, inputs=inputs)
    assert_alike(answers(ours, inputs, training=training), answers(theirs, inputs, training=training))


@pytest.mark.parametrize(("training", "kept"), [(True, 0.9), (False, 1.0)])
def test_a_normalisation_remembers_what_it_has_seen(training, kept):
    layer, _ = pair("BatchNormalization", momentum=0.9)
    before = [layer.moving_mean.numpy().copy(), layer.moving_variance.numpy().copy()]
    layer(IMAGES, training=training)
    seen = [ROWS.mean(axis=0), ROWS.var(axis=0, ddof=1)]
    expected = [kept * one + (1 - kept) * other for one, other in zip(before, seen, strict=True)]
    assert_alike([layer.moving_mean, layer.moving_variance], expected, 1e-5)


def test_a_frozen_normalisation_stays_as_it_was():
    layer, theirs = pair("BatchNormalization")
    layer.trainable = theirs.trainable = False
    np.testing.assert_allclose(layer(IMAGES, training=True), theirs(IMAGES, training=True), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(layer.moving_mean, theirs.moving_mean)


def test_weights_are_kerass_by_name(tmp_path):
    """Models that were trained before the kit had layers of its own are read, and the other way round."""

    def network(module):
        inputs = keras.Input((6, 6, 5))
        x = module.BatchNormalization()(module.Conv2D(3, 3)(inputs))
        return keras.Model(inputs, module.BatchNormalization()(x))

    path = tmp_path / "x.weights.h5"
    ours, theirs = network(layers), network(keras.layers)
    theirs.save_weights(path)
    ours.load_weights(path)
    np.testing.assert_allclose(ours(IMAGES), theirs(IMAGES), rtol=1e-5, atol=1e-5)
