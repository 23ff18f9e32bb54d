"""What commands say of image files that are passed over; the loudest where not one image can be read."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from itertools import islice
from pathlib import Path

from stenosis_kit.base.errors import InputError
from stenosis_kit.images.names import is_folder, list_files, packed

log = logging.getLogger(__name__)

_NAMED = 3  # reasons, or entries of a folder, that one line holds


class PassedOver:
    """The image files of a split, study by study, as a command meets them."""

    def __init__(self, command: str, images: Path) -> None:
        """Begins.

        Args:
            command: its name, for the log.
            images: the split's image folder.
        """
        self._command = command
        self._images = images
        self._read = self._studies = 0
        self._skipped: dict[str, str] = {}

    def note(self, study_id: int, read: int, skipped: Mapping[str, str]) -> None:
        """Logs a study's files that are passed over, a line for each series and reason.

        Args:
            study_id: the study.
            read: its slices that can be read.
            skipped: {series_id/file name: why} of the others.
        """
        self._read += read
        self._studies += 1
        self._skipped |= {f"{study_id}/{name}": why for name, why in skipped.items()}
        by_series: dict[tuple[str, str], list[str]] = {}
        for name, why in skipped.items():
            series, _, file = name.partition("/")
            by_series.setdefault((series, why), []).append(file)
        for (series, why), files in by_series.items():
            text = "%s: study %d, series %s: %d file(s) passed over, the first %s: %s"
            log.warning(text, self._command, study_id, series, len(files), files[0], why)

    @property
    def reasons(self) -> dict[str, int]:
        """{why: files}, the most frequent first."""
        return dict(Counter(self._skipped.values()).most_common())

    def finish(self) -> None:
        """Logs one loud line where there were studies, and not one of their images could be read."""
        if self._studies and not self._read:
            error = nothing_readable(self._images, self._skipped)
            log.error("%s: NOT ONE IMAGE OF %d STUDIES CAN BE READ: %s", self._command, self._studies, error)


def nothing_readable(images: Path, skipped: Mapping[str, str]) -> InputError:
    """What is said where not one image of a split can be read.

    Args:
        images: the split's image folder.
        skipped: {study_id/series_id/file name: why}.
    """
    expected = "readable images, <study_id>/<series_id>/<instance_number>.dcm"
    reasons = Counter(skipped.values()).most_common(_NAMED)
    found = "; ".join(f"{count} x {why} ({first_of(skipped, why)})" for why, count in reasons)
    remedy = "Bring the files into that form, or copy the competition's again."
    return InputError(images, expected, found or _lying_about(images), remedy)


def first_of(skipped: Mapping[str, str], why: str) -> str:
    """The first file by name that is passed over for a reason."""
    return min(name for name, found in skipped.items() if found == why)


def _lying_about(images: Path) -> str:
    """What a folder holds in which nothing was found that the tables name."""
    deeper = next(images.glob("*/*/*/*"), None)
    if deeper:
        return f"files one folder deeper, as {deeper.relative_to(images).as_posix()}: move its folders up"
    names = [path.name for path in islice(list_files(images), _NAMED + 1)]
    archive = packed(images)
    if archive:
        return f"{archive.name} alone: unpack it"
    if not names:
        return "an empty folder" if is_folder(images) else "no such folder"
    shown = ", ".join(names[:_NAMED]) + " …" * (len(names) > _NAMED)
    return f"no file of the studies and series of the tables, but {shown}"
