"""The trained foramen finder: patches about the expected places in, foramina out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import logsumexp

from stenosis_kit.levels.canal import CanalPoints, FoundPoint
from stenosis_kit.levels.foramen_patches import PX, ForamenPatches, Patches, cells_mm
from stenosis_kit.levels.level_network import LevelNetwork

METHOD = "foramen finder on T1"
LEAST_CONFIDENCE = 0.7
"""Below it the expected place stands. A map that tells nothing has .5, the share that is expected within 6 mm; empty
patches reach .63, and 97 of 100 real foramina more than .7."""
_EXPECTED_MM, _EXPECTED_ACROSS_MM = 5.0, 5.0
"""Standard deviation of a foramen about its expected place, along either axis of the slice and across slices; measured:
carried places are off by 5 to 6 mm in space. On exported slices places are nearer with 5 than with 7 mm in plane."""
_NEAR_MM = 6.0  # whose share of the map is the confidence, and whose centre of mass the place
_BATCH = 256


def prior_mm() -> np.ndarray:
    """(SIDE, SIDE) log density, up to a constant, of a foramen about the middle of its patch."""
    along = cells_mm()
    return -0.5 * (along[:, None] ** 2 + along**2) / _EXPECTED_MM**2


class ForamenFinder(LevelNetwork):
    """A network that finds foramina in patches, see `foramen_network`."""

    title = "foramen finder"
    description_name, weights_name = "foramina.json", "foramina.weights.h5"

    def __init__(self) -> None:
        """Begins with random weights."""
        from stenosis_kit.levels.foramen_network import foramen_network

        super().__init__(foramen_network())

    @classmethod
    def _described(cls, description: dict[str, Any]) -> ForamenFinder:
        return cls()

    def _description(self) -> dict[str, Any]:
        return {}

    def find(self, studies: Mapping[int, ForamenPatches]) -> dict[int, CanalPoints]:
        """The canal of each study, by id, with the foramina that are found with confidence."""
        found = iter(self.look([one for study in studies.values() for one in study.patches.values()]))
        canals = {}
        for study, seen in studies.items():
            foramina = {cell: next(found) for cell in seen.patches}
            sure = {cell: one for cell, one in foramina.items() if one.confidence >= LEAST_CONFIDENCE}
            canals[study] = replace(seen.canal, foramina=sure)
        return canals

    def look(self, patches: Sequence[Patches]) -> list[FoundPoint]:
        """The most likely place in each foramen's patches; a confidence of NaN where the network is damaged."""
        if not patches:
            return []
        logits = self.logits(np.concatenate([one.pixels for one in patches]))
        ends = np.cumsum([len(one.pixels) for one in patches])[:-1]
        return [_decoded(one, part) for one, part in zip(patches, np.split(logits, ends), strict=True)]

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        """(n, SIDE, SIDE) logits of (n, PX, PX) uint8 patches."""
        images = pixels.reshape(-1, PX, PX, 1).astype(np.float32) / 255
        parts = np.array_split(images, -(-len(images) // _BATCH))
        return np.concatenate([np.asarray(self.network.predict_on_batch(part)) for part in parts])[..., 0]


def _decoded(patches: Patches, logits: np.ndarray) -> FoundPoint:
    across = -0.5 * (patches.away / _EXPECTED_ACROSS_MM) ** 2
    index, place, confidence = decode(logits + across[:, None, None])
    return FoundPoint(patches.middles[index] + place @ patches.axes, METHOD, confidence)


def decode(logits: np.ndarray) -> tuple[int, np.ndarray, float]:
    """The most likely slice of (k, SIDE, SIDE) logits, the place (2,) in it, mm (x, y) from the middle, and the share.

    The share of all slices' cells, 0 to 1, that lies near that place.
    """
    logits = logits + prior_mm()
    share = np.exp(logits - logsumexp(logits))
    index = int(share.sum(axis=(1, 2)).argmax())
    along, one = cells_mm(), share[index]
    row, column = np.unravel_index(one.argmax(), one.shape)
    near = (along[:, None] - along[row]) ** 2 + (along - along[column]) ** 2 <= _NEAR_MM**2
    part = one * near
    total = max(float(part.sum()), 1e-12)
    place = np.array([part.sum(axis=0) @ along, part.sum(axis=1) @ along]) / total
    return index, place, float((share * near).sum())
