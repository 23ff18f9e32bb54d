"""adopt: a folder of DICOM files to a competition root."""

from __future__ import annotations

import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.adopt.adopted import TABLE, Adopted
from stenosis_kit.adopt.choice import PROVISIONAL, Candidate, Decision, decide
from stenosis_kit.adopt.grades import Grades, known_names, read_grades, write_grades
from stenosis_kit.adopt.look import Eye
from stenosis_kit.adopt.series import Found, series_of
from stenosis_kit.adopt.transfer import copy_images, images_below, series_folder
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, write_frame
from stenosis_kit.base.output import check_folder, check_outputs, followed
from stenosis_kit.base.unfinished import UNFINISHED, begin, end
from stenosis_kit.images.series import read_series
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.series import SERIES_KEY, SERIES_TABLE
from stenosis_kit.tables.series import read_series as read_series_table

log = logging.getLogger(__name__)

_BY_USER = "decided by the user"
_FEWEST = 3  # images that have to be readable

Key = tuple[int, int]
"""Study and series id."""
Kinds = dict[Key, str]
"""What series are; empty: to be left out."""


def adopt(
    folder: Path | str,
    root: Path | str,
    split: str = "test",
    series: Path | str | None = None,
    labels: Path | str | None = None,
    keep_uids: bool = False,
) -> Adopted:
    """Makes a competition root of any folder of DICOM files, which stay as they are.

    Args:
        folder: a tree of files, named in any way, and archives.
        root: a new or empty folder, or one that adopt made; what it made there is replaced. All of that stays
            where nothing is found or a table cannot be used, and adopted.csv in any case until the new one is whole.
        split: train or test.
        series: a table with study_id, series_id and series_description (one of `rsna.SERIES_KINDS`, or nothing to leave
            the series out) whose rows decide: adopted.csv, edited, for instance.
        labels: a table of the user's own grades, see `grades.read_grades`.
        keep_uids: whether adopted.csv has UIDs as they are, not hashed.

    Raises:
        InputError: where no study could be adopted, the root cannot be used, or a table cannot be.
    """
    folder, root, passed = Path(folder), Path(root), Counter()
    _check(folder, root, labels)
    wanted = _read_kinds(Path(series)) if series else {}
    make_folder(root)
    found = _found(folder, passed)
    graded = read_grades(Path(labels), known_names(found)) if labels else {}
    _begin(root)
    if strangers := wanted.keys() - {one.key for one in found}:
        log.warning("adopt: %s: %d rows name series that are not in %s", series, len(strangers), folder)
    decisions = _take(found, root / rsna.images_folder(split), wanted, passed)
    adopted = Adopted.of(found, decisions, passed, keep_uids)
    write_frame(root / TABLE, adopted.table)
    if adopted.taken.is_empty():
        told = "; ".join(list(adopted.lines())[1:4])
        raise InputError(folder, "a series of a lumbar spine", told, f"See {root / TABLE}; --series overrules it.")
    write_frame(root / rsna.series_table(split), adopted.taken.select(list(SERIES_TABLE)))
    _write_grades(root, split, graded, adopted.lost)
    end(root)
    return adopted


def _write_grades(root: Path, split: str, graded: Grades, lost: Collection[int]) -> None:
    """Writes the grades of the studies that were adopted, if there are any."""
    kept = {cell: grade for cell, grade in graded.items() if cell[0] not in lost}
    if without := len(graded) - len(kept):
        log.warning("adopt: %d of %d grades are of studies that are NOT ADOPTED", without, len(graded))
    if kept:
        write_grades(root, split, kept)


def _check(folder: Path, root: Path, labels: Path | str | None) -> None:
    """Raises InputError where the folder is not there, or the root is not for adopt to use.

    It would take in or write over what it is made from; or it is neither new nor empty nor adopt's own.
    """
    if not folder.exists():
        raise InputError(folder, "a folder with DICOM files", "no such folder", "Is the path right?")
    check_folder(root, [folder])
    if followed(root) in followed(folder).parents:
        raise InputError(folder, "a folder outside of the root", f"one in {root}", "Give another root.")
    check_outputs([root / name for name in (*rsna.FILES, UNFINISHED)], [Path(labels)] if labels else [])
    names = {path.name for path in root.iterdir()} if root.is_dir() else set()
    if names and not names & {TABLE, UNFINISHED}:
        raise InputError(root, "a new or empty folder, or adopt's own", "one that holds files", "Give another.")


