"""Holding out studies of a root for offline scoring."""

from __future__ import annotations

from pathlib import Path

import pytest
from cohort import STUDIES, Tables, read_csv, swap_text, write_csv, write_images

from stenosis_kit import rsna
from stenosis_kit.answers.check import check
from stenosis_kit.answers.score import score
from stenosis_kit.base.errors import InputError
from stenosis_kit.road.split import split
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.root import Root


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tables = Tables(studies=range(101, 111))
    root = tables.write(tmp_path / "data")
    for one in tables.series:
        (root / "train_images" / str(one["study_id"]) / str(one["series_id"])).mkdir(parents=True)
    return root


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def studies(path: Path) -> set[int]:
    return {int(row["study_id"]) for row in read_csv(path)}


def test_each_study_is_in_one_split_with_all_its_rows(root: Path, out: Path) -> None:
    assert split(root, out, test_share=0.3) == {"train": 7, "test": 3, "images": 10}
    train, test = studies(out / "train.csv"), studies(out / "test_series_descriptions.csv")
    assert (len(train), len(test)) == (7, 3)
    assert train | test == set(range(101, 111))
    for name in ("train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv"):
        kept = [row for row in read_csv(root / name) if int(row["study_id"]) in train]
        assert read_csv(out / name) == kept
    held = [row for row in read_csv(root / "train_series_descriptions.csv") if int(row["study_id"]) in test]
    assert read_csv(out / "test_series_descriptions.csv") == held


def test_the_new_root_is_a_valid_one(root: Path, out: Path) -> None:
    split(root, out)
    assert Root(out).checked().cells.height == 8 * 25
    assert check(out / "sample_submission.csv", out) == []


def test_images_are_linked_each_to_its_split(root: Path, out: Path) -> None:
    split(root, out)
    for name, table in (("train", "train.csv"), ("test", "test_series_descriptions.csv")):
        links = list((out / f"{name}_images").iterdir())
        assert {int(link.name) for link in links} == studies(out / table)
        for link in links:
            assert link.is_symlink()
            assert link.resolve() == (root / "train_images" / link.name).resolve()


def test_links_hold_where_data_was_given_as_a_relative_path(
    root: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    split(Path(root.name), Path(out.name))
    assert all(link.is_dir() for link in (out / "test_images").iterdir())


def test_images_that_are_not_there_are_not_linked(tmp_path: Path, out: Path) -> None:
    tables = Tables()
    root = tables.write(tmp_path / "data")
    write_images(root, "train", tables.series[:3], slices=1)
    split(root, out, test_share=0.5)
    links = [link.name for name in ("train", "test") for link in (out / f"{name}_images").iterdir()]
    assert links == ["101"]


def test_solution_has_the_labels_of_the_held_out_cells_alone(tmp_path: Path, out: Path) -> None:
    tables = Tables()
    for row in tables.labels:
        row["spinal_canal_stenosis_l1_l2"] = None
    split(tables.write(tmp_path / "data"), out, test_share=0.5)
    rows = read_csv(out / "solution.csv")
    labels = {row["study_id"]: row for row in tables.labels}
    assert list(rows[0]) == ["row_id", "normal_mild", "moderate", "severe", "sample_weight"]
    assert len(rows) == 2 * 24
    for row in rows:
        study, column = row["row_id"].split("_", 1)
        place = rsna.SEVERITY_LABELS.index(labels[int(study)][column])
        assert [float(row[name]) for name in rsna.SEVERITIES] == [float(k == place) for k in range(3)]
        assert float(row["sample_weight"]) == rsna.SEVERITY_WEIGHTS[place]


def test_the_sample_can_be_scored_on_the_solution(root: Path, out: Path) -> None:
    split(root, out)
    result = score(out / "sample_submission.csv", out / "solution.csv")
    assert (result["rows"], result["studies"], result["rows_ignored"]) == (50, 2, 0)


def test_a_labelled_study_without_series_leaves_the_sample_scorable(tmp_path: Path, out: Path) -> None:
    tables = Tables()
    tables.series = [row for row in tables.series if row["study_id"] in (101, 102)]
    tables.points = [row for row in tables.points if row["study_id"] in (101, 102)]
    split(tables.write(tmp_path / "data"), out, test_share=0.5)
    answered = {row["row_id"] for row in read_csv(out / "sample_submission.csv")}
    assert {row["row_id"] for row in read_csv(out / "solution.csv")} <= answered


def test_the_same_seed_holds_out_the_same_studies_and_another_seed_others(root: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        split(root, tmp_path / name, test_share=0.5, seed=seed)
    held = [studies(tmp_path / name / "test_series_descriptions.csv") for name in "abc"]
    assert held[0] == held[1] != held[2]


def test_the_draw_does_not_depend_on_the_order_of_rows(root: Path, tmp_path: Path) -> None:
    split(root, tmp_path / "a")
    write_csv(root / "train.csv", reversed(read_csv(root / "train.csv")))
    split(root, tmp_path / "b")
    tables = [tmp_path / name / "test_series_descriptions.csv" for name in "ab"]
    assert tables[0].read_text() == tables[1].read_text()


@pytest.mark.parametrize(("share", "held"), [(0.001, 1), (0.999, 3)])
def test_neither_split_is_ever_empty(tmp_path: Path, out: Path, share: float, held: int) -> None:
    root = Tables().write(tmp_path / "data")
    assert split(root, out, test_share=share) == {"train": len(STUDIES) - held, "test": held, "images": 0}


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5, float("nan")])
def test_a_share_outside_0_to_1_is_refused(root: Path, out: Path, share: float) -> None:
    with pytest.raises(InputError, match="--test-share: expected a share above 0 and below 1"):
        split(root, out, test_share=share)
    assert not out.exists()


def test_one_study_cannot_be_split(tmp_path: Path, out: Path) -> None:
    with pytest.raises(InputError, match="expected at least two studies with series; found 1"):
        split(Tables(studies=(101,)).write(tmp_path / "data"), out)


def test_a_folder_in_use_is_refused_and_left_alone(root: Path, out: Path) -> None:
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="expected an empty or new folder"):
        split(root, out)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_an_empty_folder_may_be_used(root: Path, out: Path) -> None:
    out.mkdir()
    split(root, out)
    assert (out / "solution.csv").is_file()


def test_out_that_is_a_file_is_refused(root: Path, out: Path) -> None:
    out.write_text("mine")
    with pytest.raises(InputError, match="expected a folder to write to"):
        split(root, out)
    assert out.read_text() == "mine"


def test_tables_that_cannot_be_used_are_refused_before_anything_is_written(tmp_path: Path, out: Path) -> None:
    root = Tables().write(tmp_path / "data")
    swap_text(root / "train.csv", "study_id", "study")
    with pytest.raises(TableError):
        split(root, out)
    assert not out.exists()


def test_ids_spelt_as_decimals_are_split_as_ids(tmp_path: Path, out: Path) -> None:
    tables = Tables()
    for row in (*tables.labels, *tables.points, *tables.series):
        row["study_id"] = f"{row['study_id']}.0"
    split(tables.write(tmp_path / "data"), out, held_out=[102])
    train, test = Root(out), Root(out, "test")
    assert train.cells["study_id"].unique().to_list() == [101, 103, 104]
    assert (train.points.height, train.series.height, test.grid.height) == (75, 9, 25)


def test_a_broken_row_is_not_split(tmp_path: Path, out: Path) -> None:
    tables = Tables()
    tables.points[0]["study_id"] = "?"
    split(tables.write(tmp_path / "data"), out, held_out=[102])
    assert Root(out).points.height == 74
