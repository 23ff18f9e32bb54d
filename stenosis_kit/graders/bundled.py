"""The graders that come with the package: a whole model, made from the phantom alone, that training starts from.

They lie in `stenosis_kit/weights/graders`, as `train` writes a model (`road.make_graders` makes them), with an empty
folds.csv: they have seen no real study.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from importlib import resources
from pathlib import Path

from stenosis_kit.base.errors import InputError
from stenosis_kit.graders.model_file import MODEL_NAME

BUNDLED, NONE = "bundled", "none"
"""In a model's place: the package's own, and no model at all. A folder of such a name is ./bundled or ./none."""
FOLDER_NAME = "graders"
"""In the package's weights/."""


def bundled_graders() -> Path:
    """The folder of the package's own graders; files of a zipped wheel are unpacked for as long as the process lives.

    Raises:
        InputError: where the package has none.
    """
    folder = _folder()
    if not (folder / MODEL_NAME).is_file():
        remedy = "Install stenosis-kit again; to train from new weights: --start none."
        raise InputError(folder, "the graders that come with the package", "none", remedy)
    return folder


def model_folder(name: Path | str) -> Path:
    """The folder of a model, by what the command line calls it: "bundled", or the folder.

    Raises:
        InputError: where the package has no graders.
    """
    return bundled_graders() if str(name) == BUNDLED else Path(name)


@cache
def _folder() -> Path:
    """Where they lie, if there are any."""
    found = resources.files("stenosis_kit") / "weights" / FOLDER_NAME
    if isinstance(found, Path) or not found.is_dir():
        return Path(str(found))
    folder = Path(tempfile.mkdtemp(prefix="stenosis_kit."))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for file in found.iterdir():  # file by file: Python 3.11 takes no folder out of a zip
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
