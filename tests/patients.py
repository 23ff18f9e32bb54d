"""A patient whose severities can be changed, and planes to look at them."""

from dataclasses import replace

import numpy as np

from stenosis_kit import rsna
from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.column import FIRST_DISC
from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.anatomy.severity import Severity, draw
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.imaging import tissue
from stenosis_kit.phantom.imaging.render import render

PX = 0.6  # mm
CANAL, LEFT_FORAMEN = rsna.CONDITION_BY_NAME["spinal_canal_stenosis"], rsna.condition_of("foraminal", rsna.LEFT)
LEFT_RECESS = rsna.condition_of("subarticular", rsna.LEFT)


class Patient:
    """One patient whose severities can be changed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        severity = draw(np.random.default_rng(seed))
        self.severity: Severity = replace(severity, compromise=np.full((5, 5), 0.05))
        self.looks = Looks(np.random.default_rng(seed))
        self.textures = tissue.Textures(np.random.default_rng(seed))

    def spine(self, condition: rsna.Condition, compromise: float, level: int | None = None) -> Spine:
        changed = self.severity.compromise.copy()
        changed[rsna.CONDITIONS.index(condition), slice(None) if level is None else level] = compromise
        return Spine(np.random.default_rng(self.seed + 1), replace(self.severity, compromise=changed))

    def image(self, spine: Spine, plane: Plane, contrast: str, **signals: float) -> tuple[np.ndarray, tissue.Palette]:
        palette = tissue.draw_palette(np.random.default_rng(self.seed), contrast)
        palette.update(signals)
        return render(spine, self.looks, self.textures, palette, plane), palette


def sagittal(center: np.ndarray, size: float) -> Plane:
    count = round(size / PX)
    corner = center - np.array([0, size / 2, -size / 2])
    return Plane(corner, np.array([0.0, 1, 0]), np.array([0, 0, -1.0]), (PX, PX), (count, count))


def axial(spine: Spine, center: np.ndarray, level: int, size: float) -> Plane:
    count, angle = round(size / PX), spine.column.disc_angles[FIRST_DISC + level]
    row, column = np.array([1.0, 0, 0]), np.array([0, np.cos(angle), np.sin(angle)])
    return Plane(center - size / 2 * (row + column), row, column, (PX, PX), (count, count))
