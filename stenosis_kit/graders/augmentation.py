"""From stored crops to network inputs, in TensorFlow's graph: the central part, augmented in training.

The paper (section 4.3) shifts by .1, zooms by .1, flips horizontally and fills with the nearest pixel. Here the flip
is the patient's: an axial canal is flipped left to right, a sagittal one in the order of its slices. Views of a side
are never flipped: their right side was mirrored when it was cut, and a flip would make a left side of the other kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import tensorflow as tf

from stenosis_kit import rsna
from stenosis_kit.crops.views import View

_BLACK = 1e-6  # added before the logarithm; exp(gamma * log(x)) takes a quarter of the time of TensorFlow's power
_EDGE = 1e-6  # of a crop's side: what lies beyond the last pixel, if only by rounding, would be black


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the random changes, chosen by hand; shift and slip stand for the placement errors of prediction."""

    shift_mm: tuple[float, float] = (2.0, 2.0)  # standard deviation along x and y
    slip: float = 0.0  # share of crops that are moved by one slice, to either side
    rotation_deg: float = 10.0  # uniform within plus or minus
    zoom: float = 0.13  # uniform within plus or minus
    gamma: float = 0.25  # standard deviation of the exponent's logarithm
    gain: float = 0.3  # standard deviation of the gain's logarithm in the middle
    tilt: float = 0.3  # and of its change from there to the edge along x and along y
    noise: float = 0.02  # standard deviation, the signal being in [0, 1]
    alone: float = 0.0  # share of crops of which the network sees the middle slice alone, repeated


def augmentation_of(view: View, placement_sd: Sequence[float] | None) -> Augmentation:
    """The augmentation of a view's crops.

    Args:
        view: the view.
        placement_sd: how far prediction cuts from the label points: standard deviations outward, back and up, mm.
            None: not measured; the default shifts hold.
    """
    if placement_sd is None:
        return Augmentation()
    outward, back, up = placement_sd
    axial = view.series_kind == rsna.AXIAL_T2
    shift, depth = ((outward, back), up) if axial else ((back, up), outward)
    # Another slice is taken where the error along the normal exceeds half the distance between slices, on either side.
    return Augmentation(shift_mm=shift, slip=2 * NormalDist(0, depth).cdf(-view.step_mm / 2))


def central_parts(crops: tf.Tensor, view: View, sides: tf.Tensor | Sequence[float], px: int) -> tf.Tensor:
    """(sides * n, px, px, slices) float32 in [0, 1]: the central parts of uint8 crops, all of the first side first.

    Bilinear, as `sample`, in less than half of its time. A part ends where the stored crop does.

    Args:
        crops: (n, stored px, stored px, slices) uint8 of a view.
        view: theirs.
        sides: (sides,) of the parts, mm.
        px: side of the output.
    """
    count, last = tf.shape(crops)[0], view.px - 1
    half = tf.convert_to_tensor(sides, tf.float32) * np.float32(view.px / view.mm * (px - 1) / px / 2 / last)
    first, end = tf.maximum(0.5 - half, _EDGE), tf.minimum(0.5 + half, 1 - _EDGE)
    boxes = tf.repeat(tf.stack([first, first, end, end], axis=1), count, axis=0)
    return tf.image.crop_and_resize(crops, boxes, tf.tile(tf.range(count), [tf.size(half)]), [px, px]) / 255.0


def random_parts(view: View, mm: float, px: int, count: tf.Tensor, ranges: Augmentation) -> tf.Tensor:
    """(count, 8) transforms to randomly shifted, rotated and zoomed central parts."""
    zoom = tf.random.uniform([count], 1 - ranges.zoom, 1 + ranges.zoom)
    angle = tf.random.uniform([count], -1.0, 1.0) * np.float32(np.deg2rad(ranges.rotation_deg))
    shift = tf.random.normal([2, count]) * np.float32(np.array(ranges.shift_mm)[:, None] * view.px / view.mm)
    return _about_center(zoom * np.float32(mm / px * view.px / view.mm), angle, shift[0], shift[1], view, px)


