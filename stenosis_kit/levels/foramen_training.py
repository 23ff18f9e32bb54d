"""Teaching the foramen finder with crops about label points, which are changed at random in TensorFlow's graph.

The crop's middle slice is the one that a reader chose, its neighbours are those that he did not.
"""

from __future__ import annotations

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tensorflow_start import untuned
from stenosis_kit.base.timed_training import TimedTraining
from stenosis_kit.levels.foramen_errors import CROP_MM
from stenosis_kit.levels.foramen_finder import ForamenFinder, prior_mm
from stenosis_kit.levels.foramen_patches import PX, SIDE, STEP_MM, cells_mm
from stenosis_kit.levels.level_network import TAUGHT_ON_LABELS

BATCH = 16
STEPS = 2000
PEAK_RATE = 3e-3
# Ranges of the random changes, all chosen by hand:
_SHIFT_MM, _FARTHEST_MM = 5.0, 14.0  # sd along either axis of where a foramen is expected, and the most
_ROTATION_DEG, _ZOOM = 14.0, 0.22  # uniform within plus or minus; the zoom's is of its logarithm
_BIAS, _GAMMA, _TONES, _NOISE = 0.3, 0.35, 0.1, 0.06  # sd; the noise's largest
_EDGE = 0.75, 20 / 3  # where an image ends, uniform, of a patch's side: it shows on one patch in 24
_SPREAD_MM = 2.0  # sd of a target: about what readers differ by


def learn(
    crops: np.ndarray, rows: np.ndarray, budget: Budget, seed: int = 0, start: ForamenFinder | None = None
) -> ForamenFinder:
    """Trains a finder until the budget or `STEPS` end, whichever comes first.

    Args:
        crops: (n, px, px, slices) uint8 of CROP_MM about label points, may be memory-mapped; px is even. With one
            slice the finder learns places alone.
        rows: indices of those that are learnt from.
        budget: the time.
        seed: of weights, order and changes.
        start: a finder to go on from; it is not changed.
    """
    keras.utils.set_random_seed(seed)
    finder = ForamenFinder()
    if start:
        finder.network.set_weights(start.network.get_weights())
    slices = crops.shape[-1]
    taught = _with_loss(finder.network, slices)
    timer = TimedTraining(budget, PEAK_RATE / (2 if start else 1), STEPS, 1)
    taught.fit(_batches(crops, rows, seed), steps_per_epoch=STEPS, callbacks=[timer], verbose=0, shuffle=False)
    steps = int(taught.optimizer.iterations)
    finder.notes = {"foramina": len(rows), "steps": steps, "seed": seed, TAUGHT_ON_LABELS: True}
    return finder


def _with_loss(network: keras.Model, slices: int) -> keras.Model:
    """A model of its own over the same layers, for the patches (batch, slices, PX, PX) of a foramen together.

    An optimiser on `network` would be saved with its weights.
    """
    inputs = keras.Input((slices, PX, PX))
    logits = network(keras.ops.reshape(inputs, (-1, PX, PX, 1)))
    outputs = keras.ops.reshape(logits, (-1, slices, SIDE, SIDE)) + prior_mm().astype(np.float32)
    taught = keras.Model(inputs, outputs)
    taught.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.02), _loss)
    taught.optimizer.build(taught.trainable_variables)
    return taught


def _loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """(n,) cross-entropy of the softmax over the cells of all slices."""
    size = logits.shape[1] * SIDE * SIDE
    return tf.nn.softmax_cross_entropy_with_logits(tf.reshape(targets, [-1, size]), tf.reshape(logits, [-1, size]))


def _batches(crops: np.ndarray, rows: np.ndarray, seed: int) -> tf.data.Dataset:
    """Endless batches of (patches (BATCH, slices, PX, PX) in [0, 1], target maps), each crop once before any again."""
    rng = np.random.default_rng(seed)
    px, slices = crops.shape[1] // 2, crops.shape[3]

    def draw() -> Iterator[np.ndarray]:
        """Batches of crops, at half the resolution."""
        left = np.empty(0, int)
        while True:
            while len(left) < BATCH:
                left = np.concatenate([left, rng.permutation(rows)])
            chosen, left = np.sort(left[:BATCH]), left[BATCH:]
            yield crops[chosen].reshape(BATCH, px, 2, px, 2, slices).mean(axis=(2, 4), dtype=np.float32)

    dataset = tf.data.Dataset.from_generator(draw, output_signature=tf.TensorSpec((BATCH, px, px, slices), tf.float32))
    return untuned(dataset.map(examples, num_parallel_calls=2).prefetch(4))


