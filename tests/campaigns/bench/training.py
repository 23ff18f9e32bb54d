"""Training beside plain Keras and beside a matrix product.

Plain Keras: the same network of Keras's own layers, `compile("adam", "categorical_crossentropy")` and `fit` on float
arrays in memory, with the defaults of Keras and TensorFlow for everything else (batches of 32 among them), in a process
in which the kit has set nothing. It neither augments nor weighs, so it does less.

Operations are counted as usual: a convolution or dense layer takes two for each weight and place it is applied at;
a training step, forward and back, three times that. Everything else (normalisation, pooling, augmentation, optimiser)
counts for nothing, so the share of a matrix product is a lower bound.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from campaigns.bench.children import child
from campaigns.bench.rates import grow, in_turns, seconds_of, steady_rate

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.crops.store import open_store, severity_indices
from stenosis_kit.graders.settings import Grader, Training

if TYPE_CHECKING:
    import keras

    from stenosis_kit.graders.batches import Lesson
    from stenosis_kit.graders.trainer import Trainer

_SETTINGS = ("TF_ENABLE", "TF_NUM", "OMP_", "KMP_", "XLA_")
_MATRIX = 2048  # side, of a product that takes some .1 s on two cores
_GROWTH_EPOCHS = 4  # over which growth is taken: one over 50 studies' canals takes no longer than a clock's noise


def compare(
    store: Path, training: Training, rows: tuple[int, int], laps: int, studies: Sequence[int]
) -> tuple[float, dict[str, dict], dict]:
    """GFLOP/s of a matrix product, the figures of each grader and the growth of the first one's (see the package).

    Args:
        store: crops to learn from.
        training: of one epoch; all its graders are measured.
        rows: numbers of crops between which the rate is taken.
        laps: how often each is measured.
        studies: over which growth is taken: a few epochs over their crops.
    """
    figures, products = {}, []
    with child() as kit, child() as plain:
        for grader in training.graders:
            ways = ((kit, learn_seconds), (plain, fit_seconds))
            begun = [process.begin(way, store, grader, training, rows[0]) for process, way in ways]
            [each.result() for each in begun]  # the graphs are built
            gflop = plain.run(training_gflop, grader, training)

            def ours(lap: int, grader: Grader = grader) -> float:
                return steady_rate(rows, [kit.run(learn_seconds, store, grader, training, each) for each in rows])

            def theirs(lap: int, grader: Grader = grader) -> float:
                return steady_rate(rows, [plain.run(fit_seconds, store, grader, training, each) for each in rows])

            images, plain_images, product = in_turns(laps, ours, theirs, lambda lap: plain.run(product_gflop_s))
            products.append(product)
            figures[grader.view] = _figures(images, plain_images, gflop, product)
        first, crops = training.graders[0], _GROWTH_EPOCHS * _crops_a_study(store, training.graders[0])
        grown = grow(studies, laps, lambda count: kit.run(learn_seconds, store, first, training, round(count * crops)))
    return round(float(np.median(products)), 1), figures, grown


def _crops_a_study(store: Path, grader: Grader) -> float:
    opened = open_store(store)
    return opened.manifest.filter(view=grader.view).height / opened.run["studies"]


def _figures(images: float, plain_images: float, gflop: float, product: float) -> dict[str, float]:
    return {
        "images_s": round(images, 1),
        "plain_images_s": round(plain_images, 1),
        "ratio": round(images / plain_images, 3),
        "gflop_an_image": round(gflop, 5),
        "gflop_s": round(images * gflop, 2),
        "share": round(images * gflop / product, 4),
    }


# --- What the children run -----------------------------------------------------------------------


def learn_seconds(store: Path, grader: Grader, training: Training, rows: int) -> float:
    """What the kit takes for an epoch of so many crops, s."""
    learner, lesson = _learner(grader, training), _lesson(store, grader, rows)
    return seconds_of(lambda: learner.run(lesson, Budget(), seed=0))


def fit_seconds(store: Path, grader: Grader, training: Training, rows: int) -> float:
    """What plain Keras takes for the same, s; making the arrays apart."""
    network, lesson = _plain_network(grader, training), _lesson(store, grader, rows)
    side = slice((lesson.crops.shape[1] - grader.px) // 2, (lesson.crops.shape[1] + grader.px) // 2)
    images = lesson.crops[lesson.learn, side, side].astype(np.float32) / 255
    onehot = np.eye(len(rsna.SEVERITIES), dtype=np.float32)[lesson.severity[lesson.learn]]
    return seconds_of(lambda: network.fit(images, onehot, verbose=0))


def product_gflop_s() -> float:
    """GFLOP a second of a float32 matrix product."""
    matrix = np.ones((_MATRIX, _MATRIX), np.float32)
    return 2 * _MATRIX**3 / 1e9 / seconds_of(lambda: matrix @ matrix)


def training_gflop(grader: Grader, training: Training) -> float:
    """GFLOP of a training step for each image; see above."""
    return 3 * sum(_forward_flop(layer) for layer in _plain_network(grader, training).layers) / 1e9


def _forward_flop(layer: keras.Layer) -> int:
    import keras

    if not isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
        return 0
    places = int(np.prod(layer.output.shape[1:-1], dtype=int))
    return 2 * places * int(np.prod(layer.kernel.shape))


@cache
def _learner(grader: Grader, training: Training) -> Trainer:
    load_tensorflow()
    from stenosis_kit.graders.trainer import Trainer

    return Trainer(replace(grader, repeats=1.0), training)  # one epoch of the canal is not one and a half


@cache
def _plain_network(grader: Grader, training: Training) -> keras.Model:
    _forget_settings()
    load_tensorflow()  # without its chatter
    import keras

    from stenosis_kit.graders.network import build_network

    network = keras.models.clone_model(build_network(grader, training), clone_function=_kerass_own)
    network.compile("adam", "categorical_crossentropy")
    return network


def _kerass_own(layer: keras.Layer) -> keras.Layer:
    """The layer as Keras has it: the kit's are called as those they stand for."""
    import keras

    return getattr(keras.layers, type(layer).__name__).from_config(layer.get_config())


def _forget_settings() -> None:
    """Takes out of the environment, before TensorFlow reads it, what the kit put there to be faster."""
    for name in [name for name in os.environ if name.startswith(_SETTINGS)]:
        del os.environ[name]


def _lesson(store: Path, grader: Grader, rows: int) -> Lesson:
    """So many labelled crops of a grader's view, repeated where the store has fewer; none validates."""
    from stenosis_kit.graders.batches import Lesson

    opened = open_store(store)
    manifest = opened.manifest.filter(view=grader.view).sort("row")
    learn, nothing = np.resize(np.arange(manifest.height), rows), np.arange(0)
    weight = manifest["weight"].to_numpy()
    return Lesson(opened.arrays[grader.view], severity_indices(manifest), weight, learn, nothing)
