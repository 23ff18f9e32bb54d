"""The levels as they are found without labels, on sagittal images of a few studies.

Images are read by workers alone: a mount that does not answer must not hold up the page.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

import cv2
import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.geometry import Plane
from stenosis_kit.images.series import Series, read_series
from stenosis_kit.images.slice import Slice
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.points import study_points
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, figure, join, note, tag
from stenosis_kit.report.pictures import picture
from stenosis_kit.tables.study import Study

_STUDIES = 4
_SIDE_PX = 420
_SEARCH_SHARE = 0.8  # of the section's time; the rest is for reading what is drawn
_CANAL = rsna.condition_of("spinal", None)
_FOUND, _TRUE = "#ffb000", "#4cc3ff"  # on MR images, which are dark in either mode

Point = tuple[float, float]


class _Shown(NamedTuple):
    """What is drawn of a study: a slice, 8 bit grey; where it lies; and the points of the canal, on it or not."""

    pixels: np.ndarray
    plane: Plane
    series_id: int
    points: list[dict[str, Any]]


def levels_section(evidence: Evidence, budget: Budget) -> Markup:
    """The middle of the canal at the five levels, beside the label points where they are known."""
    if not evidence.root or not evidence.root.images.is_dir():
        return note("The images of the run are not at hand.")
    models = [evidence.model] if evidence.model else []
    located = find_canals(_studies(evidence), models, budget=budget.share(_SEARCH_SHARE))
    seen = {one.study.study_id: shown for one, shown in run_tasks(_show, located, budget=budget)}
    truth = _true_points(evidence)
    figures = [
        _study_figure(study, shown, truth.filter(study_id=study))
        for study, shown in sorted(seen.items())
        if isinstance(shown, _Shown)
    ]
    if not figures:
        return note("None of the studies tried has a sagittal T2 image on which its levels could be drawn.")
    text = join(
        "Circles: found from the images alone. ", "Crosses: the label points. " if truth.height else "",
        "Where a cell is cut for prediction follows from these points.",
    )  # fmt: skip
    return join(tag("p", text, class_="soft"), tag("div", *figures, class_="charts"))


def _studies(evidence: Evidence) -> list[Study]:
    """The first studies with sagittal T2 images; of the predicted ones, of those with a row that a grader answered."""
    ids = evidence.root.series.filter(series_description=rsna.SAGITTAL_T2)["study_id"].unique().sort().to_list()
    graded = {row.partition("_")[0] for row, said in evidence.sources.items() if said["source"] == "grader"}
    few = [study for study in ids if str(study) in graded] or ids
    return evidence.root.studies(few[:_STUDIES])


def _true_points(evidence: Evidence) -> pl.DataFrame:
    known = evidence.root.true_points.rows
    if known is None:
        return pl.DataFrame(schema={"study_id": pl.Int64, "level": pl.String})
    return known.filter(condition=_CANAL.name)


def _show(located: LocatedStudy) -> _Shown:
    """The slice that holds most of a study's canal points; runs in a worker.

    Raises:
        UnreadableSlice: where there is none, or it cannot be decoded.
    """
    points = [row for row in study_points(located) if row["condition"] == _CANAL.label and row["series_id"]]
    held = Counter((row["series_id"], row["instance_number"]) for row in points)
    if not held:
        raise UnreadableSlice("no sagittal T2 slice shows the canal")
    series_id, number = max(held, key=lambda place: (held[place], place[1]))
    folder = located.study.images / str(located.study.study_id)
    series = read_series(folder / str(series_id), series_id, rsna.SAGITTAL_T2)
    item = next(item for item in series.slices if item.number == number)
    return _Shown(_grey(series, item), item.plane, series_id, points)


def _study_figure(study: int, shown: _Shown, truth: pl.DataFrame) -> Markup:
    """A slice with the points found on it, and the label points of its series."""
    pixels, plane, series_id, points = shown
    spacing = np.array(plane.spacing[::-1])
    scale = spacing * pixels.shape[1] / (plane.shape[1] * spacing[0])
    found = {row["level"]: (row["x"], row["y"]) for row in points}
    same = truth.filter(pl.col("series_id") == series_id) if truth.height else truth
    true = {rsna.LEVEL_LABELS[rsna.LEVELS.index(row["level"])]: (row["x"], row["y"]) for row in same.to_dicts()}
    both = [np.linalg.norm(np.subtract(found[level], at) * spacing) for level, at in true.items() if level in found]
    error = f" Mean distance from the label points: {np.mean(both):.1f} mm." if both else ""
    method, confidence = points[0]["method"], np.mean([row["confidence"] for row in points])
    caption = f"Study {study}, by {method}, confidence {confidence:.2f}.{error}"
    drawing = join(
        picture(pixels, f"Sagittal T2 with the five levels found. {caption}"), _marks(found, true, scale, pixels)
    )
    return figure(tag("div", drawing, class_="spine"), caption)


def _grey(series: Series, item: Slice) -> np.ndarray:
    """The slice with square pixels, at most `_SIDE_PX` high, through the series' window."""
    low, high = series.window()
    grey = np.clip((series.pixels(item) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    size = np.array(item.plane.shape) * item.plane.spacing
    rows, columns = (size * _SIDE_PX / size.max()).round().astype(int)
    return cv2.resize(grey, (max(int(columns), 1), max(int(rows), 1)), interpolation=cv2.INTER_AREA)


def _marks(found: dict[str, Point], true: dict[str, Point], scale: np.ndarray, pixels: np.ndarray) -> Markup:
    marks = []
    for level, place in found.items():
        x, y = np.array(place) * scale
        marks.append(tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=6, fill="none", stroke=_FOUND, stroke_width=2.5))
        label = {"x": f"{x - 11:.1f}", "y": f"{y + 5:.1f}", "fill": _FOUND, "font-size": 15, "text-anchor": "end"}
        marks.append(tag("text", level, **label))
    for place in true.values():
        x, y = np.array(place) * scale
        lines = f"M{x - 5:.1f} {y:.1f}h10M{x:.1f} {y - 5:.1f}v10"
        marks.append(tag("path", d=lines, fill="none", stroke=_TRUE, stroke_width=2))
    box = f"0 0 {pixels.shape[1]} {pixels.shape[0]}"
    return tag("svg", *marks, viewBox=box, aria_hidden="true")
