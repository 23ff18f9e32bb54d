"""adopt: a folder of DICOM files to a competition root."""

from __future__ import annotations

import hashlib
import logging
import shutil
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from tqdm import tqdm

from stenosis_kit import rsna
from stenosis_kit.adopt.choice import PROVISIONAL, Candidate, Decision, decide
from stenosis_kit.adopt.grades import known_names, read_grades, write_grades
from stenosis_kit.adopt.image import Image, images_of, read_dataset
from stenosis_kit.adopt.look import Eye
from stenosis_kit.adopt.overrides import read_overrides
from stenosis_kit.adopt.series import Found, Pile
from stenosis_kit.adopt.sources import Source, files, is_packed, members
from stenosis_kit.adopt.writing import copies, put
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, write_frame, write_text
from stenosis_kit.base.output import check_folder
from stenosis_kit.images.file import UnreadableSlice
from stenosis_kit.images.series import read_series

log = logging.getLogger(__name__)

TABLE = "adopted.csv"
_UNFINISHED = "unfinished.txt"
_DIRECTORY = "1.2.840.10008.1.3.10"  # Media Storage Directory Storage: a DICOMDIR
_OVERRIDDEN = "decided by the user"
_FEWEST = 3  # images that have to be readable


@dataclass
class Adopted:
    """What came of a folder.

    Attributes:
        table: a row a series, as adopted.csv has it.
        passed: {why: files that were passed over}.
    """

    table: pl.DataFrame
    passed: Counter[str] = field(default_factory=Counter)

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
        studies, series = self.table["study_id"].n_unique(), f"{self.taken.height} of {self.table.height} series"
        yield f"{studies - len(self.lost)} of {studies} studies, {series} adopted"
        for why, count in Counter(self.table.filter(series_description="")["why"]).most_common():
            yield f"left out: {count} series: {why}"
        for why, count in self.passed.most_common():
            yield f"passed over: {count} files: {why}"
        for kind in rsna.SERIES_KINDS:
            without = set(self.taken["study_id"]) - set(self.taken.filter(series_description=kind)["study_id"])
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
        InputError: where no study could be adopted, or the root cannot be used.
    """
    folder, root = Path(folder), Path(root)
    if not folder.exists():
        raise InputError(folder, "a folder with DICOM files", "no such folder", "Is the path right?")
    check_folder(root, [folder])
    wanted = read_overrides(Path(series)) if series else {}
    _begin(root)
    pile, passed = _collect(folder)
    found = pile.found()
    if not found:
        told = "; ".join(f"{count} files: {why}" for why, count in passed.most_common(3)) or "no files"
        raise InputError(folder, "DICOM files", told, "Give the folder, or the archive, that holds the images.")
    graded, strangers = read_grades(Path(labels), known_names(found)) if labels else ({}, 0)
    images = root / rsna.images_folder(split)
    reasons = {one.series_id: one.left_out() for one in found}
    offered = [one for one in found if wanted.get(_key(one), not reasons[one.series_id]) and one.planes]
    failed = _write_images(offered, images)
    decisions = {key: Decision("", why, 0.95) for key, why in reasons.items()}
    eye, by_study = Eye(), defaultdict(list)
    for one in offered:
        by_study[one.study_id].append(one)
    for some in tqdm(by_study.values(), "adopt: which series is what", unit="study", disable=None, leave=False):
        decisions |= _decide(some, images, wanted, eye)
    passed += failed
    table = pl.DataFrame([_row(one, decisions[one.series_id], keep_uids) for one in found])
    adopted = Adopted(table, passed)
    write_frame(root / TABLE, table)
    if adopted.taken.height:
        columns = ("study_id", "series_id", "series_description")
        write_frame(root / rsna.series_table(split), adopted.taken.select(columns))
    taken = set(adopted.taken["study_id"])
    mine = {cell: grade for cell, grade in graded.items() if cell[0] in taken}
    if mine:
        write_grades(root, split, mine)
    if graded:
        log.info(
            "adopt: %d grades; %d are of studies that are not adopted", len(mine), len(graded) - len(mine) + strangers
        )
    (root / _UNFINISHED).unlink()
    if not adopted.taken.height:
        told = "; ".join(list(adopted.lines())[1:4])
        raise InputError(
            folder, "a study with a series of the lumbar spine", told, f"See {root / TABLE}, and --series."
        )
    return adopted


def _begin(root: Path) -> None:
    """Takes a folder that is new, empty or adopt's own, of which it removes what adopt made there."""
    names = {path.name for path in root.iterdir()} if root.is_dir() else set()
    if names and not names & {TABLE, _UNFINISHED}:
        raise InputError(
            root, "an empty or new folder, or one that adopt made", "one that holds files", "Give another."
        )
    make_folder(root)
    write_text(root / _UNFINISHED, "stenosis-kit adopt has not finished here; run again, it begins anew\n")
    for split in rsna.SPLITS:
        shutil.rmtree(root / rsna.images_folder(split), ignore_errors=True)
    for name in (TABLE, *rsna.FILES):
        (root / name).unlink(missing_ok=True)


