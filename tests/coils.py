"""Synthetic studies under a chosen surface coil: the same bodies, series and noise, another fall-off of brightness."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from stenosis_kit import rsna
from stenosis_kit.phantom import make
from stenosis_kit.phantom.files.tables import write_tables
from stenosis_kit.phantom.imaging.acquire import Receiver
from stenosis_kit.phantom.study import Order, Study

LOOPS_MM = {"weak": 180.0, "strong": 60.0}
"""The least and the most of `Receiver.loop`: the back is 1.4 and 5.6 times as bright as the canal, uncorrected."""


@contextmanager
def under_coil(name: str) -> Iterator[None]:
    """Whatever is made meanwhile is received by a coil that no scanner corrects."""

    class Told(Receiver):
        def __init__(self, *args: object) -> None:
            super().__init__(*args)
            self.loop, self.evened, self.scale = LOOPS_MM[name], 0.0, 300.0

    with mock.patch.object(make, "Receiver", Told):
        yield


def make_under_coils(folder: Path, orders: Sequence[Order]) -> dict[str, list[Study]]:
    """Makes the same cohort under each coil: the competition roots folder/weak and folder/strong."""
    made = {}
    for name in LOOPS_MM:
        with under_coil(name):
            made[name] = [make.make_study(one, folder / name / rsna.images_folder(one.split)) for one in orders]
        write_tables(folder / name, made[name])
    return made
