"""What the doctor finds in images: each of the phantom's faults, and what a test breaks in a healthy study."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest

from stenosis_kit import rsna
from stenosis_kit.doctor import doctor
from stenosis_kit.doctor.images import CONSEQUENCES, StudyFindings, examine_study
from stenosis_kit.phantom import phantom
from stenosis_kit.tables.root import Root
from stenosis_kit.tables.study import Study

USUAL = {"images", "usable", "series_with_several_orientations"}
FAULT_KEYS = {
    "instance_gap": "series_with_instance_gaps",
    "instance_offset": "series_not_from_1",
    "duplicate_positions": "series_with_duplicate_positions",
    "mixed_shapes": "series_with_several_shapes",
    "rescale_slope": "rescaled_files",
    "no_spacing_tags": "files_without_spacing_tags",
    "no_pixel_spacing": "files_without_place",
    "no_orientation": "files_without_place",
    "no_position": "files_without_place",
    "empty_position": "files_without_place",
    "monochrome1": "inverted_files",
    "constant_image": "constant_images",
    "empty_series": "series_without_images",
    "missing_series_folder": "series_without_images",
    "missing_study_folder": "studies_without_usable_images",
    "unlisted_series": "unlisted_series",
    "swapped_sides": "sides_that_contradict_x",
}
UNREADABLE = {"truncated_file": "bytes of pixels", "empty_file": "a file of no bytes", "stray_file": "not named"}
FORCED = ["none", *FAULT_KEYS, *UNREADABLE, "instance_huge"]
WHOLE = {"none", "swapped_sides", "missing_study_folder", "duplicate_positions", "mixed_shapes"}
"""The others go without axial images, which take longest to make."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cohort whose n-th training study has the n-th fault alone."""
    force = {number: (name, "missing_axial") for number, name in enumerate(FORCED) if name not in WHOLE}
    force |= {number: (name,) for number, name in enumerate(FORCED) if name in WHOLE - {"none"}}
    out = tmp_path_factory.mktemp("faulty") / "root"
    return phantom(out, studies=len(FORCED), test_studies=0, faults="none", force=force, workers=1)


@pytest.fixture(scope="module")
def tasks(root: Path) -> dict[str, Study]:
    """The studies by their fault."""
    by_id = {task.study_id: task for task in Root(root).checked().labelled_studies()}
    in_order = [line.split(",")[0] for line in (root / rsna.TRAIN_TABLE).read_text().splitlines()[1:]]
    return {name: by_id[int(study)] for name, study in zip(FORCED, in_order, strict=True)}


def odd(found: StudyFindings) -> set[str]:
    return {key for key, count in found.counts.items() if count} - USUAL


def test_a_healthy_study_has_nothing_odd(tasks: dict[str, Study]) -> None:
    found = examine_study(tasks["none"], pixels=True)
    assert odd(found) == set()
    assert found.counts["images"] == found.counts["usable"] > 30
    assert found.unreadable == {}


@pytest.mark.parametrize("fault", FAULT_KEYS)
def test_each_fault_of_the_phantom_is_found_in_its_study(tasks: dict[str, Study], fault: str) -> None:
    assert FAULT_KEYS[fault] in odd(examine_study(tasks[fault], pixels=True))


@pytest.mark.parametrize("fault", UNREADABLE)
def test_a_file_that_cannot_be_used_is_listed_with_the_reason(tasks: dict[str, Study], fault: str) -> None:
    ((file, why),) = examine_study(tasks[fault]).unreadable.items()
    assert file.startswith(f"{tasks[fault].study_id}/")
    assert UNREADABLE[fault] in why


def test_the_largest_file_number_is_known(tasks: dict[str, Study]) -> None:
    assert examine_study(tasks["instance_huge"]).largest > 5000


def test_all_studies_together_have_the_findings_of_each(root: Path) -> None:
    found = doctor(root, workers=2, pixels=True)
    assert not found.rows_lost
    assert set(CONSEQUENCES) <= set(found.findings)
    assert all(found.findings[key] for key in FAULT_KEYS.values())
    assert len([line for line in found.findings["unreadable_files"] if "place" not in line]) >= len(UNREADABLE)
    (remark,) = [line for line in found.remarks if line.startswith("unlisted series")]
    assert remark.startswith("unlisted series: 1. Folders that no table names are not read. For instance ")


