"""What the doctor finds in tables: each fault alone on a small root."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cohort import Tables, point_rows, series_rows
from doctor_findings import AXIAL, HEALTHY, NONE, T1

from stenosis_kit.doctor import doctor
from stenosis_kit.tables.root import Root

Fault = Callable[[Tables], None]


def unlabel(tables: Tables) -> None:
    """One cell of study 101 and two of 102, with their points."""
    for study, column in ((0, "l1_l2"), (1, "l1_l2"), (1, "l2_l3")):
        tables.labels[study][f"left_neural_foraminal_narrowing_{column}"] = None
    for row in (26, 25, 0):
        assert tables.points[row]["condition"] == "Left Neural Foraminal Narrowing"
        del tables.points[row]


def unlabel_but_keep_the_point(tables: Tables) -> None:
    tables.labels[0]["spinal_canal_stenosis_l1_l2"] = ""


def drop_two_points(tables: Tables) -> None:
    del tables.points[30:32]


def drop_all_points_of_a_study(tables: Tables) -> None:
    tables.points = [row for row in tables.points if row["study_id"] != 103]


def canal_on_t1(tables: Tables) -> None:
    assert tables.points[20]["condition"] == "Spinal Canal Stenosis"
    tables.points[20]["series_id"] = 1011


def foramen_on_axial(tables: Tables) -> None:
    tables.points[0]["series_id"] = 1013


def subarticular_on_t2(tables: Tables) -> None:
    assert tables.points[5]["condition"] == "Left Subarticular Stenosis"
    tables.points[5]["series_id"] = 1012


def point_on_unknown_series(tables: Tables) -> None:
    tables.points[0]["series_id"] = 9999


def point_on_another_studys_series(tables: Tables) -> None:
    tables.points[0]["series_id"] = 1021


def double_a_point(tables: Tables) -> None:
    tables.points.append(tables.points[0] | {"x": 7})


def large_instance_number(tables: Tables) -> None:
    tables.points[7]["instance_number"] = 5046


def no_axial(tables: Tables) -> None:
    tables.series = [row for row in tables.series if row["series_id"] != 1043]
    tables.points = [row for row in tables.points if row["series_id"] != 1043]


def two_t1_and_three_axial(tables: Tables) -> None:
    for series_id, kind in ((1014, T1), (1024, AXIAL), (1025, AXIAL)):
        tables.series.append({"study_id": series_id // 10, "series_id": series_id, "series_description": kind})


@pytest.mark.parametrize(
    ("fault", "changed", "rows_lost"),
    [
        (unlabel, {"labels_missing": 3, "studies_with_missing_labels": 2, "points": 97}, False),
        (
            unlabel_but_keep_the_point,
            {"labels_missing": 1, "studies_with_missing_labels": 1, "points_without_label": 1},
            False,
        ),
        (drop_two_points, {"points": 98, "labels_without_point": 2}, False),
        (
            drop_all_points_of_a_study,
            {"points": 75, "labels_without_point": 25, "studies_without_points": 1},
            False,
        ),
        (canal_on_t1, {"points_on_unexpected_series": 1}, False),
        (foramen_on_axial, {"points_on_unexpected_series": 1}, False),
        (subarticular_on_t2, {"points_on_unexpected_series": 1}, False),
        (point_on_unknown_series, {"points_on_unknown_series": 1}, True),
        (point_on_another_studys_series, {"points_on_unknown_series": 1}, True),
        (double_a_point, {"points": 101, "duplicate_points": 1}, True),
        (large_instance_number, {"max_instance_number": 5046}, False),
        (
            no_axial,
            {"points": 90, "labels_without_point": 10, "studies_without_series": NONE | {AXIAL: 1}},
            False,
        ),
        (two_t1_and_three_axial, {"studies_with_several_series": NONE | {T1: 1, AXIAL: 1}}, False),
    ],
)
def test_one_fault_changes_its_own_findings_alone(
    tmp_path: Path, fault: Fault, changed: dict[str, object], rows_lost: bool
) -> None:
    tables = Tables()
    fault(tables)
    found = doctor(tables.write(tmp_path))
    assert found.findings == HEALTHY | changed
    assert found.rows_lost is rows_lost


def test_a_healthy_root_has_no_findings(tmp_path: Path) -> None:
    found = doctor(Tables().write(tmp_path))
    assert found.findings == HEALTHY
    assert not found.rows_lost
    assert found.remarks == ["no train_images/: the images were not examined."]


@pytest.mark.parametrize("fault", [drop_two_points, canal_on_t1, point_on_unknown_series, double_a_point])
def test_a_finding_has_a_remark_that_says_what_follows(tmp_path: Path, fault: Fault) -> None:
    tables = Tables()
    fault(tables)
    found = doctor(tables.write(tmp_path))
    (key,) = [key for key in HEALTHY if found.findings[key] != HEALTHY[key] and key != "points"]
    (remark,) = [line for line in found.remarks if line.startswith(key.replace("_", " "))]
    assert f": {found.findings[key]}. " in remark


def double_a_study(tables: Tables) -> None:
    tables.labels.append(tables.labels[0])


def double_a_series(tables: Tables) -> None:
    tables.series.append(tables.series[0])


def points_of_an_unlisted_study(tables: Tables) -> None:
    tables.points += point_rows(109)
    tables.series += series_rows(109)


@pytest.mark.parametrize(
    "fault",
    [double_a_study, double_a_series, points_of_an_unlisted_study, double_a_point, point_on_unknown_series],
)
def test_what_format_leaves_out_is_a_no_of_the_doctors(
    tmp_path: Path, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    tables = Tables()
    fault(tables)
    root = tables.write(tmp_path)
    Root(root).checked()
    assert any("not used" in record.getMessage() for record in caplog.records)
    assert doctor(root).rows_lost
