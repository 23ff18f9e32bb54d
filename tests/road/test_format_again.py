"""A store that lacks something: what the next run of format does about it, and what it leaves alone."""

from __future__ import annotations

import json
import os
import shutil
from types import SimpleNamespace

import pytest
from cohort import STUDIES, Tables, swap_text, write_images
from flaky_disk import FlakyDisk, input_output_error

from stenosis_kit import rsna
from stenosis_kit.base.budget import Budget
from stenosis_kit.base.errors import InputError, TimeTooShort
from stenosis_kit.crops import cutting, made_of
from stenosis_kit.crops.store import open_store
from stenosis_kit.road.format import format


@pytest.fixture
def root(tmp_path):
    tables = Tables()
    write_images(tables.write(tmp_path / "root"), "train", tables.series)
    return tmp_path / "root"


@pytest.fixture
def cut(monkeypatch):
    """Ids of the studies that are cut, in order."""
    calls, honest = [], cutting.cut_study
    monkeypatch.setattr(cutting, "_is_guessed", lambda *_: False)  # the points lie on no slice of these small images
    monkeypatch.setattr(cutting, "cut_study", lambda one: calls.append(one.study.study_id) or honest(one))
    return calls


def content(store):
    opened = open_store(store)
    return opened.manifest.write_csv(), {view: array.tobytes() for view, array in opened.arrays.items()}


def studies_of(store):
    return sorted(set(open_store(store).manifest["study_id"]))


def image(root, study=102):
    return next((root / "train_images" / str(study)).glob("*/1.dcm"))


def test_a_study_whose_disk_failed_is_named_and_alone_cut_at_the_next_run(root, tmp_path, cut, monkeypatch, caplog):
    store, disk = tmp_path / "store", FlakyDisk(monkeypatch)
    disk.fail("/102/")
    run = format(root, store, workers=1)
    assert studies_of(store) == [101, 103, 104]
    (failed,) = json.loads((store / "run.json").read_text())["failed_studies"]
    assert failed["study_id"] == 102 and "Input/output error" in failed["why"]
    assert run["failed_studies"] == [failed]
    assert "STUDY 102 COULD NOT BE READ" in caplog.text
    disk.wake()
    cut.clear()
    again = format(root, store, workers=1)
    assert cut == [102]
    assert studies_of(store) == list(STUDIES)
    assert again["failed_studies"] == []
    assert not (store / "parts").exists()
    format(root, tmp_path / "healthy", workers=1)
    assert content(store) == content(tmp_path / "healthy")
    cut.clear()
    format(root, store, workers=1)
    assert cut == []


def test_a_study_that_still_fails_leaves_the_store_as_good_as_it_was(root, tmp_path, monkeypatch):
    store, disk = tmp_path / "store", FlakyDisk(monkeypatch)
    disk.fail("/102/")
    first = format(root, store, workers=1)
    before = content(store)
    second = format(root, store, workers=1)
    assert content(store) == before
    assert second["content"] == first["content"]
    assert [one["study_id"] for one in second["failed_studies"]] == [102]


def test_a_disk_that_is_gone_leaves_an_earlier_store_as_it_was(root, tmp_path, monkeypatch):
    store = tmp_path / "store"
    format(root, store, workers=1)
    before = content(store)
    os.utime(image(root))
    disk = FlakyDisk(monkeypatch)
    disk.fail("train_images")
    with pytest.raises(InputError, match="found none .*Input/output error"):
        format(root, store, workers=1)
    assert content(store) == before
    disk.wake()
    assert format(root, store, workers=1)["failed_studies"] == []
    assert content(store) == before


def failing_listing(monkeypatch, study, times):
    honest, left = made_of.list_now, [None] * times

    def list_now(folder):
        if folder.parent.name == str(study) and left:
            left.pop()
            raise input_output_error()
        return honest(folder)

    monkeypatch.setattr(made_of, "list_now", list_now)
    return left


def test_a_finished_store_is_up_to_date_where_a_folder_cannot_be_listed(root, tmp_path, cut, monkeypatch, caplog):
    format(root, tmp_path / "store", workers=1)
    cut.clear()
    failing_listing(monkeypatch, 103, 2)
    format(root, tmp_path / "store", workers=1)
    assert cut == []
    assert "THE IMAGES OF 1 STUDIES CANNOT BE LISTED, the first of 103" in caplog.text


def test_a_folder_that_cannot_be_listed_once_changes_nothing(root, tmp_path, cut, monkeypatch, caplog):
    format(root, tmp_path / "store", workers=1)
    cut.clear()
    failing_listing(monkeypatch, 103, 1)
    format(root, tmp_path / "store", workers=1)
    assert cut == [] and "CANNOT" not in caplog.text


def test_a_study_cut_while_its_folder_could_not_be_listed_is_asked_for_again(root, tmp_path, cut, monkeypatch):
    store = tmp_path / "store"
    failing_listing(monkeypatch, 103, 2)
    run = format(root, store, workers=1)
    assert [one["study_id"] for one in run["failed_studies"]] == [103]
    assert studies_of(store) == list(STUDIES)
    cut.clear()
    assert format(root, store, workers=1)["failed_studies"] == []
    assert cut == []  # its part was cut from what is there


# --- Images that were replaced -------------------------------------------------------------------


def replaced(root, tmp_path):
    """Another image of the same size in an image's place, as unpacking another archive puts it."""
    path = image(root)
    size = path.stat().st_size
    data = bytearray(path.read_bytes())
    data[-128:] = bytes(reversed(data[-128:]))
    path.write_bytes(bytes(data))
    assert path.stat().st_size == size
    return path


