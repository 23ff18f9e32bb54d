"""Paints discs, vertebral bodies and sacrum, each in its own straight frame, all of a slice at once."""

from __future__ import annotations

import numpy as np

from stenosis_kit.phantom.anatomy.column import S1, S1_S2
from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.anatomy.profiles import HORN, OVAL
from stenosis_kit.phantom.imaging.canvas import Canvas, clip, cover, horns, lay, norm, overlap, rounded_box, window_of
from stenosis_kit.phantom.imaging.tissue import STIR, T1

_IRREGULARITY = 0.3
"""mm, sd by which bodies and discs stray from their ideal shapes: chosen by hand."""

# By vertebra, C5 ... S5: depth of the hollow in its back, mm, chosen by eye: seen from above, the upper bodies are
# kidney-shaped, the lower ones oval.
_HOLLOW = np.r_[
    (0.5, 0.5, 1, 1.5, 2, 2, 2, 2, 2, 2),
    (2, 2, 2, 2, 2, 1.8, 1.5, 1.2, 0.8, 0.4, 0, 0, 0, 0, 0.0),
]


def paint_column(canvas: Canvas, looks: Looks) -> None:
    """Paints the discs that the slice meets, then the vertebrae, whose end plates bound them."""
    near = (canvas.b < 7) & (canvas.b > -52) & (canvas.across < 60)
    window = window_of(near & (canvas.s > 1) & (canvas.s < canvas.spine.wall.end - 1))
    if window:
        part = canvas.crop(window).warped(_IRREGULARITY)
        if float(part.across.min()) < 28:
            _paint_discs(part, looks)
        _paint_bodies(part, looks)


class _Frame:
    """Pixels in the straight frame of the vertebra (or disc) that each belongs to.

    Attributes:
        depth: towards the back, mm.
        height: towards the head, mm.
    """

    def __init__(self, part: Canvas, structure: str, centers: np.ndarray, angles: np.ndarray) -> None:
        self._which = part.profile(structure).astype(np.intp)
        first = int(self._which.flat[0])
        self._only = first if (self._which == first).all() else None
        cos, sin = self.of(np.cos(angles)), self.of(np.sin(angles))
        y, z = part.y - self.of(centers[:, 0]), part.z - self.of(centers[:, 1])
        self.depth, self.height = y * cos + z * sin, z * cos - y * sin

    def of(self, values: np.ndarray) -> np.ndarray | np.float32:
        """Values by vertebra (or disc) at the pixels; a plain number where all belong to one."""
        if self._only is not None:
            return np.float32(values[self._only])
        return np.asarray(values, np.float32).take(self._which, mode="clip")


# --- Bodies ----------------------------------------------------------------------------------


def _paint_bodies(part: Canvas, looks: Looks) -> None:
    column, palette = part.spine.column, part.palette
    frame = _Frame(part, "body_index", column.centers, column.angles)
    distance, ends = _body(part, frame, looks)
    value = _marrow(part, frame, looks)
    # End plates look thicker than the walls, and fat's shift along the read-out thickens one of a body's two.
    plate = cover(-1.5 - ends, 2.0)
    thick = looks.cortex + plate * (looks.end_plate + palette.fat_shift * clip(0.3 * frame.height, -1, 1))
    dark = looks.cortex_depth + (1 - looks.cortex_depth) * 0.6 * plate
    core = clip((-distance - thick) / looks.cortex_fade)
    lay(part.image, value + (palette["cortex"] - value) * dark * (1 - core), cover(distance, part.edge))


def _body(part: Canvas, frame: _Frame, looks: Looks) -> tuple[np.ndarray, np.ndarray]:
    """Signed distances to a vertebral body and to the plane of its nearer end plate, mm."""
    column, of, depth, height = part.spine.column, frame.of, frame.depth, frame.height
    half, deep = of(column.heights / 2), of(column.depths / 2)
    sacrum = np.arange(-column.count, 0) >= S1
    wide = of(column.widths / 2 * np.where(sacrum, 1.75, 1.0))
    level = clip(height / half, -1, 1)
    sacral = of(sacrum)
    # The sacrum tapers, and its wings sweep back; the other bodies have a waist.
    size = 1 - of(looks.waist) * (1 - level * level) * (1 - sacral) + 0.2 * level * sacral
    swept = depth - 0.45 * sacral * np.maximum(part.across - 20, 0)
    back = (of(shape[-column.count :]) for shape in (_HOLLOW, HORN, OVAL))
    outline = _kidney(part.side, swept / size, wide * (1 - (1 - size) * (1 - sacral)), deep, *back)
    outline = outline - of(looks.lip) * clip(5 * np.abs(level) - 4)
    inside = clip(-outline / deep - 0.06)
    hollow = of(looks.concavity) * (0.6 - inside * (2.0 - inside))  # heights are means: rims stand higher
    dome = half * (1 + hollow) + of(column.wedges) * depth
    ends = np.abs(height) - dome
    return overlap(outline, ends, of(looks.rim)), ends


