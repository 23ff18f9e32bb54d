"""Agreement, confusion matrices and reliability curves, by condition and level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.answers.bootstrap import Estimate, estimate, resampled
from stenosis_kit.report.charts import chart, missing, reliability
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, details, figure, join, table, tag
from stenosis_kit.report.measures import MEASURES, RESAMPLES, SEVERE, Graded, confusion
from stenosis_kit.report.measures import reliability as reliability_curve
from stenosis_kit.report.pictures import severity_name

_CELLS_A_BIN = 12  # at least; chosen by hand: fewer make a curve of noise
_MOST_BINS = 8

Part = tuple[str, Graded]


def condition_label(name: str) -> str:
    """A condition in words: left foraminal narrowing."""
    return rsna.CONDITION_BY_NAME[name].label.lower().replace("neural ", "")


def level_label(level: str) -> str:
    """A level as people write it: L4/L5."""
    return rsna.LEVEL_LABELS[rsna.LEVELS.index(level)]


def parts(answers: pl.DataFrame) -> tuple[list[Part], list[Part], list[Part]]:
    """The answers by condition, by level, and by both: (name, answers) of those that have any."""
    graded = Graded.of(answers)
    condition, level = answers["condition"].to_numpy(), answers["level"].to_numpy()
    conditions = [(condition_label(name), graded.part(condition == name)) for name in rsna.CONDITION_NAMES]
    levels = [(level_label(name), graded.part(level == name)) for name in rsna.LEVELS]
    cells = [
        (f"{condition_label(c)}, {level_label(at)}", graded.part((condition == c) & (level == at)))
        for c, at in rsna.CELLS
    ]
    return tuple([part for part in group if len(part[1].truth)] for group in (conditions, levels, cells))


def measures_section(evidence: Evidence) -> Markup:
    """Weighted kappa, AUC and sensitivity for severe, with intervals."""
    graded = Graded.of(evidence.answers)
    counts = resampled(graded.studies, RESAMPLES)
    conditions, levels, cells = parts(evidence.answers)
    header = ("", "cells", "severe", *MEASURES)
    text = (
        "Kappa is linearly weighted: 1 is full agreement with the label, 0 what chance would give. The AUC is that of "
        "the probability of severe against all other cells. Sensitivity is the share of severe cells whose most "
        "probable severity is severe. In brackets: 95 % of bootstrap resamples over studies."
    )
    return join(
        tag("p", text, class_="soft"),
        table(header, _rows([("all", graded), *conditions], counts), "By condition"),
        table(header, _rows(levels, counts), "By level, all conditions"),
        details("By condition and level", table(header, _rows(cells, counts))),
    )


def confusion_section(evidence: Evidence) -> Markup:
    """Confusion matrices."""
    text = (
        "Rows: the label; columns: the most probable severity; the colour is the share of the row. The answers are "
        "weighted as the metric rewards (severe counts four times), so they err towards severe."
    )
    return join(tag("p", text, class_="soft"), *_figures(evidence, _matrix, "matrices"))


def reliability_section(evidence: Evidence) -> Markup:
    """Reliability curves."""
    dots = [tag("span", severity_name(name), "  ") for name in rsna.SEVERITIES]
    text = (
        "Of the cells that were given a probability of .3, are 30 % so? On the dotted line: yes. Both axes carry the "
        "metric's weights (1, 2, 4), since the weighted posterior is what it rewards. Bins of equal count."
    )
    figures = _figures(evidence, _curves, "charts")
    return join(missing(), tag("p", text, class_="soft"), tag("p", *dots), *figures)


def _figures(evidence: Evidence, draw: Callable[[str, Graded], Markup], class_: str) -> list[Markup]:
    """A figure for each condition, then for each level, then, behind a click, for each of both."""
    groups = [[draw(*part) for part in group] for group in parts(evidence.answers)]
    conditions, levels, cells = (tag("div", *figures, class_=class_) for figures in groups)
    return [conditions, levels, details("By condition and level", cells)]


def _rows(group: list[Part], counts: np.ndarray) -> list[tuple]:
    return [
        (
            name,
            len(graded.truth),
            int((graded.truth == SEVERE).sum()),
            *(_shown(estimate(measure(graded, counts))) for measure in MEASURES.values()),
        )
        for name, graded in group
    ]


def _shown(found: Estimate) -> str:
    if np.isnan(found.value):
        return "–"
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})"


def _matrix(name: str, graded: Graded) -> Markup:
    counts = confusion(graded)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    head = tag("tr", tag("td", style="--share:0%"), *(tag("th", label, scope="col") for label in rsna.SEVERITY_LABELS))
    rows = [
        tag(
            "tr",
            tag("th", label, scope="row"),
            *(tag("td", int(count), style=f"--share:{70 * share:.0f}%") for count, share in zip(*pair, strict=True)),
        )
        for label, *pair in zip(rsna.SEVERITY_LABELS, counts, shares, strict=True)
    ]
    return figure(tag("table", head, *rows, class_="matrix"), f"{name}: {len(graded.truth)} cells")


def _curves(name: str, graded: Graded) -> Markup:
    bins = min(_MOST_BINS, len(graded.truth) // _CELLS_A_BIN)
    if bins < 2:
        return Markup("")
    curves = [reliability_curve(graded, k, bins) for k in range(len(rsna.SEVERITIES))]
    far = [float(np.abs(said - true).mean()) for said, true in curves]
    said = ", ".join(f"{label} {each:.2f}" for label, each in zip(rsna.SEVERITY_LABELS, far, strict=True))
    alt = f"Reliability curves, {name}. Mean distance from the diagonal: {said}."
    return chart(lambda axes: reliability(axes, curves, name), alt, "", (3.1, 2.7))
