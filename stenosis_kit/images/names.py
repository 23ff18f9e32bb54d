"""Which files of a series' folder are images, by their names; where images lie that are not there."""

from __future__ import annotations

import re
from pathlib import Path

from stenosis_kit.base.errors import may_pass
from stenosis_kit.images.file import Kind, Reason, a_folder

_IMAGE = re.compile(r"([0-9]{1,9})(\.dcm)?", re.IGNORECASE)
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar", ".tar", ".tgz")


def image_number(name: str) -> int | None:
    """The instance number in a file's name: <integer>.dcm, in capitals too, or <integer>; None in other names."""
    found = _IMAGE.fullmatch(name)
    return int(found[1]) if found else None


def by_preference(paths: list[Path]) -> list[Path]:
    """The files in the order in which they are taken where several have one number: <integer>.dcm first."""
    return sorted(paths, key=lambda path: (path.name != f"{image_number(path.name)}.dcm", path.suffix == "", path.name))


def no_image(path: Path) -> Reason:
    """Why a file is no image, whose name says so."""
    if path.suffix.lower() in _PACKED:
        return Reason(f"packed ({path.suffix}): expected <integer>.dcm; unpack it there", Kind.PACKED)
    if _is_folder(path):
        return a_folder().reason
    return Reason("not named <integer>.dcm", Kind.NAME)


def list_files(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where there is no such folder, or it cannot be listed."""
    try:
        return list_now(folder)
    except OSError:
        return []


def list_now(folder: Path) -> list[Path]:
    """What lies in a folder, by name; nothing where there is no such folder.

    Raises:
        OSError: where it cannot be listed now, and perhaps can be later.
    """
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        if may_pass(error):
            raise
        return []


def nothing_listed(folder: Path) -> dict[str, Reason]:
    """{what stands in the way: why} of a series' folder in which nothing was found; empty where it is missing or empty.

    Args:
        folder: <images>/<study_id>/<series_id>.
    """
    study, images = folder.parent, folder.parents[1]
    doubled = (images / images.name / study.name, images / images.name / study.name / study.name)
    for parent in (*list_files(study), *doubled):
        if _is_folder(parent / folder.name):
            why = "its folder lies deeper than <study_id>/<series_id>: move it up"
            return {(parent / folder.name).relative_to(images).as_posix(): Reason(why, Kind.DEEPER)}
    if folder.exists() and not _is_folder(folder):
        return {folder.name: Reason("expected a series' folder; found a file", Kind.NAME)}
    return {}


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # of a folder that may not be looked into
        return False
