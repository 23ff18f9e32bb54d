"""Where each row came from, and what the run was: settings, versions, timings."""

from __future__ import annotations

import json
import os
import platform
from collections import Counter
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from stenosis_kit import __version__, rsna
from stenosis_kit.base.budget import show_time
from stenosis_kit.base.cores import usable_cores
from stenosis_kit.report.evidence import SUBMISSION, Evidence
from stenosis_kit.report.markup import Markup, details, join, note, table, tag

_PACKAGES = ("tensorflow", "keras", "numpy", "scipy", "scikit-learn", "polars", "pydicom", "opencv-python-headless")
_LONGEST_LIST = 12  # entries of a list in a run.json that are shown; of longer lists only the number is


def sources_section(evidence: Evidence) -> Markup:
    """How many rows each grader and the prior answered, and why."""
    if not evidence.sources:
        there = (evidence.folder / SUBMISSION).is_file()
        return note("Nothing says where the rows came from." if there else "The run has no submission.")
    counts = Counter(
        (origin["source"], origin["why"], rsna.CONDITION_BY_NAME[cell[1]].term)
        for row_id, origin in evidence.sources.items()
        if (cell := rsna.split_row_id(row_id))
    )
    kinds: Counter[tuple[str, str]] = Counter()
    for (source, why, _), count in counts.items():
        kinds[source, why] += count
    rows = [
        (f"{source}: {why}", *(counts[source, why, term] or "" for term in rsna.TERMS), total)
        for (source, why), total in kinds.most_common()
    ]
    graded = sum(count for (source, _), count in kinds.items() if source == "grader")
    total = kinds.total()
    text = f"{graded} of {total} rows ({graded / total:.0%}) were graded; the other {total - graded} are priors."
    return join(
        tag("p", text), table(("", *rsna.TERMS, "rows"), rows, "Rows of the submission by where they came from")
    )


def run_section(evidence: Evidence) -> Markup:
    """Timings, versions and settings."""
    return join(
        timings_table(evidence.run, "the whole run"),
        versions_table(),
        details("Settings of training", pretty(evidence.model_run.get("settings", {}))),
        details("run.json", pretty(evidence.run)),
        details("run.json of the model", pretty(evidence.model_run)) if evidence.model_run else "",
    )


def timings_table(run: dict[str, Any], whole: str) -> Markup:
    """What a run.json says of the time of each stage and, in a row named `whole`, of the run."""
    elapsed, limit = run.get("elapsed_s"), run.get("time_limit_s")
    total = show_time(float(elapsed)) if elapsed else "not noted"
    if elapsed and limit:  # null where there was none
        total += f" of {show_time(float(limit))}"
    rows = [(name, show_time(float(took))) for name, took in run.get("seconds", {}).items()]
    return table(("stage", "took"), [*rows, (whole, total)], "Timings")


def versions_table() -> Markup:
    """What this page was made with."""
    rows = [("stenosis_kit", __version__), ("Python", platform.python_version())]
    rows += [(name, _version(name)) for name in _PACKAGES]
    rows += [("system", f"{platform.system()} {platform.machine()}, {usable_cores()} of {os.cpu_count()} cores")]
    return table(("software", "version"), rows, "Versions")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed under this name"


def pretty(value: Any) -> Markup:
    """Indented JSON, as `_shortened`."""
    return tag("pre", json.dumps(_shortened(value), indent=2, ensure_ascii=False), tabindex="0")


def _shortened(value: Any) -> Any:
    """The value with every long list replaced by its length."""
    if isinstance(value, dict):
        return {key: _shortened(each) for key, each in value.items()}
    if isinstance(value, list):
        return f"{len(value)} entries" if len(value) > _LONGEST_LIST else [_shortened(each) for each in value]
    return value
