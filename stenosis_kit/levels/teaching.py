"""Teaching the localiser: overviews with known points, changed at random in TensorFlow's graph.

What a network has learnt from one scanner's images it must find in another's: contrast, fat suppression, receive
bias, saturation bands, zoom, rotation, shift and cropping all vary more than they do in practice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from stenosis_kit.backend import untuned
from stenosis_kit.budget import Budget
from stenosis_kit.levels.overview import PX, SLICES, STEP_MM
from stenosis_kit.levels.targets import heatmap_loss, target_maps
from stenosis_kit.schedule import TimedTraining

BATCH = 32
PEAK_RATE = 2e-3
STEPS = 1500
"""Where more steps stop paying: with 800 a localiser finds as many real levels."""
_SLICE_ODDS = (1.0, 2.0, 3.0, 2.0, 1.0)  # how often each slice of an overview is shown


@dataclass(frozen=True, eq=False)
class Lesson:
    """Overviews with known points.

    Attributes:
        pixels: (n, SLICES, PX, PX) uint8, may be memory-mapped.
        points: (n, SLICES, 5, 2) pixels (x, y) on each slice; NaN where unknown.
    """

    pixels: np.ndarray
    points: np.ndarray


@dataclass(frozen=True)
class Changes:
    """Ranges of the random changes."""

    rotation_deg: float = 16.0  # uniform within plus or minus
    zoom: float = 0.34  # of the logarithm, uniform within plus or minus
    shift_mm: float = 24.0  # uniform within plus or minus
    crop: float = 0.4  # share of images of which only a part around the levels is left
    crop_mm: tuple[float, float] = (16.0, 90.0)  # how much is left beyond the levels
    band: float = 0.35  # share of images with a saturation band in front
    bias: float = 0.35  # standard deviation of the receive field's logarithm
    gamma: float = 0.35  # standard deviation of the exponent's logarithm
    tones: float = 0.12  # standard deviation by which grey levels move apart
    noise: float = 0.05  # the largest standard deviation


def teach(network: keras.Model, lesson: Lesson, rows: np.ndarray, budget: Budget, seed: int = 0) -> int:
    """Trains a localiser's network on some overviews until the budget or `STEPS` end, whichever comes first.

    The learning rate follows one cycle (see `schedule.one_cycle`) that is over when training is.

    Returns:
        The number of steps.
    """
    keras.utils.set_random_seed(seed)
    # A model of its own over the same layers: an optimiser on `network` would be saved with its weights.
    taught = keras.Model(network.inputs, network.outputs)
    taught.compile(keras.optimizers.AdamW(PEAK_RATE, weight_decay=0.02), heatmap_loss)
    taught.optimizer.build(taught.trainable_variables)
    timer = TimedTraining(budget, PEAK_RATE, STEPS, 1)
    examples = batches(lesson, rows, BATCH, seed, Changes())
    taught.fit(examples, steps_per_epoch=STEPS, callbacks=[timer], verbose=0, shuffle=False)
    return int(taught.optimizer.iterations)


def batches(lesson: Lesson, rows: np.ndarray, size: int, seed: int, changes: Changes | None = None) -> tf.data.Dataset:
    """Endless batches of (images (size, PX, PX, 1) in [0, 1], target maps): a random slice of each overview in turn."""
    rng = np.random.default_rng(seed)
    odds = np.array(_SLICE_ODDS) / sum(_SLICE_ODDS)

    def draw() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Overviews and points, each row once before any comes again."""
        left = np.empty(0, int)
        while True:
            while len(left) < size:
                left = np.concatenate([left, rng.permutation(rows)])
            chosen, left = left[:size], left[size:]
            place = rng.choice(SLICES, size=size, p=odds)
            yield lesson.pixels[chosen, place], lesson.points[chosen, place]

    signature = (tf.TensorSpec((size, PX, PX), tf.uint8), tf.TensorSpec((size, 5, 2), tf.float32))
    dataset = tf.data.Dataset.from_generator(draw, output_signature=signature)
    return untuned(dataset.map(_changed(changes), num_parallel_calls=2).prefetch(4))


