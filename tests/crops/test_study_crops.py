"""The crops of a study and their rows in the manifest, and what is said of what could not be cut."""

import shutil

import numpy as np
import pydicom
import pytest
from fabricate import blobs, plane, spoil_pixels, write_series
from small_study import (
    AXIAL_VIEWS,
    CANAL,
    EVERY_CELL,
    LEFT_RECESS,
    LOWER,
    SERIES,
    STUDY,
    T1,
    T2,
    UPPER,
    label_at,
    sites_by_cell,
    without,
)

from stenosis_kit import rsna
from stenosis_kit.crops.centres import predicted_sites
from stenosis_kit.crops.crop import cut
from stenosis_kit.crops.study_crops import cut_study
from stenosis_kit.crops.views import VIEW_BY_NAME, VIEWS
from stenosis_kit.images.brightness import brightness_of
from stenosis_kit.levels.canal import LocatedStudy
from stenosis_kit.levels.fallback import canal_of
from stenosis_kit.levels.label_points import LABEL
from stenosis_kit.tables.study import Study


def test_prediction_never_needs_severities(images):
    result = cut_study(LocatedStudy(Study(images, STUDY, SERIES)))
    assert len(result.rows) == 50
    assert {(row["severity"], row["weight"]) for row in result.rows} == {(None, None)}


def test_only_the_views_that_are_asked_for_are_cut(images):
    result = cut_study(LocatedStudy(Study(images, STUDY, SERIES)), views={"foraminal_axial"})
    assert {row["view"] for row in result.rows} == set(result.arrays) == {"foraminal_axial"}
    assert len(result.rows) + len(result.lost) == 10


def test_prediction_does_not_look_at_label_points(images, study):
    point, _ = label_at(study, T2, 2, 10.0, 10.0)
    plain = cut_study(LocatedStudy(Study(images, STUDY, SERIES)))
    with_points = cut_study(LocatedStudy(Study(images, STUDY, SERIES, None, dict.fromkeys(rsna.CELLS, point))))
    assert with_points.rows == plain.rows


def test_a_series_whose_folder_is_missing_is_as_good_as_no_series(images):
    series = (*without(T1), (555, rsna.SAGITTAL_T1))
    lost = cut_study(LocatedStudy(Study(images, STUDY, series))).lost
    assert {(one.view, one.why) for one in lost} == {("foraminal_sagittal", f"no readable {rsna.SAGITTAL_T1} series")}


@pytest.mark.parametrize("severities", [None, EVERY_CELL])
def test_a_study_without_any_image_loses_everything_and_raises_nothing(tmp_path, severities):
    result = cut_study(LocatedStudy(Study(tmp_path, STUDY, SERIES, severities)))
    assert (result.rows, result.arrays) == ([], {})
    assert len(result.lost) == 50


def test_a_study_without_series_in_the_table_loses_everything(tmp_path):
    assert len(cut_study(LocatedStudy(Study(tmp_path, STUDY, ()))).lost) == 50


def test_too_few_axial_slices_alone_have_no_levels(tmp_path):
    planes = [plane("axial", z, shape=(60, 60)) for z in (0.0, 4.0)]
    write_series(tmp_path / str(STUDY) / str(LOWER), blobs(np.zeros((1, 3))), planes)
    lost = cut_study(LocatedStudy(Study(tmp_path, STUDY, ((LOWER, rsna.AXIAL_T2),)))).lost
    axial = {one.why for one in lost if one.view in AXIAL_VIEWS}
    assert axial == {"its level was not found"}


def damaged(images, folder, series_id, numbers):
    """A copy of the study whose named slices cannot be decoded."""
    shutil.copytree(images, folder)
    for number in numbers:
        spoil_pixels(folder / str(STUDY) / str(series_id) / f"{number}.dcm")
    return folder


def test_a_series_without_a_readable_slice_is_lost_and_its_files_are_named(images, tmp_path):
    folder = damaged(images, tmp_path / "images", T1, range(1, 12))
    result = cut_study(LocatedStudy(Study(folder, STUDY, SERIES)))
    assert [one.view for one in result.lost] == ["foraminal_sagittal"] * 10
    assert result.lost[0].why == "its slices cannot be read"
    assert all("read" in one.why for one in result.lost)
    assert set(result.skipped_files) == {f"{T1}/{number}.dcm" for number in range(1, 12)}
    assert len(result.rows) == 40


@pytest.mark.parametrize("severities", [None, EVERY_CELL])
@pytest.mark.parametrize("series_id", [T2, T1, UPPER])
def test_a_series_in_one_place_is_as_good_as_no_series(images, tmp_path, series_id, severities):
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    for path in (folder / str(STUDY) / str(series_id)).iterdir():
        header = pydicom.dcmread(path)
        header.ImagePositionPatient = [0.0, 0.0, 0.0]
        header.save_as(path)
    result = cut_study(LocatedStudy(Study(folder, STUDY, SERIES, severities)))
    unlisted = cut_study(LocatedStudy(Study(images, STUDY, without(series_id), severities)))
    assert result.rows == unlisted.rows
    assert result.lost == unlisted.lost
    assert {name.split("/")[0] for name in result.skipped_files} == {str(series_id)}


