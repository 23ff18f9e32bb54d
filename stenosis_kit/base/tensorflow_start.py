"""TensorFlow: loaded without its chatter, and its datasets without what makes them stand still."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import tensorflow as tf


def load_tensorflow() -> None:
    """Imports TensorFlow and Keras (4 to 6 s), silent about missing GPUs; later calls do nothing."""
    if "tensorflow" in sys.modules:
        return
    with _silent_stderr():
        import keras  # noqa: F401
        import tensorflow

        tensorflow.constant(0)  # looks for devices
    # Each grader is a network of its own; TensorFlow takes the third one for a function traced in a loop.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)


def untuned(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """The dataset without tf.data's autotuning, which nothing here uses and which makes what has ended wait.

    Its thread sleeps 10 ms, 20 ms, 40 ms and so on, and whoever drops an iterator may have to wait until it wakes: for
    as long again as the iterator has lived. Seen with TensorFlow 2.20 and 2.21, where 15 epochs took 20 s or 41 s, and
    nothing but that thread's waking ever ended the wait.
    """
    import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Sends file descriptor 2 to nowhere: TensorFlow's first lines come from C++, before any setting is read."""
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
