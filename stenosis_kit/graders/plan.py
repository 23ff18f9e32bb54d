"""What is trained in the time that is given: which graders, how many models of each, and how large their networks are.

Time is counted in input pixels: a machine learns from so many of them in a second. It buys, in this order, a grader for
each term, the other graders, enough epochs, a second fold, finer axial inputs (where the images are fine), as many
folds as were asked for, finer inputs of the other views, wider networks (unless they start from others), and twice as
many folds. What is left after that stays unused, because more epochs overfit the labels' noise.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stenosis_kit import rsna
from stenosis_kit.base.budget import show_time
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.graders.settings import Grader, Training

ENOUGH_EPOCHS = 10
"""Rather fewer models than fewer epochs; more epochs hardly help."""
SHORTEST_JOB_S = 12.0
"""Of a network, in the mean: building its graphs alone takes 4 to 7 s (measured on two cores)."""
SHORTEST_ROUND_S = 25.0
"""The same on a cluster, where TensorFlow is imported and the graphs are built for each network."""
_TYPICAL_PIXELS = 1.0e6  # a second, learnt by networks of the default width on two cores; channels do not count
_WITHOUT_FOLDS = 5  # a single model learns from four fifths of the studies
_START_S = 2.5  # a network: new weights, the first answers, saving
_ANSWERING = 1 / 3  # of the cost of learning from a crop: the forward pass alone
_GRADING_MARGIN = 1.5  # chosen by hand: worker processes read and cut at the same time
_LOADING_S = 0.35  # a network's weights and graph
_CELLS = Counter(rsna.CONDITION_BY_NAME[condition].term for condition, _ in rsna.CELLS)  # of a study, by term


@dataclass(frozen=True)
class Load:
    """What there is to learn from and to grade.

    Attributes:
        crops: {view: number of labelled crops}.
        studies: number of studies.
        parts: that the studies are divided into already; None: as it suits.
        to_grade: studies that the networks have to grade in the same time, in this process.
        may_widen: whether networks may be wider than the settings say: not where they start from others' weights.
        axial_mm: side of the axial images' pixels; None: not known.
    """

    crops: Mapping[str, int]
    studies: int
    parts: int | None = None
    to_grade: int = 0
    may_widen: bool = True
    axial_mm: float | None = None


@dataclass(frozen=True)
class Time:
    """What there is to learn with.

    Attributes:
        seconds: of training and grading.
        pixels: input pixels that training learns from in a second, of one worker; None: what is typical.
        workers: of a cluster that trains as many networks at a time; 0 for this process, which trains one.
    """

    seconds: float
    pixels: float | None = None
    workers: int = 0


@dataclass(frozen=True)
class Plan:
    """What is trained.

    Attributes:
        models: a grader; each holds out a fold of the studies.
        axial: scale of the axial inputs' sides, in pixels; the part of the crop that they show stays.
        scale: the same of all inputs; the larger of the two counts.
        width: of the networks, a multiple of the settings'.
        graders: how many, the first of the settings'; None: all.
        parts: that the studies are divided into already; None: as it suits.
        grading_s: seconds that are kept for grading with it.
    """

    models: int
    axial: float = 1.0
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
        graders = tuple(self._finer(grader) for grader in training.graders[: self.graders])
        return replace(training, graders=graders, filters=tuple(round(self.width * each) for each in training.filters))

    def _finer(self, grader: Grader) -> Grader:
        is_axial = VIEW_BY_NAME[grader.view].series_kind == rsna.AXIAL_T2
        return replace(grader, px=round(grader.px * max(self.scale, self.axial if is_axial else 1.0)))


_FINER_AXIAL = 1.5
"""Axial slices are the finest, .43 mm a pixel. On real ones it takes the weighted log loss of recesses from .569 to
.553 and that of canals from .350 to .334 (304 studies, one of two folds, started from the bundled graders; single runs,
which differ by some .02)."""
_FINE_MM = 0.9  # chosen by hand: images of coarser pixels show no more at finer inputs than at those of 1 mm
_LARGER = ((1.25, 1.0), (1.5, 1.0), (1.5, 1.5), (1.5, 2.0))
"""Scale and width; a scale of 1.5 reaches the resolution of the stored crops."""
_MORE_FOLDS = 2  # times; chosen by hand: of ten folds a network learns from nine tenths of the studies


def plan(training: Training, load: Load, time: Time) -> Plan:
    """The best that fits the time.

    Raises:
        TimeTooShort: where not even one model a term fits.
        InputError: where there are fewer than two studies.
    """
    plans = [replace(one, parts=load.parts) for one in startable(training, load.studies, time)]
    if math.isinf(time.seconds):
        return plans[-1]
    if training.grow and (load.axial_mm or 0) <= _FINE_MM:
        plans = plans[:2] + [replace(one, axial=_FINER_AXIAL) for one in plans[1:] or plans]
    if training.grow and plans[-1].models == min(training.folds, load.studies):
        largest = plans[-1]
        plans += [replace(largest, scale=s, width=w) for s, w in _LARGER if w == largest.width or load.may_widen]
        more = min(_MORE_FOLDS * training.folds, load.studies)
        if not load.parts and shortest_s(training.graders[: largest.graders], more, time.workers) <= time.seconds:
            plans.append(replace(plans[-1], models=more))
    pixels, longest = time.pixels or typical_pixels(training), time.seconds / 2
    plans = [replace(one, grading_s=min(grading_s(one, training, load.to_grade, pixels), longest)) for one in plans]
    needed = [cost_s(one, training, load.crops, pixels) / max(time.workers, 1) + one.grading_s for one in plans]
    return [one for one, seconds in zip(plans, needed, strict=True) if one is plans[0] or seconds <= time.seconds][-1]


def cost_s(chosen: Plan, training: Training, crops: Mapping[str, int], pixels: float) -> float:
    """Seconds that `ENOUGH_EPOCHS` of all of a plan's networks take, one after the other."""
    learnt, graders = 1 - 1 / chosen.folds, chosen.settings(training).graders
    epochs = {grader: ENOUGH_EPOCHS * grader.repeats * learnt + _ANSWERING * (1 - learnt) for grader in graders}
    seen = sum(n * crops.get(grader.view, 0) * grader.px**2 for grader, n in epochs.items())
    return chosen.models * (seen * chosen.width**2 / pixels + _START_S * len(graders))


