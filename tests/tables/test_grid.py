"""The rows of a submission."""

from __future__ import annotations

from pathlib import Path

from cohort import TEST_STUDIES, Tables, read_csv

from stenosis_kit.tables.grid import grid
from stenosis_kit.tables.series import read_series


def test_grid_is_the_sample_submissions_rows_in_its_order(root: Path) -> None:
    sample = [row["row_id"] for row in read_csv(root / "sample_submission.csv")]
    assert len(sample) == 25 * len(TEST_STUDIES)
    assert grid(read_series(root / "test_series_descriptions.csv").rows["study_id"])["row_id"].to_list() == sample


def test_grid_of_the_real_test_study_is_the_real_sample(real_tables: Path) -> None:
    sample = [row["row_id"] for row in read_csv(real_tables / "sample_submission.csv")]
    assert (
        grid(read_series(real_tables / "test_series_descriptions.csv").rows["study_id"])["row_id"].to_list() == sample
    )


def test_grid_sorts_studies_as_numbers(tmp_path: Path) -> None:
    series = read_series(Tables(test_studies=(1000, 99)).write(tmp_path) / "test_series_descriptions.csv").rows
    assert grid(series["study_id"])["study_id"].unique(maintain_order=True).to_list() == [99, 1000]


def test_grid_has_25_rows_whatever_series_a_study_has(tmp_path: Path) -> None:
    tables = Tables(test_studies=(201,))
    tables.test_series = tables.test_series[:1] * 3
    series = read_series(tables.write(tmp_path) / "test_series_descriptions.csv").rows
    assert grid(series["study_id"]).height == 25
