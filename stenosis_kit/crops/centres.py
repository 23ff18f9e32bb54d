"""Where each view of each cell of a study is centred: at its label point (training), or where its level was found."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
from stenosis_kit.levels.label_points import LABEL, LABEL_MIDPOINT, in_patient, labelled_canal
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
    """Where each view of each of the 25 cells is cut without labels.

    Args:
        study: its series.
        canal: where the levels are; None: nobody knows.
        carry: from there to foramina and recesses.
        views: names of those that are cut; None: all.
    """
    for cell, view in _views_of(rsna.CELLS):
        if views is None or view.name in views:
            yield _carried(study, cell, view, canal, carry)


def label_sites(
    study: Sequence[Series],
    severities: Iterable[Cell],
    points: Mapping[Cell, LabelPoint],
    canal: CanalPoints | None = None,
) -> Iterator[Site | Lost]:
    """Where each view of each labelled cell is cut.

    At its label point; the axial view of the canal midway between the level's two subarticular points, else at
    the canal point. A cell whose own point is missing is carried from the canal's label point of its level, else
    placed as prediction would place it.

    Args:
        study: its series.
        severities: the labelled cells.
        points: the label points.
        canal: what the localiser found; None: left to `fallback`, where it is needed.
    """
    placed = {cell: found for cell, point in points.items() if (found := in_patient(study, point))}
    labelled = labelled_canal(study, points)
    predicted = None
    for cell, view in _views_of(severities):
        site = _at_label(study, cell, view, placed)
        if isinstance(site, Site):
            yield site
        elif labelled and np.isfinite(labelled.points[rsna.LEVELS.index(cell[1])]).all():
            yield _carried(study, cell, view, labelled, _FROM_LABEL)
        else:
            predicted = predicted or canal_of(study, canal)
            yield _carried(study, cell, view, predicted, TYPICAL)


def of_kind(study: Sequence[Series], view: View) -> list[Series]:
    """The series of the kind that a view is cut from."""
    return [series for series in study if series.kind == view.series_kind]


def _views_of(cells: Iterable[Cell]) -> Iterator[tuple[Cell, View]]:
    for cell in cells:
        for view in VIEWS:
            if view.term == rsna.CONDITION_BY_NAME[cell[0]].term:
                yield cell, view


def _at_label(
    study: Sequence[Series], cell: Cell, view: View, placed: Mapping[Cell, tuple[Series, np.ndarray]]
) -> Site | Lost | None:
    """At the cell's own label point, or between two; None where it has none."""
    condition, level = cell
    if view.name == CANAL_AXIAL:
        sides = [placed.get((rsna.condition_of("subarticular", side).name, level)) for side in (rsna.LEFT, rsna.RIGHT)]
        return None if None in sides else _at(study, cell, view, midpoint(*(each[1] for each in sides)), LABEL_MIDPOINT)
    series, point = placed.get(cell, (None, None))
    if series is None or series.kind != rsna.CONDITION_BY_NAME[condition].series_kind:  # a few points lie elsewhere
        return None
    return _at([series] if series.kind == view.series_kind else study, cell, view, point, LABEL)


def _carried(study: Sequence[Series], cell: Cell, view: View, canal: CanalPoints | None, carry: Carry) -> Site | Lost:
    """At the point that was found, or is carried from the canal's."""
    if canal is None:
        return _at(study, cell, view, None, "")
    place = canal.place(carry, view.name, *cell)
    return _at(study, cell, view, place.point, place.method)


def _at(study: Sequence[Series], cell: Cell, view: View, point: np.ndarray | None, source: str) -> Site | Lost:
    """At a point (3,), patient mm, in that series of the view's kind whose slice is nearest."""
    offers = of_kind(study, view)
    if not any(series.slices for series in offers):
        return Lost(*cell, view.name, f"no readable {view.series_kind} series")
    if point is None:
        return Lost(*cell, view.name, "its level was not found")
    pick = nearest_slice(offers, point)
    if pick is None:
        return Lost(*cell, view.name, f"no {view.series_kind} slice covers its level")
    return Site(*cell, view, pick.series, point, source)
