"""TensorFlow's start on a machine where Keras was set up for other work."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CODE = """
from stenosis_kit.base.tensorflow_start import load_tensorflow
load_tensorflow()
import keras
from stenosis_kit.graders.five_block_cnn import five_block_cnn
network = five_block_cnn((32, 32, 5), (1,) * 5, (2,))
print(keras.backend.backend(), network.input_shape, network.layers[1].kernel.shape[2], network.compute_dtype)
print(keras.config.epsilon(), keras.random.normal((2,)).dtype, {weight.dtype for weight in network.weights})
"""


def test_networks_are_the_same_however_keras_was_set_up(tmp_path: Path) -> None:
    settings = {"floatx": "float16", "epsilon": 1e-4, "backend": "torch", "image_data_format": "channels_first"}
    (tmp_path / "keras.json").write_text(json.dumps(settings))
    environment = os.environ | {"KERAS_HOME": str(tmp_path), "KERAS_BACKEND": "torch"}
    done = subprocess.run([sys.executable, "-c", CODE], env=environment, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "tensorflow (None, 32, 32, 5) 5 float32",
        "1e-07 <dtype: 'float32'> {'float32'}",
    ]