def examples(crops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Patches as another scanner might have shown them, expected beside their foramen, with the maps of its place."""
    patches, places = _moved(crops / 255.0)
    middle = crops.shape[3] // 2
    true = tf.one_hot(middle, crops.shape[3])[None, :, None, None]
    return tf.transpose(_recoloured(patches), [0, 3, 1, 2]), _target(places)[:, None] * true


def _moved(crops: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """(n, PX, PX, slices) parts of crops, turned and zoomed, and (n, 2) where their middles came to lie, mm (x, y)."""
    uniform = lambda: tf.random.uniform([BATCH], -1.0, 1.0)  # noqa: E731
    angle, zoom = uniform() * np.float32(np.deg2rad(_ROTATION_DEG)), tf.exp(uniform() * _ZOOM)
    step = STEP_MM * crops.shape[1] / CROP_MM / zoom  # crop pixels along one of the patch
    places = tf.clip_by_value(tf.random.normal([BATCH, 2], stddev=_SHIFT_MM), -_FARTHEST_MM, _FARTHEST_MM)
    cos, sin = tf.cos(angle) * step, tf.sin(angle) * step
    # Pixel p of the patch shows pixel A (p - place) + middle of the crop.
    place = places / STEP_MM + (PX - 1) / 2
    middle = (crops.shape[1] - 1) / 2
    x0 = middle - cos * place[:, 0] + sin * place[:, 1]
    y0 = middle - sin * place[:, 0] - cos * place[:, 1]
    zeros = tf.zeros_like(cos)
    patches = tf.raw_ops.ImageProjectiveTransformV3(
        images=crops,
        transforms=tf.stack([cos, -sin, x0, sin, cos, y0, zeros, zeros], axis=1),
        output_shape=tf.constant([PX, PX]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="REFLECT",
    )
    return patches, places


def _recoloured(patches: tf.Tensor) -> tf.Tensor:
    """Patches (n, PX, PX, slices) with other contrast, receive bias, sharpness, noise and, some, an image's edge."""
    each = [BATCH, 1, 1, 1]
    patches = tf.pow(patches, tf.exp(tf.random.normal(each, stddev=_GAMMA)))
    toned = patches
    for center in (0.15, 0.35, 0.55, 0.75):
        height = tf.random.normal(each, stddev=_TONES)
        toned += height * tf.exp(-0.5 * tf.square((patches - center) / 0.12)) * tf.minimum(patches * 8, 1.0)
    field = tf.image.resize(tf.random.normal([BATCH, 3, 3, 1], stddev=_BIAS), [PX, PX], "bicubic")
    patches = tf.clip_by_value(toned, 0.0, 1.0) * tf.exp(field)
    box = tf.nn.avg_pool2d(patches, 3, 1, "SAME")
    patches += tf.random.uniform(each, -0.5, 1.0) * (box - patches)  # blurred or sharpened
    patches = tf.abs(patches + tf.random.uniform(each, 0.0, _NOISE) * tf.random.normal(tf.shape(patches)))
    return tf.clip_by_value(patches, 0.0, 1.0) * _inside()


def _inside() -> tf.Tensor:
    """(n, PX, PX, 1) mask of an image that may end in the last quarter of a patch, at any side."""
    edge = tf.random.uniform([BATCH, 1], *(share * PX for share in _EDGE))
    along = tf.range(PX, dtype=tf.float32)[None]
    inside = tf.cast(along < edge, tf.float32)
    inside = tf.where(tf.random.uniform([BATCH, 1]) < 0.5, inside, inside[:, ::-1])
    across = tf.random.uniform([BATCH, 1, 1, 1]) < 0.5
    return tf.where(across, inside[:, None, :, None], inside[:, :, None, None])


def _target(places: tf.Tensor) -> tf.Tensor:
    """(n, SIDE, SIDE) maps of sum 1 around places (n, 2), mm."""
    cells = tf.constant(cells_mm(), tf.float32)
    x, y = (tf.exp(-0.5 * tf.square((cells - places[:, axis, None]) / _SPREAD_MM)) for axis in (0, 1))
    maps = y[:, :, None] * x[:, None, :]
    return maps / tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
