"""The crops of one study: where each view of each cell is centred, and cutting it there.

This is what worker processes run, for training (`label_sites`) and prediction (`predicted_sites`) alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.crops import VIEWS, Crop, View, cut
from stenosis_kit.dicom import Series, read_study
from stenosis_kit.geometry import midpoint
from stenosis_kit.levels.carry import CANAL_AXIAL, TYPICAL, Carry
from stenosis_kit.levels.locate import canal_of
from stenosis_kit.levels.midline import midline
from stenosis_kit.levels.overview import Overview, study_overviews
from stenosis_kit.levels.projection import nearest_slice
from stenosis_kit.study import CanalPoints, Cell, LabelPoint, StudyTask

LABEL, LABEL_MIDPOINT, LABEL_PROJECTED = "label", "label midpoint", "label projected"
"""Point sources of a crop that a label point centres; other crops name the method of `levels.locate`."""

_FROM_LABEL = Carry({view: steps for view, steps in TYPICAL.steps.items() if view != CANAL_AXIAL})
"""A canal's label point is where its axial view is cut too, where the recesses have no labels."""


@dataclass(frozen=True, eq=False)
class Site:
    """Where a view of a cell is centred: a point (3,), patient mm, in a series, and what put it there."""

    condition: str
    level: str
    view: View
    series: Series
    point: np.ndarray
    source: str


@dataclass(frozen=True)
class Lost:
    """A view of a cell that could not be cut, and why."""

    condition: str
    level: str
    view: str
    why: str


@dataclass(frozen=True, eq=False)
class Example:
    """A study as the localiser learns from it.

    Attributes:
        overviews: of its sagittal series.
        canal: (5, 3) the canal's label points, patient mm; NaN where there is none.
        midline: (5,) patient x of the midline there, as `levels.midline` finds it, mm; NaN where it does not.
    """

    overviews: list[Overview]
    canal: np.ndarray
    midline: np.ndarray


@dataclass
class StudyCrops:
    """What was cut from a study.

    Attributes:
        study_id: the study.
        arrays: {view: (n, px, px, slices) uint8}.
        rows: the manifest's rows (see `store`), `row` counting inside this study's array of the view.
        lost: what was not cut.
        skipped_files: {series_id/file name: why}.
        seconds: that it took.
        example: of a labelled study, what the localiser learns from.
    """

    study_id: int
    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    skipped_files: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    example: Example | None = None


def cut_study(task: StudyTask) -> StudyCrops:
    """Reads a study's headers, decides where its views are cut, and cuts them."""
    study = read_study(task.images, task.study_id, task.series)
    if task.severities is None:
        sites = predicted_sites(study, task.canal, task.carry, task.views)
    else:
        sites = label_sites(study, task.severities, task.points, task.canal)
    result = StudyCrops(task.study_id)
    if task.severities is not None:
        result.example = example(study, task.points)
    pixels: dict[str, list[np.ndarray]] = {}
    for site in sites:
        crop = None
        if isinstance(site, Site):
            site, crop = _cut_site(study, site)
        if crop is None:
            result.lost.append(site)
            continue
        stack = pixels.setdefault(site.view.name, [])
        severity = task.severities[site.condition, site.level] if task.severities else None
        result.rows.append(_manifest_row(task.study_id, site, crop, severity, len(stack)))
        stack.append(crop.pixels)
    result.arrays = {view: np.stack(stack) for view, stack in pixels.items()}
    result.skipped_files = {f"{one.series_id}/{name}": why for one in study for name, why in one.skipped.items()}
    return result


def _cut_site(study: Sequence[Series], site: Site) -> tuple[Site, Crop] | tuple[Lost, None]:
    """Cuts a site; where its series cannot be read there, another one of the kind that covers it."""
    mirrored = rsna.CONDITION_BY_NAME[site.condition].side == rsna.RIGHT
    others = [series for series in _of_kind(study, site.view) if series is not site.series]
    for series in (site.series, *others):
        crop = cut(series, site.point, site.view, mirrored)
        if crop:
            return replace(site, series=series), crop
    return Lost(site.condition, site.level, site.view.name, "its slices cannot be read"), None


def predicted_sites(
    study: Sequence[Series],
    canal: CanalPoints | None = None,
    carry: Carry = TYPICAL,
    views: Collection[str] | None = None,
) -> Iterator[Site | Lost]:
    """Where each view of each of the 25 cells is cut without labels; `canal`, `carry`, `views` as in `StudyTask`."""
    canal = canal_of(study, canal)
    for condition, level, view in _views_of(rsna.CELLS):
        if views is None or view.name in views:
            yield _carried_site(study, condition, level, view, canal, carry)


