"""What fits into the time: the paper's recipe where it does, else smaller images, and then fewer copies."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np

from stenosis_kit.base.budget import Budget, show_time
from stenosis_kit.graders.five_block_cnn import five_block_cnn
from stenosis_kit.paper.recipe import BATCH, EPOCHS, SIDE_PX

SIDES_PX = (256, 192, 128, 96, 64)
LEAST_EPOCHS = 8
"""Epochs that have to fit into the time; chosen by hand."""
FEWEST_COPIES = 32
"""Fewest copies a class; chosen by hand. Where even these do not fit, there are fewer epochs."""
START_S = 8.0
"""Seconds that building and tracing a network and answering the test images take."""
_PAPER_STEPS = 202  # of an epoch: 6,458 images (Table 3) in batches of 32
_MOMENTUM = 0.99  # Keras's default
_PROBE = 16  # images in the training step that is timed
_VALIDATION_COST = 0.35  # time to validate on an image, as a share of the time to train on it
_MEASURE_S = 90.0  # splits with less time than this are planned from the speed of the smallest side alone


@dataclass(frozen=True)
class Plan:
    """How a split is trained.

    Attributes:
        px: side of the input.
        copies: augmented images a class.
        full_copies: as many as the recipe would make: 1:1 of Normal/Mild.
        image_s: seconds to train on one image.
        seconds: of a split's training.
    """

    px: int
    copies: int
    full_copies: int
    image_s: float
    seconds: float

    def in_words(self, forced: bool) -> str:
        """What was done differently from the paper, in a sentence."""
        size = f"{self.px}×{self.px}"
        images = f"images of {size} pixels" + ("" if self.px == SIDE_PX else f" (the paper: {SIDE_PX}×{SIDE_PX})")
        copies = f"{self.copies} augmented copies a class"
        if self.copies < self.full_copies:
            copies += f" (the recipe: {self.full_copies})"
        whole = self.px == SIDE_PX and self.copies == self.full_copies
        why = "The paper's recipe" if whole else "The paper's recipe, shortened to the time"
        asked = "; the size was asked for" if forced else ""
        return f"{why}: {images}, {copies}, up to {EPOCHS} epochs in {show_time(self.seconds)} for each split{asked}."


def plan(
    full_copies: int,
    validation: int,
    seconds: float,
    forced_px: int | None = None,
    speed: Callable[[int], float] | None = None,
) -> Plan:
    """The largest side that leaves `LEAST_EPOCHS` in the time, and as many copies as do.

    Args:
        full_copies: copies a class by the recipe.
        validation: validation images.
        seconds: of one split.
        forced_px: the side, if the user asks for one.
        speed: side -> seconds to train on an image; measured here by default.
    """
    speed = speed or seconds_an_image
    training_s = max(seconds - START_S, 1.0)
    epoch = 3 * full_copies + _VALIDATION_COST * validation
    sides = (forced_px,) if forced_px else SIDES_PX
    smallest = speed(sides[-1])
    guess = {px: smallest * (px / sides[-1]) ** 2 for px in sides}  # convolutions cost by area
    for px in sides:
        if LEAST_EPOCHS * epoch * guess[px] > training_s:
            continue
        image_s = speed(px) if px != sides[-1] and seconds > _MEASURE_S else guess[px]
        if LEAST_EPOCHS * epoch * image_s <= training_s:
            return Plan(px, full_copies, full_copies, image_s, seconds)
    fits = (training_s / smallest / LEAST_EPOCHS - _VALIDATION_COST * validation) / 3
    copies = min(full_copies, max(FEWEST_COPIES, int(fits)))
    return Plan(sides[-1], copies, full_copies, smallest, seconds)


def seconds_an_image(px: int) -> float:
    """Seconds to train the network on one image of a side, measured on this machine."""
    network = compiled(px)
    batch = np.zeros((min(_PROBE, BATCH), px, px, 3), np.float32), np.zeros(min(_PROBE, BATCH), int)
    network.train_on_batch(*batch)  # builds the graph
    watch = Budget()
    network.train_on_batch(*batch)
    return watch.elapsed() / len(batch[1])


def compiled(px: int, steps: int = _PAPER_STEPS) -> keras.Model:
    """The paper's network, compiled as section 4.4 says.

    Args:
        px: side of its input.
        steps: of an epoch. Batch normalisation's running means span half an epoch, as Keras's momentum of .99 does of
            the paper's: over several short epochs they would lag behind the weights.
    """
    momentum = min(_MOMENTUM, 1 - 2 / max(steps, 4))
    network = five_block_cnn((px, px, 3), momentum=momentum)
    network.compile(keras.optimizers.Adam(), "sparse_categorical_crossentropy", weighted_metrics=["accuracy"])
    return network
