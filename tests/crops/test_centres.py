"""Where each view of each cell is centred, for training and for prediction, and what is said where it cannot be."""

import numpy as np
import pytest
from fabricate import blobs, plane, write_series
from small_study import (
    AXIAL_VIEWS,
    CANAL,
    EVERY_CELL,
    LEFT_FORAMEN,
    LEFT_RECESS,
    LOWER,
    RIGHT_FORAMEN,
    RIGHT_RECESS,
    STUDY,
    T1,
    T2,
    UPPER,
    label_at,
    sites_by_cell,
    without,
)

from stenosis_kit import rsna
from stenosis_kit.crops.centres import Lost, Site, label_sites, predicted_sites
from stenosis_kit.crops.views import VIEW_BY_NAME
from stenosis_kit.images.geometry import midpoint
from stenosis_kit.images.series import read_study
from stenosis_kit.levels import anatomical_prior
from stenosis_kit.levels.carry import TYPICAL, VIEW_OF_TERM
from stenosis_kit.levels.fallback import canal_of
from stenosis_kit.levels.kmeans import METHOD as KMEANS
from stenosis_kit.levels.label_points import LABEL, LABEL_MIDPOINT, LABEL_PROJECTED
from stenosis_kit.tables.study import LabelPoint

# --- Prediction -------------------------------------------------------------------------------------


def test_prediction_places_every_view_of_every_cell(study):
    sites = sites_by_cell(predicted_sites(study, canal_of(study, None)))
    assert len(sites) == 50  # 25 cells, each in two views
    assert all(isinstance(site, Site) for site in sites.values())
    assert all(site.series.kind == site.view.series_kind for site in sites.values())
    assert {site.source for site in sites.values()} == {anatomical_prior.METHOD}


def test_prediction_carries_left_and_right_to_their_side_of_the_canal(study):
    sites = sites_by_cell(predicted_sites(study, canal_of(study, None)))
    for level in rsna.LEVELS:
        canal = sites[CANAL, level, "canal_sagittal"].point[0]
        assert sites[LEFT_FORAMEN, level, "foraminal_sagittal"].point[0] > canal + 10
        assert sites[RIGHT_FORAMEN, level, "foraminal_sagittal"].point[0] < canal - 10
        assert sites[LEFT_RECESS, level, "subarticular_axial"].point[0] > canal + 5
        assert sites[RIGHT_RECESS, level, "subarticular_axial"].point[0] < canal - 5


def test_prediction_takes_each_level_from_the_axial_series_that_covers_it(study):
    sites = sites_by_cell(predicted_sites(study, canal_of(study, None)))
    found = [sites[CANAL, level, "canal_axial"].series.series_id for level in rsna.LEVELS]
    assert found == [UPPER, UPPER, LOWER, LOWER, LOWER]


# --- Labels -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "view", "series_id"),
    [
        (CANAL, "canal_sagittal", T2),
        (LEFT_FORAMEN, "foraminal_sagittal", T1),
        (RIGHT_FORAMEN, "foraminal_sagittal", T1),
        (LEFT_RECESS, "subarticular_axial", UPPER),
        (RIGHT_RECESS, "subarticular_axial", LOWER),
    ],
)
def test_a_labelled_cell_is_cut_at_its_label_point(study, condition, view, series_id):
    point, place = label_at(study, series_id, 4, 21.5, 33.25)
    cell = (condition, "l3_l4")
    sites = sites_by_cell(label_sites(study, {cell: "severe"}, {cell: point}))
    site = sites[*cell, view]
    assert site.point == pytest.approx(place)
    assert (site.source, site.series.series_id) == (LABEL, series_id)


@pytest.mark.parametrize(
    ("condition", "labelled_on", "view"),
    [(LEFT_FORAMEN, T1, "foraminal_axial"), (RIGHT_RECESS, LOWER, "subarticular_sagittal")],
)
def test_the_view_across_is_cut_at_the_same_point(study, condition, labelled_on, view):
    point, place = label_at(study, labelled_on, 4, 31.0, 32.0)
    cell = (condition, "l3_l4")
    site = sites_by_cell(label_sites(study, {cell: "severe"}, {cell: point}))[*cell, view]
    assert site.point == pytest.approx(place)
    assert (site.source, site.series.kind) == (LABEL, VIEW_BY_NAME[view].series_kind)


