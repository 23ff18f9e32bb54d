"""What a grader looks at: Grad-CAM (Selvaraju et al., 2017)."""

from __future__ import annotations

import cv2
import numpy as np

from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.model_file import TrainedGrader
from stenosis_kit.graders.network import load_network
from stenosis_kit.graders.settings import Training
from stenosis_kit.report.evidence import Evidence

_FINEST_MAP = 5
"""Fewest pixels a side of the feature maps: the last layer that has so many is explained. Chosen by hand; the very last
maps of small inputs are 3 x 3, too coarse to point at anything."""


def grad_cam(
    evidence: Evidence, trained: TrainedGrader, training: Training, crops: np.ndarray, severity: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Heat maps of what speaks for a severity.

    The feature maps of a late layer are summed, each weighted by the mean gradient of log p of the severity over its
    pixels; negative values become 0, and each crop's largest value is scaled to 1.

    Args:
        evidence: of the run whose model it is.
        trained: the network.
        training: its settings.
        crops: (n, px, px, slices) uint8, as stored.
        severity: (n,) index of the severity to explain.

    Returns:
        (n, side, side) uint8 middle slices as the network sees them, (n, side, side) heat in [0, 1], and (n, 3)
        probabilities.
    """
    import keras
    import tensorflow as tf

    from stenosis_kit.graders.augmentation import central_parts

    network = load_network(evidence.model, trained, training)
    layers = [layer for layer in network.layers if len(layer.output.shape) == 4]
    explaining = [layer for layer in layers if layer.output.shape[1] >= _FINEST_MAP][-1]
    both = keras.Model(network.inputs, [explaining.output, network.outputs[0]])
    grader = trained.grader
    seen = central_parts(tf.constant(crops), VIEW_BY_NAME[grader.view], [grader.mm], grader.px)
    with tf.GradientTape() as tape:
        maps, answers = both(seen, training=False)
        chosen = tf.gather(answers, severity, batch_dims=1)
        score = tf.reduce_sum(tf.math.log(chosen + 1e-7))
    weights = tf.reduce_mean(tape.gradient(score, maps), axis=(1, 2), keepdims=True)
    heat = tf.nn.relu(tf.reduce_sum(weights * maps, axis=-1)).numpy()
    side = crops.shape[1]
    grey = (np.clip(seen.numpy()[..., seen.shape[-1] // 2], 0, 1) * 255).astype(np.uint8)
    large = [cv2.resize(each / max(each.max(), 1e-9), (side, side), interpolation=cv2.INTER_CUBIC) for each in heat]
    shown = [cv2.resize(each, (side, side), interpolation=cv2.INTER_CUBIC) for each in grey]
    return np.stack(shown), np.clip(np.stack(large), 0, 1), answers.numpy()
