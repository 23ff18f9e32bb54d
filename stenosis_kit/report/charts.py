"""Charts as inline SVG, drawn by matplotlib in the CSS colours of the page, so that they follow light and dark mode."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from io import StringIO
from typing import TYPE_CHECKING

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.report.markup import Markup, figure, note

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MISSING = "Charts are missing: they need matplotlib, which is not installed (pip install matplotlib)."

# Placeholders: matplotlib knows no CSS variables, so `_for_page` puts them in place of these colours.
_INK, _ACCENT, _SOFT = "#010203", "#010204", "#010205"
SEVERITY_COLORS = ("#010206", "#010207", "#010208")
_PAGE_COLORS = {_INK: "currentColor", _ACCENT: "var(--accent)", _SOFT: "var(--line)"} | {
    color: f"var(--{name})" for color, name in zip(SEVERITY_COLORS, rsna.SEVERITIES, strict=True)
}
_MARKERS = ("o", "s", "^")  # so that severities can be told apart without colours
_STYLE = {
    "svg.fonttype": "none",
    "font.sans-serif": ["DejaVu Sans", "Arial"],
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _SOFT,
    "legend.frameon": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK),
}


def can_draw() -> bool:
    """Whether matplotlib is there."""
    return find_spec("matplotlib") is not None


def missing() -> Markup:
    """A note where matplotlib is missing; else nothing."""
    return Markup("") if can_draw() else note(MISSING)


def chart(draw: Callable[[Axes], None], alt: str, caption: str = "", size: tuple[float, float] = (3.6, 2.7)) -> Markup:
    """A figure with one chart; nothing without matplotlib.

    Args:
        draw: draws the chart on the axes that it is given.
        alt: what the chart shows, for those who cannot see it.
        caption: under it.
        size: inches, at 72 units an inch.
    """
    if not can_draw():
        return Markup("")
    import matplotlib
    from matplotlib.figure import Figure

    # matplotlib derives the ids inside an SVG from the salt; they must differ between the charts of a page.
    with matplotlib.rc_context(_STYLE | {"svg.hashsalt": f"{alt} {caption}"}):
        canvas = Figure(figsize=size, layout="constrained")
        draw(canvas.subplots())
        text = StringIO()
        canvas.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return figure(_for_page(text.getvalue(), alt), caption, "chart")


def _for_page(svg: str, alt: str) -> Markup:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>| xmlns(:\w+)?=\"[^\"]*\"", "", svg, flags=re.DOTALL)
    for color, own in _PAGE_COLORS.items():
        svg = svg.replace(color, own)
    return Markup(svg.replace("<svg", f'<svg role="img" aria-label="{html.escape(alt)}"', 1))


def terms(axes: Axes, values: Mapping[str, Sequence[float]], names: Sequence[str], interval: np.ndarray) -> None:
    """Dot plot of the metric's terms, a line each: this run with its interval, and what it is compared with.

    Args:
        axes: to draw on.
        values: by name, the terms; the first is this run.
        names: of the terms.
        interval: (2, terms) low and high of this run's.
    """
    rows = np.arange(len(names))[::-1]
    (own_name, own), *others = values.items()
    for (name, row), marker in zip(others, ("v", "D", "x", "+"), strict=False):
        axes.plot(row, rows, marker, color=_INK, mfc="none", alpha=0.75, label=name)
    axes.hlines(rows, *interval, color=_ACCENT, lw=3, alpha=0.5)
    axes.plot(own, rows, "o", color=_ACCENT, ms=7, label=own_name)
    axes.set_yticks(rows, names)
    axes.set(xlim=(0, None), ylim=(-0.6, len(names) - 0.4), xlabel="weighted log loss (lower is better)")
    axes.grid(axis="x")
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "ncols": 4}
    axes.legend(**place, fontsize=8, columnspacing=1.2, handletextpad=0.2)


def reliability(axes: Axes, curves: Sequence[tuple[np.ndarray, np.ndarray]], title: str) -> None:
    """Reliability curves of the three severities: observed frequency against predicted probability.

    Args:
        axes: to draw on.
        curves: for each severity, the mean probability and the observed share of each bin, see `measures.reliability`.
        title: above the chart.
    """
    axes.plot([0, 1], [0, 1], color=_INK, lw=0.8, ls=":")
    for (said, true), color, marker, label in zip(curves, SEVERITY_COLORS, _MARKERS, rsna.SEVERITY_LABELS, strict=True):
        axes.plot(said, true, marker + "-", color=color, ms=4, lw=1.4, label=label)
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    axes.set(title=title, xlabel="probability given", ylabel="share that is so")
    axes.grid()


def learning(axes: Axes, folds: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str) -> None:
    """Training curves of one grader: loss in training (thin) and held out (thick), fold by fold."""
    for name, (train, held_out) in folds.items():
        epochs = np.arange(1, len(train) + 1)
        axes.plot(epochs, train, color=_INK, lw=0.8, alpha=0.6)
        if np.isfinite(held_out).any():
            axes.plot(epochs, held_out, color=_ACCENT, lw=1.8, label=name)
    axes.set(title=title, xlabel="epoch", ylabel="weighted log loss")
    axes.grid()
    axes.xaxis.get_major_locator().set_params(integer=True)
