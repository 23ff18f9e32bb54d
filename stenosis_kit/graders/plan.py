"""What is trained in the time that is given: which graders, how many models of each, and how large their networks are.

A second of training buys so many input pixels. First comes a grader for each term, then the others in their order, then
enough epochs, then as many folds as were asked for, then larger inputs, then wider networks. What is left after that is
left: more epochs learn the labels' noise by heart.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from stenosis_kit import rsna
from stenosis_kit.base.budget import show_time
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader, Training

ENOUGH_EPOCHS = 10
"""Fewer models rather than fewer epochs; more epochs hardly help."""
SHORTEST_JOB_S = 12.0
"""Less than this does not pay for building a network's graphs (4 to 7 s on two cores)."""
SHORTEST_ROUND_S = 25.0
"""The same on a cluster, where each of them is built anew after TensorFlow is imported."""
_TYPICAL_PIXELS = 1.0e6  # a second, of inputs of however many slices, by networks of the default width on two cores
_WITHOUT_FOLDS = 5  # a single model learns from four fifths of the studies
_START_S = 2.5  # new weights, the first answers, saving
_ANSWERING = 1 / 3  # of an epoch's cost: the way forward alone
_GRADING_MARGIN = 1.5  # workers read and cut beside it
_LOADING_S = 0.35  # a network's weights and graph
_CELLS = Counter(rsna.CONDITION_BY_NAME[condition].term for condition, _ in rsna.CELLS)  # of a study, by term


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        models: a grader; each holds out a fold of the studies.
        scale: of the inputs' sides, in pixels; the part of the crop that they show stays.
        width: of the networks, a multiple of the settings'.
        graders: how many, the first of the settings'; None: all.
        parts: that the studies are divided into already; None: as it suits.
        grading_s: seconds that are kept for grading with it.
    """

    models: int
    scale: float = 1.0
    width: float = 1.0
    graders: int | None = None
    parts: int | None = None
    grading_s: float = 0.0

    @property
    def folds(self) -> int:
        """Parts that the studies are divided into."""
        return self.parts or (self.models if self.models > 1 else _WITHOUT_FOLDS)

    def settings(self, training: Training) -> Training:
        """The settings of this plan."""
        chosen = training.graders[: self.graders]
        graders = tuple(replace(grader, px=round(grader.px * self.scale)) for grader in chosen)
        return replace(training, graders=graders, filters=tuple(round(self.width * each) for each in training.filters))


_LARGER = ((1.0, 1.0), (1.25, 1.0), (1.5, 1.0), (1.5, 1.5), (1.5, 2.0))
"""Scale and width; stored crops have no finer pixels than 1.5."""


def plan(
    training: Training,
    crops: Mapping[str, int],
    studies: int,
    seconds: float,
    pixels: float | None = None,
    workers: int = 0,
    parts: int | None = None,
    to_grade: int = 0,
) -> Plan:
    """The best that fits the time.

    Args:
        training: settings.
        crops: {view: number of labelled crops}.
        studies: number of studies.
        seconds: the time.
        pixels: that training learns from in a second, of one worker; None: what is typical.
        workers: of a cluster that trains so many networks at a time; 0 for this process, which trains one.
        parts: that the studies are divided into already; None: as it suits.
        to_grade: studies that it has to grade, in this process and the same time.

    Raises:
        TimeTooShort: where not even one model a term fits.
        InputError: where there are fewer than two studies.
    """
    startable = startable_in_time(training, seconds, workers)
    most, graders = models_in_time(startable, studies, seconds, workers), len(startable.graders)
    if math.isinf(seconds):
        return Plan(most, graders=graders, parts=parts)
    pixels = pixels or typical_pixels(training)
    plans = [Plan(models, graders=graders, parts=parts) for models in range(1, most + 1)]
    if training.grow and most == min(training.folds, studies):
        plans += [Plan(most, *step, graders, parts) for step in _LARGER[1:]]
    plans = [replace(one, grading_s=min(grading_s(one, training, to_grade, pixels), seconds / 2)) for one in plans]
    needed = {one: cost_s(one, training, crops, pixels) / max(workers, 1) + one.grading_s for one in plans}
    return [one for one in plans if one == plans[0] or needed[one] <= seconds][-1]


def cost_s(chosen: Plan, training: Training, crops: Mapping[str, int], pixels: float) -> float:
    """Seconds that enough epochs of all of a plan's networks take."""
    learnt, graders = 1 - 1 / chosen.folds, chosen.settings(training).graders
    epochs = {grader: ENOUGH_EPOCHS * grader.repeats * learnt + _ANSWERING * (1 - learnt) for grader in graders}
    seen = sum(n * crops.get(grader.view, 0) * grader.px**2 for grader, n in epochs.items())
    return chosen.models * (seen * chosen.width**2 / pixels + _START_S * len(graders))


