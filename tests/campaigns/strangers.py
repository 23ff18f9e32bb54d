"""What strangers' archives do to whole series: values that are no signal, bits moved, places and headers lost.

The anatomy is the healthy copy's, so its answers are known: each row is the healthy one's, or no grader's.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import polars as pl
import pydicom
from campaigns.commands import run
from campaigns.tally import Tally
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from stenosis_kit import rsna
from stenosis_kit.base.files import read_json

_SERIES = rsna.series_table("test")
_SAME = 0.02  # padding that replaced a twelfth of an image may move its window a little
_SHARE = 12  # one column in so many is padding


def _put(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.PixelData = np.ascontiguousarray(pixels).tobytes()


def _padded(value: int, kind: type) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        pixels = dataset.pixel_array.astype(kind)
        pixels[:, : pixels.shape[1] // _SHARE] = value
        _put(dataset, pixels)
        signed = np.issubdtype(kind, np.signedinteger)
        dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 15, int(signed)
        dataset.add_new(Tag("PixelPaddingValue"), "SS" if signed else "US", value)

    return change


def _padded_range(dataset: Dataset) -> None:
    """Padding of two values, named by their range."""
    _padded(60000, np.uint16)(dataset)
    pixels = np.frombuffer(dataset.PixelData, np.uint16).reshape(dataset.Rows, dataset.Columns).copy()
    pixels[: dataset.Rows // 2, : dataset.Columns // _SHARE] = 65535
    _put(dataset, pixels)
    dataset.add_new(Tag("PixelPaddingRangeLimit"), "US", 65535)


def _as_floats(fill: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        pixels = dataset.pixel_array.astype(np.float32)
        pixels[:, : pixels.shape[1] // _SHARE] = fill
        del dataset.PixelData, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation
        dataset.BitsAllocated, dataset.FloatPixelData = 32, pixels.tobytes()

    return change


def _left_justified(dataset: Dataset) -> None:
    _put(dataset, dataset.pixel_array.astype(np.uint16) << 4)
    dataset.BitsStored, dataset.HighBit = 12, 15


def _bits_above(dataset: Dataset) -> None:
    """Something else, such as an overlay, in the bits that are not stored."""
    pixels = dataset.pixel_array.astype(np.uint16)
    pixels[10:40, 10:40] |= 0x8000
    _put(dataset, pixels)
    dataset.BitsStored, dataset.HighBit = 12, 11


def _one_place(dataset: Dataset) -> None:
    dataset.ImagePositionPatient = [0, 0, 0]


def _one_place_roughly(dataset: Dataset) -> None:
    dataset.ImagePositionPatient = [round(int(dataset.InstanceNumber) * 1e-4, 4), 0, 0]


CHANGES: dict[str, Callable[[Dataset], None]] = {
    "padding at the top": _padded(65535, np.uint16),
    "padding at the bottom": _padded(-32768, np.int16),
    "padding of a range": _padded_range,
    "no numbers": _as_floats(np.nan),
    "infinity": _as_floats(np.inf),
    "bits left-justified": _left_justified,
    "bits above the stored ones": _bits_above,
    "one place": _one_place,
    "one place within rounding": _one_place_roughly,
}
"""Name to a change of each file of a study."""
WITHOUT_PLACE = ("one place", "one place within rounding")


def odd_studies(model: Path, cohort: Path, scratch: Path, names: Iterable[str] = CHANGES) -> Tally:
    """Copies of a test study, each odd in one way: rows by a grader are the healthy copy's; without place none is."""
    tally, root = Tally("strangers' files"), scratch / "odd"
    own = pl.read_csv(cohort / _SERIES)
    study = own["study_id"][0]
    own, cases = own.filter(study_id=study), {1: "healthy", **dict(enumerate(names, start=2))}
    shutil.rmtree(root, ignore_errors=True)
    for number, name in cases.items():
        _copied(cohort / "test_images" / str(study), root / "test_images" / str(number), CHANGES.get(name))
    pl.concat([own.with_columns(study_id=pl.lit(number, pl.Int64)) for number in cases]).write_csv(root / _SERIES)
    ended = run("predict", root, model, "-o", scratch / "odd.csv")
    faults = ended.faults((0,)) + (["a warning of NumPy's"] if "RuntimeWarning" in ended.said else [])
    for number, name in list(cases.items())[1:]:
        lost = 0 if faults else _wrong(scratch / "odd.csv", number, name in WITHOUT_PLACE)
        tally.note(name, faults, len(rsna.CELLS), lost)
    return tally


def _copied(source: Path, target: Path, change: Callable[[Dataset], None] | None) -> None:
    shutil.copytree(source, target)
    for path in target.glob("*/*.dcm") if change else ():
        dataset = pydicom.dcmread(path)
        change(dataset)
        dataset.save_as(path)


def _wrong(submission: Path, number: int, without_place: bool) -> int:
    """Rows that a grader has answered otherwise than the healthy copy's, or though nothing tells where they lie."""
    frame = pl.read_csv(submission)
    answers = dict(zip(frame["row_id"], frame.select(rsna.SEVERITIES).to_numpy(), strict=True))
    sources = read_json(submission.with_suffix(".run.json"), "what predict writes")["rows"]
    wrong = 0
    for condition, level in rsna.CELLS:
        row, healthy = rsna.row_id(number, condition, level), rsna.row_id(1, condition, level)
        graded = sources[row]["source"] == "grader"
        wrong += graded and (without_place or not np.allclose(answers[row], answers[healthy], rtol=0, atol=_SAME))
    return wrong
