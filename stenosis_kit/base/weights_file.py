"""A network's weights as a file, *.weights.h5."""

from __future__ import annotations

from pathlib import Path

import keras

from stenosis_kit.base.errors import InputError, first_line, once_more
from stenosis_kit.base.files import make_room, replacing

_H5_OVERHEAD = 1 << 19  # bytes beside the values; three times what a grader's file has


def save_weights(network: keras.Model, path: Path) -> None:
    """Writes a network's weights atomically.

    Raises:
        InputError: where they cannot be written.
    """
    with replacing(path) as partial:
        make_room(partial, 4 * network.count_params() + _H5_OVERHEAD)  # on a full disk HDF5 would crash the process
        network.save_weights(partial)


def load_weights(network: keras.Model, path: Path) -> None:
    """Gives a network the weights of a file.

    Raises:
        InputError: where the file is missing, damaged or of another network.
    """
    try:
        once_more(lambda: network.load_weights(path))
    except Exception as error:  # h5py and Keras raise many kinds
        remedy = "Train again, or copy the folder again."
        raise InputError(path, f"weights of {network.name}", first_line(error), remedy) from None
