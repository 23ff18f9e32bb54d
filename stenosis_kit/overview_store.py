"""The sagittal overviews of a crop store, from which the localiser learns.

Pixels lie in STORE/overviews/pixels.npy, (overviews, SLICES, PX, PX) uint8, memory-mapped; what they show lies in
facts.npz beside them, see `Overviews`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stenosis_kit.errors import InputError
from stenosis_kit.files import replacing
from stenosis_kit.levels.overview import PX, SLICES, Overview, to_pixels

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
    """

    pixels: np.ndarray
    study: np.ndarray
    kind: np.ndarray
    frames: np.ndarray
    canal: np.ndarray

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


def join_overviews(folder: Path, parts: Iterable[tuple[int, list[Overview], np.ndarray]], count: int) -> None:
    """Writes a store's overviews.

    Args:
        folder: of the store.
        parts: of each study, its id, overviews, and (5, 3) label points of the canal.
        count: of all overviews.
    """
    facts: dict[str, list] = {"study": [], "kind": [], "frames": [], "canal": []}
    with replacing(folder / _PIXELS_NAME) as partial:
        shape = (max(count, 1), SLICES, PX, PX)  # an empty file cannot be mapped
        pixels = np.lib.format.open_memmap(partial, "w+", np.uint8, shape)
        for study, overviews, canal in parts:
            for one in overviews:
                pixels[len(facts["study"])] = one.pixels
                for name, value in (("study", study), ("kind", one.kind), ("frames", one.frames), ("canal", canal)):
                    facts[name].append(value)
        pixels.flush()
        del pixels
    with replacing(folder / _FACTS_NAME) as partial, partial.open("wb") as file:
        np.savez(file, **{name: np.array(values) for name, values in facts.items()})


def open_overviews(folder: Path) -> Overviews:
    """Opens the overviews of a store.

    Raises:
        InputError: where they are missing or damaged.
    """
    try:
        with np.load(folder / _FACTS_NAME) as file:
            facts = {name: file[name] for name in ("study", "kind", "frames", "canal")}
        count = len(facts["study"])
        pixels = np.load(folder / _PIXELS_NAME, mmap_mode="r")[:count]
        if len(pixels) != count:
            raise ValueError(f"{len(pixels)} overviews of {count}")
    except (OSError, ValueError, KeyError) as error:
        remedy = "Make the store again: stenosis-kit format DATA STORE --fresh"
        raise InputError(folder / _FACTS_NAME, "a store's overviews", str(error).splitlines()[0], remedy) from None
    return Overviews(pixels, **facts)
