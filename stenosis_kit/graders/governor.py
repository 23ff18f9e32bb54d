"""What is trained in the time that is given: which graders, how many models of each, and how large their networks are.

Time is counted in input pixels: a machine learns from so many of them in a second. It buys, in this order, a grader for
each term, the other graders, enough epochs, a second fold, finer axial inputs (where the images are fine), as many
folds as were asked for, several networks of each fold, finer inputs of the other views, and wider networks (unless they
start from others). What is left after that stays unused, because more epochs overfit the labels' noise.
"""

from __future__ import annotations

import math
from dataclasses import replace

from stenosis_kit.base.budget import show_time
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.graders.cost import cost_s, grading_s, one_a_term, shortest_s, typical_pixels
from stenosis_kit.graders.plan import Load, Plan, Time
from stenosis_kit.graders.settings import Training

_FEW_STUDIES = 60
"""Chosen by hand: of fewer, networks learn from four fifths even where there is no time for all folds."""
_FINER_AXIAL = 1.5
"""Axial slices are the finest, .43 mm a pixel. On real ones it takes the weighted log loss of recesses from .569 to
.553 and that of canals from .350 to .334 (304 studies, one of two folds, started from the bundled graders; single runs,
which differ by some .02)."""
_FINE_MM = 0.9  # chosen by hand: images of coarser pixels show no more at finer inputs than at those of 1 mm
_LARGER = ((2, 1.0, 1.0), (3, 1.0, 1.0), (4, 1.0, 1.0), (4, 1.5, 1.0), (4, 1.5, 1.5), (4, 1.5, 2.0))
"""Twins, scale and width, where there is time for all epochs; a scale of 1.5 reaches the stored crops' resolution.

Of one of five folds of real crops, started from the bundled graders, the mean answers of three networks have a weighted
log loss of .494 where single ones have .502 in the mean (foramina), .565 for .581 (recesses), .381 for .403 (canals).
Foramina at 60 pixels for 15 epochs have .503, in five times the time.
"""


def plan(training: Training, load: Load, time: Time) -> Plan:
    """The best that fits the time.

    Raises:
        TimeTooShort: where not even one model a term fits.
        InputError: where there are fewer than two studies.
    """
    plans = [replace(one, parts=_parts(training, load)) for one in startable(training, load.studies, time)]
    if math.isinf(time.seconds):
        return plans[-1]
    if training.grow and (load.axial_mm or 0) <= _FINE_MM:
        plans = plans[:2] + [replace(one, axial=_FINER_AXIAL) for one in plans[1:] or plans]
    if training.grow and plans[-1].models == min(training.folds, load.studies):
        plans += _larger(plans[-1], training, load, time)
    pixels, longest = time.pixels or typical_pixels(training), time.seconds / 2
    grading = [grading_s(one, training, load.to_grade, pixels, load.start_too) for one in plans]
    plans = [replace(one, grading_s=min(each, longest)) for one, each in zip(plans, grading, strict=True)]
    # Spare time is what is left when all networks have all of their epochs.
    costs = [cost_s(one, training, load.crops, pixels, one.twins > 1) for one in plans]
    needed = [cost / max(time.workers, 1) + one.grading_s for cost, one in zip(costs, plans, strict=True)]
    return [one for one, seconds in zip(plans, needed, strict=True) if one is plans[0] or seconds <= time.seconds][-1]


def _larger(chosen: Plan, training: Training, load: Load, time: Time) -> list[Plan]:
    """What spare time makes of a plan."""
    graders = training.graders[: chosen.graders]
    return [
        replace(chosen, twins=twins, scale=scale, width=width)
        for twins, scale, width in _LARGER
        if width == 1 or load.may_widen
        if shortest_s(graders, twins * chosen.models, time.workers) <= time.seconds
    ]


def _parts(training: Training, load: Load) -> int | None:
    """That the studies are divided into, where it is not as many as there are models."""
    folds = min(training.folds, load.studies)
    return load.parts or (folds if load.studies < _FEW_STUDIES and folds > 1 else None)


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
    counts = range(one_a_term(training.graders), len(training.graders) + 1)
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
