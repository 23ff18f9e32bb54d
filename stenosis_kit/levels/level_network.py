"""What the networks of this room, localiser and foramen finder, share: where they lie, and how they come and go.

Each is two files, a description and weights, in a model's folder or in this package (`stenosis_kit/weights`, made from
the phantom alone).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from stenosis_kit.base.errors import InputError, first_line
from stenosis_kit.base.files import read_json, write_json
from stenosis_kit.base.manifest import fingerprint

if TYPE_CHECKING:
    import keras

TAUGHT_ON_LABELS = "taught_on_label_points"
"""The note that is true where a network was taught further on a user's own studies."""


class LevelNetwork(ABC):
    """A network, and what is written beside its weights.

    Attributes:
        title: what it is, for people.
        description_name: of the file that tells that a folder has one.
        weights_name: of the other one.
        network: with its weights.
        notes: how it was made, and what it reached.
    """

    title: ClassVar[str]
    description_name: ClassVar[str]
    weights_name: ClassVar[str]

    def __init__(self, network: keras.Model) -> None:
        self.network = network
        self.notes: dict[str, Any] = {}

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Loads that of a folder.

        Raises:
            InputError: where the folder holds none, or not one that this version can use.
        """
        return cls._load(folder / cls.description_name, folder / cls.weights_name)

    @classmethod
    def bundled(cls) -> Self:
        """The one that comes with the package, taught with the phantom alone; also out of a zipped wheel."""
        folder = resources.files("stenosis_kit") / "weights"
        # file by file: Python 3.11 takes no folder out of a zip
        with (
            resources.as_file(folder / cls.description_name) as description,
            resources.as_file(folder / cls.weights_name) as weights,
        ):
            return cls._load(description, weights)

    @classmethod
    def _load(cls, description: Path, weights: Path) -> Self:
        from stenosis_kit.base.weights_file import load_weights

        value = read_json(description, f"the description of a {cls.title}")
        try:
            found = cls._described(value)
            found.notes = dict(value["notes"])
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            expected, remedy = f"the description of a {cls.title}", "Train again, or copy the folder again."
            raise InputError(description, expected, f"{type(error).__name__}: {first_line(error)}", remedy) from None
        load_weights(found.network, weights)
        return found

    def save(self, folder: Path) -> None:
        """Writes the description and the weights."""
        from stenosis_kit.base.weights_file import save_weights

        save_weights(self.network, folder / self.weights_name)
        write_json(folder / self.description_name, self._description() | {"notes": self.notes})

    @cached_property
    def content(self) -> str:
        """Fingerprint of what decides what is found: those of one content find the same."""
        return fingerprint(*(array.tobytes().hex() for array in self._deciding()))

    @classmethod
    @abstractmethod
    def _described(cls, description: dict[str, Any]) -> Self:
        """One with random weights, as `_description` tells of it."""

    @abstractmethod
    def _description(self) -> dict[str, Any]:
        """What has to be known beside weights and notes, for JSON."""

    def _deciding(self) -> list[np.ndarray]:
        return self.network.get_weights()
