"""The labelled overviews of a crop store on disk.

Pixels lie in STORE/overviews/pixels.npy, (overviews, SLICES, PX, PX) uint8, memory-mapped; all else that
`labelled_overviews.Overviews` holds lies in facts.npz beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from stenosis_kit.base.arrays import DAMAGED, growing_array
from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.base.files import replacing
from stenosis_kit.levels.labelled_overviews import FIELDS, NO_OVERVIEWS, Overviews, joined_overviews
from stenosis_kit.levels.overview import PX, SLICES

_PIXELS_NAME, _FACTS_NAME = "overviews/pixels.npy", "overviews/facts.npz"
_FACTS = tuple(name for name in FIELDS if name != "pixels")


@contextmanager
def growing_overviews(folder: Path) -> Iterator[Callable[[Overviews], None]]:
    """Writes a store's overviews; gives what appends those of a study."""
    facts = [NO_OVERVIEWS]
    with growing_array(folder / _PIXELS_NAME, (SLICES, PX, PX)) as append_pixels:

        def append(overviews: Overviews) -> None:
            append_pixels(overviews.pixels)
            facts.append(replace(overviews, pixels=NO_OVERVIEWS.pixels))

        yield append
        together = joined_overviews(facts)
        if not len(together.study):
            append_pixels(np.zeros((1, SLICES, PX, PX), np.uint8))  # an empty file cannot be mapped
    with replacing(folder / _FACTS_NAME) as partial, partial.open("wb") as file:
        np.savez(file, **{name: getattr(together, name) for name in _FACTS})


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
        raise InputError(folder / _FACTS_NAME, "a store's overviews", first_line(error), remedy) from None
    return Overviews(pixels, **facts)