def label_sites(
    study: Sequence[Series],
    severities: dict[Cell, str],
    points: dict[Cell, LabelPoint],
    canal: CanalPoints | None = None,
) -> Iterator[Site | Lost]:
    """Where each view of each labelled cell is cut.

    At its label point; the axial view of the canal midway between the level's two subarticular points, else at
    the canal point. A cell whose own point is missing is carried from the canal's label point of its level, else
    placed as prediction would place it.
    """
    placed = {cell: found for cell, point in points.items() if (found := in_patient(study, point))}
    predicted = None
    labelled = CanalPoints(canal_labels(study, points), LABEL_PROJECTED, np.ones(len(rsna.LEVELS)))
    for condition, level, view in _views_of(severities):
        site = _label_site(study, placed, condition, level, view)
        if site is None and np.isfinite(labelled.points[rsna.LEVELS.index(level)]).all():
            site = _carried_site(study, condition, level, view, labelled, _FROM_LABEL)
        if site is None:
            predicted = predicted or canal_of(study, canal)
            site = _carried_site(study, condition, level, view, predicted, TYPICAL)
        yield site


def example(study: Sequence[Series], points: dict[Cell, LabelPoint]) -> Example:
    """What the localiser learns from a study: what it sees, and where the canal truly is."""
    canal = canal_labels(study, points)
    return Example(study_overviews(study), canal, midline(study, canal))


def canal_labels(study: Sequence[Series], points: dict[Cell, LabelPoint]) -> np.ndarray:
    """(5, 3) the canal's label points, patient mm; NaN where there is none."""
    condition = rsna.condition_of("spinal", None).name
    found = np.full((len(rsna.LEVELS), 3), np.nan)
    for index, level in enumerate(rsna.LEVELS):
        point = points.get((condition, level))
        place = in_patient(study, point) if point else None
        if place:
            found[index] = place[1]
    return found


def _views_of(cells: Sequence[Cell] | dict[Cell, str]) -> Iterator[tuple[str, str, View]]:
    for condition, level in cells:
        for view in VIEWS:
            if view.term == rsna.CONDITION_BY_NAME[condition].term:
                yield condition, level, view


def in_patient(study: Sequence[Series], point: LabelPoint) -> tuple[Series, np.ndarray] | None:
    """The series of a label point and its place (3,), patient mm; None where its slice is missing or unusable."""
    series = next((one for one in study if one.series_id == point.series_id), None)
    index = series.index_of(point.instance_number) if series else None
    if index is None:
        return None
    return series, series.planes[index].to_patient(np.array([point.x, point.y]))


def _label_site(
    study: Sequence[Series], placed: dict[Cell, tuple[Series, np.ndarray]], condition: str, level: str, view: View
) -> Site | None:
    if view.name == CANAL_AXIAL:
        sides = [placed.get((rsna.condition_of("subarticular", side).name, level)) for side in (rsna.LEFT, rsna.RIGHT)]
        if None in sides:
            return None
        return _projected_site(study, condition, level, view, midpoint(sides[0][1], sides[1][1]), LABEL_MIDPOINT)
    series, point = placed.get((condition, level), (None, None))
    if series is None or series.kind != rsna.CONDITION_BY_NAME[condition].series_kind:  # a few points lie elsewhere
        return None
    if series.kind == view.series_kind:
        return Site(condition, level, view, series, point, LABEL)
    return _projected_site(study, condition, level, view, point, LABEL)


def _projected_site(
    study: Sequence[Series], condition: str, level: str, view: View, point: np.ndarray, source: str
) -> Site | None:
    pick = nearest_slice(_of_kind(study, view), point)
    return Site(condition, level, view, pick.series, point, source) if pick else None


def _carried_site(
    study: Sequence[Series], condition: str, level: str, view: View, canal: CanalPoints | None, carry: Carry
) -> Site | Lost:
    offers = [series for series in _of_kind(study, view) if series.slices]
    if not offers:
        return Lost(condition, level, view.name, f"no readable {view.series_kind} series")
    if canal is None:
        return Lost(condition, level, view.name, "its level was not found")
    point = carry.point(canal.points, view.name, condition, level)
    pick = nearest_slice(offers, point)
    if pick is None:
        return Lost(condition, level, view.name, f"no {view.series_kind} slice covers its level")
    return Site(condition, level, view, pick.series, point, canal.method)


def _of_kind(study: Sequence[Series], view: View) -> list[Series]:
    return [series for series in study if series.kind == view.series_kind]


def _manifest_row(study_id: int, site: Site, crop: Crop, severity: str | None, row: int) -> dict[str, Any]:
    x, y, z = (float(value) for value in site.point)
    weight = rsna.SEVERITY_WEIGHTS[rsna.SEVERITIES.index(severity)] if severity else None
    return {
        "study_id": study_id,
        "condition": site.condition,
        "level": site.level,
        "view": site.view.name,
        "series_id": site.series.series_id,
        "instance_number": crop.slice.number,
        "x": crop.x,
        "y": crop.y,
        "patient_x_mm": x,
        "patient_y_mm": y,
        "patient_z_mm": z,
        "point_source": site.source,
        "severity": severity,
        "weight": weight,
        "padding": crop.padding,
        "row": row,
    }
