"""From laps to figures: rates in steady state, and how cost grows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from stenosis_kit.base.budget import Stopwatch

_LEAST_S = 1e-3  # so that a clock's noise makes no rate infinite


def seconds_of(function: Callable[[], object]) -> float:
    """What a call takes, s."""
    watch = Stopwatch()
    function()
    return watch.lap("call")


def steady_rate(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Units a second between the smallest and the largest size: what both took to start is apart."""
    return (sizes[-1] - sizes[0]) / max(seconds[-1] - seconds[0], _LEAST_S)


def in_turns(laps: int, *ways: Callable[[int], float]) -> list[float]:
    """The median over laps of what each way answers; they take turns. A way is given the lap's number."""
    rows = [[way(lap) for way in ways] for lap in range(laps)]
    return [median(column) for column in zip(*rows, strict=True)]


def grow(sizes: Sequence[int], laps: int, seconds: Callable[[int], float]) -> dict[str, object]:
    """The growth over sizes of what a function answers for one; medians over laps, sizes in turns."""
    seconds(sizes[0])  # what is imported and cached at first
    ways = [lambda lap, size=size: seconds(size) for size in sizes]
    return growth(sizes, in_turns(laps, *ways))


def growth(sizes: Sequence[int], seconds: Sequence[float]) -> dict[str, object]:
    """How cost grows over sizes; see the package for the keys."""
    costs = [(seconds[i] - seconds[i - 1]) / (sizes[i] - sizes[i - 1]) for i in (1, -1)]
    first, last = (max(cost, _LEAST_S) for cost in costs)
    return {"studies": list(sizes), "seconds": [round(each, 3) for each in seconds], "ratio": round(last / first, 3)}