def test_prediction_cuts_the_view_across_at_the_same_point(study):
    sites = sites_by_cell(predicted_sites(study, canal_of(study, None)))
    for level in rsna.LEVELS:
        for condition in (LEFT_FORAMEN, RIGHT_FORAMEN, LEFT_RECESS, RIGHT_RECESS):
            sagittal, axial = (site.point for key, site in sites.items() if key[:2] == (condition, level))
            assert sagittal == pytest.approx(axial)


def test_labels_and_prediction_differ_in_the_point_alone(study):
    cell = (CANAL, "l2_l3")
    point, place = label_at(study, T2, 6, 40.0, 25.0)
    labelled = sites_by_cell(label_sites(study, {cell: "severe"}, {cell: point}))[*cell, "canal_sagittal"]
    predicted = sites_by_cell(predicted_sites(study, canal_of(study, None)))[*cell, "canal_sagittal"]
    assert (labelled.series, labelled.view) == (predicted.series, predicted.view)
    assert not np.allclose(labelled.point, predicted.point)


def test_a_cell_without_label_is_not_cut_even_where_it_has_a_point(study):
    point, _ = label_at(study, T2, 6, 35.0, 25.0)
    points = {(CANAL, "l1_l2"): point, (CANAL, "l2_l3"): point}
    sites = sites_by_cell(label_sites(study, {(CANAL, "l1_l2"): "moderate"}, points))
    assert {level for _, level, _ in sites} == {"l1_l2"}


def test_no_labels_give_no_sites(study):
    assert list(label_sites(study, {}, {})) == []


@pytest.mark.parametrize("numbers", [(2, 2), (1, 3)], ids=["on one slice", "on two slices"])
def test_the_axial_canal_lies_midway_between_both_subarticular_points(study, numbers):
    left, left_place = label_at(study, LOWER, numbers[0], 35.0, 34.0)
    right, right_place = label_at(study, LOWER, numbers[1], 25.0, 35.0)
    own, _ = label_at(study, T2, 6, 38.0, 40.0)
    cell = (CANAL, "l3_l4")
    points = {(LEFT_RECESS, "l3_l4"): left, (RIGHT_RECESS, "l3_l4"): right, cell: own}
    site = sites_by_cell(label_sites(study, {cell: "severe"}, points))[*cell, "canal_axial"]
    assert site.point == pytest.approx(midpoint(left_place, right_place))
    assert (site.source, site.series.series_id) == (LABEL_MIDPOINT, LOWER)


def test_left_and_right_may_be_labelled_on_different_series(tmp_path):
    scene = blobs(np.zeros((1, 3)))
    for series_id, zs in ((31, (2.0, 20.0)), (32, (-2.0, -20.0))):
        planes = [plane("axial", z, shape=(60, 60)) for z in zs]
        write_series(tmp_path / "5" / str(series_id), scene, planes)
    study = read_study(tmp_path, 5, [(31, rsna.AXIAL_T2), (32, rsna.AXIAL_T2)])
    left, left_place = label_at(study, 31, 1, 39.0, 30.0)
    right, right_place = label_at(study, 32, 1, 20.0, 30.0)
    cells = {(LEFT_RECESS, "l3_l4"): left, (RIGHT_RECESS, "l3_l4"): right}
    severities = dict.fromkeys([*cells, (CANAL, "l3_l4")], "moderate")
    sites = sites_by_cell(label_sites(study, severities, cells))
    assert sites[LEFT_RECESS, "l3_l4", "subarticular_axial"].series.series_id == 31
    assert sites[RIGHT_RECESS, "l3_l4", "subarticular_axial"].series.series_id == 32
    between = sites[CANAL, "l3_l4", "canal_axial"]
    assert between.point == pytest.approx((left_place + right_place) / 2)
    assert between.point[2] == pytest.approx(0)


@pytest.mark.parametrize("side", [LEFT_RECESS, RIGHT_RECESS])
def test_with_one_subarticular_point_the_axial_canal_is_the_canal_s_label_point(study, side):
    recess, _ = label_at(study, LOWER, 2, 35.0, 34.0)
    own, place = label_at(study, T2, 6, 38.0, 37.0)
    cell = (CANAL, "l3_l4")
    sites = sites_by_cell(label_sites(study, {cell: "severe"}, {(side, "l3_l4"): recess, cell: own}))
    site = sites[*cell, "canal_axial"]
    assert site.point == pytest.approx(place)
    assert site.source == LABEL_PROJECTED


