"""Keras's layers on TensorFlow's fused operations, which are faster for small networks on a CPU.

Keras builds a batch normalisation from a dozen operations, and each is a pass through memory, which small networks wait
for. The classes have the names of Keras's, because variables in weights files are named after them.
"""

from __future__ import annotations

import keras
import tensorflow as tf


class Conv2D(keras.layers.Conv2D):
    """A convolution that adds its bias by TensorFlow's bias_add."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """(n, rows, columns, channels) to (n, rows, columns, filters)."""
        outputs = self.convolution_op(inputs, self.kernel)
        if self.use_bias:
            outputs = tf.nn.bias_add(outputs, self.bias)
        return self.activation(outputs) if self.activation else outputs


class BatchNormalization(keras.layers.BatchNormalization):
    """A normalisation of images that is one operation, in training and in answering, and one in its gradient.

    The running variance is of a sample (n - 1 in its denominator), where Keras's is of a population.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: tf.Tensor | None = None) -> tf.Tensor:
        """(n, ..., channels), normalised; images (n, rows, columns, channels) by the fused operation."""
        if len(inputs.shape) != 4:
            return super().call(inputs, training=training, mask=mask)
        moving = (self.moving_mean, self.moving_variance)
        learns = bool(training and self.trainable)
        outputs, *found = tf.raw_ops.FusedBatchNormV3(
            x=inputs,
            scale=self.gamma,
            offset=self.beta,
            mean=[] if learns else moving[0],
            variance=[] if learns else moving[1],
            epsilon=self.epsilon,
            is_training=learns,
        )
        if learns:
            for running, own in zip(moving, found, strict=False):
                running.assign(running * self.momentum + own * (1 - self.momentum))
        return outputs
