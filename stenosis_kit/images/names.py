"""Which files of a series' folder are images, by their names; where images lie that are not there."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable
from pathlib import Path

from stenosis_kit.base.errors import may_pass
from stenosis_kit.images.file import Kind, Reason, a_folder

_IMAGE = re.compile(r"([0-9]{1,9})(\.dcm)?", re.IGNORECASE)
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z", ".rar", ".tar", ".tgz", ".tar.gz")


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
    if is_folder(path):
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
    found = _lying_elsewhere(folder)
    if found:
        path, reason = found
        return {path.relative_to(folder.parents[1]).as_posix(): reason}
    if folder in list_files(folder.parent) and not is_folder(folder):
        return {folder.name: Reason("expected a series' folder; found a file", Kind.NAME)}
    return {}


def _lying_elsewhere(folder: Path) -> tuple[Path, Reason] | None:
    """Where a series' images seem to lie that are not in its folder."""
    study, images = folder.parent, folder.parents[1]
    beside = list_files(study)
    doubled = (images / images.name / study.name, images / images.name / study.name / study.name)
    for parent in (*beside, *doubled):
        if is_folder(parent / folder.name):
            why = "its folder lies deeper than <study_id>/<series_id>: move it up"
            return parent / folder.name, Reason(why, Kind.DEEPER)
    for place in (folder, study):
        archive = packed(place)
        if archive:
            return archive, Reason("packed: expected <study_id>/<series_id>/<integer>.dcm; unpack it", Kind.PACKED)
    for path in beside:
        if path != folder and image_number(path.name) is not None and _is(path, stat.S_ISREG):
            why = "an image in the folder of its study: expected <study_id>/<series_id>/<integer>.dcm"
            return path, Reason(why, Kind.NAME)
    return None


def packed(folder: Path) -> Path | None:
    """The archive beside where a folder should be that bears its name; None where there is none."""
    archives = (folder.with_name(folder.name + suffix) for suffix in _PACKED)
    return next((path for path in archives if _is(path, stat.S_ISREG)), None)


def is_folder(path: Path) -> bool:
    """Whether a path is a folder, as far as the system tells."""
    return _is(path, stat.S_ISDIR)


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(path.stat().st_mode)
    except OSError:  # not there, or in a folder that may not be looked into, of which pathlib's own tests raise it
        return False
