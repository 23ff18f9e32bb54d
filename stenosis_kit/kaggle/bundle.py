"""bundle and kernels: what `kaggle datasets create` and `kaggle kernels push` upload, staged and checked."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import stenosis_kit
from stenosis_kit.base.errors import InputError
from stenosis_kit.base.files import make_folder, write_json
from stenosis_kit.base.output import followed
from stenosis_kit.kaggle.metadata import DATASET_NAME, KERNEL_NAME, PLACEHOLDER, Metadata, read_metadata
from stenosis_kit.kaggle.wheel import build_wheel, check_wheel

log = logging.getLogger(__name__)

BUILD = Path("submission/build")
KERNELS = Path("submission/kernels")
_DATASET = (DATASET_NAME, "*.whl", "model.json", "localiser.json", "foramina.json", "*.weights.h5")
_CARD_NAME = "dataset-card.md"


def bundle(model: Path | str | None = None, owner: str | None = None, out: Path | str = BUILD) -> Path:
    """Stages a dataset, flat: one wheel, the model's weights and descriptions, and dataset-metadata.json.

    An earlier bundle is replaced when the new one has passed all checks.

    Args:
        model: folder made by `train`; without one the dataset is the package alone, whose own graders answer.
        owner: the Kaggle account; `metadata.PLACEHOLDER` stays where none is given.
        out: the folder to stage in.

    Returns:
        The folder.

    Raises:
        InputError: where the package's sources are not at hand, a rule of Kaggle's is broken, the model or one of its
            weights files does not load, or the wheel is not pure Python or does not run.
    """
    source, model = source_tree(), Path(model) if model else None
    card = (source / "submission" / _CARD_NAME).read_text(encoding="utf-8")
    metadata = read_metadata(source / "submission" / DATASET_NAME, owner) | {"description": card}
    with _replacing_folder(Path(out), _DATASET) as folder:
        wheel = build_wheel(source, folder)
        check_wheel(wheel)
        if model:
            for path in _model_files(model):
                shutil.copyfile(path, folder / path.name)
        write_json(folder / DATASET_NAME, metadata)
    _summarise(Path(out), metadata)
    return Path(out)


def stage_kernels(owner: str, out: Path | str = KERNELS) -> Path:
    """Copies kernels/ with the owner's name in the metadata, each kernel in its folder, and checks them.

    Raises:
        InputError: where the sources are not at hand or a rule of Kaggle's is broken, or `out` holds them, or else
            anything but an earlier upload.
    """
    sources = source_tree() / "kernels"
    if followed(Path(out)).resolve() == sources.resolve():
        raise InputError(out, "another folder than that of the kernels' sources", "theirs", "Give another folder.")
    checked = {path: read_metadata(path, owner) for path in sorted(sources.glob(f"*/{KERNEL_NAME}"))}
    staged = [f"{path.parent.name}/{name}" for path, own in checked.items() for name in (KERNEL_NAME, own["code_file"])]
    with _replacing_folder(Path(out), staged) as folder:
        for path, metadata in checked.items():
            write_json(folder / path.parent.name / KERNEL_NAME, metadata)
            shutil.copyfile(path.parent / metadata["code_file"], folder / path.parent.name / metadata["code_file"])
    for path, metadata in checked.items():
        log.info("kernels: %s: %s", Path(out) / path.parent.name, metadata["id"])
    return Path(out)


def source_tree() -> Path:
    """The checkout that this package runs from.

    Raises:
        InputError: where it is an installed copy, which has no kernels/ and submission/ beside it.
    """
    root = Path(stenosis_kit.__file__).parents[1]
    if not (root / "setup.cfg").is_file() or not (root / "kernels").is_dir():
        remedy = "Run it in a clone: make bundle, or make kernels."
        raise InputError(root, "the package's sources, with kernels/ and submission/", "an installed copy", remedy)
    return root


def _model_files(model: Path) -> list[Path]:
    """The descriptions and all weights files of a model, after loading each of its networks.

    Raises:
        InputError: where one is missing or damaged.
    """
    from stenosis_kit.base.tensorflow_start import load_tensorflow
    from stenosis_kit.graders.model_file import MODEL_NAME, read_description
    from stenosis_kit.graders.network import load_network
    from stenosis_kit.levels.foramen_finder import ForamenFinder
    from stenosis_kit.levels.localiser import Localiser

    description = read_description(model)
    description.check_cutting(model)
    load_tensorflow()
    for trained in description.graders:
        load_network(model, trained, description.training)
    descriptions = [model / MODEL_NAME]
    for kind in (Localiser, ForamenFinder):
        if (path := model / kind.description_name).is_file():
            kind.load(model)
            descriptions.append(path)
    return [*descriptions, *sorted(model.glob("*.weights.h5"))]


@contextmanager
def _replacing_folder(folder: Path, staged: Sequence[str]) -> Iterator[Path]:
    """Gives a new folder that replaces `folder` when the block ends; if the block raises, `folder` stays as it was.

    A link stays, and the folder that it leads to is replaced or made.

    Args:
        folder: what is replaced.
        staged: patterns of what this package stages in it; hidden files may go too.

    Raises:
        InputError: where `folder` is a file, or holds anything else.
    """
    folder = followed(folder)
    expected, remedy = "an empty folder or an earlier upload", "Give another folder."
    if folder.exists() and not folder.is_dir():
        raise InputError(folder, expected, "a file", remedy)
    own = {path for pattern in staged for path in folder.glob(pattern)}
    if own and not any(path.name in (DATASET_NAME, KERNEL_NAME) for path in own):
        raise InputError(folder, expected, f"one without {DATASET_NAME} or {KERNEL_NAME}", remedy)
    for path in sorted(folder.rglob("*")):
        if path not in own and not path.name.startswith(".") and not path.is_dir():
            raise InputError(folder, expected, f"one with {path.relative_to(folder)} in it", remedy)
    make_folder(folder.parent)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as scratch:
        new = Path(scratch) / folder.name
        new.mkdir()
        yield new
        if folder.exists():
            folder.replace(Path(scratch) / "old")
        new.replace(folder)


def _summarise(folder: Path, metadata: Metadata) -> None:
    files = sorted(folder.iterdir())
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    weights = sum(path.name.endswith(".weights.h5") for path in files)
    log.info("bundle: %s: %d files, %.1f MB, %d of them networks", folder, len(files), megabytes, weights)
    if not weights:
        log.info("bundle: no MODEL was given: the package alone answers, until a kernel trains")
    if metadata["id"].startswith(f"{PLACEHOLDER}/"):
        log.warning("bundle: %s still says %s: give --owner NAME before uploading", DATASET_NAME, PLACEHOLDER)