def test_an_image_replaced_by_another_of_its_size_is_seen_and_said(root, tmp_path, cut, caplog):
    caplog.set_level("INFO")
    first = format(root, tmp_path / "store", workers=1)
    cut.clear()
    replaced(root, tmp_path)
    second = format(root, tmp_path / "store", workers=1)
    assert sorted(cut) == list(STUDIES)
    assert "is made anew: images changed since" in caplog.text
    assert second["content"] != first["content"]


def test_new_times_alone_cost_cutting_again_and_come_to_the_same_content(root, tmp_path, cut):
    first = format(root, tmp_path / "store", workers=1)
    cut.clear()
    for path in (root / "train_images").glob("*/*/*.dcm"):
        os.utime(path, (1e9, 1e9))
    second = format(root, tmp_path / "store", workers=1)
    assert sorted(cut) == list(STUDIES)
    assert second["content"] == first["content"]
    assert second["fingerprint"] != first["fingerprint"]


def test_in_an_unfinished_store_only_studies_with_other_images_are_cut_again(root, tmp_path, cut, monkeypatch):
    disk = FlakyDisk(monkeypatch)
    disk.fail("/104/")
    format(root, tmp_path / "store", workers=1)
    disk.wake()
    replaced(root, tmp_path)
    cut.clear()
    format(root, tmp_path / "store", workers=1)
    assert sorted(cut) == [102, 104]
    format(root, tmp_path / "healthy", workers=1)
    assert content(tmp_path / "store") == content(tmp_path / "healthy")


def test_crops_of_images_that_are_no_longer_there_are_not_kept_for_want_of_new_ones(root, tmp_path, monkeypatch):
    disk = FlakyDisk(monkeypatch)
    disk.fail("/104/")
    format(root, tmp_path / "store", workers=1)
    replaced(root, tmp_path)
    disk.fail("/102/")
    format(root, tmp_path / "store", workers=1)
    assert studies_of(tmp_path / "store") == [101, 103, 104]


@pytest.mark.parametrize(
    ("change", "said"),
    [("tables", "tables changed since"), ("kit", "version or settings changed since"), ("none", "missing or cut off")],
)
def test_why_a_store_is_made_anew_is_said(root, tmp_path, monkeypatch, caplog, change, said):
    caplog.set_level("INFO")
    store = tmp_path / "store"
    format(root, store, workers=1)
    if change == "tables":
        swap_text(root / rsna.TRAIN_TABLE, "Moderate", "Severe")
    elif change == "kit":
        monkeypatch.setattr(made_of, "CUTTING_VERSION", 1000)
    else:
        (store / "canal_axial.npy").unlink()
    format(root, store, workers=1)
    assert said in caplog.text
    assert studies_of(store) == list(STUDIES)


def test_a_store_of_before_inputs_were_noted_by_kind_is_made_anew(root, tmp_path, cut):
    store = tmp_path / "store"
    run = format(root, store, workers=1)
    (store / "run.json").write_text(json.dumps({key: run[key] for key in ("fingerprint", "studies", "views")}))
    cut.clear()
    format(root, store, workers=1)
    assert sorted(cut) == list(STUDIES)


def test_a_copied_root_with_its_times_is_the_same(root, tmp_path, cut):
    format(root, tmp_path / "store", workers=1)
    cut.clear()
    format(shutil.copytree(root, tmp_path / "copy"), tmp_path / "store", workers=1)
    assert cut == []


# --- Too little time -----------------------------------------------------------------------------


@pytest.fixture
def slow(cut, monkeypatch):
    """A cutting that takes ten seconds a study, by a clock that tells nothing else."""
    now, honest = [0.0], cutting.cut_study

    def cut_study(located):
        now[0] += 10.0
        return honest(located)

    monkeypatch.setattr("stenosis_kit.base.budget.time", SimpleNamespace(monotonic=lambda: now[0]))
    monkeypatch.setattr(cutting, "cut_study", cut_study)


def test_in_part_the_studies_that_fit_make_a_store_and_the_next_run_goes_on_with_the_rest(
    root, tmp_path, cut, slow, caplog
):
    store = tmp_path / "store"
    run = format(root, store, workers=1, budget=Budget(25.0), in_part=True)
    assert (run["studies"], run["studies_left"], run["failed_studies"]) == (3, 1, [])
    first = list(cut)
    assert studies_of(store) == sorted(first) != list(STUDIES[:3])
    assert "1 STUDIES ARE LEFT, for want of time" in caplog.text
    again = format(root, store, workers=1)
    assert (again["studies"], again["studies_left"]) == (4, 0)
    assert cut[3:] == [study for study in STUDIES if study not in first]
    assert again["content"] != run["content"]
    assert again["content"] == format(root, tmp_path / "healthy", workers=1)["content"]


def test_in_part_less_than_two_studies_are_no_store(root, tmp_path, slow):
    with pytest.raises(TimeTooShort, match="3 left when the time was up"):
        format(root, tmp_path / "store", workers=1, budget=Budget(5.0), in_part=True)
    assert not (tmp_path / "store" / "run.json").exists()
    assert format(root, tmp_path / "store", workers=1, budget=Budget(5.0), in_part=True)["studies"] == 2


def test_not_in_part_too_little_time_ends_it_and_an_unfinished_store_stays(root, tmp_path, slow):
    store = tmp_path / "store"
    format(root, store, workers=1, budget=Budget(15.0), in_part=True)
    before = content(store)
    with pytest.raises(TimeTooShort, match="2 left when the time was up"):
        format(root, store, workers=1, budget=Budget(0.0))
    assert content(store) == before
