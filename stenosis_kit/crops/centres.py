"""Where each view of each cell of a study is centred: at its label point (training), or where its level was found."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.crops.views import VIEWS, View
from stenosis_kit.images.geometry import midpoint
from stenosis_kit.images.nearest_slice import nearest_slice
from stenosis_kit.images.series import Series
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import CANAL_AXIAL, TYPICAL, Carry
from stenosis_kit.levels.fallback import canal_of
from stenosis_kit.levels.label_points import LABEL, LABEL_MIDPOINT, LABEL_PROJECTED, canal_labels, in_patient
from stenosis_kit.tables.study import Cell, LabelPoint

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


def predicted_sites(
    study: Sequence[Series],
    canal: CanalPoints | None = None,
    carry: Carry = TYPICAL,
    views: Collection[str] | None = None,
) -> Iterator[Site | Lost]:
    """Where each view of each of the 25 cells is cut without labels; see `cutting.cut_study`."""
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


def of_kind(study: Sequence[Series], view: View) -> list[Series]:
    """The series of the kind that a view is cut from."""
    return [series for series in study if series.kind == view.series_kind]


def _views_of(cells: Sequence[Cell] | dict[Cell, str]) -> Iterator[tuple[str, str, View]]:
    for condition, level in cells:
        for view in VIEWS:
            if view.term == rsna.CONDITION_BY_NAME[condition].term:
                yield condition, level, view


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
    pick = nearest_slice(of_kind(study, view), point)
    return Site(condition, level, view, pick.series, point, source) if pick else None


def _carried_site(
    study: Sequence[Series], condition: str, level: str, view: View, canal: CanalPoints | None, carry: Carry
) -> Site | Lost:
    offers = [series for series in of_kind(study, view) if series.slices]
    if not offers:
        return Lost(condition, level, view.name, f"no readable {view.series_kind} series")
    if canal is None:
        return Lost(condition, level, view.name, "its level was not found")
    point = carry.point(canal.points, view.name, condition, level)
    pick = nearest_slice(offers, point)
    if pick is None:
        return Lost(condition, level, view.name, f"no {view.series_kind} slice covers its level")
    return Site(condition, level, view, pick.series, point, canal.method)
