"""The trained foramen finder: patches about the expected places in, foramina out.

Its description and weights lie in a model's folder, or in this package (`stenosis_kit/weights`, made from the phantom
alone).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import logsumexp

from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.levels.canal import CanalPoints, FoundPoint
from stenosis_kit.levels.foramen_patches import PX, ForamenPatches, Patches, cells_mm

if TYPE_CHECKING:
    import keras

FORAMINA_NAME, FORAMINA_WEIGHTS_NAME = "foramina.json", "foramina.weights.h5"
TAUGHT_ON_LABELS = "taught_on_label_points"
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


class ForamenFinder:
    """A network that finds foramina in patches.

    Attributes:
        network: see `foramen_network`.
        notes: how it was made, and what it reached.
    """

    def __init__(self) -> None:
        """Begins with random weights."""
        from stenosis_kit.levels.foramen_network import foramen_network

        self.network: keras.Model = foramen_network()
        self.notes: dict[str, Any] = {}

    @classmethod
    def load(cls, folder: Path) -> ForamenFinder:
        """Loads the finder of a folder.

        Raises:
            InputError: where the folder holds none, or not one that this version can use.
        """
        return cls._load(folder / FORAMINA_NAME, folder / FORAMINA_WEIGHTS_NAME)

    @classmethod
    def bundled(cls) -> ForamenFinder:
        """The finder that comes with the package, taught with the phantom alone; also out of a zipped wheel."""
        folder = resources.files("stenosis_kit") / "weights"
        with (
            resources.as_file(folder / FORAMINA_NAME) as description,
            resources.as_file(folder / FORAMINA_WEIGHTS_NAME) as path,
        ):
            return cls._load(description, path)

    @classmethod
    def _load(cls, description: Path, path: Path) -> ForamenFinder:
        value = read_json(description, "a foramen finder's description")
        found = cls()
        try:
            found.notes = dict(value["notes"])
            found.network.load_weights(path)
        except Exception as error:  # h5py and Keras raise many kinds
            remedy = "Train again, or copy the folder again."
            raise InputError(path, "a foramen finder's weights", first_line(error), remedy) from None
        return found

    def save(self, folder: Path) -> None:
        """Writes the description and the weights."""
        from stenosis_kit.base.weights_file import save_weights

        save_weights(self.network, folder / FORAMINA_WEIGHTS_NAME)
        write_json(folder / FORAMINA_NAME, {"notes": self.notes})

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