@pytest.mark.parametrize("condition", [LEFT_FORAMEN, RIGHT_FORAMEN, LEFT_RECESS, RIGHT_RECESS])
def test_a_missing_point_is_carried_from_the_canal_s_label_point_of_its_level(study, condition):
    own, place = label_at(study, T2, 6, 38.0, 37.0)
    cell = (condition, "l3_l4")
    own_view, across = label_sites(study, {cell: "severe"}, {(CANAL, "l3_l4"): own})
    straight = np.where(np.arange(5)[:, None] == 2, place, np.nan)  # no other level is known
    view = VIEW_OF_TERM[rsna.CONDITION_BY_NAME[condition].term]
    assert own_view.view.name == view
    for site in (own_view, across):
        assert site.point == pytest.approx(TYPICAL.point(straight, view, *cell))
        assert site.source == LABEL_PROJECTED


def test_the_canal_s_label_point_of_another_level_is_not_carried(study):
    other, _ = label_at(study, T2, 6, 38.0, 37.0)
    sites = list(label_sites(study, {(LEFT_FORAMEN, "l3_l4"): "severe"}, {(CANAL, "l4_l5"): other}))
    assert [site.source for site in sites] == [anatomical_prior.METHOD] * 2


def test_without_any_point_a_labelled_cell_lies_where_prediction_would_put_it(study):
    labelled = sites_by_cell(label_sites(study, EVERY_CELL, {}))
    predicted = sites_by_cell(predicted_sites(study, canal_of(study, None)))
    assert labelled.keys() == predicted.keys()
    for key, site in predicted.items():
        assert labelled[key].point == pytest.approx(site.point)
        assert (labelled[key].source, labelled[key].series) == (site.source, site.series)


@pytest.mark.parametrize(
    "point",
    [LabelPoint(T1, 99, 30.0, 30.0), LabelPoint(777, 4, 30.0, 30.0), LabelPoint(T2, 4, 30.0, 30.0)],
    ids=["no such slice", "no such series", "a series of another kind"],
)
def test_a_point_that_cannot_serve_is_as_good_as_missing(study, point):
    cell = (LEFT_FORAMEN, "l3_l4")
    own_view, across = label_sites(study, {cell: "severe"}, {cell: point})
    assert own_view.source == across.source == anatomical_prior.METHOD
    assert own_view.series.series_id == T1


def test_a_canal_point_on_a_sagittal_t1_still_tells_where_the_canal_is(study):
    own, place = label_at(study, T1, 6, 38.0, 37.0)
    cell = (CANAL, "l3_l4")
    site = sites_by_cell(label_sites(study, {cell: "severe"}, {cell: own}))[*cell, "canal_sagittal"]
    assert site.series.series_id == T2
    assert site.point == pytest.approx(place)
    assert site.source == LABEL_PROJECTED


# --- Missing series ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gone", "kind", "views"),
    [
        ((T1,), rsna.SAGITTAL_T1, {"foraminal_sagittal": 10}),
        ((T2,), rsna.SAGITTAL_T2, {"canal_sagittal": 5, "subarticular_sagittal": 10}),
        ((UPPER, LOWER), rsna.AXIAL_T2, {"canal_axial": 5, "foraminal_axial": 10, "subarticular_axial": 10}),
    ],
)
@pytest.mark.parametrize("labelled", [False, True])
def test_a_missing_series_loses_its_views_alone_and_says_why(images, gone, kind, views, labelled):
    study = read_study(images, STUDY, without(*gone))
    found = list(label_sites(study, EVERY_CELL, {}) if labelled else predicted_sites(study, canal_of(study, None)))
    lost = [one for one in found if isinstance(one, Lost)]
    assert len(found) == 50
    assert {view: sum(one.view == view for one in lost) for view in VIEW_BY_NAME if view in views} == views
    assert len(lost) == sum(views.values())
    assert {one.why for one in lost} == {f"no readable {kind} series"}


def test_a_level_that_no_axial_slice_covers_is_lost_and_says_so(images):
    study = read_study(images, STUDY, without(UPPER))
    found = list(predicted_sites(study, canal_of(study, None)))
    lost = [one for one in found if isinstance(one, Lost)]
    assert {one.level for one in lost} == {"l1_l2", "l2_l3"}
    assert {one.view for one in lost} == AXIAL_VIEWS
    assert {one.why for one in lost} == {f"no {rsna.AXIAL_T2} slice covers its level"}


def test_axial_images_alone_are_placed_by_k_means(images):
    study = read_study(images, STUDY, without(T1, T2, UPPER))
    found = sites_by_cell(predicted_sites(study, canal_of(study, None)))
    placed = [site for site in found.values() if isinstance(site, Site)]
    assert {site.source for site in placed} == {KMEANS}
    assert {site.view.name for site in placed} == AXIAL_VIEWS
