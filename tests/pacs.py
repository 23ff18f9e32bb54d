"""A phantom's studies as a PACS hands them out: nested folders, UIDs for names, all kinds of files and series."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, MRImageStorage, generate_uid

from stenosis_kit import rsna
from stenosis_kit.adopt.image import Acquisition
from stenosis_kit.phantom.files.encode import jpeg2000
from stenosis_kit.phantom.imaging import tissue
from stenosis_kit.phantom.imaging.acquire import Receiver, acquire
from stenosis_kit.phantom.imaging.render import render
from stenosis_kit.phantom.make import plan_study
from stenosis_kit.phantom.study import Order

MARKER = "ZZMARKERZZ"
ENHANCED_MR, CAPTURE, DIRECTORY = (
    "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.7", "1.2.840.10008.1.3.10",
)  # fmt: skip
CODES, WORDS, PIXELS = "codes", "words", "pixels"
"""What tells a study's series apart: times and codes, descriptions, or nothing but pixels."""
FORMS = ("plain", "enhanced", "jpeg2000", "jpegls", "zip", "gz", "tgz")
_TIMES = {"T1": (550.0, 10.0, ["SE"]), "T2": (3500.0, 100.0, ["SE"])}
_WORDS = {
    rsna.SAGITTAL_T1: ("T1 TSE SAG LWS", "Sag T1", "t1_tse_sag"),
    rsna.SAGITTAL_T2: ("T2 FRFSE SAG", "t2_tirm_sag_lumbar", "STIR"),
    rsna.AXIAL_T2: ("t2_tse_tra", "Ax T2 L-spine", "T2 axial"),
}  # fmt: skip


def acquisition(text="", codes=(), tr=None, te=None, ti=None, body_part="", sop_class="", agent=False) -> Acquisition:
    """What a header says of an MR image."""
    return Acquisition("MR", sop_class, frozenset(codes), text.lower(), body_part, tr, te, ti, agent)


Series = list[Dataset]


def write_pacs(root: Path, out: Path, seed: int = 0, order: Callable[[int], Order] | None = None, forms=FORMS) -> dict:
    """Writes the test split of a phantom into `out`.

    Args:
        root: of the phantom.
        out: a new folder.
        seed: of everything drawn.
        order: what a study of the split was made from, by its place; where given, it has a cervical series too.
        forms: of files, in turn.

    Returns:
        {study_id of the phantom: (its StudyInstanceUID, {SeriesInstanceUID: its kind; empty: to be left out})}.
    """
    rng, made = np.random.default_rng(seed), {}
    table = pl.read_csv(root / rsna.series_table("test"))
    for place, study in enumerate(table["study_id"].unique(maintain_order=True)):
        told = (CODES, WORDS, PIXELS)[place % 3]
        person = _person(str(generate_uid(entropy_srcs=[str(seed), str(study)])))
        series: dict[str, str] = {}
        of_study = table.filter(study_id=study)
        read = {
            (one, kind): _read(root / rsna.images_folder("test") / str(study) / str(one))
            for one, kind in of_study.select("series_id", "series_description").iter_rows()
        }
        everything = [(kind, "", some) for (_, kind), some in read.items()]
        axial = [some for (_, kind), some in read.items() if kind == rsna.AXIAL_T2 and told != PIXELS]
        everything += [("", "t1_tse_tra", [_like(one, n) for n, one in enumerate(some, 1)]) for some in axial]
        everything += _strangers(next(some for some in read.values() if some), told, order and order(place), rng)
        for number, (kind, words, some) in enumerate(everything):
            uid = str(generate_uid(entropy_srcs=[str(seed), str(study), str(number)]))
            series[uid] = kind
            _describe(some, person, uid, kind, words, told, rng)
            form = forms[int(rng.integers(len(forms)))] if kind else "plain"
            _write(some, out / f"{MARKER}" / person["StudyInstanceUID"][-6:] / f"S{number}", form, rng)
        made[study] = person["StudyInstanceUID"], series
    _directory(out / "DICOMDIR")
    (out / "readme.txt").write_text("not an image")
    return made


def _person(uid: str) -> dict[str, str]:
    names = (
        "PatientName",
        "PatientID",
        "InstitutionName",
        "StudyDescription",
        "ReferringPhysicianName",
        "ImageComments",
    )
    return dict.fromkeys(names, MARKER) | {
        "PatientBirthDate": "19470131",
        "StudyDate": "20230704",
        "StudyInstanceUID": uid,
    }


