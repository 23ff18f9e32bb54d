"""Examines the images of one study by their headers, in a worker process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from stenosis_kit.doctor.diagnosis import EXAMPLES
from stenosis_kit.doctor.points import POINT_CONSEQUENCES, examine_study_points
from stenosis_kit.images.coding import CODECS
from stenosis_kit.images.file import Kind, UnreadableSlice
from stenosis_kit.images.geometry import FIELD_MM
from stenosis_kit.images.names import image_number, is_folder, list_files
from stenosis_kit.images.places import SAME_PLACE_MM
from stenosis_kit.images.series import Series, read_study
from stenosis_kit.images.stack import orientation_groups
from stenosis_kit.tables.study import Study

FILE_KINDS = {
    Kind.PLACE: "files_without_place",
    Kind.ACROSS: "files_across_their_series",
    Kind.DECODER: "files_without_decoder",
    Kind.FRAMES: "files_of_several_frames",
    Kind.BLANK: "constant_images",
    Kind.UNREAD: "files_that_cannot_be_opened",
    Kind.PACKED: "packed_files",
    Kind.DEEPER: "folders_too_deep",
}
"""The findings that count files by why they cannot be used; files of other kinds are listed alone."""

CONSEQUENCES = {
    "studies_not_examined": "Their rows are priors, and format leaves them out.",
    "studies_without_usable_images": "Their rows are priors, and format has nothing to cut.",
    "series_without_images": "Other views or the prior answer there.",
    "series_without_usable_images": "Other views or the prior answer there.",
    "unlisted_studies": "Folders that no table names are not read.",
    "unlisted_series": "Folders that no table names are not read.",
    "files_without_place": "They are passed over: nobody knows where they lie in the patient, or how large they are.",
    "files_across_their_series": "They are passed over: scouts, or slices of another kind of series.",
    "files_without_decoder": f"They are passed over: {CODECS} brings decoders for most.",
    "files_of_several_frames": "They are passed over: export their series as one file a slice.",
    "files_that_cannot_be_opened": "They are passed over: mind their permissions, and their disk.",
    "packed_files": "They are passed over: unpack them.",
    "folders_too_deep": "What lies in them is not read: images belong into <study_id>/<series_id>, move them up.",
    "files_without_photometric_interpretation": "They are taken for MONOCHROME2: larger is brighter.",
    "files_without_spacing_tags": "Distances are taken from the positions instead.",
    "images_of_implausible_size": "They are cut as their PixelSpacing says.",
    "inverted_files": "MONOCHROME1 is turned round.",
    "rescaled_files": "RescaleSlope and RescaleIntercept are applied.",
    "files_with_padding": "PixelPaddingValue is no signal, unless it is as dark as air, or as usual as other values.",
    "left_justified_files": "Values that end at HighBit are shifted to where BitsStored ends.",
    "images_with_silent_pixels": "Padding, text on them and what is no number are cut as if outside the image.",
    "constant_images": "They are passed over: their pixels have one value or two, and show nothing.",
    "series_with_instance_gaps": "Slices are ordered by their positions, never by number.",
    "series_not_from_1": "Slices are known by their file names, whatever the first one is.",
    "series_with_several_shapes": "Each slice is cut by its own geometry.",
    "series_with_several_orientations": "Usual in axial series; slices are ordered inside each orientation.",
    "series_with_duplicate_positions": "The nearest is taken; of those as near to .001 mm, the lowest number.",
    **POINT_CONSEQUENCES,
}
"""Every finding in images, and what the kit does about it."""


@dataclass
class StudyFindings:
    """Findings in the images of one study, or of all.

    Attributes:
        counts: by key of `CONSEQUENCES`, and `images` (files, by their names) and `usable` (headers).
        examples: the first cases of each key.
        unreadable: {study/series/file: why}.
        syntaxes: files by the name of their transfer syntax.
        largest: file number.
    """

    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    syntaxes: Counter[str] = field(default_factory=Counter)
    largest: int = 0

    def note(self, key: str, example: str, count: int = 1) -> None:
        """Counts a case, or `count` cases with one example."""
        if count:
            self.counts[key] += count
            self.examples.setdefault(key, []).append(example)

    def merge(self, other: StudyFindings) -> None:
        """Adds another study's."""
        self.counts.update(other.counts)
        self.syntaxes.update(other.syntaxes)
        self.unreadable |= other.unreadable
        self.largest = max(self.largest, other.largest)
        for key, cases in other.examples.items():
            self.examples[key] = sorted(self.examples.get(key, []) + cases)[: EXAMPLES + 1]


