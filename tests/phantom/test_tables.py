"""The tables of a cohort."""

import csv
from pathlib import Path

import numpy as np
import pydicom

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane


def rows_of(path: Path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def plane_of(data: pydicom.Dataset) -> Plane:
    shape = (data.Rows, data.Columns)
    return Plane.from_tags(data.ImagePositionPatient, data.ImageOrientationPatient, data.PixelSpacing, shape)


def test_tables_have_the_competitions_columns_and_rows(small_cohort):
    train = rows_of(small_cohort / "train.csv")
    assert len(train) == 5
    assert set(train[0]) == {"study_id", *rsna.LABEL_COLUMNS}
    assert list(train[0])[1] == "spinal_canal_stenosis_l1_l2"
    assert {row[column] for row in train for column in rsna.LABEL_COLUMNS} <= {"", *rsna.SEVERITY_LABELS}
    for split, count in (("train", 5), ("test", 2)):
        series = rows_of(small_cohort / rsna.series_table(split))
        assert list(series[0]) == ["study_id", "series_id", "series_description"]
        assert len({row["study_id"] for row in series}) == count
        assert {row["series_description"] for row in series} <= set(rsna.SERIES_KINDS)
    points = rows_of(small_cohort / "train_label_coordinates.csv")
    assert list(points[0]) == ["study_id", "series_id", "instance_number", "condition", "level", "x", "y"]
    assert {row["condition"] for row in points} == {condition.label for condition in rsna.CONDITIONS}
    assert {row["level"] for row in points} == set(rsna.LEVEL_LABELS)


def test_sample_submission_holds_every_cell_in_order_and_thirds(small_cohort):
    rows = rows_of(small_cohort / "sample_submission.csv")
    assert tuple(rows[0]) == rsna.SUBMISSION_COLUMNS
    assert len(rows) == 25 * 2
    assert tuple(rsna.split_row_id(row["row_id"])[1:] for row in rows[:25]) == rsna.CELLS
    assert float(rows[0]["severe"]) == 1 / 3


def test_solution_holds_labelled_cells_only_and_the_oracle_holds_all(small_cohort):
    solution, oracle = rows_of(small_cohort / "solution.csv"), rows_of(small_cohort / "oracle_submission.csv")
    assert list(solution[0]) == ["row_id", *rsna.SEVERITIES, "sample_weight"]
    labelled = [row for row in rows_of(small_cohort / "latents.csv") if row["split"] == "test" and row["severity"]]
    assert len(solution) == len(labelled)
    for row, latent in zip(solution, labelled, strict=True):
        assert row["row_id"] == rsna.row_id(latent["study_id"], latent["condition"], latent["level"])
        assert row[latent["severity"]] == "1"
        assert float(row["sample_weight"]) == rsna.SEVERITY_WEIGHTS[rsna.SEVERITIES.index(latent["severity"])]
    values = np.array([[float(row[name]) for name in rsna.SEVERITIES] for row in oracle])
    assert len(values) == 25 * 2
    np.testing.assert_allclose(values.sum(1), 1, atol=1e-12)
    assert values.min() > 5e-5


def test_points_lie_on_the_kind_of_series_that_readers_used(small_cohort):
    kinds = {
        row["series_id"]: row["series_description"] for row in rows_of(small_cohort / "train_series_descriptions.csv")
    }
    expected = {condition.label: condition.series_kind for condition in rsna.CONDITIONS}
    for row in rows_of(small_cohort / "train_label_coordinates.csv"):
        assert kinds[row["series_id"]] == expected[row["condition"]]


def test_points_fall_inside_images_and_left_ones_have_the_larger_x(small_cohort):
    places = {}
    for row in rows_of(small_cohort / "solution_coordinates.csv"):
        path = small_cohort / "test_images" / row["study_id"] / row["series_id"] / f"{row['instance_number']}.dcm"
        plane = plane_of(pydicom.dcmread(path, stop_before_pixels=True))
        pixel = np.array([float(row["x"]), float(row["y"])])
        assert (pixel > 0).all() and (pixel < plane.shape[::-1]).all()
        place = np.array([float(row[f"patient_{axis}_mm"]) for axis in "xyz"])
        np.testing.assert_allclose(plane.to_patient(pixel), place, atol=0.05)
        places[row["study_id"], row["condition"], row["level"]] = place
    pairs = [
        (place, places.get((s, c.replace("Left", "Right"), lv))) for (s, c, lv), place in places.items() if "Left" in c
    ]
    assert len(pairs) >= 16
    assert all(left[0] > right[0] + 10 for left, right in pairs if right is not None)
