"""Which files of a series are images, by their names; images that lie elsewhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from fabricate import plane, write_dicom
from hostile import PIXELS

from stenosis_kit import rsna
from stenosis_kit.images.file import Kind
from stenosis_kit.images.names import image_number
from stenosis_kit.images.series import THE_FOLDER, Series, read_study

AXIAL = plane("axial", 0.0, mm=2.0, shape=PIXELS.shape)


def series_of(images: Path) -> Series:
    (series,) = read_study(images, 3, [(11, rsna.AXIAL_T2)])
    return series


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("1.dcm", 1),
        ("1.DCM", 1),
        ("1.Dcm", 1),
        ("1", 1),
        ("0012.dcm", 12),
        ("1.dcm.gz", None),
        ("-1.dcm", None),
        ("1.0.dcm", None),
        ("1.2.840.1.dcm", None),
        ("._1.dcm", None),
        ("1 .dcm", None),
        ("1.", None),
        ("1.png", None),
        ("", None),
        ("1234567890", None),
        ("\u0661.dcm", None),
    ],
)
def test_an_image_is_known_by_its_name(name: str, number: int | None) -> None:
    assert image_number(name) == number


@pytest.mark.parametrize("name", ["1.dcm.gz", "1.gz", "1.dcm.GZ", "series.zip", "1.dcm.bz2"])
def test_a_packed_file_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "3" / "11").mkdir(parents=True)
    (tmp_path / "3" / "11" / name).write_bytes(b"packed")
    series = series_of(tmp_path)
    assert series.slices == []
    assert series.skipped == {name: f"packed ({Path(name).suffix}): expected <integer>.dcm; unpack it there"}
    assert series.skipped[name].kind is Kind.PACKED


@pytest.mark.parametrize("name", ["11", "DICOM", "1", "1.dcm"])
def test_a_folder_in_a_series_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    write_dicom(tmp_path / "3" / "11" / name / "1.dcm", AXIAL, PIXELS)
    series = series_of(tmp_path)
    assert series.slices == []
    assert series.skipped == {name: "not a file but a folder: images that lie in it belong one folder up"}
    assert series.skipped[name].kind is Kind.DEEPER


@pytest.mark.parametrize("deeper", ["3/3/11", "3/DICOM/11", "images/3/11", "images/3/3/11"])
def test_a_series_that_lies_deeper_is_found_and_named_with_what_to_do(tmp_path: Path, deeper: str) -> None:
    images = tmp_path / "images"
    write_dicom(images / deeper / "1.dcm", AXIAL, PIXELS)
    series = series_of(images)
    assert series.slices == []
    assert series.skipped == {deeper: "its folder lies deeper than <study_id>/<series_id>: move it up"}
    assert series.skipped[deeper].kind is Kind.DEEPER


@pytest.mark.parametrize("name", ["3/11.zip", "3/11.tar.gz", "3.zip"])
def test_the_archive_of_a_series_or_study_is_named_with_what_to_do(tmp_path: Path, name: str) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / name).write_bytes(b"packed")
    skipped = series_of(tmp_path).skipped
    assert skipped == {name: "packed: expected <study_id>/<series_id>/<integer>.dcm; unpack it"}
    assert skipped[name].kind is Kind.PACKED


def test_images_that_lie_in_the_folder_of_their_study_are_named(tmp_path: Path) -> None:
    write_dicom(tmp_path / "3" / "1.dcm", AXIAL, PIXELS)
    why = "an image in the folder of its study: expected <study_id>/<series_id>/<integer>.dcm"
    assert series_of(tmp_path).skipped == {"3/1.dcm": why}


def test_a_series_that_is_where_it_should_be_is_not_looked_for_elsewhere(tmp_path: Path) -> None:
    images = tmp_path / "images"
    for place in ("3/11", "3/3/11", "images/3/11"):
        write_dicom(images / place / "1.dcm", AXIAL, PIXELS)
    series = series_of(images)
    assert (len(series.slices), series.skipped) == (1, {})


def test_a_file_in_the_place_of_a_series_is_said_to_be_one(tmp_path: Path) -> None:
    (tmp_path / "3").mkdir()
    (tmp_path / "3" / "11").write_bytes(b"")
    assert series_of(tmp_path).skipped == {"11": "expected a series' folder; found a file"}


@pytest.mark.parametrize("refused", [("iterdir",), ("iterdir", "stat")], ids=["itself", "one above it"])
def test_a_folder_that_may_not_be_read_is_said_to_be_one(tmp_path: Path, monkeypatch, refused: tuple[str, ...]) -> None:
    write_dicom(tmp_path / "3" / "11" / "1.dcm", AXIAL, PIXELS)

    def forbidden(self: Path, **_: object) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    for name in refused:
        monkeypatch.setattr(Path, name, forbidden)
    why = "expected a folder that can be read; found: Permission denied. Mind its permissions, and its disk"
    series = series_of(tmp_path)
    assert (series.slices, series.skipped) == ([], {THE_FOLDER: why})
    assert series.skipped[THE_FOLDER].kind is Kind.UNREAD


def test_a_slice_that_lies_across_its_series_is_of_that_kind(tmp_path: Path) -> None:
    write_dicom(tmp_path / "3" / "11" / "1.dcm", AXIAL, PIXELS)
    write_dicom(tmp_path / "3" / "11" / "2.dcm", plane("sagittal", 0.0, mm=2.0, shape=PIXELS.shape), PIXELS)
    assert {name: why.kind for name, why in series_of(tmp_path).skipped.items()} == {"2.dcm": Kind.ACROSS}
