"""Weights in half precision."""

import h5py
import keras
import numpy as np

from stenosis_kit.base.weights_file import halve_weights, load_weights, save_weights
from stenosis_kit.graders.five_block_cnn import five_block_cnn


def network(seed):
    keras.utils.set_random_seed(seed)
    return five_block_cnn((32, 32, 1), (48,) * 5, (16, 8))


def test_half_precision_takes_half_of_the_room_and_hardly_changes_an_answer(tmp_path):
    path, one, other = tmp_path / "n.weights.h5", network(0), network(1)
    save_weights(one, path)
    whole = path.stat().st_size
    halve_weights(path)
    assert path.stat().st_size < whole - 1.5 * one.count_params()
    load_weights(other, path)
    assert {weights.dtype.name for weights in other.get_weights()} == {"float32"}
    crops = np.random.default_rng(0).random((8, 32, 32, 1), np.float32)
    assert np.abs(one.predict_on_batch(crops) - other.predict_on_batch(crops)).max() < 1e-3
    kinds = set()
    with h5py.File(path) as file:
        file.visititems(lambda _, item: kinds.add((item.ndim > 1, item.dtype.name)) if hasattr(item, "ndim") else None)
    assert {(True, "float16"), (False, "float32")} <= kinds and (True, "float32") not in kinds
