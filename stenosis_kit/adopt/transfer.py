"""Images out of any folder, and into a root; what cannot be used is counted, and the rest goes on."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tqdm import tqdm

from stenosis_kit.adopt.image import Image, read_images
from stenosis_kit.adopt.series import Found
from stenosis_kit.adopt.sources import Source, files, is_packed, members
from stenosis_kit.adopt.writing import put
from stenosis_kit.images.file import UnreadableSlice


def images_below(folder: Path, passed: Counter[str]) -> Iterator[Image]:
    """All images below a folder; adds to `passed` how many files are none, by why."""
    total = sum(1 for _ in files(folder))
    for path in tqdm(files(folder), "adopt: headers", total, unit="file", disable=None, leave=False):
        with _counted(passed):
            for source, data in members(path) if is_packed(path) else [(Source(path), path)]:
                with _counted(passed):
                    yield from read_images(data, source)


@contextmanager
def _counted(passed: Counter[str]) -> Iterator[None]:
    """Counts what cannot be used by why, and goes on."""
    try:
        yield
    except UnreadableSlice as error:
        passed[error.reason.partition("; found")[0]] += 1


def series_folder(images: Path, one: Found) -> Path:
    """Where a series' images lie in a root's folder of them."""
    return images.joinpath(*map(str, one.key))


def copy_images(offered: Sequence[Found], images: Path, passed: Counter[str]) -> None:
    """Puts the images of some series into a root's folder of them, see `writing.put`.

    Each file, and each archive, is opened once. Adds to `passed` how many could not be copied, by why.
    """
    targets: dict[Path, dict[int | None, dict[Path, Image]]] = defaultdict(lambda: defaultdict(dict))
    for one in offered:
        place = series_folder(images, one)
        place.mkdir(parents=True)
        for number, image in one.images.items():
            targets[image.source.path][image.source.member][place / f"{number}.dcm"] = image
    for path, some in tqdm(targets.items(), "adopt: images", unit="file", disable=None, leave=False):
        if None in some:
            with _counted(passed):
                put(some[None])
            continue
        with _counted(passed):
            for source, data in members(path):
                if source.member in some:
                    with _counted(passed):
                        put(some[source.member], data)
