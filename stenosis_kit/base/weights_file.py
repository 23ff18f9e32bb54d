"""A network's weights as a file, *.weights.h5."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np

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


def halve_weights(path: Path) -> None:
    """Rewrites a file with its kernels in half precision: it takes half of the room, and loading casts them back.

    Vectors (biases, normalisations) stay whole: they take no room, and each touches a whole channel.
    """
    with replacing(path) as partial, h5py.File(path) as whole, h5py.File(partial, "w") as half:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            """A group, or the numbers of a dataset, with its attributes."""
            if isinstance(item, h5py.Group):
                new = half.require_group(name)
            else:
                kind = np.float16 if item.dtype == np.float32 and item.ndim > 1 else item.dtype
                new = half.create_dataset(name, data=item[()].astype(kind))
            new.attrs.update(item.attrs)

        half.attrs.update(whole.attrs)
        whole.visititems(copy)
