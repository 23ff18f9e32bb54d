"""What a version end makes of a model's weights: the arrays that it loads, and the answers that it gives.

Run with either end's Python: `version_probe.py MODEL OUT.npz [SAVE_TO]`; SAVE_TO gets the same weights, saved by it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.graders.model_file import read_description


def probe(model: Path, out: Path, save_to: Path | None = None) -> None:
    """Writes all weights, and answers to the same made-up crops, of each network of a model."""
    load_tensorflow()
    from stenosis_kit.graders.network import build_network

    description, arrays = read_description(model), {}
    for trained in description.graders:
        network = build_network(trained.grader, description.training)
        network.load_weights(model / trained.weights)
        crops = np.random.default_rng(0).random((4, *network.input_shape[1:]), np.float32)
        arrays |= {f"{trained.weights} {place}": array for place, array in enumerate(network.get_weights())}
        arrays[f"{trained.weights} answers"] = np.asarray(network.predict_on_batch(crops))
        if save_to:
            network.save_weights(save_to / trained.weights)
    np.savez(out, **arrays)


def largest_differences(one: Path, other: Path) -> tuple[float, float]:
    """Of two probes, the largest difference of a weight and of an answer."""
    with np.load(one) as a, np.load(other) as b:
        assert a.files == b.files
        differences = {name: float(np.abs(a[name] - b[name]).max()) for name in a.files}
    answers = [value for name, value in differences.items() if name.endswith("answers")]
    return max(value for name, value in differences.items() if not name.endswith("answers")), max(answers)


if __name__ == "__main__":
    probe(*map(Path, sys.argv[1:]))
