"""The doctor's round: what it makes of tables and images that are there, of broken ones, and of the real tables."""

from __future__ import annotations

import json
from pathlib import Path

import pydicom
import pytest
from cohort import STUDIES, Tables, swap_text, write_images
from doctor_findings import AXIAL, HEALTHY, NONE, T1, T2
from hostile import rewritten

from stenosis_kit import cli
from stenosis_kit.base.errors import InputError
from stenosis_kit.doctor import doctor

# --- Some tables alone -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("train.csv", {"labels_missing", "studies_with_missing_labels", "duplicate_studies"}),
        (
            "train_label_coordinates.csv",
            {"points", "duplicate_points", "studies_without_points", "max_instance_number"},
        ),
        (
            "train_series_descriptions.csv",
            {"studies_without_series", "studies_with_several_series", "duplicate_series", "series_of_unknown_kind"},
        ),
    ],
)
def test_any_one_table_is_enough(tmp_path: Path, name: str, keys: set[str]) -> None:
    root = Tables().write(tmp_path)
    for path in root.glob("*.csv"):
        if path.name != name:
            path.unlink()
    found = doctor(root)
    assert found.findings == {key: HEALTHY[key] for key in {"studies", "cells", "broken_rows"} | keys}
    assert not found.rows_lost
    assert len([line for line in found.remarks if "not there" in line]) == 2


def test_the_test_split_has_its_series_table_alone(tmp_path: Path) -> None:
    root = Tables().write(tmp_path)
    found = doctor(root, "test").findings
    assert found == {
        "studies": 2,
        "cells": 50,
        "broken_rows": {},
        "duplicate_series": 0,
        "series_of_unknown_kind": 0,
        "studies_without_series": NONE,
        "studies_with_several_series": NONE,
    }


@pytest.mark.parametrize("name", ["train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv"])
def test_a_broken_row_is_a_no_and_the_others_are_examined(tmp_path: Path, name: str) -> None:
    root = Tables().write(tmp_path)
    swap_text(root / name, "\n101,", "\nx,")
    found = doctor(root)
    assert found.rows_lost
    assert any(f"{name}: row 2, column study_id: expected an integer; found 'x'" in r for r in found.remarks)
    assert found.findings["broken_rows"] == {name: 1}
    assert found.findings["studies"] == len(STUDIES) - (name == "train.csv")


@pytest.mark.parametrize("name", ["train.csv", "train_label_coordinates.csv", "train_series_descriptions.csv"])
def test_a_broken_table_is_a_no_and_the_others_are_examined(tmp_path: Path, name: str) -> None:
    root = Tables().write(tmp_path)
    swap_text(root / name, "study_id", "study")
    found = doctor(root)
    assert found.rows_lost
    assert any(f"{root / name}: row 1: expected a column study_id; found study" in r for r in found.remarks)
    assert found.findings["studies"] == len(STUDIES)


def test_odd_spelling_that_is_read_is_a_remark_and_no_no(tmp_path: Path) -> None:
    tables = Tables()
    for row in tables.series:
        row["series_id"] = f"{row['series_id']}.0"
    found = doctor(tables.write(tmp_path))
    assert found.findings == HEALTHY
    assert not found.rows_lost
    assert any("12 integers are spelt as decimals, such as 1011.0 in row 2" in remark for remark in found.remarks)


def test_a_folder_without_tables_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="expected tables of the train split; found none"):
        doctor(tmp_path)


def test_only_broken_tables_are_an_input_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("study_id\n101\n")
    with pytest.raises(InputError, match="expected a column spinal_canal_stenosis_l1_l2"):
        doctor(tmp_path)


# --- Images ------------------------------------------------------------------------------------


@pytest.fixture
def tables() -> Tables:
    return Tables(studies=(101, 102))


@pytest.fixture
def root(tmp_path: Path, tables: Tables) -> Path:
    root = tables.write(tmp_path)
    write_images(root, "train", tables.series)
    return root


def image_findings(root: Path) -> tuple[int, int, list[str]]:
    found = doctor(root, workers=1).findings
    return found["images"], found["series_without_images"], found["unreadable_files"]


