"""The trained localiser: overviews in, the canal at the five levels out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from stenosis_kit import rsna
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import TYPICAL, Carry
from stenosis_kit.levels.column import Steps, decode
from stenosis_kit.levels.heatmaps import SIDE, to_overview
from stenosis_kit.levels.level_network import LevelNetwork
from stenosis_kit.levels.overview import PX, SLICE_WEIGHTS, SLICES, Overview
from stenosis_kit.levels.search import search

_BATCH = 40
_LEAST_CONFIDENCE = 0.15  # mean over levels; measured: images without a lumbar spine reach .13, lumbar spines .3 to .9
_SHORT = {rsna.SAGITTAL_T2: "T2", rsna.SAGITTAL_T1: "T1"}


class Localiser(LevelNetwork):
    """A network, the steps between levels by which its maps are decoded, and the carry from the canal to all cells.

    Attributes:
        network: see `unet.localiser_network`.
        steps: of the columns it was taught with.
        carry: from the canal to what lies beside it.
    """

    title = "localiser"
    description_name, weights_name = "localiser.json", "localiser.weights.h5"

    def __init__(self, steps: Steps) -> None:
        """Begins with random weights and the typical carry."""
        from stenosis_kit.levels.unet import localiser_network

        super().__init__(localiser_network())
        self.steps = steps
        self.carry: Carry = TYPICAL

    @classmethod
    def _described(cls, description: dict[str, Any]) -> Localiser:
        found = cls(Steps(*(np.array(description["steps"][name], float) for name in ("mean", "precision"))))
        found.carry = Carry({view: np.array(rows, float).reshape(-1, 3) for view, rows in description["carry"].items()})
        return found

    def _description(self) -> dict[str, Any]:
        steps = {"mean": self.steps.mean.round(4).tolist(), "precision": self.steps.precision.round(6).tolist()}
        return {"steps": steps, "carry": {view: rows.round(3).tolist() for view, rows in self.carry.steps.items()}}

    def _deciding(self) -> list[np.ndarray]:
        return [*super()._deciding(), self.steps.mean.round(4), self.steps.precision.round(6)]

    def find(self, studies: Mapping[int, Sequence[Overview]]) -> dict[int, CanalPoints]:
        """The canal of each study, by id, in which it is found; see `locate`."""
        return {
            study: canal for study, canal in zip(studies, self.locate(list(studies.values())), strict=True) if canal
        }

    def locate(self, studies: Sequence[Sequence[Overview]]) -> list[CanalPoints | None]:
        """The canal of each study, from all its overviews together; None where they show no lumbar spine.

        A field of view that is larger than the network's is searched, see `search`.
        """
        whole = [all(one.is_window for one in overviews) for overviews in studies]
        found = iter(self.look([overviews for overviews, usual in zip(studies, whole, strict=True) if usual]))
        return [
            next(found) if usual else search(self.look, overviews)
            for overviews, usual in zip(studies, whole, strict=True)
        ]

    def look(self, studies: Sequence[Sequence[Overview]]) -> list[CanalPoints | None]:
        """As `locate`, of overviews of PX x PX pixels."""
        seen = [one for overviews in studies for one in overviews]
        maps = iter(self.maps(np.stack([one.pixels for one in seen])) if seen else ())
        return [self._column(overviews, [next(maps) for _ in overviews]) for overviews in studies]

    def maps(self, pixels: np.ndarray) -> np.ndarray:
        """(n, SLICES, SIDE, SIDE, 5) maps of (n, SLICES, PX, PX) uint8 overviews, each of sum 1."""
        images = pixels.reshape(-1, PX, PX, 1).astype(np.float32) / 255
        parts = np.array_split(images, -(-len(images) // _BATCH))
        logits = [np.asarray(self.network.predict_on_batch(part)) for part in parts]
        return softmax(np.concatenate(logits), axis=(1, 2)).reshape(len(pixels), SLICES, SIDE, SIDE, -1)

    def _column(self, overviews: Sequence[Overview], maps: Sequence[np.ndarray]) -> CanalPoints | None:
        if not overviews or not np.isfinite(maps).all():  # a damaged network answers with NaN
            return None
        by_level = np.einsum("k,kyxl->lyx", SLICE_WEIGHTS, np.mean(maps, axis=0))
        cells, confidence = decode(by_level, self.steps)
        if confidence.mean() < _LEAST_CONFIDENCE:
            return None
        points = overviews[0].to_patient(SLICES // 2, to_overview(cells))
        method = "localiser on " + " and ".join(_SHORT[one.kind] for one in overviews)
        return CanalPoints(points, method, confidence)
