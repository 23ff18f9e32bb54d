"""The grid from two sources: the series table, and sample_submission.csv."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cohort import Tables, write_csv

from stenosis_kit import rsna
from stenosis_kit.answers.check import check, is_legal
from stenosis_kit.base.errors import InputError
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.sample import read_sample

Change = Callable[[Tables], None]


def only_in_the_sample(tables: Tables) -> None:
    tables.test_series = [row for row in tables.test_series if row["study_id"] != 202]


def only_in_the_series_table(tables: Tables) -> None:
    tables.sample = [row for row in tables.sample if not row["row_id"].startswith("202")]


def in_half(tables: Tables) -> None:
    tables.sample = tables.sample[:25] + tables.sample[25:40]


def rows_that_are_none(tables: Tables) -> None:
    tables.sample = [
        {"row_id": "202_spinal_canal", **dict.fromkeys(rsna.SEVERITIES, 1)},
        *tables.sample,
        tables.sample[0],
    ]


def root_of(folder: Path, change: Change) -> Root:
    tables = Tables()
    change(tables)
    return Root(tables.write(folder), "test")


@pytest.mark.parametrize("change", [only_in_the_sample, only_in_the_series_table, in_half, rows_that_are_none])
def test_every_study_that_either_table_knows_has_its_25_rows(tmp_path: Path, change: Change) -> None:
    root = root_of(tmp_path, change)
    assert root.grid["study_id"].to_list() == [201] * 25 + [202] * 25
    assert [study.study_id for study in root.studies()] == [201, 202]


@pytest.mark.parametrize(
    ("change", "alone"),
    [
        (
            only_in_the_sample,
            "1 studies stand in sample_submission.csv and not in test_series_descriptions.csv, the first 202",
        ),
        (only_in_the_series_table, "1 studies stand in test_series_descriptions.csv and not in sample_submission.csv"),
    ],
)
def test_a_study_of_one_table_alone_is_named(tmp_path: Path, caplog, change: Change, alone: str) -> None:
    assert root_of(tmp_path, change).grid.height == 50
    assert caplog.text.count(alone) == 1


@pytest.mark.parametrize("change", [only_in_the_sample, only_in_the_series_table, in_half])
def test_the_sample_itself_is_always_legal(tmp_path: Path, change: Change) -> None:
    root = root_of(tmp_path, change)
    assert is_legal(check(root.folder / rsna.SAMPLE_SUBMISSION, root))


def test_rows_of_the_series_table_alone_may_be_there_and_those_of_the_sample_have_to_be(tmp_path: Path) -> None:
    root = root_of(tmp_path, only_in_the_sample)
    rows = [{"row_id": row_id, **dict.fromkeys(rsna.SEVERITIES, 1 / 3)} for row_id in root.grid["row_id"]]
    assert check(write_csv(tmp_path / "whole.csv", rows), root) == []
    (finding,) = check(write_csv(tmp_path / "short.csv", rows[:25]), root)
    assert (finding.kind, finding.count) == ("missing row", 25)
    other = root_of(tmp_path / "other", only_in_the_series_table)
    assert check(tmp_path / "whole.csv", other) == check(tmp_path / "short.csv", other) == []


@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"row_id\n", b"a,b\n1,2\n", b"row_id,x\nhello,1\n"], ids=repr)
def test_without_a_readable_sample_the_series_table_alone_makes_the_grid(tmp_path: Path, data: bytes, caplog) -> None:
    root = root_of(tmp_path, only_in_the_series_table)
    (tmp_path / rsna.SAMPLE_SUBMISSION).write_bytes(data)
    assert root.grid.height == 50 and root.sampled is None
    assert caplog.text.count(f"{tmp_path / rsna.SAMPLE_SUBMISSION}: expected ") == 1
    with pytest.raises(InputError):
        read_sample(tmp_path / rsna.SAMPLE_SUBMISSION)


def test_the_train_split_has_no_sample(tmp_path: Path) -> None:
    root = Root(Tables().write(tmp_path), "train")
    assert root.sampled is None and root.grid.height == 100