def test_whole_images_are_counted(root: Path) -> None:
    assert image_findings(root) == (18, 0, [])
    assert not doctor(root, workers=1).rows_lost


def test_a_healthy_cohort_has_no_remark_but_that_axial_slices_are_tilted(cohort: Path) -> None:
    found = doctor(cohort, workers=2)
    assert not found.rows_lost
    assert [remark.split(":")[0] for remark in found.remarks] == ["series with several orientations"]


def test_several_workers_find_the_same(root: Path) -> None:
    (root / "train_images" / "102" / "1021" / "2.dcm").write_bytes(b"")
    assert doctor(root, workers=2) == doctor(root, workers=1)


def test_an_empty_and_an_absent_folder_are_series_without_images(root: Path) -> None:
    for number in (1, 2, 3):
        (root / "train_images" / "101" / "1011" / f"{number}.dcm").unlink()
        (root / "train_images" / "102" / "1023" / f"{number}.dcm").unlink()
    (root / "train_images" / "102" / "1023").rmdir()
    found = doctor(root, workers=1)
    assert image_findings(root) == (12, 2, [])
    assert not found.rows_lost


@pytest.mark.parametrize("data", [b"", b"not DICOM", bytes(200), b"\0" * 128 + b"DICM"])
def test_an_unreadable_file_is_listed_with_study_series_name_and_reason(root: Path, data: bytes) -> None:
    (root / "train_images" / "101" / "1012" / "2.dcm").write_bytes(data)
    images, lacking, unreadable = image_findings(root)
    assert (images, lacking) == (18, 0)
    (line,) = unreadable
    assert line.startswith("101/1012/2.dcm: ")
    assert len(line) > len("101/1012/2.dcm: ")


def test_a_header_cut_off_is_unreadable(root: Path) -> None:
    path = root / "train_images" / "101" / "1012" / "2.dcm"
    path.write_bytes(path.read_bytes()[:400])
    assert [line.split(":")[0] for line in image_findings(root)[2]] == ["101/1012/2.dcm"]


def test_a_file_of_another_name_is_listed(root: Path) -> None:
    path = root / "train_images" / "101" / "1012" / "2.dcm"
    path.rename(path.with_name("two.dcm"))
    assert image_findings(root)[2] == ["101/1012/two.dcm: not named <integer>.dcm"]


def test_images_none_of_which_can_be_read_are_a_no(root: Path) -> None:
    for path in (root / "train_images").rglob("*.dcm"):
        path.write_bytes(b"")
    found = doctor(root, workers=1)
    assert len(found.findings["unreadable_files"]) == 18
    assert found.rows_lost


@pytest.mark.parametrize(
    ("name", "key"), [("{}.dcm.gz", "packed_files"), ("{0}/{0}.dcm", "folders_too_deep"), ("image {}.dcm", None)]
)
def test_files_of_other_names_are_a_no_with_the_reason_in_one_line(root: Path, name: str, key: str | None) -> None:
    for path in sorted((root / "train_images").rglob("*.dcm")):
        aside = path.rename(path.with_name("aside"))
        place = path.parent / name.format(path.stem)
        place.parent.mkdir(exist_ok=True)
        aside.rename(place)
    found = doctor(root, workers=1)
    (line,) = [remark for remark in found.remarks if "expected readable images, " in remark]
    reasons = {text.split(": ", 1)[1] for text in found.findings["unreadable_files"]}
    assert f"found 18 x {reasons.pop()} (101/1011/" in line
    assert not reasons
    assert found.rows_lost
    if key:
        assert found.findings[key] == 18


@pytest.mark.parametrize("name", ["{}.DCM", "{}"])
def test_files_that_are_numbers_alone_or_in_capitals_are_like_others(root: Path, name: str) -> None:
    before = doctor(root, workers=1)
    for path in sorted((root / "train_images").rglob("*.dcm")):
        path.rename(path.with_name(name.format(path.stem)))
    assert doctor(root, workers=1) == before