def examine_study(task: Study, pixels: bool = False) -> StudyFindings:
    """Reads the headers of a study's images (and the pixels, if told to) and notes what is odd."""
    found = StudyFindings()
    study = read_study(task.images, task.study_id, task.series)
    folder = task.images / str(task.study_id)
    for one in study:
        _examine_files(found, task.study_id, one, folder / str(one.series_id), pixels)
        if one.slices:
            _examine_slices(found, f"{task.study_id}/{one.series_id}", one)
    if not found.counts["usable"]:
        found.note("studies_without_usable_images", str(task.study_id))
    listed = {str(one.series_id) for one in study}
    for path in list_files(folder):
        if path.name not in listed and is_folder(path):
            found.note("unlisted_series", f"{task.study_id}/{path.name}")
    examine_study_points(found.note, task, study)
    return found


def _examine_files(found: StudyFindings, study_id: int, one: Series, folder: Path, pixels: bool) -> None:
    """Counts a series' files, and notes those that cannot be used."""
    name = f"{study_id}/{one.series_id}"
    folders = {file for file, why in one.skipped.items() if why.kind is Kind.DEEPER}
    files = [path.name for path in list_files(folder) if path.name not in folders]
    numbers = {number for file in files if (number := image_number(file)) is not None}
    images = sum(image_number(file) is not None or file.lower().endswith(".dcm") for file in files)
    found.counts["images"] += images
    if pixels:
        _examine_pixels(found, name, one)
    found.counts["usable"] += len(one.slices)
    for kind, key in FILE_KINDS.items():
        found.note(key, name, sum(why.kind is kind for why in one.skipped.values()))
    unusable = {file: why for file, why in one.skipped.items() if why.kind is not Kind.ACROSS}
    found.unreadable |= {f"{name}/{file}": str(why) for file, why in unusable.items()}
    if not images:
        found.note("series_without_images", name)
    elif not one.slices:
        found.note("series_without_usable_images", name)
    if numbers:
        found.largest = max(found.largest, *numbers)
        found.note("series_not_from_1", name, int(min(numbers) != 1))
        found.note("series_with_instance_gaps", name, int(max(numbers) - min(numbers) + 1 > len(numbers)))


def _examine_pixels(found: StudyFindings, name: str, one: Series) -> None:
    """Decodes every slice; one that cannot be decoded joins the series' skipped files."""
    for item in list(one.slices):
        try:
            silent = one.signal(item).silent
        except UnreadableSlice:
            continue
        found.note("images_with_silent_pixels", f"{name}/{item.path.name}", int(silent is not None))
        one.forget(item)


def _examine_slices(found: StudyFindings, name: str, one: Series) -> None:
    """Notes what is odd about the usable slices of a series."""
    headers = [item.header for item in one.slices]
    for syntax, count in Counter(header.coding.syntax for header in headers).items():
        found.syntaxes[syntax.name] += count
    found.note("files_without_spacing_tags", name, sum(not header.spaced for header in headers))
    untold = sum(not header.says_grey for header in headers)
    found.note("files_without_photometric_interpretation", name, untold)
    found.note("inverted_files", name, sum(header.inverted for header in headers))
    found.note("rescaled_files", name, sum((header.slope, header.intercept) != (1, 0) for header in headers))
    found.note("files_with_padding", name, sum(header.padding is not None for header in headers))
    found.note("left_justified_files", name, sum(bool(header.coding.lowest_bit) for header in headers))
    sides = np.array([np.multiply(plane.shape, plane.spacing) for plane in one.planes])
    strange = (sides < FIELD_MM[0]).any(axis=1)
    found.note("images_of_implausible_size", name, int(strange.sum()))
    found.note("series_with_several_shapes", name, int(len({plane.shape for plane in one.planes}) > 1))
    groups = orientation_groups(one.planes)
    found.note("series_with_several_orientations", name, int(len(groups) > 1))
    found.note("series_with_duplicate_positions", name, int(any(_has_duplicates(one, group) for group in groups)))


def _has_duplicates(one: Series, group: list[int]) -> bool:
    """Whether two parallel slices lie in one place."""
    normal = one.planes[group[0]].normal
    depths = np.sort([one.planes[index].center @ normal for index in group])
    return bool((np.diff(depths) < SAME_PLACE_MM).any())
