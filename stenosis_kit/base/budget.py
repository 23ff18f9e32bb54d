"""The time budget: the only module that reads a clock."""

from __future__ import annotations

import math
import os
import re
import time
from pathlib import Path

DEFAULT_LIMITS = {"submit": "8m", "train": "30m", "paper": "30m"}
"""{command: its time limit, where none is given}."""

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_LONGEST_START_S = 60.0  # of Python, chosen by hand
_PROBE_STEPS, _PROBE_S = 1_000_000, 0.05  # of a loop that tells how busy a machine is; measured on an idle core


def parse_time(text: str) -> float:
    """Seconds of a time as the command line writes it: 90s, 15m, 8.5h.

    Raises:
        ValueError: where the text is not such a time, or not positive.
    """
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smh])", text.strip())
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if not seconds > 0:
        raise ValueError(f"expected a time such as 90s, 15m or 8.5h; found {text!r}")
    return seconds


def show_time(seconds: float) -> str:
    """Seconds for people: 4.2 s, 3 min 20 s, 2 h 05 min; no limit."""
    if math.isinf(seconds):
        return "no limit"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def process_age() -> float:
    """Seconds since this process began: on a busy machine Python alone takes some to start.

    0 where the system does not tell (Linux does), or tells what cannot be: sandboxes have clocks of their own.
    """
    try:
        began = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - began
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
    return age if 0 <= age <= _LONGEST_START_S else 0.0


def slowness() -> float:
    """How many times longer than usual work takes here now, 1 at least: other work has its share, or cores are slow.

    Usual are two idle cores: what steps take there, which no budget can stop once they are begun, is stated in the
    modules; times this it is what they will take. Measured by a short loop.
    """
    began, total = time.monotonic(), 0.0
    for step in range(_PROBE_STEPS):
        total = total * 0.5 + step
    return max(1.0, (time.monotonic() - began) / _PROBE_S)


class Budget:
    """A deadline, and what is left until then.

    The command line makes one budget; stages ask it for shares. A share is a fraction of the time left when it is asked
    for; unused time stays with the parent.
    """

    def __init__(self, seconds: float = math.inf, spent: float = 0.0, whole: float | None = None) -> None:
        """Starts now.

        Args:
            seconds: from start to deadline.
            spent: seconds already gone, in imports for instance.
            whole: of a share, the command's whole budget, s; it is handed on to the shares of shares.
        """
        self.started = time.monotonic() - spent
        self.deadline = self.started + seconds
        self.whole = seconds if whole is None else whole

    @property
    def seconds(self) -> float:
        """From start to deadline, s; infinite without a limit."""
        return self.deadline - self.started

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.started

    def remaining(self) -> float:
        """Seconds until the deadline, never negative; infinite without a limit."""
        return max(0.0, self.deadline - time.monotonic())

    def reaches(self, usual_s: float) -> bool:
        """Whether there is time for a step that usually takes so long, at the machine's speed of now."""
        return math.isinf(self.deadline) or self.remaining() >= usual_s * slowness()

    def progress(self) -> float:
        """Fraction of the budget that is spent, 0 to 1; 0 without a limit."""
        return 0.0 if math.isinf(self.seconds) else min(1.0, self.elapsed() / max(self.seconds, 1e-9))

    def share(self, fraction: float = 1.0, keep: float = 0.0) -> Budget:
        """A budget of a fraction of what is left after `keep` seconds are set aside."""
        return Budget(max(0.0, self.remaining() - keep) * fraction, whole=self.whole)


def default_budget(command: str) -> Budget:
    """The time of a command to which no limit is given."""
    return Budget(parse_time(DEFAULT_LIMITS[command]))


class Pace:
    """What fraction of a step can be done for each item, so that the time suffices for all items.

    Items are done in batches. As long as the rest fits at the pace of the last batch, the fraction is 1.
    """

    def __init__(self, budget: Budget, items: int) -> None:
        self._budget = budget
        self._left = items
        self._last = budget.elapsed()
        self._step_s = self._beside_s = 0.0  # seconds of an item: in the step when done whole, and in all else

    def share(self) -> float:
        """Fraction of the step for the next batch, 0 to 1."""
        if not self._step_s or not self._left:
            return 1.0
        room = self._budget.remaining() / self._left - self._beside_s
        return min(1.0, max(0.0, room / self._step_s))

    def note(self, items: int, seconds: float, share: float = 1.0) -> None:
        """Books a batch: its items, the seconds that the step took for them, and the fraction of it that was done."""
        now = self._budget.elapsed()
        self._beside_s = max(0.0, now - self._last - seconds) / items
        self._step_s = seconds / share / items
        self._left -= items
        self._last = now


class Stopwatch:
    """Seconds of each named stage, for run.json."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, stage: str) -> float:
        """Books the seconds since the last lap (or the start) on a stage and returns them."""
        now = time.monotonic()
        lap, self._last = now - self._last, now
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + lap, 3)
        return lap
