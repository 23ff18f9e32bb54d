"""Loading TensorFlow without its chatter."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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