def _collect(folder: Path) -> tuple[Pile, Counter[str]]:
    """All images below a folder, and {why: files that are none}."""
    pile, passed, total = Pile(), Counter(), sum(1 for _ in files(folder))
    for path in tqdm(files(folder), "adopt: headers", total, unit="file", disable=None, leave=False):
        try:
            for source, data in members(path) if is_packed(path) else [(Source(path), None)]:
                _take(source, data, pile, passed)
        except UnreadableSlice as error:
            _pass_over(path, error, passed)
    return pile, passed


def _take(source: Source, data: bytes | None, pile: Pile, passed: Counter[str]) -> None:
    try:
        dataset = read_dataset(source.path if data is None else data)
        if dataset.file_meta.get("MediaStorageSOPClassUID") == _DIRECTORY:
            return
        if not dataset.get("StudyInstanceUID") or not dataset.get("SeriesInstanceUID"):
            raise UnreadableSlice("no StudyInstanceUID or SeriesInstanceUID: nobody knows whose it is")
        for image in images_of(dataset, source):
            pile.add(image)
    except UnreadableSlice as error:
        _pass_over(source.path, error, passed)


def _pass_over(path: Path, error: UnreadableSlice, passed: Counter[str]) -> None:
    log.debug("adopt: %s: %s", path, error.reason)
    passed[error.reason.partition("; found")[0]] += 1


# --- Images ------------------------------------------------------------------------------------


def _key(one: Found) -> tuple[int, int]:
    return one.study_id, one.series_id


def _write_images(offered: list[Found], images: Path) -> Counter[str]:
    """Puts the images of some series into the root, archive by archive; returns {why: images that could not be}."""
    packed: dict[Path, dict[int, list[tuple[Path, Image]]]] = defaultdict(lambda: defaultdict(list))
    framed: dict[Source, dict[Path, Image]] = defaultdict(dict)
    failed: Counter[str] = Counter()
    for one in tqdm(offered, "adopt: images", unit="series", disable=None, leave=False):
        place = images / str(one.study_id) / str(one.series_id)
        place.mkdir(parents=True, exist_ok=True)
        for number, image in one.images.items():
            target = place / f"{number}.dcm"
            if image.source.member is not None:
                packed[image.source.path][image.source.member].append((target, image))
            elif image.frame is not None:
                framed[image.source][target] = image
            else:
                _try(failed, put, image, target)
    for some in framed.values():
        _try(failed, copies, some)
    for path, wanted in packed.items():
        for source, data in members(path):
            for target, image in wanted.get(source.member, ()):
                _try(failed, put, image, target, data)
    return failed


def _try(failed: Counter[str], make, *arguments) -> None:
    try:
        make(*arguments)
    except UnreadableSlice as error:
        failed[error.reason] += 1


def _decide(some: list[Found], images: Path, wanted: Mapping[tuple[int, int], str], eye: Eye) -> dict[int, Decision]:
    """{series_id: what it is} of a study's series; the folders of those that are left out are removed."""
    decisions, candidates = {}, []
    for one in some:
        place, kind = images / str(one.study_id) / str(one.series_id), wanted.get(_key(one))
        read = read_series(place, one.series_id, kind or PROVISIONAL[one.orientation])
        if kind:
            decisions[one.series_id] = Decision(kind, _OVERRIDDEN, 1.0)
        elif len(read.slices) < _FEWEST:
            told = Counter(why.kind.value for why in read.skipped.values()).most_common(1)
            why = f"{len(read.slices)} of {len(one.images)} images can be read" + (f": {told[0][0]}" if told else "")
            decisions[one.series_id] = Decision("", why, 1.0)
        else:
            candidates.append(Candidate(one, read))
    made = decide(candidates, eye)
    decisions |= {one.found.series_id: decision for one, decision in zip(candidates, made, strict=True)}
    for one in some:
        if not decisions[one.series_id].kind:
            shutil.rmtree(images / str(one.study_id) / str(one.series_id))
    return decisions


def _row(one: Found, decision: Decision, keep_uids: bool) -> dict[str, object]:
    study, uid = (each if keep_uids else _hashed(each) for each in (one.study, one.uid))
    return {
        "study_id": one.study_id,
        "series_id": one.series_id,
        "series_description": decision.kind,
        "why": decision.why,
        "certainty": decision.certainty,
        "orientation": one.orientation or "several",
        "images": len(one.images),
        "doubles": one.doubles,
        "study_uid": study,
        "series_uid": uid,
    }


def _hashed(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:16]
