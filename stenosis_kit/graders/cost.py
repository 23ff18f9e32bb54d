"""What training a network and answering with it take: in input pixels, and in seconds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

from stenosis_kit import rsna
from stenosis_kit.crops.views import VIEW_BY_NAME, View
from stenosis_kit.graders.network import ZOOMS, looks
from stenosis_kit.graders.plan import Plan
from stenosis_kit.graders.settings import Grader, Training

ENOUGH_EPOCHS = 12
"""Rather fewer models than fewer epochs: in 8 minutes, on 240 synthetic studies and a slow machine, three folds of some
9 epochs have .488, two of 14 .474, one of five .467."""
SHORTEST_JOB_S = 12.0
"""Of a network, in the mean: building its graphs alone takes 4 to 7 s (measured on two cores)."""
SHORTEST_ROUND_S = 25.0
"""The same on a cluster, where TensorFlow is imported and the graphs are built for each network."""
_TYPICAL_PIXELS = 1.0e6  # a second, learnt by networks of the default width on two cores; channels do not count
_START_S = 2.5  # a network: new weights, the first answers, saving
_ANSWERING = 1 / 3  # of the cost of learning from a crop: the forward pass alone
_GRADING_MARGIN = 1.5  # chosen by hand: worker processes read and cut at the same time
GRAPH_S = 4.0
"""The graphs that train a grader, which all of its networks share, on two cores."""
LOADING_S = 0.35
"""A network's weights and graph, measured on two cores."""
_CELLS = Counter(rsna.CONDITION_BY_NAME[condition].term for condition, _ in rsna.CELLS)  # of a study, by term


def cost_s(
    chosen: Plan, training: Training, crops: Mapping[str, int], pixels: float, all_epochs: bool = False
) -> float:
    """Seconds that all of a plan's networks take, one after the other.

    Args:
        chosen: the plan.
        training: settings.
        crops: {view: number of labelled crops}.
        pixels: that training learns from in a second.
        all_epochs: that they can make use of, and not `ENOUGH_EPOCHS`.
    """
    learnt, graders = 1 - 1 / chosen.folds, chosen.settings(training).graders
    enough = min(ENOUGH_EPOCHS, training.max_epochs)
    each = {grader: training.max_epochs * grader.time if all_epochs else enough for grader in graders}
    answers = _ANSWERING * len(ZOOMS) * (1 - learnt)
    epochs = {grader: n * grader.repeats * learnt + answers for grader, n in each.items()}
    seen = sum(n * crops.get(grader.view, 0) * grader.px**2 for grader, n in epochs.items())
    return chosen.networks * (seen * chosen.width**2 / pixels + _START_S * len(graders)) + GRAPH_S * len(graders)


def work(grader: Grader, training: Training, crops: int) -> float:
    """What a network's whole training takes, relative to others of the same width: input pixels, the start counted in.

    Args:
        grader: the network's.
        training: settings, which say how many epochs.
        crops: that it learns from.
    """
    seen = training.max_epochs * grader.repeats * crops * grader.px**2
    return grader.time * (seen + _START_S * _TYPICAL_PIXELS)


def grading_s(chosen: Plan, training: Training, studies: int, pixels: float, start_too: bool = False) -> float:
    """Seconds, with a margin, in which all networks of a plan are loaded and answer all cells of studies.

    Args:
        chosen: the plan.
        training: settings.
        studies: to be graded.
        pixels: that training learns from in a second.
        start_too: whether what training starts from, a network a grader, answers beside.
    """
    if not studies:
        return 0.0
    graders = chosen.settings(training).graders
    seen = sum(_parts(VIEW_BY_NAME[grader.view]) * grader.px**2 for grader in graders)
    times = looks(chosen.networks) + (looks(1) if start_too else 0)
    answering = _GRADING_MARGIN * studies * times * seen * chosen.width**2 * _ANSWERING / pixels
    return answering + (chosen.networks + start_too) * LOADING_S * len(graders)


def _parts(view: View) -> int:
    """Of a study, that a network answers to: each cell's, and where the view has no side, the mirror images."""
    return _CELLS[view.term] * (2 if view.mirror_axis else 1)


def typical_pixels(training: Training) -> float:
    """Input pixels a second where that was not measured; the cost grows with the square of the networks' width."""
    return _TYPICAL_PIXELS * (Training().filters[0] / training.filters[0]) ** 2


def least_s(training: Training, workers: int = 0) -> float:
    """Seconds without which this process, or a cluster's workers, begin no training at all."""
    return shortest_s(training.graders[: one_a_term(training.graders)], 1, workers)


def one_a_term(graders: Sequence[Grader]) -> int:
    """How many of the first graders there have to be for one a term."""
    terms = [VIEW_BY_NAME[grader.view].term for grader in graders]
    return max(terms.index(term) for term in terms) + 1


def shortest_s(graders: Sequence[Grader], models: int, workers: int) -> float:
    """Seconds without which so many models of each grader are not begun."""
    if workers:  # rounds of as many jobs as there are workers
        return SHORTEST_ROUND_S * math.ceil(models * len(graders) / workers)
    return SHORTEST_JOB_S * models * len(graders)