def _read(folder: Path) -> Series:
    return [pydicom.dcmread(path) for path in sorted(folder.glob("*.dcm"), key=lambda path: int(path.stem))]


def _strangers(some: Series, told: str, order: Order | None, rng) -> Iterator[tuple[str, str, Series]]:
    """Series that are none of the three kinds: (no kind, words, images)."""
    planes = ((0, 1, 0, 0, 0, -1), (1, 0, 0, 0, 0, -1), (1, 0, 0, 0, 1, 0))
    yield (
        "",
        "localizer" if told == WORDS else "",
        [_like(some[0], n, orientation=axes) for n, axes in enumerate(planes, 1)],
    )
    captures = [_like(one, n) for n, one in enumerate(some[:4], 1)]
    for one in captures:
        one.SOPClassUID, one.ImageType = CAPTURE, ["DERIVED", "SECONDARY"]
    yield "", "", captures
    if order:
        words = {WORDS: "T2 SAG C-SPINE", CODES: "HWS"}.get(told, "")
        yield "", words, _cervical(some[0], order)


def _like(one: Dataset, number: int, pixels: np.ndarray | None = None, orientation=None) -> Dataset:
    """A copy of an image with another number, and perhaps other pixels or another orientation."""
    copy = Dataset()
    copy.update({element.tag: deepcopy(element) for element in one if element.keyword != "PixelData"})
    copy.file_meta, copy.InstanceNumber = FileMetaDataset(), number
    copy.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pixels = one.pixel_array if pixels is None else pixels
    copy.PixelData, copy.Rows, copy.Columns = np.ascontiguousarray(pixels).tobytes(), *pixels.shape
    copy["PixelData"].VR = "OW"
    if orientation:
        copy.ImageOrientationPatient = list(orientation)
    return copy


def _cervical(one: Dataset, order: Order) -> Series:
    """A sagittal T2 series of the same patient, 300 mm farther up."""
    study, rng = plan_study(order), np.random.default_rng(order.index)
    palette = tissue.draw_palette(rng, tissue.T2)
    textures, receiver = tissue.Textures(rng), Receiver(rng, palette.contrast)
    planes = next(s for s in study.series.values() if s.kind != rsna.AXIAL_T2).planes
    made = []
    for number, plane in enumerate(planes, 1):
        up = type(plane)(plane.origin + (0, 0, 300.0), plane.row, plane.column, plane.spacing, plane.shape)
        image = _like(one, number, acquire(render(study.spine, study.looks, textures, palette, up), up, receiver, rng))
        placed = study.placed(up)
        image.ImagePositionPatient = [f"{v:.8g}" for v in placed.origin]
        image.ImageOrientationPatient = [f"{v:.8g}" for v in (*placed.row, *placed.column)]
        image.PixelSpacing = [f"{v:.8g}" for v in placed.spacing]
        made.append(image)
    return made


def _describe(some: Series, person: dict, uid: str, kind: str, words: str, told: str, rng) -> None:
    """Gives images the header that a scanner and a PACS would, as far as it is to tell something."""
    for one in some:
        for name in ("SeriesDescription", "ContentDate", "ContentTime"):
            if name in one:
                delattr(one, name)
        for name, value in person.items():
            setattr(one, name, value)
        one.SOPClassUID, one.Modality = one.get("SOPClassUID") or MRImageStorage, "MR"
        one.SeriesInstanceUID, one.SOPInstanceUID = uid, generate_uid(entropy_srcs=[uid, str(one.InstanceNumber)])
        one.file_meta.MediaStorageSOPClassUID, one.file_meta.MediaStorageSOPInstanceUID = (
            one.SOPClassUID,
            one.SOPInstanceUID,
        )
        block = one.private_block(0x0099, "ZZ", create=True)
        block.add_new(1, "LO", MARKER)
    description = words
    if told == CODES and kind:
        tr, te, sequence = _TIMES["T1" if kind == rsna.SAGITTAL_T1 else "T2"]
        for one in some:
            one.RepetitionTime, one.EchoTime, one.ScanningSequence, one.BodyPartExamined = tr, te, sequence, "LSPINE"
    elif told == WORDS and kind:
        description = str(rng.choice(_WORDS[kind]))
    for one in some:
        one.SeriesDescription = f"{description}"


