"""Paints what surrounds the spine: belly, vessels, muscles, hip bones, fat, and the air outside.

It is computed on a coarser grid, because it is smooth and covers most of the slice; only the streaks of fat in muscle
are added at full resolution.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.column import L3_L4, TALL
from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.imaging.canvas import Canvas, clip, cover, lay, norm
from stenosis_kit.phantom.imaging.tissue import T1, sample

_GRID = (3.3, 2.2)
"""mm between the nodes of the coarse grid, about, in sagittal and in axial slices: chosen by hand, for speed."""


def paint_torso(canvas: Canvas, plane: Plane, looks: Looks) -> None:
    """Fills the whole slice with surroundings."""
    step = max(1, round(_GRID[int(abs(plane.normal[0]) < 0.7)] / min(plane.spacing)))
    grid = _Grid(canvas, step, looks)
    _paint_belly(grid)
    if canvas.spine.column.count == TALL:
        _paint_chest(grid)
    _paint_retroperitoneum(grid)
    _paint_back(grid)
    _paint_hips(grid)
    _paint_skin(grid)
    _paint_leak(grid)
    _paint_details(canvas, looks, *grid.enlarged(plane.shape))


def _paint_details(canvas: Canvas, looks: Looks, image: np.ndarray, muscle: np.ndarray, padding: np.ndarray) -> None:
    """Takes over the coarse image, and adds what is finer: fat streaks and veins in muscle, septa in the fat."""
    fat, lean = canvas.palette["fat"], canvas.palette["muscle"]
    # Fibres run along the spine, sheets of fat outwards from it: fine across, drawn out along b and z.
    u = 1.04 * canvas.across - 0.715 * canvas.back + np.float32(97) * (canvas.side > 0)
    v = 0.44 * canvas.across + 0.64 * canvas.back + 0.1 * canvas.z
    streaks = sample(canvas.textures.streaks, u, v)
    fibres = (0.45 + 0.55 * looks.muscle_fat) * (fat - lean) * streaks
    image += muscle * (fibres + lean * (0.12 * canvas.fine + 0.12 * canvas.medium))
    if canvas.palette.contrast != T1:  # small veins
        image += muscle * looks.flecks * canvas.palette["fluid"] * 0.5 * clip(canvas.fine + canvas.stray_side - 2.2)
    if looks.septa:
        septa = clip(1.1 - np.abs(canvas.stray_side + 0.2 * canvas.fine) * 2.2)
        image *= 1 - looks.septa * padding * septa
    canvas.image[:] = image * (1 + 0.03 * canvas.fine)


class _Grid:
    """A coarse copy of the canvas; `muscle` is where streaks of fat will run, `padding` the fat under the skin."""

    def __init__(self, canvas: Canvas, step: int, looks: Looks) -> None:
        self.palette, self.looks, self.step = canvas.palette, looks, step
        arrays = (canvas.side, canvas.back, canvas.z, canvas.medium)
        self.side, self.back, self.z, self.medium = (np.ascontiguousarray(one[::step, ::step]) for one in arrays)
        self.across = np.abs(self.side)
        self.edge = max(2.0, 1.3 * canvas.edge * step)
        self.coarse = sample(canvas.textures.coarse, self.back, self.side + self.z)
        # Skin and fascia follow the column's bends by half.
        middle = float(canvas.spine.wall.at(canvas.spine.wall.s_discs[L3_L4], 0)[0])
        self.behind = 0.5 * self.back + 0.5 * (canvas.y[::step, ::step] - middle)
        self.places = (self.side, self.back, self.z)
        self._bounds = [(float(values.min()), float(values.max())) for values in self.places]
        self.image, self.muscle, self.padding = (np.zeros_like(self.side) for _ in range(3))

    def meets(self, place: tuple[float, float, float], reach: float) -> bool:
        """Whether something within `reach` mm of a place (side, back, z) may lie in the slice."""
        return all(low < at + reach and high > at - reach for (low, high), at in zip(self._bounds, place, strict=True))

    def enlarged(self, shape: tuple[int, int]) -> Sequence[np.ndarray]:
        """Image, muscle and padding at full size (rows, columns); node i lies on pixel i * step."""
        matrix = np.array([[self.step, 0, 0], [0, self.step, 0]], np.float32)
        layers = np.dstack([self.image, self.muscle, self.padding])
        large = cv2.warpAffine(layers, matrix, shape[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return cv2.split(large)


def _paint_belly(grid: _Grid) -> None:
    """Fat, bowel, kidneys."""
    palette, looks = grid.palette, grid.looks
    mixed = clip(looks.paleness + 0.45 * grid.coarse - 0.1)
    grain = np.exp(0.22 * grid.coarse + 0.08 * grid.medium)
    grid.image[:] = (palette["viscera"] + (palette["fat"] * 0.85 - palette["viscera"]) * mixed) * grain
    for place, axes, gain, walled in looks.organs:
        if not grid.meets(place, max(axes) + 6):
            continue
        x, y, h = ((at - middle) / half for at, middle, half in zip(grid.places, place, axes, strict=True))
        distance = (np.sqrt(x * x + y * y + h * h) - 1) * min(axes) + 1.2 * grid.coarse
        lay(grid.image, palette["viscera"] * gain * (1 + 0.2 * grid.medium), 0.85 * cover(distance, 3.0))
        if walled:
            lay(grid.image, palette["muscle"], 0.6 * np.exp(-((distance / 1.6) ** 2)))


def _paint_chest(grid: _Grid) -> None:
    """Above the diaphragm: heart and great vessels between the lungs, the windpipe in front of the column."""
    palette, coarse = grid.palette, grid.coarse
    dome = 165 - 40 * ((grid.back + 75) / 80) ** 2 - 25 * (grid.across / 80) ** 2 - grid.z + 2 * coarse
    lungs = cover(np.maximum(dome, 22 + 6 * coarse - grid.across), 6.0)
    lay(grid.image, palette["vessel"] * 0.7, 0.9 * lungs)
    middle = cover(np.maximum(dome, grid.across - 22 - 6 * coarse), 6.0)
    lay(grid.image, palette["fat"] * 0.8 * np.exp(0.15 * coarse), 0.5 * middle)
    heart = (norm(norm((grid.back + 100) / 42, (grid.z - 218) / 58), (grid.side - 12) / 48) - 1) * 42 + 2 * coarse
    lay(grid.image, palette["muscle"], cover(heart, 4.0))
    lay(grid.image, palette["vessel"] * (1.5 + coarse), 0.8 * cover(heart + 9 + 4 * coarse, 4.0))
    windpipe = np.maximum(norm(grid.side, grid.back + 48) - 8, 268 - grid.z)
    lay(grid.image, palette["air"], cover(windpipe, 3.0))


def _paint_retroperitoneum(grid: _Grid) -> None:
    """Fat round the column and the great vessels."""
    palette, looks = grid.palette, grid.looks
    near = cover(norm(grid.across / 62, (grid.back + 22) / 40) * 40 - 40 + 4 * grid.coarse, 10.0)
    share = clip(looks.retroperitoneum + 0.25 * grid.coarse + 0.15 * grid.medium)
    lay(grid.image, palette["fat"] * (1 + 0.06 * grid.coarse), share * near)
    for vessel in looks.vessels:
        wave = np.float32(vessel.winding) * np.sin(grid.z / 28 + np.float32(vessel.phase))
        x, y = grid.side - vessel.side - vessel.drift * grid.z - wave, grid.back - vessel.back - 0.5 * wave
        # They divide in front of L4.
        wall = norm(x, y) - vessel.radius + 0.8 * grid.coarse + 3 * clip((vessel.end + 12 - grid.z) / 12)
        whole = cover(vessel.end - grid.z, 8.0)
        lay(grid.image, palette["muscle"], cover(wall - 0.8, 2.5) * whole)
        lay(grid.image, palette["vessel"] * vessel.gain * (1 + 0.2 * grid.coarse), cover(wall + 0.8, 2.0) * whole)


def _paint_back(grid: _Grid) -> None:
    """The long muscles behind the column, the fat between and around them."""
    palette, looks = grid.palette, grid.looks
    lay(grid.image, palette["fat"] * (1 + 0.08 * grid.coarse), cover(4 - grid.back + 4 * grid.coarse, 12.0))
    _paint_psoas(grid)
    narrow = clip((-grid.z - 70) / 90)  # they thin out over the sacrum
    outer = _lens(grid.across - 37, grid.back - 36 + 4 * narrow, 41 * looks.muscle_size, 23 - 12 * narrow)
    septum = 0.3 - grid.across + 1.0 * grid.medium
    cleft = np.abs(grid.across - 26 - 0.5 * (grid.back - 30) + 5 * grid.coarse) - 2.2 * looks.muscle_fat
    cleft = cleft + 0.8 * grid.medium
    belly = np.maximum(np.maximum(outer + 0.8 * grid.coarse, septum), -cleft)
    _lay_muscle(grid, cover(belly, grid.edge), 1.0)


def _paint_psoas(grid: _Grid) -> None:
    """Psoas, thin beside L1, thick beside L4, then forwards and outwards; quadratus lumborum beside it."""
    looks = grid.looks
    thick = np.interp(grid.z, [-130, -60, -30, 25, 80], [17, 22, 19, 12, 5]).astype(np.float32) * looks.muscle_size
    drop = clip(-grid.z - 50, 0, 80)
    out, forward = grid.across - 23 - 0.85 * thick - 0.15 * drop, grid.back + 10 + 0.35 * drop
    psoas = norm(out + 0.15 * forward, (forward - 0.25 * out) * 0.68) - 0.97 * thick
    loin = norm((grid.across - 66) / 24, (grid.back - 12 + 0.25 * (grid.across - 66)) / 8) * 9 - 9
    for distance in (psoas + 2.2 * grid.coarse + 0.8 * grid.medium, loin + 0.8 * grid.coarse):
        _lay_muscle(grid, cover(distance, grid.edge), 0.45)


def _lens(x: np.ndarray, y: np.ndarray, half_x: float, half_y: np.ndarray | float) -> np.ndarray:
    """Roughly the signed distance to an upright ellipse, mm."""
    return (norm(x / half_x, y / half_y) - 1) * np.minimum(half_x, half_y)


def _paint_hips(grid: _Grid) -> None:
    """The wings of the hip bones beside L5 and the sacrum, gluteal muscle behind them."""
    palette = grid.palette
    if not grid.meets((0, 30, -160), 110):
        return
    low = cover(grid.z + 58, 14.0)
    line = (grid.back - 42) * 0.6 + (grid.across - 48) * 0.8 + 2 * grid.coarse
    ends = np.maximum(38 - grid.across, grid.across - 105)
    _lay_muscle(grid, cover(np.maximum(np.maximum(-line, line - 26), ends), 3.0) * low, 0.6)
    bone = np.maximum(np.abs(line) - 4.5, ends)
    lay(grid.image, palette["cortex"], cover(bone - 1, 2.2) * low)
    lay(grid.image, palette["marrow"] * (1 + 0.1 * grid.medium), cover(bone + 0.8, 2.2) * low)


def _paint_skin(grid: _Grid) -> None:
    """Fat under the skin of the back and the flanks, and air."""
    palette, looks = grid.palette, grid.looks
    furrow = 5 * np.exp(-((grid.side / 14) ** 2))
    fascia = 58 - 0.0016 * grid.side * grid.side - furrow * 0.6 + 1.2 * grid.coarse
    fat = palette["fat"] * (1 + 0.05 * grid.coarse) - palette["fat"] * 0.25 * clip(grid.medium - 1.2)
    deep = cover(fascia - grid.behind, grid.edge)
    lay(grid.image, fat, deep)
    grid.muscle *= 1 - deep
    lay(grid.image, palette["muscle"], 0.6 * cover(np.abs(grid.behind - fascia) - 0.6, 3.0))
    if palette.contrast != T1:
        wet = looks.edema * clip(grid.medium + 0.5) * clip(-grid.z / 40) * clip(0.5 + grid.coarse)
        lay(grid.image, palette["fluid"], wet * np.exp(-(((grid.behind - fascia - 3) / 2.5) ** 2)))
    swell = looks.fat_behind * (0.75 + 0.35 * clip(-grid.z / 90, -0.6, 1))
    trunk = norm(grid.side / looks.half_width, (grid.behind + 45) / (118 + swell)) * 100 - 100
    # The patient lies on the back, which flattens it.
    skin = np.maximum(grid.behind - 57 - swell + 0.0006 * grid.side * grid.side + 0.4 * furrow, trunk + 2)
    grid.padding[:] = deep * cover(skin + 3, grid.edge)
    lay(grid.image, palette["muscle"] * looks.skin, cover(-skin - 2.2, 1.5))
    inside = cover(skin, grid.edge)
    grid.image *= inside
    grid.muscle *= inside


def _paint_leak(grid: _Grid) -> None:
    """Fat that is bright although the series suppresses it: where the magnet's field is no longer even."""
    strength, front, end = grid.palette.leak
    if strength > 0:
        away = clip((-grid.back - front) / 60) + clip((np.abs(grid.z + 35) - end) / 50) + 0.2 * grid.coarse
        grid.image += strength * np.minimum(grid.image * 5, 0.8) * clip(away) * clip(0.7 + 0.5 * grid.coarse)


def _lay_muscle(grid: _Grid, share: np.ndarray, streaks: float) -> None:
    lay(grid.image, grid.palette["muscle"] * (1 + 0.1 * grid.medium), share)
    lay(grid.muscle, streaks, share)