def work(grader: Grader, training: Training, crops: int) -> float:
    """What a network's whole training takes, relative to others of the same width: input pixels, the start counted in.

    Args:
        grader: the network's.
        training: settings, which say how many epochs.
        crops: that it learns from.
    """
    seen = training.max_epochs * grader.repeats * crops * grader.px**2
    return grader.time * (seen + _START_S * _TYPICAL_PIXELS)


def grading_s(chosen: Plan, training: Training, studies: int, pixels: float) -> float:
    """Seconds, with a margin, in which all networks of a plan are loaded and answer all cells of studies."""
    if not studies:
        return 0.0
    graders = chosen.settings(training).graders
    seen = sum(_CELLS[VIEW_BY_NAME[grader.view].term] * grader.px**2 for grader in graders)
    answering = _GRADING_MARGIN * studies * seen * chosen.width**2 * _ANSWERING / pixels
    return chosen.models * (answering + _LOADING_S * len(graders))


def typical_pixels(training: Training) -> float:
    """Input pixels a second where that was not measured; the cost grows with the square of the networks' width."""
    return _TYPICAL_PIXELS * (Training().filters[0] / training.filters[0]) ** 2


def startable(training: Training, studies: int, time: Time) -> list[Plan]:
    """Plans that can be started in the time: of one model a grader, of two, up to one a fold (or a study).

    Their graders are as many of the settings' first ones as can be started in the time, one a term at least.

    Raises:
        TimeTooShort: where not even one model of these can.
        InputError: where there are fewer than two studies.
    """
    if studies < 2:
        raise InputError(
            "the training data", "labelled crops of at least two studies", f"{studies}", "Give more training studies."
        )
    counts = range(_one_a_term(training.graders), len(training.graders) + 1)
    shortest = {n: shortest_s(training.graders[:n], 1, time.workers) for n in counts}
    if shortest[counts[0]] > time.seconds:
        raise TimeTooShort(
            f"at least {show_time(shortest[counts[0]] + 1)} for training {counts[0]} graders",
            f"{show_time(max(time.seconds, 0))} left",
            "Give more time.",
        )
    most = max(n for n in counts if shortest[n] <= time.seconds)
    models = range(1, min(training.folds, studies) + 1)
    chosen = training.graders[:most]
    return [Plan(n, graders=most) for n in models if shortest_s(chosen, n, time.workers) <= time.seconds]


def _one_a_term(graders: Sequence[Grader]) -> int:
    """How many of the first graders there have to be for one a term."""
    terms = [VIEW_BY_NAME[grader.view].term for grader in graders]
    return max(terms.index(term) for term in terms) + 1


def least_s(training: Training) -> float:
    """Seconds without which this process begins no training at all."""
    return shortest_s(training.graders[: _one_a_term(training.graders)], 1, 0)


def shortest_s(graders: Sequence[Grader], models: int, workers: int) -> float:
    """Seconds without which so many models of each grader are not begun."""
    if workers:  # rounds of as many jobs as there are workers
        return SHORTEST_ROUND_S * math.ceil(models * len(graders) / workers)
    return SHORTEST_JOB_S * models * len(graders)
