"""report: writes report.html into a run's folder; a note replaces a section that fails or does not fit in the time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stenosis_kit.base.budget import Budget, slowness
from stenosis_kit.base.files import write_text
from stenosis_kit.base.output import check_outputs
from stenosis_kit.base.tensorflow_start import load_s
from stenosis_kit.base.worker_process import workers_kept
from stenosis_kit.graders.model_file import model_files
from stenosis_kit.report.evidence import SUBMISSION, Evidence, read_evidence
from stenosis_kit.report.learning import learning_section
from stenosis_kit.report.levels import levels_section
from stenosis_kit.report.markup import Markup, join, note, tag
from stenosis_kit.report.page import REPORT, Section, render
from stenosis_kit.report.provenance import run_section, sources_section
from stenosis_kit.report.quality import confusion_section, measures_section, reliability_section
from stenosis_kit.report.results import lead, score_section
from stenosis_kit.report.sheets import crops_section, mistakes_section, saliency_section
from stenosis_kit.tables.own_files import own_files
from stenosis_kit.tables.root import Root

log = logging.getLogger(__name__)

SHEETS = "sheets/index.html"
"""In a run's folder: what `sheet` may have written there."""
_LATE = "Left out: the time was up. stenosis-kit report makes the page again, without a limit."


@dataclass(frozen=True)
class _Part:
    """A section to be.

    Attributes:
        title: its heading.
        seconds: about what it takes for 100 studies on two cores; measured.
        make: makes what stands under the heading.
        answers: whether it is about answers to labelled cells; without any, the page says why there are none.
        networks: whether it runs networks.
    """

    title: str
    seconds: float
    make: Callable[[Evidence, Budget], Markup]
    answers: bool = False
    networks: bool = False


_PARTS = (
    _Part("Score", 0.7, lambda evidence, _: score_section(evidence), answers=True),
    _Part("Where rows came from", 0.1, lambda evidence, _: sources_section(evidence)),
    _Part("Agreement and discrimination", 0.4, lambda evidence, _: measures_section(evidence), answers=True),
    _Part("Confusion matrices", 0.1, lambda evidence, _: confusion_section(evidence), answers=True),
    _Part("Training", 0.5, lambda evidence, _: learning_section(evidence)),
    _Part("Worst mistakes", 4.0, mistakes_section, answers=True, networks=True),
    _Part("Levels", 2.0, levels_section, networks=True),
    _Part("Crops by severity", 0.3, crops_section),
    _Part("Reliability", 2.0, lambda evidence, _: reliability_section(evidence), answers=True),
    _Part("What the graders look at", 2.5, saliency_section, networks=True),
    _Part("The run", 0.1, lambda evidence, _: run_section(evidence)),
)


class _Pace:
    """Compares the time that sections took with the time expected: other work on the machine, or slow disks."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self._began = budget.elapsed()
        self._expected = 0.0
        self._slowness = slowness()

    def allows(self, seconds: float) -> bool:
        """Whether a section fits: its expected seconds, times how much slower the others were, times 1.5."""
        if self._expected:
            self._slowness = max(1.0, (self.budget.elapsed() - self._began) / self._expected)
        return self.budget.remaining() >= 1.5 * self._slowness * seconds

    def passed(self, seconds: float) -> None:
        """Adds a section, done or failed, that was expected to take so long."""
        self._expected += seconds


@workers_kept()
def report(run: Path | str, budget: Budget | None = None, root: Root | None = None) -> Path:
    """Writes RUN/report.html: one file that needs no network and no script.

    Args:
        run: the folder of a `submit`, `predict` or `train` run.
        budget: the time; without limit by default. What does not fit is left out, and the page says so.
        root: the competition root that it was made from, where that has been read already.

    Returns:
        The report's path.

    Raises:
        InputError: where the folder is not a run's, or cannot be written to, or the report is one of its inputs.
    """
    folder, budget = Path(run), budget or Budget()
    path = folder / REPORT
    evidence = read_evidence(folder, root)
    kept = [folder / SUBMISSION, *model_files(folder), *(own_files(evidence.root.folder) if evidence.root else [])]
    check_outputs([path], kept)
    pace = _Pace(budget)
    sections = [_section(part, evidence, pace) for part in _PARTS]
    first = _made("the first lines", lambda: lead(evidence))
    if (folder / SHEETS).is_file():
        first = join(first, tag("p", tag("a", "A sheet for each study", href=SHEETS)))
    write_text(path, render(f"Run: {evidence.name}", first, sections))
    return path


def attempted(make: Callable[[], Path]) -> Path | None:
    """Makes the report at the end of a run; one that fails does not fail the run: it is logged, None returned."""
    try:
        return make()
    except Exception as error:
        log.warning("report: it could not be made: %s: %s", type(error).__name__, error)
        return None


def _section(part: _Part, evidence: Evidence, pace: _Pace) -> Section:
    """A section, or in its place why it is missing."""
    name = part.title.lower()
    seconds = part.seconds + (load_s() if part.networks else 0)
    if part.answers and evidence.answers is None:
        body = note(evidence.basis)
    elif not pace.allows(seconds):
        log.info("report: %s: left out, the time was up", name)
        body = note(_LATE)
    else:
        body = _made(name, lambda: part.make(evidence, pace.budget))
        pace.passed(seconds)
    return Section(name.replace(" ", "-"), part.title, body)


def _made(name: str, make: Callable[[], Markup]) -> Markup:
    """A part of the page; whatever a stranger's run holds, one that fails must not cost the others."""
    try:
        return make()
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        log.warning("report: %s could not be made: %s", name, reason)
        return note("Could not be made: ", reason)
