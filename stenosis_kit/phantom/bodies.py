"""Paints vertebral bodies, sacrum and discs, each in its own straight frame."""

from __future__ import annotations

import numpy as np

from stenosis_kit.geometry import Plane
from stenosis_kit.phantom.canvas import Canvas, cover, lay, rounded_box
from stenosis_kit.phantom.column import GRADED_DISCS, S1
from stenosis_kit.phantom.looks import Looks
from stenosis_kit.phantom.tissue import STIR


def paint_bodies(canvas: Canvas, plane: Plane, looks: Looks) -> None:
    """Paints every vertebra that the slice meets."""
    column = canvas.spine.column
    for index, (center, angle) in enumerate(zip(column.centers, column.angles, strict=True)):
        reach = max(column.widths[index] * (1.1 if index < S1 else 2), column.depths[index] + column.heights[index])
        part = _frame(canvas, plane, center, angle, 0.6 * reach)
        if part:
            _paint_body(*part, index, looks)


def paint_discs(canvas: Canvas, plane: Plane, looks: Looks) -> None:
    """Paints every disc that the slice meets."""
    column = canvas.spine.column
    for index, (center, angle) in enumerate(zip(column.disc_centers, column.disc_angles, strict=True)):
        part = _frame(canvas, plane, center, angle, 0.58 * column.widths[index])
        if part:
            _paint_disc(*part, index, looks)


def _frame(
    canvas: Canvas, plane: Plane, center: np.ndarray, angle: float, reach: float
) -> tuple[Canvas, np.ndarray, np.ndarray] | None:
    """The window round a structure, and depth (to the back) and height (to the head) in its frame; None if unseen."""
    place = np.array([canvas.spine.column.midline(center[1]), *center])
    if abs(plane.distance(place)) > reach:
        return None
    x, y = plane.to_pixel(place)
    half_x, half_y = reach / plane.spacing[1], reach / plane.spacing[0]
    rows = slice(max(0, int(y - half_y)), max(0, min(plane.shape[0], int(y + half_y) + 2)))
    columns = slice(max(0, int(x - half_x)), max(0, min(plane.shape[1], int(x + half_x) + 2)))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return None
    part = canvas.crop((rows, columns))
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    y, z = part.y - np.float32(center[0]), part.z - np.float32(center[1])
    return part, y * cos + z * sin, z * cos - y * sin


def _paint_body(part: Canvas, depth: np.ndarray, height: np.ndarray, index: int, looks: Looks) -> None:
    column, palette = part.spine.column, part.palette
    half = column.heights[index] / 2
    deep, wide = column.depths[index] / 2, column.widths[index] / 2
    level = np.clip(height / half, -1, 1)
    across = part.side
    if index >= S1:  # the sacrum tapers, and its wings sweep back
        deep_here = depth / (1 + 0.2 * level)
        depth = deep_here - 0.45 * np.maximum(np.abs(across) - 20, 0)
        wide = wide * (1.9 if index == S1 else 1.7)
        outline = rounded_box(across, depth, wide, deep, 0.8 * deep)
    else:
        waist = 1 - looks.waist[index] * (1 - level * level)
        hollow = 1.2 * np.exp(-((across / 9) ** 2)) * (depth > 0)  # the back is hollow at the midline
        outline = rounded_box(across / waist, (depth + hollow) / waist, wide, deep, 0.86 * deep)
    inside = np.clip(-outline / deep, 0, 1)
    dome = half * (1 - looks.concavity[index] * inside * (1.4 - 0.4 * inside)) + looks.wedge[index] * depth
    distance = np.maximum(outline, np.abs(height) - dome)
    share = cover(distance - looks.cortex, part.edge)
    value = _marrow(part, depth, height, half, index, looks)
    core = np.clip(-(distance + 0.2) / looks.cortex_fade, 0, 1)
    lay(part.image, palette["cortex"] + (value - palette["cortex"]) * core, share)


def _marrow(
    part: Canvas, depth: np.ndarray, height: np.ndarray, half: float, index: int, looks: Looks
) -> np.ndarray:
    """Mottled marrow with bands beside degenerate discs, a spot here and there, and the basivertebral vein."""
    palette, deep = part.palette, part.spine.column.depths[index] / 2
    marrow = palette["marrow"] * looks.body_gain[index]
    value = marrow * (1 + looks.mottle * (0.6 * part.medium + 0.4 * part.fine))
    for sign, gain, reach, place in looks.bands[index]:
        near = cover(half - sign * height - reach, 3.0) * cover(np.abs(depth / deep - place) - 0.7, 0.5)
        value += value * (gain - 1) * near
    for y, z, x, radius, gain in looks.spots[index]:
        far = np.sqrt((depth - y) ** 2 + (height - z) ** 2 + (part.side - x) ** 2)
        value += value * (gain - 1) * cover(far - radius, 2.0)
    if index < S1:
        reach = looks.vein_reach[index]
        along = np.clip((depth - deep * (1 - reach)) / (deep * reach), 0, 1)
        thick = 0.5 + looks.vein_width * along
        slit = np.maximum(np.abs(height + 0.5) - thick, np.hypot(part.side, 0.4 * (deep - depth)) - 7)
        bright = palette["fluid"] * 0.8 if looks.contrast == STIR else palette["epidural_fat"]
        lay(value, bright * 0.8, cover(slit, 1.4) * np.minimum(along * 2, 1) * looks.vein)
    return value


def _paint_disc(part: Canvas, depth: np.ndarray, height: np.ndarray, index: int, looks: Looks) -> None:
    column, palette, side = part.spine.column, part.palette, part.side
    half = column.disc_heights[index] / 2
    deep = min(column.depths[index], column.depths[index + 1]) / 2 + (0.6 if index < S1 else 0)
    wide = column.widths[index] / 2 * 1.02
    worn = column.degeneration[index]
    outline = rounded_box(side, depth, wide, deep, 0.86 * deep) - 1.2 * worn * looks.osteophyte[index]
    taper = looks.disc_wedge[index] * (1 if index in range(*GRADED_DISCS.indices(14)) else 0.3)
    room = half * (1 - taper * depth / deep) * (1 + 0.2 * np.clip(-outline / deep, 0, 1)) + 0.6
    distance = np.maximum(outline, np.abs(height) - room)
    lay(part.image, palette["annulus"] * (1 + 0.25 * part.medium * looks.mottle), cover(distance, part.edge))
    bright = palette["nucleus"] * (1 - 0.85 * worn) if looks.contrast != "T1" else palette["nucleus"]
    core = np.hypot(side / (wide * 0.72), (depth + 1) / (deep * looks.nucleus[index]))
    core = cover((core - 1) * 9, 4.0) * cover(np.abs(height) - room * 0.7, 2.2)
    lay(part.image, max(bright, palette["annulus"]) * (1 + 0.1 * part.medium), core)
    if looks.cleft[index]:
        dark = cover(np.abs(height) - 0.5, 1.2) * cover(np.abs(depth) - deep * 0.5, 3.0) * core
        lay(part.image, palette["annulus"] * 1.4, 0.5 * dark)
