"""All figures, one after another."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path

from campaigns.bench import reading, stages, training
from campaigns.bench.figures import targets
from campaigns.bench.roots import assemble

from stenosis_kit.base.budget import Stopwatch
from stenosis_kit.graders.settings import Training


@dataclass(frozen=True)
class Sizes:
    """How much is measured.

    Attributes:
        studies: of the phantom, the three sizes over which growth is taken.
        real: of the repeated real studies, the two sizes between which rates are taken.
        rows: crops, the two numbers between which training rates are taken.
        laps: how often what is compared takes its turn.
        growth_laps: how often each size is formatted; prediction, which takes long, runs once.
        training: of one epoch, and of as many networks as the defaults ask for, whatever the time could buy.
    """

    studies: tuple[int, int, int] = (50, 100, 200)
    real: tuple[int, int] = (12, 60)
    rows: tuple[int, int] = (256, 1024)
    laps: int = 3
    growth_laps: int = 2
    training: Training = field(default_factory=lambda: replace(Training(), max_epochs=1, grow=False))


def bench(cohort: Path, real: Path | None, sizes: Sizes, scratch: Path) -> dict:
    """All figures; see the package for the keys.

    Args:
        cohort: a root with as many training studies as the largest size.
        real: a root of real studies.
        sizes: how much is measured.
        scratch: an empty folder.
    """
    watch, run = Stopwatch(), _Run(cohort, real, sizes, scratch)
    found = {"machine": _machine(), "format": run.read()}
    run.format()
    found |= run.train()
    found |= {"predict": run.predict(), "memory_gb": run.memory_gb, "growth": run.growth}
    found["seconds"] = round(watch.lap("bench"), 1)
    return found | {"targets": targets(found)}


class _Run:
    """The roots, store and model that stages hand on, and what is noted along the way: memory and growth."""

    def __init__(self, cohort: Path, real: Path | None, sizes: Sizes, scratch: Path) -> None:
        self.sizes = sizes
        self.scratch = scratch
        self.store, self.model = scratch / "store", scratch / "model"
        self.known = _roots(cohort, sizes.studies, scratch / "known", first=1)
        self.new = _roots(cohort, sizes.studies, scratch / "new", first=10**6)  # to the model, by their ids
        self.real = _roots(real, sizes.real, scratch / "real", first=10**7) if real else None
        self.memory_gb = dict.fromkeys(("format", "train", "predict"), 0.0)
        self.growth: dict[str, dict] = {}
        self._watch, self._passed = Stopwatch(), 0.0

    def read(self) -> dict[str, dict | None]:
        """`format` beside the notebooks' reader."""
        two = {size: self.known[size] for size in self.sizes.studies[:2]}
        found: dict[str, dict | None] = {}
        for name, roots in (("phantom", two), ("real", self.real)):
            self._say(f"format beside the notebooks' reader, {name} studies")
            found[name] = None
            if roots:
                found[name], peak = reading.compare(roots, self.sizes.laps, self.scratch)
                self._note("format", peak)
        return found

    def format(self) -> None:
        """`format` at all sizes; the largest store stays."""
        self._say("format at three sizes")
        self.growth["format"], peak = stages.measure_format(self.known, self.store, self.sizes.growth_laps)
        self._note("format", peak)

    def train(self) -> dict:
        """Rates of training, and then a whole one; the model stays."""
        self._say("training beside plain Keras")
        sizes = self.sizes
        product, found, grown = training.compare(self.store, sizes.training, sizes.rows, sizes.laps, sizes.studies)
        self.growth["train"] = grown
        self._say("a whole training")
        self._note("train", stages.measure_training(self.store, self.model, sizes.training))
        return {"matrix_product_gflop_s": product, "training": found}

    def predict(self) -> dict[str, float | None]:
        """Seconds a study, from one lap."""
        answers, found = self.scratch / "submission.csv", {"phantom": None, "real": None}
        for name, roots in (("phantom", self.new), ("real", self.real)):
            self._say(f"predict, {name} studies")
            if roots:
                grown, peak = stages.measure_predict(roots, self.model, answers)
                self._note("predict", peak)
                self.growth.setdefault("predict", grown)
                found[name] = stages.seconds_a_study(grown)
        return found

    def _note(self, stage: str, peak_gb: float) -> None:
        self.memory_gb[stage] = round(max(self.memory_gb[stage], peak_gb), 3)

    def _say(self, what: str) -> None:
        self._passed += self._watch.lap("step")
        print(f"bench: [{self._passed:4.0f} s] {what}", file=sys.stderr, flush=True)


def _roots(root: Path, sizes: tuple[int, ...], out: Path, first: int) -> dict[int, Path]:
    return {size: assemble(root, size, out / str(size), first) for size in sizes}


def _machine() -> dict[str, object]:
    libraries = {name: version(name) for name in ("tensorflow", "keras", "numpy", "scipy", "pydicom")}
    return {"cores": os.cpu_count(), "system": platform.platform(), "python": platform.python_version(), **libraries}