def _changed(changes: Changes | None) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    def change(pixels: tf.Tensor, points: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Images as a scanner might have made them, with the maps of their points."""
        images = tf.cast(pixels, tf.float32)[..., None] / 255.0
        if changes is not None:
            images, points = move(images, points, changes)
            images = recolour(images, points, changes)
        return images, target_maps(points)

    return change


def move(images: tf.Tensor, points: tf.Tensor, changes: Changes) -> tuple[tf.Tensor, tf.Tensor]:
    """Images (n, PX, PX, 1) and points (n, 5, 2) turned, zoomed and shifted together."""
    count = tf.shape(images)[0]
    uniform = lambda: tf.random.uniform([count], -1.0, 1.0)  # noqa: E731
    angle = uniform() * np.float32(np.deg2rad(changes.rotation_deg))
    zoom = tf.exp(uniform() * changes.zoom)
    shift = tf.stack([uniform(), uniform()], axis=1) * (changes.shift_mm / STEP_MM)
    # Output pixel p shows input pixel A (p - middle) + middle + shift.
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    middle = (PX - 1) / 2
    x0 = middle + shift[:, 0] - cos * middle + sin * middle
    y0 = middle + shift[:, 1] - sin * middle - cos * middle
    zeros = tf.zeros_like(cos)
    images = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.stack([cos, -sin, x0, sin, cos, y0, zeros, zeros], axis=1),
        output_shape=tf.constant([PX, PX]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    offset = points - shift[:, None] - middle
    scale = (zoom * zoom)[:, None]
    x = (offset[..., 0] * cos[:, None] + offset[..., 1] * sin[:, None]) * scale
    y = (-offset[..., 0] * sin[:, None] + offset[..., 1] * cos[:, None]) * scale
    return images, tf.stack([x, y], axis=-1) + middle


def recolour(images: tf.Tensor, points: tf.Tensor, changes: Changes) -> tf.Tensor:
    """Images (n, PX, PX, 1) of other scanners: contrast, bias, saturation band, blur, noise, a smaller image."""
    count = tf.shape(images)[0]
    images = _toned(images, count, changes)
    field = tf.image.resize(tf.random.normal([count, 4, 4, 1], stddev=changes.bias), [PX, PX], "bicubic")
    images = images * tf.exp(field) * _band(points, count, changes)
    box = tf.nn.avg_pool2d(images, 3, 1, "SAME")
    images += tf.random.uniform([count, 1, 1, 1], -0.6, 0.9) * (box - images)  # blurred or sharpened
    level = tf.random.uniform([count, 1, 1, 1], 0.0, changes.noise)
    white = tf.random.normal(tf.shape(images))
    images = tf.abs(images + level * white)
    return tf.clip_by_value(images, 0.0, 1.5) * frame(points, count, changes)


def _toned(images: tf.Tensor, count: tf.Tensor, changes: Changes) -> tf.Tensor:
    """Grey levels on another curve: a random gamma and four random bumps."""
    images = tf.pow(images, tf.exp(tf.random.normal([count, 1, 1, 1], stddev=changes.gamma)))
    moved = images
    for center in (0.15, 0.35, 0.55, 0.75):
        height = tf.random.normal([count, 1, 1, 1], stddev=changes.tones)
        moved += height * tf.exp(-0.5 * tf.square((images - center) / 0.12)) * tf.minimum(images * 8, 1.0)
    return tf.clip_by_value(moved, 0.0, 1.0)


def _band(points: tf.Tensor, count: tf.Tensor, changes: Changes) -> tf.Tensor:
    """(n, 1, PX, 1) signal left by a saturation band in front of the column."""
    front = tf.reduce_min(tf.where(tf.math.is_nan(points[..., 0]), float(PX), points[..., 0]), axis=1)
    edge = front - tf.random.uniform([count], 24.0, 90.0) / STEP_MM
    x = tf.range(PX, dtype=tf.float32)[None]
    behind = tf.sigmoid((x - edge[:, None]) / tf.random.uniform([count, 1], 0.5, 6.0))
    left = tf.random.uniform([count, 1], 0.0, 0.5)
    signal = left + (1 - left) * behind
    drawn = tf.random.uniform([count, 1]) < changes.band
    return tf.where(drawn, signal, tf.ones_like(signal))[:, None, :, None]


def frame(points: tf.Tensor, count: tf.Tensor, changes: Changes) -> tf.Tensor:
    """(n, PX, PX, 1) 1 inside a smaller image that still shows all levels, 0 outside."""
    missing = tf.math.is_nan(points)
    low = tf.reduce_min(tf.where(missing, float(PX), points), axis=1)
    high = tf.reduce_max(tf.where(missing, 0.0, points), axis=1)
    near, far = (mm / STEP_MM for mm in changes.crop_mm)
    low -= tf.random.uniform([count, 2], near, far)
    high += tf.random.uniform([count, 2], near, far)
    drawn = tf.random.uniform([count, 1]) < changes.crop
    low, high = tf.where(drawn, low, 0.0), tf.where(drawn, high, float(PX))
    along = tf.range(PX, dtype=tf.float32)[None]
    inside = [tf.cast((along >= low[:, axis, None]) & (along <= high[:, axis, None]), tf.float32) for axis in (0, 1)]
    return (inside[0][:, None, :] * inside[1][:, :, None])[..., None]
