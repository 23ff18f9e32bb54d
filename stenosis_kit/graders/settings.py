"""The settings of graders and training, with their defaults; they travel in model.json and run.json.

Each field's type says which values it may have; `settings_file` and `model_file` hold those of a file against that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, NamedTuple, get_args, get_origin


class Rule(NamedTuple):
    """Which values of its type a field may have: in words, as an error says it, and as a test."""

    words: str
    holds: Callable[[Any], bool]


Switch = Annotated[bool, Rule("true or false", lambda _: True)]
Name = Annotated[str, Rule("a text", lambda _: True)]
Count = Annotated[int, Rule("a whole number above 0", lambda value: math.isfinite(value) and value > 0)]
LARGEST_SEED = 2**31 - 1
"""Of much larger ones scikit-learn and Keras know nothing; each network's own is up to some thousands larger."""
Seed = Annotated[int, Rule(f"a whole number from 0 to {LARGEST_SEED}", lambda value: 0 <= value <= LARGEST_SEED)]
Size = Annotated[float, Rule("a number above 0", lambda value: math.isfinite(value) and value > 0)]
Rate = Annotated[float, Rule("a number 0 or more", lambda value: math.isfinite(value) and value >= 0)]
Share = Annotated[float, Rule("a number from 0 to less than 1", lambda value: 0 <= value < 1)]


@dataclass(frozen=True)
class Grader:
    """One network: a view, the part of its crop that the network sees, and its share of the time.

    Attributes:
        view: name of a view in `crops.views.VIEWS`.
        mm: side of the part of the stored crop that is seen.
        px: side of the network's input, pixels.
        time: times the share of the training time that its crops, pixels and epochs give it, see `cost.work`.
        repeats: times the training's epochs. The canal has half as many crops as the others, with less noisy labels:
            on 240 synthetic studies 30 epochs instead of 15 lower its log loss from .395 to .360; the others gain
            nothing.
    """

    view: Name
    mm: Size
    px: Count
    time: Size = 1.0
    repeats: Size = 1.0


GRADERS = (
    Grader("canal_sagittal", mm=40.0, px=40, repeats=1.5),
    Grader("foraminal_sagittal", mm=40.0, px=40),
    Grader("subarticular_axial", mm=32.0, px=32),
    Grader("canal_axial", mm=40.0, px=40, repeats=1.5),
    Grader("foraminal_axial", mm=32.0, px=32),
    Grader("subarticular_sagittal", mm=40.0, px=40),
)
"""In order of worth: where time is short, `governor` leaves the last out; where there is time to spare it makes inputs
finer than the 1 mm a pixel of these."""


@dataclass(frozen=True)
class Training:
    """How graders are trained.

    Attributes:
        folds: number of folds by study; each makes one network a grader, fewer where the time is short.
        grow: whether spare time makes inputs finer, several networks of each fold, and wider ones, see `governor`.
        seed: of folds, weights, shuffling and augmentation.
        filters, dense: of the five-block CNN; half the paper's width, which trains three times as many images a second.
        block_dropout: none, because dropout before batch normalisation makes the validation loss jump.
        dense_dropout, momentum: see `five_block_cnn`.
        batch: crops a step.
        peak_rate: of the one-cycle learning rate of AdamW.
        weight_decay: of AdamW.
        label_smoothing: because readers disagree, and a network that is certain would be overconfident.
        max_epochs: after some fifteen the networks overfit the labels' noise; see also `Grader.repeats`.
    """

    folds: Count = 5
    grow: Switch = True
    seed: Seed = 0
    filters: tuple[Count, ...] = (16, 32, 64, 128, 256)
    dense: tuple[Count, ...] = (512, 256)
    block_dropout: Share = 0.0
    dense_dropout: Share = 0.5
    momentum: Share = 0.9
    batch: Count = 64
    peak_rate: Size = 2e-3
    weight_decay: Rate = 0.02
    label_smoothing: Share = 0.05
    max_epochs: Count = 15
    graders: tuple[Grader, ...] = GRADERS

    def epochs(self, grader: Grader) -> int:
        """The most that a grader's networks learn for, one at least."""
        return max(1, round(self.max_epochs * grader.repeats))


def field_value(kind: Any, value: Any) -> Any:
    """A value of TOML or JSON as a field of that type has it.

    Raises:
        ValueError: where it is not of that type, or breaks its rule.
        OverflowError: for a number that no float holds.
    """
    if get_origin(kind) is tuple:
        if not isinstance(value, list) or not value:
            raise ValueError(value)
        return tuple(field_value(get_args(kind)[0], each) for each in value)
    kind, rule = get_args(kind)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or not rule.holds(value):
        raise ValueError(value)
    return value