def _kidney(
    side: np.ndarray,
    depth: np.ndarray,
    wide: np.ndarray,
    deep: np.ndarray,
    hollow: np.ndarray,
    horn: np.ndarray,
    oval: np.ndarray,
) -> np.ndarray:
    """Signed distance to the outline of bodies and discs seen from above: round in front, hollow or oval behind, mm."""
    rear = clip(depth / 6)
    depth = depth + (hollow * np.exp(-((side / 11) ** 2)) - horn * horns(side)) * rear
    aside, ahead = np.abs(side) / wide, depth / deep
    blunt = np.sqrt(norm(aside * aside, ahead * ahead))  # a body's front is squarer than an ellipse
    straight = rounded_box(side, depth, wide, deep, 0.75 * deep)
    round_ = (norm(aside, ahead) - 1) * deep
    return np.where(depth < 0, (blunt - 1) * deep, straight + oval * (round_ - straight))


def _marrow(part: Canvas, frame: _Frame, looks: Looks) -> np.ndarray:
    """Mottled marrow with bands beside degenerate discs, a spot here and there, and the basivertebral vein."""
    palette, column, of, depth, height = part.palette, part.spine.column, frame.of, frame.depth, frame.height
    deep, half = of(column.depths / 2), of(column.heights / 2)
    value = palette["marrow"] * of(looks.body_gain) * (1 + looks.mottle * (0.6 * part.medium + 0.4 * part.fine))
    value *= 1 + looks.rim_gain * clip((height / half) ** 2)
    upper, lower = looks.bands
    reach = half - np.abs(height) - of(looks.band_reach)
    gain = np.where(height > 0, of(upper), of(lower)) - 1
    value *= 1 + gain * cover(reach + 1.5 * part.medium, 3.0) * cover(
        np.abs(depth / deep - of(looks.band_place)) - 0.7, 0.5
    )
    y, z, x, radius, spot = looks.spots.T
    far = np.sqrt((depth - of(y)) ** 2 + (height - of(z)) ** 2 + (part.side - of(x)) ** 2)
    value *= 1 + (of(spot) - 1) * cover(far - of(radius) + 0.8 * part.medium, 2.0)
    if float(part.across.min()) < 8:
        _paint_vein(part, frame, value, looks)
    return value


def _paint_vein(part: Canvas, frame: _Frame, value: np.ndarray, looks: Looks) -> None:
    """The basivertebral vein: a cleft that opens to the back at half height."""
    palette, of, deep = part.palette, frame.of, frame.of(part.spine.column.depths / 2)
    length = deep * of(looks.vein_reach)
    along = clip((frame.depth - deep + length) / length)
    slit = np.abs(frame.height + 0.5 - 0.6 * part.medium) - 0.2 - looks.vein_width * along
    slit = np.maximum(slit, norm(part.side, 0.4 * (deep - frame.depth)) - 7)
    bright = palette["fluid"] * 0.8 if palette.contrast == STIR else palette["epidural_fat"]
    tone = palette["vessel"] + (bright - palette["vessel"]) * looks.vein_fat
    present = looks.vein * (np.arange(-part.spine.column.count, 0) < S1)
    lay(value, tone, cover(slit, 1.2) * np.minimum(along * 2, 1) * of(present))


# --- Discs -----------------------------------------------------------------------------------


def _paint_discs(part: Canvas, looks: Looks) -> None:
    """Paints discs taller than their gaps: the bodies that are painted over them leave what shows."""
    column, palette, side = part.spine.column, part.palette, part.side
    frame = _Frame(part, "disc_index", column.disc_centers, column.disc_angles)
    of, depth, height = frame.of, frame.depth, frame.height
    mobile = np.arange(1 - column.count, 0) < S1_S2
    deep = of(np.minimum(column.depths[:-1], column.depths[1:]) / 2 + 0.8 * mobile)
    wide, worn = of(column.widths[:-1] / 2 * 1.02), column.degeneration
    back = (of((shape[1 - column.count :] + shape[-column.count : -1]) / 2) for shape in (_HOLLOW, HORN, OVAL))
    outline = _kidney(side, depth, wide, deep, *back) - of(0.4 + worn * looks.osteophyte)
    opening = np.tan((column.angles[1:] - column.angles[:-1]) / 2)
    room = np.maximum(of(column.disc_heights / 2) - of(opening) * depth, 0.6)
    distance = overlap(outline, np.abs(height) - room - 2, 3.0)
    lay(part.image, palette["annulus"] * (1 + 0.25 * part.medium), cover(distance, part.edge))
    bright = np.maximum(palette["nucleus"] * (1 - 0.9 * np.sqrt(worn) * (palette.contrast != T1)), palette["annulus"])
    flat = norm(side / (wide * 0.74), (depth + 1) / (deep * of(looks.nucleus)))
    flat = norm(flat, (height / (room + 0.8)) ** 2) + 0.05 * part.medium
    core = clip((1.06 - flat) * of(looks.nucleus_edge))
    core *= core * (3 - 2 * core)
    lay(part.image, of(bright) * (1 + 0.12 * part.medium), core)
    dark = cover(np.abs(height + 0.3 * part.medium) - 0.4, 1.2) * cover(np.abs(depth) - deep * 0.5, 3.0) * core
    lay(part.image, palette["annulus"] * 1.4, 0.5 * dark * of(looks.cleft))
