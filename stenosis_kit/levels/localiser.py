"""The trained localiser: overviews in, the canal at the five levels out.

Its description and weights lie in a model's folder, or in this package (`stenosis_kit/weights`, made from the phantom
alone).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import softmax

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.levels.canal import CanalPoints
from stenosis_kit.levels.carry import TYPICAL, Carry
from stenosis_kit.levels.column import Steps, decode
from stenosis_kit.levels.heatmaps import SIDE, to_overview
from stenosis_kit.levels.overview import PX, SLICE_WEIGHTS, SLICES, Overview
from stenosis_kit.levels.search import search

if TYPE_CHECKING:
    import keras

DESCRIPTION_NAME, WEIGHTS_NAME = "localiser.json", "localiser.weights.h5"
TAUGHT_ON_LABELS = "taught_on_label_points"
"""The note that is true where a localiser was taught further on a user's own studies."""
_BATCH = 40
_LEAST_CONFIDENCE = 0.15  # mean over levels; measured: images without a lumbar spine reach .13, lumbar spines .3 to .9
_SHORT = {rsna.SAGITTAL_T2: "T2", rsna.SAGITTAL_T1: "T1"}


class Localiser:
    """A network, the steps between levels by which its maps are decoded, and the carry from the canal to all cells.

    Attributes:
        network: see `unet.localiser_network`.
        steps: of the columns it was taught with.
        carry: from the canal to what lies beside it.
        notes: how it was made, and what it reached.
    """

    def __init__(self, steps: Steps) -> None:
        """Begins with random weights and the typical carry."""
        from stenosis_kit.levels.unet import localiser_network

        self.network: keras.Model = localiser_network()
        self.steps = steps
        self.carry: Carry = TYPICAL
        self.notes: dict[str, Any] = {}

    @classmethod
    def load(cls, folder: Path) -> Localiser:
        """Loads the localiser of a folder.

        Raises:
            InputError: where the folder holds none, or not one that this version can use.
        """
        return cls._load(folder / DESCRIPTION_NAME, folder / WEIGHTS_NAME)

    @classmethod
    def _load(cls, description: Path, path: Path) -> Localiser:
        value = read_json(description, "a localiser's description")
        try:
            found = cls(Steps(*(np.array(value["steps"][name], float) for name in ("mean", "precision"))))
            found.carry = Carry({view: np.array(rows, float).reshape(-1, 3) for view, rows in value["carry"].items()})
            found.notes = value["notes"]
            found.network.load_weights(path)
        except Exception as error:  # h5py and Keras raise many kinds
            remedy = "Train again, or copy the folder again."
            raise InputError(path, "a localiser's weights", first_line(error), remedy) from None
        return found

    @classmethod
    def bundled(cls) -> Localiser:
        """The localiser that comes with the package, taught with the phantom alone; also out of a zipped wheel."""
        folder = resources.files("stenosis_kit") / "weights"
        # file by file: Python 3.11 takes no folder out of a zip
        with (
            resources.as_file(folder / DESCRIPTION_NAME) as description,
            resources.as_file(folder / WEIGHTS_NAME) as path,
        ):
            return cls._load(description, path)

    def save(self, folder: Path) -> None:
        """Writes the description and the weights."""
        from stenosis_kit.base.weights_file import save_weights

        save_weights(self.network, folder / WEIGHTS_NAME)
        steps = {"mean": self.steps.mean.round(4).tolist(), "precision": self.steps.precision.round(6).tolist()}
        carry = {view: rows.round(3).tolist() for view, rows in self.carry.steps.items()}
        write_json(folder / DESCRIPTION_NAME, {"steps": steps, "carry": carry, "notes": self.notes})

    @cached_property
    def content(self) -> str:
        """Fingerprint of what decides where the canal is found: those of one content find it at the same places."""
        arrays = [*self.network.get_weights(), self.steps.mean.round(4), self.steps.precision.round(6)]
        return fingerprint(*(array.tobytes().hex() for array in arrays))

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
