"""The localiser's target maps and its loss, in TensorFlow's graph."""

from __future__ import annotations

import tensorflow as tf

from stenosis_kit.levels.heatmaps import SIDE, to_cells

_SPREAD = 1.2  # standard deviation of a target, cells (4.8 mm), chosen by hand: about what readers differ by


def target_maps(points: tf.Tensor) -> tf.Tensor:
    """(n, SIDE, SIDE, 5) maps that sum to 1 around points (n, 5, 2), overview pixels; 0 for a point that is unknown
    or outside.
    """
    cells = to_cells(points)
    along = tf.range(SIDE, dtype=tf.float32)
    x, y = (tf.exp(-0.5 * tf.square((along - cells[..., axis, None]) / _SPREAD)) for axis in (0, 1))
    maps = tf.einsum("nky,nkx->nyxk", y, x)
    maps = tf.where(tf.math.is_nan(maps), 0.0, maps)
    total = tf.reduce_sum(maps, axis=(1, 2), keepdims=True)
    return tf.where(total > 1.0, tf.math.divide_no_nan(maps, total), 0.0)


def heatmap_loss(targets: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """(n,) cross-entropy of each map's softmax over its cells, mean over the five.

    TensorFlow's own softmax_cross_entropy_with_logits will not do: its gradient takes every target to sum to 1, and an
    unknown point's sums to 0.
    """
    flat = tf.reshape(logits, [-1, SIDE * SIDE, logits.shape[-1]])
    log_share = tf.nn.log_softmax(flat, axis=1)
    wanted = tf.reshape(targets, tf.shape(flat))
    return -tf.reduce_mean(tf.reduce_sum(wanted * log_share, axis=1), axis=-1)