@pytest.mark.parametrize("number", range(4, 9))
def test_one_unreadable_slice_loses_no_view(images, tmp_path, number):
    folder = damaged(images, tmp_path / "images", T2, [number])
    result = cut_study(LocatedStudy(Study(folder, STUDY, SERIES)))
    assert result.lost == []
    assert len(result.rows) == 50
    assert number not in {row["instance_number"] for row in result.rows if row["series_id"] == T2}


@pytest.mark.parametrize(("x", "is_cut"), [(5.0, True), (-5.0, False), (-500.0, False)])
def test_a_point_outside_its_image_has_no_crop_there(images, study, x, is_cut):
    point, _ = label_at(study, T2, 2, x, 30.0)
    cell = (CANAL, rsna.LEVELS[2])
    result = cut_study(LocatedStudy(Study(images, STUDY, SERIES, {cell: "severe"}, {cell: point})))
    assert ("canal_sagittal" in result.arrays) == is_cut
    assert [one.why for one in result.lost if one.view == "canal_sagittal"] == (
        [] if is_cut else ["it lies outside its image"]
    )


def test_stray_and_broken_files_are_named_with_their_series(images, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(images, folder)
    (folder / str(STUDY) / str(T1) / ".DS_Store").write_bytes(b"x")
    (folder / str(STUDY) / str(UPPER) / "50.dcm").write_bytes(b"")
    result = cut_study(LocatedStudy(Study(folder, STUDY, SERIES)))
    assert set(result.skipped_files) == {f"{T1}/.DS_Store", f"{UPPER}/50.dcm"}
    assert result.lost == []


# --- The manifest --------------------------------------------------------------------------------

CONTRACT = {
    "study_id", "condition", "level", "view", "series_id", "instance_number", "x", "y", "patient_x_mm",
    "patient_y_mm", "patient_z_mm", "point_source", "severity", "weight", "row",
}  # fmt: skip


def test_manifest_rows_hold_the_contract_s_columns(images):
    rows = cut_study(LocatedStudy(Study(images, STUDY, SERIES))).rows
    assert all(row.keys() >= CONTRACT for row in rows)
    assert {row["study_id"] for row in rows} == {STUDY}


def test_manifest_rows_count_inside_each_view_s_array(images):
    result = cut_study(LocatedStudy(Study(images, STUDY, SERIES)))
    assert result.arrays.keys() == VIEW_BY_NAME.keys()
    for view in VIEWS:
        rows = [row["row"] for row in result.rows if row["view"] == view.name]
        assert rows == list(range(len(rows)))
        assert result.arrays[view.name].shape == (len(rows), view.px, view.px, view.slices)


def test_manifest_rows_carry_severity_and_its_weight(images):
    severities = dict(
        zip([(CANAL, level) for level in rsna.LEVELS], [*rsna.SEVERITIES, "severe", "moderate"], strict=True)
    )
    rows = cut_study(LocatedStudy(Study(images, STUDY, SERIES, severities))).rows
    found = {(row["level"], row["severity"], row["weight"]) for row in rows}
    weights = {"normal_mild": 1.0, "moderate": 2.0, "severe": 4.0}
    assert found == {(level, severity, weights[severity]) for (_, level), severity in severities.items()}


def test_a_manifest_row_s_pixel_and_place_are_the_same_point(images, study):
    series = {one.series_id: one for one in study}
    for row in cut_study(LocatedStudy(Study(images, STUDY, SERIES))).rows:
        one = series[row["series_id"]]
        item = one.slices[one.index_of(row["instance_number"])].plane
        place = np.array([row["patient_x_mm"], row["patient_y_mm"], row["patient_z_mm"]])
        assert item.to_patient(np.array([row["x"], row["y"]])) == pytest.approx(item.drop(place))
        assert abs(item.distance(place)) <= rsna.LEVEL_GUARD_MM


def test_a_label_s_row_names_the_slice_it_was_labelled_on(images, study):
    point, place = label_at(study, LOWER, 5, 35.0, 34.0)
    cell = (LEFT_RECESS, "l4_l5")
    row, _ = cut_study(LocatedStudy(Study(images, STUDY, SERIES, {cell: "severe"}, {cell: point}))).rows
    assert (row["series_id"], row["instance_number"], row["point_source"]) == (LOWER, 5, LABEL)
    assert (row["x"], row["y"]) == pytest.approx((35.0, 34.0))
    assert (row["patient_x_mm"], row["patient_y_mm"], row["patient_z_mm"]) == pytest.approx(tuple(place))


def test_right_sided_crops_are_mirrored_and_no_others(images, study):
    result = cut_study(LocatedStudy(Study(images, STUDY, SERIES)))
    canal = canal_of(study, None)
    sites = sites_by_cell(predicted_sites(study, canal))
    for row in result.rows:
        site = sites[row["condition"], row["level"], row["view"]]
        right = row["condition"].startswith("right")
        brightness = brightness_of(site.series, canal.points)
        expected = cut(site.series, site.point, site.view, brightness, right)
        assert np.array_equal(result.arrays[row["view"]][row["row"]], expected.pixels)
        other = cut(site.series, site.point, site.view, brightness, not right)
        assert not np.array_equal(other.pixels, expected.pixels)