# --- What a test breaks --------------------------------------------------------------------------


@pytest.fixture
def task(tasks: dict[str, Study], tmp_path: Path) -> Study:
    """The healthy study, its images a copy."""
    healthy = tasks["none"]
    shutil.copytree(healthy.images / str(healthy.study_id), tmp_path / str(healthy.study_id))
    return replace(healthy, images=tmp_path)


def folder_of(task: Study, kind: str) -> Path:
    series_id = next(series_id for series_id, found in task.series if found == kind)
    return task.images / str(task.study_id) / str(series_id)


def rewrite(path: Path, change: Callable[[pydicom.Dataset], None]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def test_an_axial_slice_among_sagittal_ones_lies_across(task: Study) -> None:
    axial = sorted(folder_of(task, rsna.AXIAL_T2).iterdir())[0]
    shutil.copy(axial, folder_of(task, rsna.SAGITTAL_T1) / "900.dcm")
    found = examine_study(task)
    assert odd(found) == {"files_across_their_series", "series_with_instance_gaps"}
    assert found.unreadable == {}


def test_a_pixel_spacing_that_makes_an_image_narrow_is_implausible(task: Study) -> None:
    path = sorted(folder_of(task, rsna.SAGITTAL_T2).iterdir())[0]
    rewrite(path, lambda dataset: setattr(dataset, "PixelSpacing", [1.0, 0.1]))
    assert examine_study(task).counts["images_of_implausible_size"] == 1


def test_a_transfer_syntax_that_nothing_here_decodes_is_named(task: Study) -> None:
    path = sorted(folder_of(task, rsna.SAGITTAL_T2).iterdir())[0]
    data = path.read_bytes()
    assert b"1.2.840.10008.1.2.1\0" in data
    path.write_bytes(data.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.9\0"))
    found = examine_study(task)
    assert found == examine_study(task, pixels=True)
    assert found.counts["files_without_decoder"] == 1
    ((file, why),) = found.unreadable.items()
    assert file.endswith(path.name)
    assert "1.2.840.10008.1.2.9" in why


def pad(dataset: pydicom.Dataset) -> None:
    pixels = dataset.pixel_array.copy()
    pixels[:, :5] = 4095
    dataset.PixelData = pixels.tobytes()
    dataset.add_new("PixelPaddingValue", "US", 4095)


def make_float(dataset: pydicom.Dataset) -> None:
    pixels = dataset.pixel_array.astype(np.float32)
    pixels[3, 4] = np.nan
    del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
    dataset.BitsAllocated, dataset.FloatPixelData = 32, pixels.tobytes()


def left_justify(dataset: pydicom.Dataset) -> None:
    dataset.PixelData = (dataset.pixel_array << (15 - dataset.HighBit)).tobytes()
    dataset.HighBit = 15


@pytest.mark.parametrize(
    ("change", "by_header", "by_pixels"),
    [
        (pad, {"files_with_padding"}, {"files_with_padding", "images_with_silent_pixels"}),
        (make_float, set(), {"images_with_silent_pixels"}),
        (left_justify, {"left_justified_files"}, {"left_justified_files"}),
    ],
)
def test_pixels_that_are_no_signal_or_not_in_their_place_are_named(
    task: Study, change: Callable[[pydicom.Dataset], None], by_header: set[str], by_pixels: set[str]
) -> None:
    rewrite(sorted(folder_of(task, rsna.SAGITTAL_T2).iterdir())[0], change)
    assert odd(examine_study(task)) == by_header
    found = examine_study(task, pixels=True)
    assert odd(found) == by_pixels
    assert all(found.counts[key] == 1 for key in by_pixels)
    assert not found.unreadable


def test_a_folder_of_another_study_is_unlisted(root: Path, tmp_path: Path, task: Study) -> None:
    for path in root.glob("*.csv"):
        shutil.copy(path, tmp_path)
    task.images.joinpath(str(task.study_id)).rename(tmp_path / "999")
    (tmp_path / "train_images").mkdir()
    (tmp_path / "999").rename(tmp_path / "train_images" / "999")
    found = doctor(tmp_path, workers=1)
    assert found.findings["unlisted_studies"] == 1
    assert found.rows_lost  # nothing else is there
