"""Random changes of overviews, in TensorFlow's graph.

A network taught on one scanner's images must work on another's: so contrast, fat suppression, receive bias, saturation
bands, zoom, rotation, shift and cropping all vary more than they do in practice.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from stenosis_kit.levels.overview import PX, STEP_MM


@dataclass(frozen=True)
class Changes:
    """Ranges of the random changes, chosen by hand."""

    rotation_deg: float = 16.0  # uniform within plus or minus
    zoom: float = 0.34  # of the logarithm, uniform within plus or minus
    shift_mm: float = 24.0  # uniform within plus or minus
    crop: float = 0.4  # share of images that are cropped around the levels
    crop_mm: tuple[float, float] = (16.0, 90.0)  # margin that is left beyond the levels, uniform
    band: float = 0.35  # share of images with a saturation band in front
    bias: float = 0.35  # standard deviation of the receive field's logarithm
    gamma: float = 0.35  # standard deviation of the exponent's logarithm
    tones: float = 0.12  # standard deviation of the height of each bump in the grey levels' curve
    noise: float = 0.05  # the largest standard deviation


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
    transforms = tf.stack([cos, -sin, x0, sin, cos, y0, zeros, zeros], axis=1)
    images = tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=transforms,
        output_shape=tf.constant([PX, PX]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
    matrix = tf.reshape(transforms[:, :6], [-1, 2, 3])
    moved = tf.linalg.solve(matrix[..., :2], tf.linalg.matrix_transpose(points) - matrix[..., 2:])
    return images, tf.linalg.matrix_transpose(moved)


def recolour(images: tf.Tensor, points: tf.Tensor, changes: Changes) -> tf.Tensor:
    """Images (n, PX, PX, 1) with other contrast, receive bias, saturation band, sharpness, noise and field of view."""
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
    """Grey levels through another tone curve: a random gamma and four random bumps."""
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
    """(n, PX, PX, 1) mask of a smaller field of view that still shows all levels: 1 inside, 0 outside."""
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
