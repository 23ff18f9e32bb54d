"""`format` beside the reader that public notebooks use (see notebook.py): pydicom alone, and with the codecs extra."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from campaigns.bench.children import child
from campaigns.bench.notebook import read_seconds
from campaigns.bench.rates import in_turns, seconds_of, steady_rate

from stenosis_kit import rsna
from stenosis_kit.road.format import format


def compare(roots: dict[int, Path], laps: int, scratch: Path) -> tuple[dict, float]:
    """The figures of a cohort with pydicom alone and with codecs (see the package), and `format`'s peak memory, GB.

    Args:
        roots: a cohort in two sizes, small and large.
        laps: how often each is measured; the reader reads that share of the large one's studies in each.
        scratch: a folder for stores and pictures.
    """
    alone, peak = _measure(roots, laps, scratch, codecs=False)
    coded, coded_peak = _measure(roots, laps, scratch, codecs=True) if has_codecs() else (None, 0.0)
    for figures in filter(None, (alone, coded)):
        figures["ratio_to_pydicom_alone"] = round(figures["studies_s"] / alone["reader_studies_s"], 3)
    return {"pydicom_alone": alone, "with_codecs": coded}, max(peak, coded_peak)


def has_codecs() -> bool:
    """Whether the codecs extra is installed: its run-length decoder is what the competition's files need."""
    return all(find_spec(name) for name in ("pylibjpeg", "rle"))


def format_seconds(root: Path, store: Path) -> float:
    """What `format` takes for a root, s."""
    return seconds_of(lambda: format(root, store, fresh=True))


def _measure(roots: dict[int, Path], laps: int, scratch: Path, codecs: bool) -> tuple[dict, float]:
    small, large = roots.values()
    store, picture = scratch / "store", scratch / "picture.png"
    studies = sorted((large / rsna.images_folder("train")).iterdir(), key=lambda folder: int(folder.name))
    with child(codecs) as kit, child(codecs) as notebook:

        def formatting(lap: int) -> float:
            return steady_rate(list(roots), [kit.run(format_seconds, root, store) for root in (small, large)])

        def reading(lap: int) -> float:
            share = studies[lap::laps]
            return len(share) / notebook.run(read_seconds, share, picture)

        kit.run(format_seconds, small, store)  # what is imported and cached at first
        notebook.run(read_seconds, studies[:1], picture)
        ours, theirs = in_turns(laps, formatting, reading)
        figures = {"studies_s": ours, "reader_studies_s": theirs, "ratio": ours / theirs}
        return {name: round(value, 3) for name, value in figures.items()}, kit.peak_gb
