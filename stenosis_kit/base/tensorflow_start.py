"""TensorFlow's start without its messages, and tf.data without autotuning."""

from __future__ import annotations

import atexit
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from stenosis_kit.base.cores import usable_cores

if TYPE_CHECKING:
    import tensorflow as tf


_LOAD_S = 6.0  # measured: 4 to 6 s on two idle cores


def load_s() -> float:
    """Seconds that `load_tensorflow` usually takes."""
    return 0.0 if "tensorflow" in sys.modules else _LOAD_S


def load_tensorflow() -> None:
    """Imports TensorFlow and Keras, silent about missing GPUs; later calls do nothing.

    What ~/.keras/keras.json says of Keras's layout and numbers is of somebody's other work: networks here have channels
    last, in float32.
    """
    if "tensorflow" in sys.modules:
        return
    with _silent_stderr():
        import keras
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(usable_cores())  # it knows no quotas
        tensorflow.constant(0)  # looks for devices
    atexit.register(gc.freeze)  # else Python looks through all of its objects once more before it ends: for 2 s
    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")
    keras.config.set_epsilon(1e-7)  # the default; losses clip there
    keras.config.set_dtype_policy("float32")
    # TensorFlow warns of retracing at the third network, as if one function were traced again and again.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset without tf.data's autotuning, which is not needed here and delays the end of an iterator.

    Its thread sleeps 10 ms, 20 ms, 40 ms and so on, and deleting an iterator may wait until it wakes: up to as long as
    the iterator has lived. Measured with TensorFlow 2.20 and 2.21: 15 epochs took 20 s or 41 s.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Redirects file descriptor 2 to /dev/null: TensorFlow's first lines come from C++, before any setting is read."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
