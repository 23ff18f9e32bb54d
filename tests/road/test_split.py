"""Holding out studies of a root for offline scoring."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from cohort import STUDIES, Tables, read_csv, swap_text, write_csv, write_images

from stenosis_kit import rsna
from stenosis_kit.answers.check import check
from stenosis_kit.answers.score import score
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.unfinished import is_unfinished
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


def refusing(*_: object, **__: object) -> None:
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def write_one_image_each(root: Path) -> None:
    """A file in each series; those of the first are links to a file elsewhere, and one to nowhere."""
    for series in root.glob("train_images/*/*"):
        (series / "1.dcm").write_text(series.name)
    first = min(root.glob("train_images/*/*"))
    (root / "elsewhere").write_text(first.name)
    (first / "1.dcm").unlink()
    (first / "1.dcm").symlink_to("../../../elsewhere")
    (first / "2.dcm").symlink_to("nowhere")


@pytest.mark.parametrize("way", ["hard links", "copies"])
def test_where_no_links_can_be_made_images_are_hard_links_or_copies_and_that_is_said_once(
    root: Path, out: Path, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_one_image_each(root)
    monkeypatch.setattr(os, "symlink", refusing)
    if way == "copies":
        monkeypatch.setattr(os, "link", refusing)
    assert split(root, out, test_share=0.3) == {"train": 7, "test": 3, "images": 10}
    assert caplog.messages == [f"split: {out} takes no symbolic links: the images are {way}"]
    for source in root.glob("train_images/*/*"):
        (made,) = out.glob(f"t*_images/{source.parent.name}/{source.name}")
        assert [path.name for path in made.iterdir()] == ["1.dcm"]
        assert (made / "1.dcm").read_text() == source.name
        assert not (made / "1.dcm").is_symlink()
        assert (made / "1.dcm").samefile(source / "1.dcm") == (way == "hard links")


def test_hard_links_that_end_at_another_disk_go_on_as_copies(
    root: Path, out: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write_one_image_each(root)
    link, linked = os.link, []

    def link_five(source: Path, target: Path) -> None:
        if len(linked) == 5:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        linked.append(target)
        link(source, target)

    monkeypatch.setattr(os, "symlink", refusing)
    monkeypatch.setattr(os, "link", link_five)
    assert split(root, out)["images"] == 10
    assert [message.rpartition("are ")[2] for message in caplog.messages] == ["hard links", "copies"]
    assert len(list(out.glob("t*_images/*/*/1.dcm"))) == len(list(root.glob("train_images/*/*")))


def assert_leaves_nothing(root: Path, out: Path, found: str) -> None:
    with pytest.raises(InputError, match=found):
        split(root, out)
    assert not out.exists() or list(out.iterdir()) == []


@pytest.mark.parametrize("there", [False, True])
def test_a_run_that_fails_leaves_nothing_that_blocks_the_next(
    root: Path, out: Path, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_one_image_each(root)
    if there:
        out.mkdir()
    with monkeypatch.context() as patch:
        patch.setattr(os, "symlink", refusing)
        patch.setattr(os, "link", refusing)
        patch.setattr(shutil, "copyfile", refusing)
        assert_leaves_nothing(root, out, "expected images that can be linked or copied there; found Operation not perm")
    assert split(root, out)["images"] == 10
    assert not is_unfinished(out)


KILLED = """
import os, sys, signal
from stenosis_kit.road import split
split.os.symlink = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
split.split(sys.argv[1], sys.argv[2])
"""


def test_what_a_killed_run_left_is_begun_anew_unless_other_files_are_there(root: Path, out: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    assert subprocess.run([sys.executable, "-c", KILLED, root, out], env=environment).returncode == -signal.SIGKILL
    assert (out / "train.csv").is_file()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="expected an empty or new folder"):
        split(root, out)
    (out / "mine.txt").unlink()
    (out / "train_images" / "999").mkdir()
    (out / ".123.partial.train.csv").write_text("half")
    assert split(root, out)["images"] == 10
    assert not (out / "train_images" / "999").exists()
    assert sorted(path.suffix for path in out.iterdir()) == ["", "", *6 * [".csv"]]


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


def test_a_study_without_any_label_is_never_held_out(root: Path, tmp_path: Path) -> None:
    rows = read_csv(root / "train.csv")
    blank = [{"study_id": row["study_id"]} | dict.fromkeys(list(row)[1:], "") for row in rows[:5]]
    write_csv(root / "train.csv", [*blank, *rows[5:]])
    unlabelled = {int(row["study_id"]) for row in blank}
    for seed in range(4):
        split(root, tmp_path / str(seed), test_share=0.5, seed=seed)
        assert not unlabelled & studies(tmp_path / str(seed) / "test_series_descriptions.csv")


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


@pytest.mark.parametrize("place", ["train_images", "train_images/101/new", "test_images/new"])
def test_an_out_among_the_images_is_refused_and_nothing_is_written(root: Path, place: str) -> None:
    before = sorted(root.rglob("*"))
    with pytest.raises(InputError, match="a folder that is no input and lies in none"):
        split(root, root / place)
    assert sorted(root.rglob("*")) == before


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
