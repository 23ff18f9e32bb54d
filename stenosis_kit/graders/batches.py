"""What a grader learns from: the labelled crops of its view, and batches of them as its network sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.tensorflow_start import untuned
from stenosis_kit.crops.store import Store, release, severity_indices
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader

if TYPE_CHECKING:
    import tensorflow as tf

    from stenosis_kit.graders.augmentation import Augmentation


_HELD = 64  # batches: a mapped file of a view may be 1 GB, and would all be resident after an epoch


@dataclass(frozen=True)
class Lesson:
    """Crops of a view with labels.

    Attributes:
        crops: (n, px, px, slices) uint8, may be memory-mapped.
        severity: (n,) class index.
        weight: (n,) the metric's weight.
        learn, validate: indices into them.
    """

    crops: np.ndarray
    severity: np.ndarray
    weight: np.ndarray
    learn: np.ndarray
    validate: np.ndarray


def labelled(store: Store) -> pl.DataFrame:
    """The manifest's rows that have a label, in its order."""
    return store.manifest.filter(pl.col("severity").is_not_null())


def read_lesson(store: Store, view: str, folds: Mapping[int, int], held_out: int) -> tuple[Lesson, np.ndarray]:
    """The crops of a view.

    Args:
        store: that holds them.
        view: its name.
        folds: {study: fold}; crops of studies that have none are learnt from.
        held_out: the fold to validate on.

    Returns:
        The lesson; and where its `validate` crops stand in the `labelled` manifest.
    """
    place = pl.col("severity").is_not_null().cum_sum() - 1
    rows = store.manifest.with_columns(place=place).filter(view=view).sort("row")
    severity = severity_indices(rows)
    out = np.array([folds.get(study) == held_out for study in rows["study_id"]], bool)
    learn, validate = np.flatnonzero((severity >= 0) & ~out), np.flatnonzero((severity >= 0) & out)
    lesson = Lesson(store.arrays[view], severity, rows["weight"].to_numpy(), learn, validate)
    return lesson, rows["place"].to_numpy()[validate]


def batches(
    lesson: Lesson, rows: np.ndarray, grader: Grader, size: int, ranges: Augmentation | None = None, seed: int = 0
) -> tf.data.Dataset:
    """Batches of (images, one-hot severities, weights with mean 1 over the rows), read as they are needed.

    Args:
        lesson: holds the crops.
        rows: indices into them.
        grader: says which part of them is seen, and how fine.
        size: of a batch.
        ranges: of the augmentation; then the rows are shuffled and repeated without end, since starting over at each
            epoch costs .05 to .6 s (measured). None: each row once, in order.
        seed: of the shuffling.
    """
    import tensorflow as tf

    from stenosis_kit.graders.augmentation import central_parts, change, random_parts, sample

    view, done = VIEW_BY_NAME[grader.view], count(1)

    def read(places: np.ndarray) -> np.ndarray:
        """Crops by their rows; every now and then what was read of the file is let go."""
        found = lesson.crops[places]
        if next(done) % _HELD == 0:
            release(lesson.crops)
        return found

    def seen(places: tf.Tensor, labels: tf.Tensor, weights: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Rows with their crops as the network sees them."""
        crops = tf.numpy_function(read, [places], tf.uint8)
        crops.set_shape([None, view.px, view.px, view.slices])
        if ranges is None:
            return central_parts(crops, view, [grader.mm], grader.px), labels, weights
        parts = sample(crops, random_parts(view, grader.mm, grader.px, tf.shape(crops)[0], ranges), grader.px)
        return change(parts, view, ranges), labels, weights

    onehot = np.eye(len(rsna.SEVERITIES), dtype=np.float32)[lesson.severity[rows]]
    weight = (lesson.weight[rows] / lesson.weight[rows].mean()).astype(np.float32)
    dataset = tf.data.Dataset.from_tensor_slices((rows, onehot, weight))
    if ranges is not None:
        dataset = dataset.shuffle(len(rows), seed=seed).repeat()
    return untuned(dataset.batch(size).map(seen).prefetch(2))
