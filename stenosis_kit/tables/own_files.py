"""The competition's own files, which no command writes over."""

from __future__ import annotations

from pathlib import Path

from stenosis_kit import rsna


def own_files(root: Path) -> list[Path]:
    """A competition root's tables, packed or not, and its image folders, whether they are there or not."""
    tables = [root / name for name in rsna.FILES]
    packed = [path.with_name(f"{path.name}.zip") for path in tables]
    return [*tables, *packed, *(root / rsna.images_folder(split) for split in rsna.SPLITS)]
