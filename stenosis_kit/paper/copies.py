"""Balancing by augmentation alone (section 4.3): only augmented copies train, about as many of each class."""

from __future__ import annotations

from pathlib import Path

import cv2
import keras
import numpy as np

from stenosis_kit import rsna
from stenosis_kit.paper.recipe import BATCH, SHIFT, ZOOM


def read_images(folder: Path, files: list[str], px: int) -> np.ndarray:
    """(n, px, px) uint8 grey images of PNG files."""
    images = np.empty((len(files), px, px), np.uint8)
    for place, name in enumerate(files):
        whole = cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)
        images[place] = cv2.resize(whole, (px, px), interpolation=cv2.INTER_AREA)
    return images


def augmented(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A copy of a square image, shifted and zoomed along both axes, half of the time flipped left to right."""
    side, center = image.shape[0], (image.shape[0] - 1) / 2
    zoom = rng.uniform(1 - ZOOM, 1 + ZOOM, 2)
    shift = rng.uniform(-SHIFT, SHIFT, 2) * side
    matrix = np.column_stack([np.diag(zoom), center - zoom * center + shift])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    copy = cv2.warpAffine(image, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return copy[:, ::-1] if rng.random() < 0.5 else copy


def balanced(rows: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """(3 x count,) which original each copy is made of: of each class `count`, all its originals equally often."""
    parts = [rows[labels[rows] == k] for k in range(len(rsna.PAPER_CLASSES))]
    return np.concatenate([np.resize(part, count) for part in parts])


class Images(keras.utils.PyDataset):
    """Batches of (batch, px, px, 3) images in [0, 1] and their class indices, made as they are asked for.

    A copy is the same in every epoch, as if it had been written to disk: its index seeds its augmentation.
    """

    def __init__(
        self,
        grey: np.ndarray,
        labels: np.ndarray,
        rows: np.ndarray,
        weights: np.ndarray | None = None,
        seed: int | None = None,
        batch: int = BATCH,
    ) -> None:
        """Prepares batches.

        Args:
            grey: (n, px, px) uint8 originals.
            labels: (n,) class indices.
            rows: originals to give, in this order, or to make copies of.
            weights: (n,) sample weights, where there are any.
            seed: makes augmented copies, in a new order each epoch; without it the originals are given.
            batch: images a batch.
        """
        super().__init__()
        self.grey, self.labels, self.rows, self.weights = grey, labels, rows, weights
        self.seed, self.batch = seed, batch
        self._shuffle = np.random.default_rng(seed)
        self._order = np.arange(len(rows))
        self.on_epoch_end()

    def __len__(self) -> int:
        """Number of batches."""
        return -(-len(self.rows) // self.batch)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        """One batch: images, classes and, where there are any, weights."""
        places = self._order[index * self.batch : (index + 1) * self.batch]
        images = np.stack([self.image(place) for place in places])
        rows = self.rows[places]
        batch = (np.repeat(images[..., None], 3, axis=3).astype(np.float32) / 255, self.labels[rows])
        return batch if self.weights is None else (*batch, self.weights[rows])

    def image(self, place: int) -> np.ndarray:
        """(px, px) uint8: the image at a place of `rows`."""
        original = self.grey[self.rows[place]]
        return original if self.seed is None else augmented(original, np.random.default_rng([self.seed, place]))

    def on_epoch_end(self) -> None:
        """Shuffles copies."""
        if self.seed is not None:
            self._order = self._shuffle.permutation(len(self.rows))
