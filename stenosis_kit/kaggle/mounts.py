"""Where a kernel's inputs are mounted: found by marker files, since paths differ.

Kaggle mounts each kind of input in a folder of its own; they used to lie side by side, and sometimes still do: then
datasets of one name lie in d/OWNER/, and a model's versions below its name and framework. Only these places are
searched: listing a folder of images over a network mount takes minutes.
"""

from __future__ import annotations

import logging
from pathlib import Path

from stenosis_kit import rsna
from stenosis_kit.base.errors import InputError
from stenosis_kit.graders.model_file import read_description

log = logging.getLogger(__name__)

_PLACES = (
    "competitions/*", "datasets/*/*", "d/*/*", "notebooks/*/*", "models/*/*/*/*/*", "*/keras/*/*", "*/other/*/*", "*",
)  # fmt: skip
MODEL_MARKERS = ("model.json", "model/model.json")
"""In a dataset made by `bundle`, and in the output of the train kernel."""
STORE_MARKER = "store/manifest.parquet"
"""In the output of the format kernel."""


def find(inputs: Path, marker: str) -> list[Path]:
    """The folders that hold a marker file, among the places where Kaggle mounts inputs.

    Args:
        inputs: /kaggle/input, or a folder like it.
        marker: the file's path below a mount, e.g. model/model.json.
    """
    files = [path for place in _PLACES for path in sorted(inputs.glob(f"{place}/{marker}"))]
    return list(dict.fromkeys(path.parent for path in files))


def competition(inputs: Path) -> Path:
    """The competition's root: the mount of its own name, else any that has its table of test series.

    Raises:
        InputError: where there is none.
    """
    found = find(inputs, rsna.series_table("test"))
    if not found:
        expected = f"the competition {rsna.SLUG}, known by its {rsna.series_table('test')}"
        raise InputError(inputs, expected, _listing(inputs), "Add it to the kernel's competition_sources.")
    own = [folder for folder in found if folder.name == rsna.SLUG]
    if not own:
        log.error("kaggle: NO MOUNT IS NAMED %s; %s looks like it and is taken", rsna.SLUG, found[0])
    return (own or found)[0]


def store(inputs: Path) -> Path:
    """The crop store that the format kernel made.

    Raises:
        InputError: where there is none.
    """
    found = find(inputs, STORE_MARKER)
    if not found:
        remedy = "Add the format kernel to the kernel's kernel_sources, once it has run to its end."
        raise InputError(inputs, f"the format kernel's output, known by {STORE_MARKER}", _listing(inputs), remedy)
    return _first(found, "a store")


def model(inputs: Path) -> Path | None:
    """The trained model: a dataset's before the train kernel's output; None where there is none, which is said.

    Other tools' models have a model.json too: one that this version cannot read is passed over, and that is logged.
    """
    found = [folder for marker in MODEL_MARKERS for folder in find(inputs, marker) if _is_model(folder)]
    if not found:
        text = "kaggle: NO MODEL is mounted (%s), so the bundled graders answer; found %s"
        log.warning(text, " or ".join(MODEL_MARKERS), _listing(inputs))
        return None
    return _first(found, "a model")


def _is_model(folder: Path) -> bool:
    try:
        read_description(folder)
        return True
    except InputError as error:
        log.warning("kaggle: passed over: %s", error)
        return False


def _first(found: list[Path], what: str) -> Path:
    """The first of some folders, always the same; that there are others is logged."""
    for other in found[1:]:
        log.warning("kaggle: %s holds %s too, which is not used; %s is", other, what, found[0])
    return found[0]


def _listing(inputs: Path) -> str:
    """All mounts, for messages."""
    kinds = {place.split("/")[0] for place in _PLACES} - {"*"}
    folders = [path for place in _PLACES if place[0] != "*" for path in sorted(inputs.glob(place))]
    folders += [path for path in sorted(inputs.glob("*")) if path.name not in kinds]
    return ", ".join(str(path.relative_to(inputs)) for path in folders) or "no input at all"