def _read_kinds(path: Path) -> Kinds:
    """A user's table of what series are."""
    table = read_series_table(path)
    rows = table.rows.with_columns(pl.col("series_description").fill_null(""))
    wrong = rows.filter(~pl.col("series_description").is_in(["", *rsna.SERIES_KINDS]))["series_description"]
    expected = f"{', '.join(rsna.SERIES_KINDS)} or nothing"
    if problems := [*table.problems, *(f"series_description: expected {expected}; found {kind!r}" for kind in wrong)]:
        raise TableError(path, problems)
    return {(study, series): kind for study, series, kind in rows.select(*SERIES_KEY, "series_description").iter_rows()}


def _begin(root: Path) -> None:
    """Removes what adopt made in a folder, but for the table, which the user may have edited."""
    begin(root, "adopt")
    for split in rsna.SPLITS:
        shutil.rmtree(root / rsna.images_folder(split), ignore_errors=True)
    for name in rsna.FILES:
        (root / name).unlink(missing_ok=True)


def _found(folder: Path, passed: Counter[str]) -> list[Found]:
    """The series in a folder; adds to `passed` how many files are no images, by why."""
    found = series_of(images_below(folder, passed))
    if not found:
        told = "; ".join(f"{count} files: {why}" for why, count in passed.most_common(3)) or "no files"
        raise InputError(folder, "DICOM files", told, "Give the folder, or the archive, that holds the images.")
    if len({one.key[0] for one in found}) < len({one.study for one in found}):  # their images would be mixed up
        raise InputError(folder, "studies of different ids", "two of one id", "Adopt it in two parts, into two roots.")
    return found


def _take(found: Sequence[Found], images: Path, wanted: Kinds, passed: Counter[str]) -> dict[Key, Decision]:
    """Copies the images of series that may be of use, and decides what each one is; of the others it says why not."""
    reasons = {one.key: one.left_out() for one in found}
    offered = [one for one in found if one.planes and wanted.get(one.key, not reasons[one.key])]
    copy_images(offered, images, passed)
    decisions = {key: Decision("", why or _BY_USER, 0.95) for key, why in reasons.items()}
    by_study, eye = defaultdict(list), Eye()
    for one in offered:
        by_study[one.study].append(one)
    for some in tqdm(by_study.values(), "adopt: which series is what", unit="study", disable=None, leave=False):
        decisions |= _decide(some, images, wanted, eye)
    for one in offered:
        if not decisions[one.key].kind:
            shutil.rmtree(series_folder(images, one))
    return decisions


def _decide(study: Sequence[Found], images: Path, wanted: Kinds, eye: Eye) -> dict[Key, Decision]:
    """What the series of a study are, by their images in the root, where the user does not say it."""
    decisions, candidates = {}, []
    for one in study:
        kind = wanted.get(one.key, "")
        read = read_series(series_folder(images, one), one.key[1], kind or PROVISIONAL[one.orientation])
        if kind:
            decisions[one.key] = Decision(kind, _BY_USER, 1.0)
            if len(read.slices) < _FEWEST:
                log.warning("adopt: series %d of study %d, %s, can hardly be read", one.key[1], one.key[0], _BY_USER)
        elif len(read.slices) < _FEWEST:
            told = Counter(why.kind.value for why in read.skipped.values()).most_common(1)
            why = f"too few of its images can be read: {told[0][0] if told else 'none could be copied'}"
            decisions[one.key] = Decision("", why, 1.0)
        else:
            candidates.append(Candidate(one, read))
    return decisions | dict(zip((one.found.key for one in candidates), decide(candidates, eye), strict=True))
