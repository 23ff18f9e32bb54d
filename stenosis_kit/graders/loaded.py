"""The models that answer: those that are asked for, and the package's own in the place of what cannot be used."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stenosis_kit.base.errors import InputError
from stenosis_kit.base.tensorflow_start import load_tensorflow
from stenosis_kit.graders.bundled import BUNDLED
from stenosis_kit.graders.model import Model, bundled_model

log = logging.getLogger(__name__)


@dataclass
class Loaded:
    """Models with their networks loaded.

    Attributes:
        models: whose answers are averaged; empty where none can be used.
        spare: answers what none of these can; None where that is not needed, or there is none.
        names: of all of them, as the command line calls them.
        unusable: {name: why} of those that cannot be used.
    """

    models: list[Model] = field(default_factory=list)
    spare: Model | None = None
    names: list[str] = field(default_factory=list)
    unusable: dict[str, str] = field(default_factory=dict)

    def add(self, name: str) -> Model | None:
        """Loads a model; None where it cannot be used."""
        try:
            model = bundled_model() if name == BUNDLED else Model(Path(name))
        except InputError as error:
            self.unusable[name] = str(error)
            return None
        self.names.append(name)
        return model


def load_models(names: Sequence[str]) -> Loaded:
    """Loads models; where none can be used, or networks of one are lost, the package's own graders too. It is logged.

    Args:
        names: folders made by `train`, or "bundled".
    """
    load_tensorflow()
    loaded = Loaded()
    loaded.models = [model for name in names if (model := loaded.add(name))]
    given, why = bool(loaded.models), "; ".join(loaded.unusable.values())
    own = None
    if BUNDLED not in names and not (given and all(model.is_whole for model in loaded.models)):
        own = loaded.add(BUNDLED)
    if given:
        loaded.spare = own
        if why:
            log.error("predict: left out: %s", why)
        if own:
            log.warning("predict: where its networks are missing, THE PACKAGE'S OWN GRADERS ANSWER")
    elif own:
        loaded.models = [own]
        log.error("predict: THE PACKAGE'S OWN GRADERS ANSWER: %s", why)
    else:
        log.error("predict: %s", "; ".join(loaded.unusable.values()))
    return loaded
