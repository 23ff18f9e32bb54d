"""The levels as they are found without labels, on sagittal images of a few studies.

Images are read by workers alone: a mount that does not answer must not hold up the page.
"""

from __future__ import annotations

from collections import Counter
from functools import partial

import cv2
import numpy as np

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.tasks import run_tasks
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.resampling import as_bytes
from stenosis_kit.images.series import Series, read_series
from stenosis_kit.images.slice import Slice
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.finder import find_canals
from stenosis_kit.levels.points import study_points
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, figure, join, note, tag
from stenosis_kit.report.pictures import picture
from stenosis_kit.report.quality import level_label
from stenosis_kit.tables.study import Study

_STUDIES = 4  # that are drawn
_SIDE_PX = 420  # longer side of a drawn slice
_SEARCH_SHARE = 0.8  # of the section's time, for finding levels; the rest is for reading the slices drawn. By hand.
_CANAL = rsna.condition_of("spinal", None)
_FOUND, _TRUE = "#ffb000", "#4cc3ff"  # on MR images, which are dark in either mode

Places = dict[str, np.ndarray]
"""{level, as people write it: (2,) x and y on the slice, pixels}."""


def levels_section(evidence: Evidence, budget: Budget) -> Markup:
    """The middle of the canal at the five levels, beside the label points where they are known."""
    if not evidence.root or not evidence.root.images.is_dir():
        return note("The images of the run are not at hand.")
    models = [evidence.model] if evidence.model else []
    located = find_canals(_studies(evidence), models, budget=budget.share(_SEARCH_SHARE))
    truth = _true_places(evidence)
    results = run_tasks(partial(spine_figure, truth=truth), located, budget=budget)
    drawn = {one.study.study_id: result for one, result in results if isinstance(result, Markup)}
    figures = [drawn[study] for study in sorted(drawn)]
    if not figures:
        return note("None of the studies tried has a sagittal T2 image on which its levels could be drawn.")
    text = join(
        "Circles: found from the images alone. ", "Crosses: the label points. " if truth else "",
        "Where a cell is cut for prediction follows from these points.",
    )  # fmt: skip
    return join(tag("p", text, class_="soft"), tag("div", *figures, class_="charts"))


def _studies(evidence: Evidence) -> list[Study]:
    """The first studies with sagittal T2 images; of the predicted ones, of those with a row that a grader answered."""
    ids = evidence.root.series.filter(series_description=rsna.SAGITTAL_T2)["study_id"].unique().sort().to_list()
    graded = {row.partition("_")[0] for row, said in evidence.sources.items() if said["source"] == "grader"}
    few = [study for study in ids if str(study) in graded] or ids
    return evidence.root.studies(few[:_STUDIES])


def _true_places(evidence: Evidence) -> dict[tuple[int, int], Places]:
    """{(study_id, series_id): the canal's label points on it}; empty where nobody knows them."""
    rows, places = evidence.root.true_points, {}
    if rows is not None:
        known = rows.filter(condition=_CANAL.name).select("study_id", "series_id", "level", "x", "y")
        for study, series, level, *place in known.iter_rows():
            places.setdefault((study, series), {})[level_label(level)] = np.array(place)
    return places


def spine_figure(located: LocatedStudy, truth: dict[tuple[int, int], Places]) -> Markup:
    """The slice that holds most of a study's canal points, with all of them and its series' label points.

    Runs in a worker.

    Args:
        located: the study.
        truth: {(study_id, series_id): label points on it}, where they are known.

    Raises:
        UnreadableSlice: where there is no such slice, or it cannot be decoded.
    """
    study = located.study
    points = [row for row in study_points(located).rows if row["condition"] == _CANAL.label and row["series_id"]]
    held = Counter((row["series_id"], row["instance_number"]) for row in points)
    if not held:
        raise UnreadableSlice("no sagittal T2 slice shows the canal")
    series_id, number = max(held, key=lambda place: (held[place], place[1]))
    series = read_series(study.images / str(study.study_id) / str(series_id), series_id, rsna.SAGITTAL_T2)
    item = series.slices[series.index_of(number)]
    found = {row["level"]: np.array([row["x"], row["y"]]) for row in points}
    true = truth.get((study.study_id, series_id), {})
    away = [np.linalg.norm((found[level] - true[level]) * item.plane.spacing[::-1]) for level in found if level in true]
    error = f" Mean distance from the label points: {np.mean(away):.1f} mm." if away else ""
    confidence = np.mean([row["confidence"] for row in points])
    caption = f"Study {study.study_id}, by {points[0]['method']}, confidence {confidence:.2f}.{error}"
    grey = _grey(series, item)
    alt = f"Sagittal T2 with the five levels found. {caption}"
    drawing = join(picture(grey, alt), _marks(found, true, item.plane.shape, grey.shape))
    return figure(tag("div", drawing, class_="spine"), caption)


def _grey(series: Series, item: Slice) -> np.ndarray:
    """The slice with square pixels, at most `_SIDE_PX` high, through the series' window."""
    grey = as_bytes(series.pixels(item), series.window())
    size = np.array(item.plane.shape) * item.plane.spacing
    rows, columns = (size * _SIDE_PX / size.max()).round().astype(int)
    return cv2.resize(grey, (max(int(columns), 1), max(int(rows), 1)), interpolation=cv2.INTER_AREA)


def _marks(found: Places, true: Places, slice_shape: tuple[int, int], shape: tuple[int, int]) -> Markup:
    """Circles and crosses, to lie over a picture of `shape` of a slice of `slice_shape`, each (rows, columns)."""
    scale = np.divide(shape, slice_shape)[::-1]
    marks = []
    for level, place in found.items():
        x, y = place * scale
        marks.append(tag("circle", cx=f"{x:.1f}", cy=f"{y:.1f}", r=6, fill="none", stroke=_FOUND, stroke_width=2.5))
        label = {"x": f"{x - 11:.1f}", "y": f"{y + 5:.1f}", "fill": _FOUND, "font-size": 15, "text-anchor": "end"}
        marks.append(tag("text", level, **label))
    for place in true.values():
        x, y = place * scale
        lines = f"M{x - 5:.1f} {y:.1f}h10M{x:.1f} {y - 5:.1f}v10"
        marks.append(tag("path", d=lines, fill="none", stroke=_TRUE, stroke_width=2))
    return tag("svg", *marks, viewBox=f"0 0 {shape[1]} {shape[0]}", aria_hidden="true")