def test_an_unreadable_file_of_each_reason_is_shown_the_most_frequent_reason_first(root: Path) -> None:
    for number in (1, 2, 3):
        (root / "train_images" / "102" / "1021" / f"{number}.dcm").write_bytes(b"")
    (root / "train_images" / "101" / "1011" / ".DS_Store").touch()
    (remark,) = [line for line in doctor(root, workers=1).remarks if line.startswith("unreadable files")]
    first, second = "102/1021/1.dcm: a file of no bytes", "101/1011/.DS_Store: not named <integer>.dcm"
    assert remark == f"unreadable files: 4. They are passed over. For instance {first}; {second}"


def test_images_that_do_not_say_what_their_numbers_mean_are_counted(root: Path) -> None:
    folder = root / "train_images" / "101" / "1013"
    for number, text in enumerate((None, "MONOCHROME2"), 1):
        dataset = pydicom.dcmread(folder / f"{number}.dcm")
        dataset.PhotometricInterpretation = text
        dataset.save_as(folder / f"{number}.dcm")
    assert doctor(root, workers=1).findings["files_without_photometric_interpretation"] == 1


def test_header_and_pixels_agree_about_a_file_that_no_installed_decoder_reads(root: Path, monkeypatch) -> None:
    monkeypatch.setattr("pydicom.pixels.decoders.base.Decoder.is_available", False)
    path = root / "train_images" / "101" / "1012" / "2.dcm"
    for other in (root / "train_images").rglob("*.dcm"):
        if other != path:
            other.unlink()
    rewritten(path, "1.2.840.10008.1.2.4.70", b"frame")
    found = doctor(root, workers=1)
    assert found == doctor(root, workers=1, pixels=True)
    assert found.findings["files_without_decoder"] == 1
    (line,) = found.findings["unreadable_files"]
    assert line.endswith('(1.2.840.10008.1.2.4.70): pip install "stenosis-kit[codecs]"')


def test_an_image_folder_without_images_is_a_no(root: Path) -> None:
    for path in (root / "train_images").rglob("*.dcm"):
        path.unlink()
    found = doctor(root, workers=1)
    assert (found.findings["images"], found.findings["series_without_images"]) == (0, 6)
    assert found.rows_lost


def test_linked_images_are_followed(tmp_path: Path, root: Path, tables: Tables) -> None:
    linked = tables.write(tmp_path / "linked")
    (linked / "train_images").symlink_to(root / "train_images")
    assert image_findings(linked) == (18, 0, [])


# --- The real tables ---------------------------------------------------------------------------


def test_the_real_tables_have_the_faults_that_are_known(real_tables: Path, tmp_path: Path, capsys) -> None:
    assert cli.main(["doctor", str(real_tables), "--json", str(tmp_path / "doctor.json")]) == 0
    found = json.loads((tmp_path / "doctor.json").read_text())
    expected = {
        "studies": 1972,
        "cells": 49300,
        "labels_missing": 572,
        "studies_with_missing_labels": 185,
        "labels_without_point": 146,
        "points_without_label": 35,
        "points_on_unexpected_series": 5,
        "points_on_unknown_series": 0,
        "duplicate_points": 0,
        "studies_without_points": 1,
        "studies_without_series": {T1: 2, T2: 1, AXIAL: 0},
        "studies_with_several_series": {T1: 7, T2: 0, AXIAL: 335},
        "max_instance_number": 5046,
    }
    assert {key: found[key] for key in expected} == expected
    assert "labels_missing" in capsys.readouterr().out


def test_three_real_studies_are_whole(real_studies: Path) -> None:
    found = doctor(real_studies, workers=1)
    assert (found.findings["studies"], found.findings["images"]) == (3, 212)
    assert (found.findings["series_without_images"], found.findings["unreadable_files"]) == (0, [])
    assert not found.rows_lost


def test_a_test_study_that_only_the_sample_knows_is_counted(tmp_path: Path) -> None:
    tables = Tables()
    tables.test_series = [row for row in tables.test_series if row["study_id"] != 202]
    found = doctor(tables.write(tmp_path), "test")
    assert (found.findings["studies"], found.findings["cells"]) == (2, 50)
    assert found.findings["studies_without_series"] == {T1: 1, T2: 1, AXIAL: 1}
