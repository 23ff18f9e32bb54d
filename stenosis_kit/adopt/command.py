"""adopt: a folder of DICOM files to a competition root."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.adopt.choice import PROVISIONAL, Candidate, Decision, decide
from stenosis_kit.adopt.grades import known_names, read_grades, write_grades
from stenosis_kit.adopt.image import Image, read_images
from stenosis_kit.adopt.look import Eye
from stenosis_kit.adopt.series import Found, series_of
from stenosis_kit.adopt.sources import Source, files, is_packed, members
from stenosis_kit.adopt.writing import put
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, write_frame, write_text
from stenosis_kit.base.output import check_folder, check_outputs, followed
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.series import read_series
from stenosis_kit.tables.csv_table import TableError
from stenosis_kit.tables.series import SERIES_KEY, SERIES_TABLE
from stenosis_kit.tables.series import read_series as read_series_table

log = logging.getLogger(__name__)

TABLE = "adopted.csv"
_UNFINISHED = "unfinished.txt"
_BY_USER = "decided by the user"
_FEWEST = 3  # images that have to be readable

Kinds = dict[tuple[int, int], str]
"""{(study_id, series_id): kind, empty: to be left out}."""


@dataclass
class Adopted:
    """What came of a folder.

    Attributes:
        table: a row a series, as adopted.csv has it.
        passed: {why: files that were passed over}.
    """

    table: pl.DataFrame
    passed: Counter[str]

    @property
    def taken(self) -> pl.DataFrame:
        """The rows of the series that were taken."""
        return self.table.filter(pl.col("series_description") != "")

    @property
    def lost(self) -> list[int]:
        """Studies of which no series was taken."""
        return sorted(set(self.table["study_id"]) - set(self.taken["study_id"]))

    def lines(self) -> Iterator[str]:
        """What is to be said, a line each."""
        studies, taken = self.table["study_id"].n_unique(), self.taken
        of_series = f"{taken.height} of {self.table.height} series"
        yield f"{studies - len(self.lost)} of {studies} studies, {of_series} adopted"
        for why, count in Counter(self.table.filter(series_description="")["why"]).most_common():
            yield f"left out: {count} series: {why}"
        for why, count in self.passed.most_common():
            yield f"passed over: {count} files: {why}"
        for kind in rsna.SERIES_KINDS:
            without = set(taken["study_id"]) - set(taken.filter(series_description=kind)["study_id"])
            if without:
                yield f"without {kind}: {len(without)} studies, the first {min(without)}"
        if self.lost:
            yield f"NOT ADOPTED: {len(self.lost)} studies, the first {self.lost[0]}: see {TABLE}"


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
        root: a new or empty folder, or one that adopt made; what it made there is replaced.
        split: train or test.
        series: a table with study_id, series_id and series_description (one of `rsna.SERIES_KINDS`, or nothing to leave
            the series out) whose rows decide: adopted.csv, edited, for instance.
        labels: a table of the user's own grades, see `grades.read_grades`.
        keep_uids: whether adopted.csv has UIDs as they are, not hashed.

    Raises:
        InputError: where no study could be adopted, the root cannot be used, or a table cannot be.
    """
    folder, root, passed = Path(folder), Path(root), Counter()
    if not folder.exists():
        raise InputError(folder, "a folder with DICOM files", "no such folder", "Is the path right?")
    check_folder(root, [folder])
    if followed(root) in followed(folder).parents:
        raise InputError(folder, "a folder outside of the root", f"one in {root}", "Give another root.")
    check_outputs([root / name for name in (*rsna.FILES, _UNFINISHED)], [Path(labels)] if labels else [])
    wanted = _read_kinds(Path(series)) if series else {}
    _begin(root)
    found = series_of(_images(folder, passed))
    if not found:
        told = "; ".join(f"{count} files: {why}" for why, count in passed.most_common(3)) or "no files"
        raise InputError(folder, "DICOM files", told, "Give the folder, or the archive, that holds the images.")
    graded = read_grades(Path(labels), known_names(found)) if labels else {}
    reasons = {one.key: one.left_out() for one in found}
    offered = [one for one in found if one.planes and wanted.get(one.key, not reasons[one.key])]
    if strangers := set(wanted) - set(reasons):
        log.warning("adopt: %s: %d rows name series that are not in %s", series, len(strangers), folder)
    images = root / rsna.images_folder(split)
    _write_images(offered, images, passed)
    decisions = {key: Decision("", why or _BY_USER, 0.95) for key, why in reasons.items()}
    decisions |= _decide(offered, images, wanted)
    adopted = Adopted(pl.DataFrame([_row(one, decisions[one.key], keep_uids) for one in found]), passed)
    write_frame(root / TABLE, adopted.table)
    if adopted.taken.is_empty():
        told = "; ".join(list(adopted.lines())[1:4])
        raise InputError(folder, "a series of a lumbar spine", told, f"See {root / TABLE}; --series overrules it.")
    write_frame(root / rsna.series_table(split), adopted.taken.select(list(SERIES_TABLE)))
    if labels:
        write_grades(root, split, {cell: grade for cell, grade in graded.items() if cell[0] not in adopted.lost})
    (root / _UNFINISHED).unlink()
    return adopted


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
    """Takes a folder that is new, empty or adopt's own, of which it removes what adopt made there."""
    names = {path.name for path in root.iterdir()} if root.is_dir() else set()
    if names and not names & {TABLE, _UNFINISHED}:
        raise InputError(root, "a new or empty folder, or adopt's own", "one that holds files", "Give another.")
    make_folder(root)
    write_text(root / _UNFINISHED, "stenosis-kit adopt has not finished here; run again, it begins anew\n")
    for split in rsna.SPLITS:
        shutil.rmtree(root / rsna.images_folder(split), ignore_errors=True)
    for name in (TABLE, *rsna.FILES):
        (root / name).unlink(missing_ok=True)


