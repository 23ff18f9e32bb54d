"""The reader that public notebooks use, in one process; nothing of the kit that reads is imported, nor speeds it up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import pydicom
from campaigns.bench.rates import seconds_of

_PX = 512


def read_seconds(studies: Sequence[Path], picture: Path) -> float:
    """What it takes to turn every file of some studies' folders into a PNG, s."""
    files = [path for study in studies for path in sorted(study.glob("*/*.dcm"))]
    return seconds_of(lambda: [_read(path, picture) for path in files])


def _read(path: Path, picture: Path) -> None:
    """Decodes a file, stretches it to 0 to 255, resizes it and writes it."""
    image = pydicom.dcmread(path).pixel_array
    image = (image - image.min()) / (image.max() - image.min() + 1e-6) * 255
    image = cv2.resize(image, (_PX, _PX), interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(picture), image.astype("uint8"))