def sample(crops: tf.Tensor, transforms: tf.Tensor, px: int) -> tf.Tensor:
    """(batch, px, px, slices) float32 in [0, 1] of uint8 crops; bilinear, filled with the nearest pixel.

    Args:
        crops: (batch, stored px, stored px, slices) uint8.
        transforms: (batch, 8) projective, from output (x, y) to input (x, y).
        px: side of the output.
    """
    sampled = tf.raw_ops.ImageProjectiveTransformV3(
        images=tf.cast(crops, tf.float32),
        transforms=transforms,
        output_shape=tf.constant([px, px]),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )
    return sampled / 255.0


def change(images: tf.Tensor, view: View, ranges: Augmentation) -> tf.Tensor:
    """(n, px, px, slices) images in [0, 1], changed at random: contrast, noise and, where the view allows it, flips."""
    count = tf.shape(images)[0]
    if ranges.slip or ranges.alone:
        images = _other_slices(images, count, ranges)
    gamma = tf.exp(tf.random.normal([count, 1, 1, 1], stddev=ranges.gamma))
    noise = ranges.noise * np.float32(np.sqrt(3))  # uniform numbers take a third of the time of normal ones
    signal = tf.exp(gamma * tf.math.log(images + _BLACK) + _gains(count, images.shape[1], ranges))
    images = signal + tf.random.uniform(tf.shape(images), -noise, noise)
    if view.mirror_axis:
        heads = tf.random.uniform([count, 1, 1, 1]) < 0.5
        images = tf.where(heads, tf.reverse(images, [view.mirror_axis]), images)
    return tf.clip_by_value(images, 0.0, 1.0)


def _gains(count: tf.Tensor, px: int, ranges: Augmentation) -> tf.Tensor:
    """(count, px, px, 1) logarithms of gains at random, which rise or fall along x and y as a coil's do."""
    along = tf.constant(np.linspace(-1.0, 1.0, px, dtype=np.float32))
    x, y, middle = tf.unstack(tf.random.normal([3, count, 1, 1]))
    return (ranges.gain * middle + ranges.tilt * (x * along + y * along[:, None]))[..., None]


def _other_slices(images: tf.Tensor, count: tf.Tensor, ranges: Augmentation) -> tf.Tensor:
    """Some images one slice to either side, the last one repeated at the end; of some the middle slice alone."""
    slices = images.shape[-1]
    steps = [np.clip(np.arange(slices) + step, 0, slices - 1) for step in (0, 1, -1)]
    steps.append(np.full(slices, slices // 2))
    moves = tf.constant(np.stack([np.eye(slices, dtype=np.float32)[:, step] for step in steps]))
    shares = np.array([1 - ranges.slip, ranges.slip / 2, ranges.slip / 2]) * (1 - ranges.alone)
    bounds = tf.constant(np.cumsum(shares), tf.float32)
    chosen = tf.searchsorted(bounds, tf.random.uniform([count]), side="right")
    rows = tf.reshape(images, [count, -1, slices])  # a matrix product: a third of the time of choosing among copies
    return tf.reshape(tf.matmul(rows, tf.gather(moves, chosen)), tf.shape(images))


def _about_center(
    scale: tf.Tensor, angle: tf.Tensor, shift_x: tf.Tensor, shift_y: tf.Tensor, view: View, px: int
) -> tf.Tensor:
    """Scales and turns about the output's centre, and moves that to the stored crop's centre plus the shift."""
    cos, sin = scale * tf.cos(angle), scale * tf.sin(angle)
    out, stored = (px - 1) / 2, (view.px - 1) / 2
    x0 = stored + shift_x - cos * out + sin * out
    y0 = stored + shift_y - sin * out - cos * out
    zeros = tf.zeros_like(scale)
    return tf.stack([cos, -sin, x0, sin, cos, y0, zeros, zeros], axis=1)