def _images(folder: Path, passed: Counter[str]) -> Iterator[Image]:
    """All images below a folder; files that are none are counted by why."""
    total = sum(1 for _ in files(folder))
    for path in tqdm(files(folder), "adopt: headers", total, unit="file", disable=None, leave=False):
        with _counted(passed):
            for source, data in members(path) if is_packed(path) else [(Source(path), path)]:
                with _counted(passed):
                    yield from read_images(data, source)


@contextmanager
def _counted(passed: Counter[str]) -> Iterator[None]:
    """Counts what cannot be used by why, and goes on."""
    try:
        yield
    except UnreadableSlice as error:
        passed[error.reason.partition("; found")[0]] += 1


def _write_images(offered: list[Found], images: Path, passed: Counter[str]) -> None:
    """Puts the images of some series into the root, file by file, and archive by archive."""
    targets: dict[Path, dict[int | None, dict[Path, Image]]] = defaultdict(lambda: defaultdict(dict))
    for one in offered:
        place = images.joinpath(*map(str, one.key))
        place.mkdir(parents=True)
        for number, image in one.images.items():
            targets[image.source.path][image.source.member][place / f"{number}.dcm"] = image
    for path, some in tqdm(targets.items(), "adopt: images", unit="file", disable=None, leave=False):
        if None in some:
            with _counted(passed):
                put(some[None])
            continue
        with _counted(passed):
            for source, data in members(path):
                if source.member in some:
                    with _counted(passed):
                        put(some[source.member], data)


def _decide(offered: list[Found], images: Path, wanted: Mapping[tuple[int, int], str]) -> dict[tuple, Decision]:
    """{key: what it is} of series whose images are in the root; those that are left out are removed from it."""
    eye, by_study, decisions = Eye(), defaultdict(list), {}
    for one in offered:
        by_study[one.study].append(one)
    for some in tqdm(by_study.values(), "adopt: which series is what", unit="study", disable=None, leave=False):
        candidates = []
        for one in some:
            kind = wanted.get(one.key, "")
            read = read_series(images.joinpath(*map(str, one.key)), one.key[1], kind or PROVISIONAL[one.orientation])
            if kind:
                decisions[one.key] = Decision(kind, _BY_USER, 1.0)
            elif len(read.slices) < _FEWEST:
                told = Counter(why.kind.value for why in read.skipped.values()).most_common(1)
                why = f"too few of its images can be read: {told[0][0] if told else 'none could be copied'}"
                decisions[one.key] = Decision("", why, 1.0)
            else:
                candidates.append(Candidate(one, read))
        decisions |= zip((one.found.key for one in candidates), decide(candidates, eye), strict=True)
        for one in some:
            if not decisions[one.key].kind:
                shutil.rmtree(images.joinpath(*map(str, one.key)))
    return decisions


def _row(one: Found, decision: Decision, keep_uids: bool) -> dict[str, object]:
    told = {"orientation": one.orientation or "several", "images": len(one.images), "doubles": one.doubles}
    uids = {"study_uid": one.study, "series_uid": one.uid}
    if not keep_uids:
        uids = {name: hashlib.sha256(uid.encode()).hexdigest()[:16] for name, uid in uids.items()}
    kind, why, certainty = decision
    decided = {"series_description": kind, "why": why, "certainty": certainty}
    return dict(zip(SERIES_KEY, one.key, strict=True)) | decided | told | uids
