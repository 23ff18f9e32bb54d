"""`format` beside the reader that public notebooks use.

That reader, in one process, decodes every file with pydicom, stretches it to 0 to 255, resizes it and writes a PNG.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import cv2
import pydicom
from campaigns.bench.children import child
from campaigns.bench.rates import in_turns, seconds_of, steady_rate

from stenosis_kit import rsna
from stenosis_kit.format import format

_NOTEBOOK_PX = 512


def compare(roots: dict[int, Path], laps: int, scratch: Path) -> tuple[dict, float]:
    """The figures of a cohort with pydicom alone and with codecs (see the package), and the peak memory, GB.

    Args:
        roots: a cohort in two sizes, small and large.
        laps: how often each is measured; the reader reads that share of the large one's studies in each.
        scratch: a folder for stores and pictures.
    """
    found, peaks = {"pydicom_alone": None, "with_codecs": None}, [0.0]
    for name in ("pydicom_alone", "with_codecs") if has_codecs() else ("pydicom_alone",):
        with child(codecs=name == "with_codecs") as process:
            found[name] = process.run(_measure, roots, laps, scratch)
            peaks.append(process.peak_gb)
    for figures in filter(None, found.values()):
        alone = found["pydicom_alone"]["reader_studies_s"]
        figures["ratio_to_pydicom_alone"] = round(figures["studies_s"] / alone, 3)
    return found, max(peaks)


def has_codecs() -> bool:
    """Whether the codecs extra is installed: its run-length decoder is what the competition's files need."""
    return all(find_spec(name) for name in ("pylibjpeg", "rle"))


def format_seconds(root: Path, store: Path) -> float:
    """What `format` takes for a root, s."""
    return seconds_of(lambda: format(root, store, fresh=True))


def _measure(roots: dict[int, Path], laps: int, scratch: Path) -> dict:
    """Runs in a child."""
    (small, *_, large), store = roots.values(), scratch / "store"
    studies = sorted((large / rsna.images_folder("train")).iterdir(), key=lambda folder: int(folder.name))

    def formatting(lap: int) -> float:
        return steady_rate(list(roots), [format_seconds(root, store) for root in roots.values()])

    def reading(lap: int) -> float:
        share = studies[lap::laps]
        return len(share) / seconds_of(lambda: _read_as_notebooks_do(share, scratch / "picture.png"))

    format_seconds(small, store)  # what is imported and cached at first
    _read_as_notebooks_do(studies[:1], scratch / "picture.png")
    ours, theirs = in_turns(laps, formatting, reading)
    return {"studies_s": round(ours, 3), "reader_studies_s": round(theirs, 3), "ratio": round(ours / theirs, 3)}


def _read_as_notebooks_do(studies: list[Path], picture: Path) -> None:
    for study in studies:
        for path in sorted(study.glob("*/*.dcm")):
            image = pydicom.dcmread(path).pixel_array
            image = (image - image.min()) / (image.max() - image.min() + 1e-6) * 255
            image = cv2.resize(image, (_NOTEBOOK_PX, _NOTEBOOK_PX), interpolation=cv2.INTER_CUBIC)
            cv2.imwrite(str(picture), image.astype("uint8"))
