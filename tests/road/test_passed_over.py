"""What is said of image files that are passed over, and where not one image can be read."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from stenosis_kit.road.passed_over import PassedOver, nothing_readable

EXPECTED = "expected readable images, <study_id>/<series_id>/<instance_number>.dcm; found"

REMEDY = "Bring the files into that form, or copy the competition's again."


def test_a_series_has_a_line_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    passed_over = PassedOver("predict", Path("images"))
    with caplog.at_level(logging.INFO):
        passed_over.note(1, 5, {"11/1.dcm": "broken", "11/2.dcm": "broken", "11/a/b": "deeper", "12/1.dcm": "broken"})
        passed_over.note(2, 5, {})
        passed_over.finish()
    assert caplog.messages == [
        "predict: study 1, series 11: 2 file(s) passed over, the first 1.dcm: broken",
        "predict: study 1, series 11: 1 file(s) passed over, the first a/b: deeper",
        "predict: study 1, series 12: 1 file(s) passed over, the first 1.dcm: broken",
    ]
    assert passed_over.reasons == {"broken": 3, "deeper": 1}


def test_one_loud_line_says_why_not_one_image_can_be_read(caplog: pytest.LogCaptureFixture) -> None:
    passed_over = PassedOver("levels", Path("images"))
    with caplog.at_level(logging.ERROR):
        passed_over.note(1, 0, {"11/2.gz": "packed", "11/1.gz": "packed"})
        passed_over.note(2, 0, {"21/x": "strange"})
        passed_over.finish()
    why = f"images: {EXPECTED} 2 x packed (1/11/1.gz); 1 x strange (2/21/x). {REMEDY}"
    assert caplog.messages == [f"levels: NOT ONE IMAGE OF 2 STUDIES CAN BE READ: {why}"]


def test_without_studies_nothing_is_said(caplog: pytest.LogCaptureFixture) -> None:
    PassedOver("levels", Path("images")).finish()
    assert caplog.messages == []


def test_an_archive_of_the_images_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_images.zip").touch()
    found = f"{tmp_path / 'test_images'}: {EXPECTED} test_images.zip alone: unpack it. {REMEDY}"
    assert str(nothing_readable(tmp_path / "test_images", {})) == found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (None, "no such folder"),
        ([], "an empty folder"),
        (["stage/3/11/1.dcm"], "files one folder deeper, as stage/3/11/1.dcm: move its folders up"),
        (["a.zip", "b", "c", "d"], "no file of the studies and series of the tables, but a.zip, b, c …"),
    ],
)
def test_where_nothing_is_found_that_the_tables_name_the_folder_is_described(
    tmp_path: Path, names: list[str] | None, found: str
) -> None:
    images = tmp_path / "images"
    if names is not None:
        images.mkdir()
    for name in names or ():
        (images / name).parent.mkdir(parents=True, exist_ok=True)
        (images / name).touch()
    assert str(nothing_readable(images, {})).startswith(f"{images}: {EXPECTED} {found}. ")