# --- Files -------------------------------------------------------------------------------------


def _write(some: Series, place: Path, form: str, rng) -> None:
    place.mkdir(parents=True)
    some = [some[i] for i in rng.permutation(len(some))]
    alike = len({(one.Rows, one.Columns, one.PixelRepresentation, one.BitsStored) for one in some}) == 1
    if form == "enhanced" and alike:
        _enhanced(some).save_as(place / "EMR", enforce_file_format=True)
        return
    for one in some:
        if form in ("jpeg2000", "jpegls") and one.pixel_array.dtype == np.uint16:
            _compress(one, form)
        target = place / str(int(rng.integers(3))) / f"{one.SOPInstanceUID}{rng.choice(['', '.dcm', '.DCM'])}"
        target.parent.mkdir(exist_ok=True)
        one.save_as(target, enforce_file_format=True)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    if form == "plain":
        shutil.copy(files[0], place / "again")
    if form == "gz":
        for path in files:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    if form == "zip":
        with zipfile.ZipFile(place / "all.zip", "w") as archive:
            for path in files:
                archive.write(path, f"x/{path.name}")
    if form == "tgz":
        with tarfile.open(place / "all.tar.gz", "w:gz", compresslevel=1) as archive:
            for path in files:
                archive.add(path, path.name)
    if form in ("gz", "zip", "tgz"):
        for path in files:
            path.unlink()


def _compress(one: Dataset, form: str) -> None:
    if form == "jpegls":
        if one.file_meta.TransferSyntaxUID.is_compressed:
            one.decompress()
        one.compress(JPEGLSLossless, generate_instance_uid=False)
        return
    from pydicom.encaps import encapsulate

    one.PixelData = encapsulate([jpeg2000(one.pixel_array)])
    one["PixelData"].VR, one["PixelData"].is_undefined_length = "OB", True
    one.file_meta.TransferSyntaxUID = JPEG2000Lossless


def _enhanced(some: Series) -> Dataset:
    """One Enhanced MR file of a series, its frames in the order given."""
    whole = _like(some[0], 1)
    whole.SOPClassUID = whole.file_meta.MediaStorageSOPClassUID = ENHANCED_MR
    whole.file_meta.MediaStorageSOPInstanceUID = whole.SOPInstanceUID
    whole.NumberOfFrames = len(some)
    whole.PixelData = b"".join(np.ascontiguousarray(one.pixel_array).tobytes() for one in some)
    shared = Dataset()
    if "RepetitionTime" in whole:
        shared.MRTimingAndRelatedParametersSequence = Sequence([_item(RepetitionTime=float(whole.RepetitionTime))])
        shared.MREchoSequence = Sequence([_item(EffectiveEchoTime=float(whole.EchoTime))])
    whole.SharedFunctionalGroupsSequence = Sequence([shared])
    whole.PerFrameFunctionalGroupsSequence = Sequence(map(_groups, some))
    for name in ("RepetitionTime", "EchoTime", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        if name in whole:
            delattr(whole, name)
    for name in ("RescaleSlope", "RescaleIntercept", "SliceThickness", "SpacingBetweenSlices"):
        if name in whole:
            delattr(whole, name)
    return whole


def _groups(one: Dataset) -> Dataset:
    frame = Dataset()
    frame.PlanePositionSequence = Sequence([_item(ImagePositionPatient=one.ImagePositionPatient)])
    frame.PlaneOrientationSequence = Sequence([_item(ImageOrientationPatient=one.ImageOrientationPatient)])
    names = ("PixelSpacing", "SliceThickness", "SpacingBetweenSlices")
    frame.PixelMeasuresSequence = Sequence([_item(**{name: one[name].value for name in names if name in one})])
    if "RescaleSlope" in one:
        scale = _item(RescaleSlope=one.RescaleSlope, RescaleIntercept=one.RescaleIntercept, RescaleType="US")
        frame.PixelValueTransformationSequence = Sequence([scale])
    return frame


def _item(**values: object) -> Dataset:
    item = Dataset()
    for name, value in values.items():
        setattr(item, name, value)
    return item


def _directory(path: Path) -> None:
    directory = _item(FileSetID=MARKER)
    directory.file_meta = FileMetaDataset()
    directory.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    directory.file_meta.MediaStorageSOPClassUID = DIRECTORY
    directory.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    directory.save_as(path, enforce_file_format=True)
