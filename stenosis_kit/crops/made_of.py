"""What a store is made of, as fingerprints, so that a later run sees what has changed, and can say it.

An image is known by its file's name, size and time of change: one that was replaced by another of the same size has
another time. Copying a folder may change the times too; that costs cutting again, no more (see `parts.Joined.content`).

A transfer syntax that could not be read and now can be counts as a change of the kit. One that could be and now cannot
is none: a store is not made anew to have less in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stenosis_kit import __version__
from stenosis_kit.base.errors import may_pass
from stenosis_kit.base.manifest import fingerprint
from stenosis_kit.crops.study_crops import CUTTING_VERSION
from stenosis_kit.crops.views import VIEWS
from stenosis_kit.images.coding import readable_syntaxes
from stenosis_kit.images.names import list_now
from stenosis_kit.levels.overview import GRID
from stenosis_kit.tables.study import Study


@dataclass(frozen=True)
class MadeOf:
    """Fingerprints of what decides a store.

    Attributes:
        kit: version of the kit and of the cutting, views, overviews.
        tables: the competition's tables.
        images: {study: of its image files}; empty where they could not be listed.
        syntaxes: the compressed transfer syntaxes that can be read, by their UIDs.
    """

    kit: str
    tables: str
    images: Mapping[int, str]
    syntaxes: Sequence[str]

    @classmethod
    def of(cls, tables: Sequence[Path], studies: Sequence[Study]) -> MadeOf:
        """As things are now."""
        kit = fingerprint(__version__, CUTTING_VERSION, [asdict(view) for view in VIEWS], GRID)
        images = {study.study_id: images_of(study) for study in studies}
        return cls(kit, fingerprint(*tables), images, readable_syntaxes())

    def noted(self) -> dict[str, Any]:
        """For a run.json: a fingerprint of each kind, and the syntaxes."""
        images = fingerprint(sorted(self.images.items()))
        return {"kit": self.kit, "tables": self.tables, "images": images, "syntaxes": list(self.syntaxes)}

    @property
    def unlisted(self) -> list[int]:
        """Studies whose image files could not be listed."""
        return [study for study, known in self.images.items() if not known]

    def changes(self, run: Mapping) -> list[str]:
        """Which kinds differ from what a run.json notes. Images that could not all be listed are taken as unchanged."""
        noted = run.get("made_of")
        if not isinstance(noted, dict):
            return ["kit"]
        sure = [kind for kind in ("kit", "tables", "images") if kind != "images" or not self.unlisted]
        changed = [kind for kind in sure if noted.get(kind) != self.noted()[kind]]
        return changed if "kit" in changed or not self._reads_more(noted) else ["kit", *changed]

    def _reads_more(self, noted: Mapping) -> bool:
        """Whether a syntax can be read that could not be then; not where nobody noted what could be."""
        then = noted.get("syntaxes")
        return isinstance(then, list) and not set(self.syntaxes).issubset(map(str, then))


def images_of(study: Study) -> str:
    """Fingerprint of names, sizes and times (ns) of a study's image files; empty where they cannot be listed now."""
    for _ in range(2):  # a disk that sleeps may fail once
        try:
            return fingerprint([[series_id, _listing(study, series_id)] for series_id, _ in study.series])
        except OSError:
            continue
    return ""


def _listing(study: Study, series_id: int) -> list:
    folder = study.images / str(study.study_id) / str(series_id)
    return [(path.name, *_size_and_time(path)) for path in list_now(folder)]


def _size_and_time(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        if may_pass(error):
            raise
        return -1, -1  # a link to nowhere
    return found.st_size, found.st_mtime_ns