def grading_s(chosen: Plan, training: Training, studies: int, pixels: float) -> float:
    """Seconds, with a margin, in which all networks of a plan are loaded and answer all cells of studies."""
    if not studies:
        return 0.0
    graders = chosen.settings(training).graders
    seen = sum(_CELLS[VIEW_BY_NAME[grader.view].term] * grader.px**2 for grader in graders)
    answering = _GRADING_MARGIN * studies * seen * chosen.width**2 * _ANSWERING / pixels
    return chosen.models * (answering + _LOADING_S * len(graders))


def typical_pixels(training: Training) -> float:
    """Input pixels that such networks learn from in a second, where that cannot be measured."""
    return _TYPICAL_PIXELS * (Training().filters[0] / training.filters[0]) ** 2


def startable_in_time(training: Training, seconds: float, workers: int = 0) -> Training:
    """The settings with as many of their graders, the first ones, as can be started in the time; one a term at least.

    Args:
        training: settings.
        seconds: the time.
        workers: of a cluster that trains so many networks at a time; 0 for this process, which trains one.
    """
    graders = training.graders
    terms = [VIEW_BY_NAME[grader.view].term for grader in graders]
    fewest = max((terms.index(term) + 1 for term in terms), default=0)
    fitting = [n for n in range(fewest, len(graders) + 1) if _models(graders[:n], seconds, workers)[1] <= seconds]
    return replace(training, graders=graders[: max(fitting, default=fewest)])


def models_in_time(training: Training, studies: int, seconds: float, workers: int = 0) -> int:
    """How many models a grader can be started in the time: one a fold, fewer where time or studies are short.

    Args:
        training: settings.
        studies: number of studies.
        seconds: the time.
        workers: of a cluster that trains so many networks at a time; 0 for this process, which trains one.

    Raises:
        TimeTooShort: where not even one does.
        InputError: where there are fewer than two studies.
    """
    if studies < 2:
        raise InputError(
            "the training data", "labelled crops of at least two studies", f"{studies}", "Give more training studies."
        )
    models, shortest = _models(training.graders, seconds, workers)
    if models < 1:
        raise TimeTooShort(
            f"at least {show_time(shortest + 1)} for training {len(training.graders)} graders",
            f"{show_time(max(seconds, 0))} left",
            "Give more time.",
        )
    return int(min(training.folds, studies, models))


def _models(graders: tuple[Grader, ...], seconds: float, workers: int) -> tuple[float, float]:
    """The models a grader that fit the seconds, and the seconds that one takes."""
    if workers:  # rounds of as many jobs as there are workers
        rounds = math.ceil(len(graders) / workers)
        return seconds // SHORTEST_ROUND_S * workers // len(graders), SHORTEST_ROUND_S * rounds
    shares = [grader.time for grader in graders]
    shortest = SHORTEST_JOB_S * sum(shares) / min(shares)
    return seconds // shortest, shortest
