"""The levels as they are found without labels, on sagittal images of a few studies."""

from __future__ import annotations

import tempfile
from pathlib import Path

import cv2
import numpy as np
import polars as pl

from stenosis_kit import rsna
from stenosis_kit.budget import Budget
from stenosis_kit.dicom import Series, Slice, UnreadableSlice, read_series
from stenosis_kit.errors import InputError
from stenosis_kit.levels.command import levels
from stenosis_kit.report.evidence import Evidence
from stenosis_kit.report.markup import Markup, figure, join, note, tag
from stenosis_kit.report.pictures import picture
from stenosis_kit.tables import read_points, read_split_series

_STUDIES = 4
_SIDE_PX = 420
_CANAL = rsna.condition_of("spinal", None)
_FOUND, _TRUE = "#ffb000", "#4cc3ff"  # on MR images, which are dark in either mode

Place = tuple[float, float]


def levels_section(evidence: Evidence, budget: Budget) -> Markup:
    """The middle of the canal at the five levels, beside the label points where they are known."""
    if not evidence.data or not (evidence.data / rsna.images_folder(evidence.split)).is_dir():
        return note("The images of the run are not at hand.")
    found = _found(evidence)
    truth = _true_points(evidence)
    figures = []
    for (study,), points in found.group_by("study_id", maintain_order=True):
        if budget.remaining() > 1.0:
            figures += _study_figure(evidence, study, points, truth.filter(study_id=study))
    if not figures:
        return note("None of the studies tried has a sagittal T2 image on which its levels could be drawn.")
    text = join(
        "Circles: found from the images alone. ", "Crosses: the label points. " if truth.height else "",
        "Where a cell is cut for prediction follows from these points.",
    )  # fmt: skip
    return join(tag("p", text, class_="soft"), tag("div", *figures, class_="charts"))


def _found(evidence: Evidence) -> pl.DataFrame:
    """What the `levels` command finds in the first studies, run on a root that holds no others."""
    series = read_split_series(evidence.data, evidence.split)
    with_t2 = series.filter(series_description=rsna.SAGITTAL_T2)["study_id"].unique().sort()
    few = series.filter(pl.col("study_id").is_in(with_t2.head(_STUDIES).implode()))
    images = rsna.images_folder(evidence.split)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        few.write_csv(root / rsna.series_table(evidence.split))
        (root / images).symlink_to((evidence.data / images).resolve(), target_is_directory=True)
        points = levels(root, root / "levels.csv", evidence.split, evidence.model, workers=1)
    return points.filter(condition=_CANAL.label).drop_nulls("series_id")


def _true_points(evidence: Evidence) -> pl.DataFrame:
    name = rsna.POINTS_TABLE if evidence.split == "train" else "solution_coordinates.csv"
    try:
        return read_points(evidence.data / name, unique=False).filter(condition=_CANAL.name)
    except InputError:
        return pl.DataFrame(schema={"study_id": pl.Int64, "level": pl.String})


def _study_figure(evidence: Evidence, study: int, points: pl.DataFrame, truth: pl.DataFrame) -> list[Markup]:
    """The slice that holds most of the points, as a list of one; an empty list where it cannot be read."""
    series_id, number = points.group_by("series_id", "instance_number").len().sort("len", "instance_number").row(-1)[:2]
    folder = evidence.data / rsna.images_folder(evidence.split) / str(study) / str(series_id)
    series = read_series(folder, series_id, rsna.SAGITTAL_T2)
    place = series.index_of(number)
    try:
        pixels = _grey(series, series.slices[place])
    except (UnreadableSlice, TypeError):
        return []
    item = series.slices[place]
    spacing = np.array(item.plane.spacing[::-1])
    scale = spacing * pixels.shape[1] / (item.plane.shape[1] * spacing[0])
    found = {level: (x, y) for level, x, y in points.select("level", "x", "y").iter_rows()}
    same = truth.filter(pl.col("series_id") == series_id) if truth.height else truth
    true = {rsna.LEVEL_LABELS[rsna.LEVELS.index(row["level"])]: (row["x"], row["y"]) for row in same.to_dicts()}
    both = [np.linalg.norm(np.subtract(found[level], at) * spacing) for level, at in true.items() if level in found]
    error = f" Mean distance from the label points: {np.mean(both):.1f} mm." if both else ""
    method, confidence = points["method"][0], points["confidence"].mean()
    caption = f"Study {study}, by {method}, confidence {confidence:.2f}.{error}"
    drawing = join(
        picture(pixels, f"Sagittal T2 with the five levels found. {caption}"), _marks(found, true, scale, pixels)
    )
    return [figure(tag("div", drawing, class_="spine"), caption)]


def _grey(series: Series, item: Slice) -> np.ndarray:
    """The slice with square pixels, at most `_SIDE_PX` high, through the series' window."""
    low, high = series.window()
    grey = np.clip((series.pixels(item) - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    size = np.array(item.plane.shape) * item.plane.spacing
    rows, columns = (size * _SIDE_PX / size.max()).round().astype(int)
    return cv2.resize(grey, (max(int(columns), 1), max(int(rows), 1)), interpolation=cv2.INTER_AREA)


def _marks(found: dict[str, Place], true: dict[str, Place], scale: np.ndarray, pixels: np.ndarray) -> Markup:
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
