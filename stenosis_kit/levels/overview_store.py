"""The sagittal overviews of a crop store, from which the localiser learns.

Pixels lie in STORE/overviews/pixels.npy, (overviews, SLICES, PX, PX) uint8, memory-mapped; what they show lies in
facts.npz beside them, see `Overviews`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import DAMAGED, growing_array, replacing
from stenosis_kit.levels.example import Example
from stenosis_kit.levels.overview import PX, SLICES, Overview, to_pixels

_FACTS = ("study", "kind", "frames", "canal", "midline")
_PIXELS_NAME, _FACTS_NAME = "overviews/pixels.npy", "overviews/facts.npz"


@dataclass(frozen=True, eq=False)
class Overviews:
    """Overviews of labelled studies; a study's lie side by side.

    Attributes:
        pixels: (n, SLICES, PX, PX) uint8.
        study: (n,) study ids.
        kind: (n,) kinds of series.
        frames: (n, SLICES, 3, 3), see `levels.overview.Overview`.
        canal: (n, 5, 3) label points of the canal, patient mm; NaN where there is none.
        midline: (n, 5) patient x of the midline there, mm; NaN where no axial slice shows it.
    """

    pixels: np.ndarray
    study: np.ndarray
    kind: np.ndarray
    frames: np.ndarray
    canal: np.ndarray
    midline: np.ndarray

    def points(self) -> np.ndarray:
        """(n, SLICES, 5, 2) label points as pixels (x, y) of each slice."""
        found = [to_pixels(frames, canal) for frames, canal in zip(self.frames, self.canal, strict=True)]
        return np.array(found, np.float32).reshape(-1, SLICES, self.canal.shape[1], 2)

    def of_studies(self, studies: Iterable[int]) -> dict[int, list[Overview]]:
        """The overviews of some studies, those that have any."""
        wanted, found = set(studies), {}
        for row in np.flatnonzero(np.isin(self.study, list(wanted))):
            one = Overview(str(self.kind[row]), self.pixels[row], self.frames[row])
            found.setdefault(int(self.study[row]), []).append(one)
        return found


def gather_overviews(examples: Mapping[int, Example]) -> Overviews:
    """The overviews of studies in memory, by study id."""
    rows = [row for study, example in sorted(examples.items()) for row in _rows(study, example)]
    pixels = [one.pixels for _, example in sorted(examples.items()) for one in example.overviews]
    return Overviews(np.array(pixels), **_facts(rows))


@contextmanager
def growing_overviews(folder: Path) -> Iterator[Callable[[int, Example], None]]:
    """Writes a store's overviews; gives what appends those of a study."""
    rows: list[tuple] = []
    with growing_array(folder / _PIXELS_NAME, (SLICES, PX, PX)) as append_pixels:

        def append(study: int, example: Example) -> None:
            rows.extend(_rows(study, example))
            for one in example.overviews:
                append_pixels(one.pixels[None])

        yield append
        if not rows:
            append_pixels(np.zeros((1, SLICES, PX, PX), np.uint8))  # an empty file cannot be mapped
    with replacing(folder / _FACTS_NAME) as partial, partial.open("wb") as file:
        np.savez(file, **_facts(rows))


def _rows(study: int, example: Example) -> list[tuple]:
    return [(study, one.kind, one.frames, example.canal, example.midline) for one in example.overviews]


def _facts(rows: list[tuple]) -> dict[str, np.ndarray]:
    columns = zip(*rows, strict=True) if rows else [()] * len(_FACTS)
    return {name: np.array(values) for name, values in zip(_FACTS, columns, strict=True)}


def open_overviews(folder: Path) -> Overviews:
    """Opens the overviews of a store.

    Raises:
        InputError: where they are missing or damaged.
    """
    try:
        with np.load(folder / _FACTS_NAME) as file:
            facts = {name: file[name] for name in _FACTS}
        count = len(facts["study"])
        pixels = np.load(folder / _PIXELS_NAME, mmap_mode="r")[:count]
        if len(pixels) != count:
            raise ValueError(f"{len(pixels)} overviews of {count}")
    except DAMAGED as error:
        remedy = "Make the store again: stenosis-kit format DATA STORE --fresh"
        raise InputError(folder / _FACTS_NAME, "a store's overviews", str(error).splitlines()[0], remedy) from None
    return Overviews(pixels, **facts)
