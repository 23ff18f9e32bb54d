"""Paints vertebral bodies, sacrum and discs, each in its own straight frame, all of a slice at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from stenosis_kit.phantom.canvas import Canvas, clip, cover, lay, norm, rounded_box, window_of
from stenosis_kit.phantom.column import S1
from stenosis_kit.phantom.looks import Looks
from stenosis_kit.phantom.tissue import STIR, T1


def paint_column(canvas: Canvas, looks: Looks) -> None:
    """Paints the vertebrae that the slice meets, then the discs between them."""
    near = (canvas.b < 7) & (canvas.b > -50) & (canvas.across < 60)
    window = window_of(near & (canvas.s > 1) & (canvas.s < canvas.spine.wall.end - 1))
    if window:
        part = canvas.crop(window)
        _paint_bodies(part, looks)
        if float(part.across.min()) < 28:
            _paint_discs(part, looks)


def _local(part: Canvas, centers: np.ndarray, angles: np.ndarray, which: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Depth (to the back) and height (to the head) of pixels in the frame of the structure they belong to, mm."""
    cos, sin = np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)
    centers = centers.astype(np.float32)
    y, z = part.y - centers[:, 0].take(which), part.z - centers[:, 1].take(which)
    cos, sin = cos.take(which), sin.take(which)
    return y * cos + z * sin, z * cos - y * sin


def _paint_bodies(part: Canvas, looks: Looks) -> None:
    column, palette = part.spine.column, part.palette
    which = part.table("body_index").astype(np.intp)
    of = lambda values: np.asarray(values, np.float32).take(which)  # noqa: E731
    depth, height = _local(part, column.centers, column.angles, which)
    half, deep = of(column.heights / 2), of(column.depths / 2)
    widen = np.where(np.arange(15) < S1, 1.0, 1.75)
    wide = of(column.widths / 2 * widen)
    level = clip(height / half, -1, 1)
    sacral = of(np.arange(15) >= S1)
    # The sacrum tapers, and its wings sweep back; the other bodies have a waist and a hollow back.
    size = 1 - of(looks.waist) * (1 - level * level) * (1 - sacral) + 0.2 * level * sacral
    hollow = 1.2 * np.exp(-((part.side / 9) ** 2)) * (depth > 0)
    swept = depth + hollow - 0.45 * sacral * np.maximum(part.across - 20, 0)
    outline = rounded_box(part.across, swept / size, wide * (1 - (1 - size) * (1 - sacral)), deep, 0.86 * deep)
    inside = clip(-outline / deep)
    dome = half * (1 - of(looks.concavity) * inside * (1.4 - 0.4 * inside)) + of(looks.wedge) * depth
    distance = np.maximum(outline, np.abs(height) - dome)
    value = _marrow(part, depth, height, of, looks)
    shell = palette["cortex"] + (1 - looks.cortex_depth) * (value - palette["cortex"])
    core = clip(-(distance + 0.2) / looks.cortex_fade)
    lay(part.image, shell + (value - shell) * core, cover(distance - looks.cortex, part.edge))


def _marrow(
    part: Canvas, depth: np.ndarray, height: np.ndarray, of: Callable[[np.ndarray], np.ndarray], looks: Looks
) -> np.ndarray:
    """Mottled marrow with bands beside degenerate discs, a spot here and there, and the basivertebral vein."""
    palette, column = part.palette, part.spine.column
    deep, half = of(column.depths / 2), of(column.heights / 2)
    value = palette["marrow"] * of(looks.body_gain) * (1 + looks.mottle * (0.6 * part.medium + 0.4 * part.fine))
    upper, lower = looks.bands
    reach = half - np.abs(height) - of(looks.band_reach)
    gain = np.where(height > 0, of(upper), of(lower)) - 1
    value *= 1 + gain * cover(reach + 1.5 * part.medium, 3.0) * cover(
        np.abs(depth / deep - of(looks.band_place)) - 0.7, 0.5
    )
    y, z, x, radius, spot = looks.spots.T
    far = np.sqrt((depth - of(y)) ** 2 + (height - of(z)) ** 2 + (part.side - of(x)) ** 2)
    value *= 1 + (of(spot) - 1) * cover(far - of(radius), 2.0)
    if float(part.across.min()) > 8:
        return value
    length = deep * of(looks.vein_reach)
    along = clip((depth - deep + length) / length)
    slit = np.abs(height + 0.5) - 0.5 - looks.vein_width * along
    slit = np.maximum(slit, norm(part.side, 0.4 * (deep - depth)) - 7)
    bright = palette["fluid"] * 0.8 if looks.contrast == STIR else palette["epidural_fat"]
    present = looks.vein * (np.arange(15) < S1)
    lay(value, bright * 0.8, cover(slit, 1.4) * np.minimum(along * 2, 1) * of(present))
    return value


def _paint_discs(part: Canvas, looks: Looks) -> None:
    column, palette, side = part.spine.column, part.palette, part.side
    which = part.table("disc_index").astype(np.intp)
    of = lambda values: np.asarray(values, np.float32).take(which)  # noqa: E731
    depth, height = _local(part, column.disc_centers, column.disc_angles, which)
    mobile = np.arange(14) < S1
    deep = of(np.minimum(column.depths[:-1], column.depths[1:]) / 2 + 0.6 * mobile)
    wide, worn = of(column.widths[:-1] / 2 * 1.02), column.degeneration
    outline = rounded_box(side, depth, wide, deep, 0.86 * deep) - of(1.2 * worn * looks.osteophyte)
    taper = of(looks.disc_wedge * np.where(mobile, 1, 0.3))
    room = of(column.disc_heights / 2) * (1 - taper * depth / deep) * (1 + 0.2 * clip(-outline / deep)) + 0.6
    distance = np.maximum(outline, np.abs(height) - room)
    lay(part.image, palette["annulus"] * (1 + 0.25 * part.medium * looks.mottle), cover(distance, part.edge))
    bright = palette["nucleus"] * (1 - 0.85 * worn * (looks.contrast != T1))
    core = norm(side / (wide * 0.72), (depth + 1) / (deep * of(looks.nucleus)))
    core = cover((core - 1 + 0.06 * part.medium) * 9, 4.0) * cover(np.abs(height) - room * 0.7, 2.2)
    lay(part.image, of(np.maximum(bright, palette["annulus"])) * (1 + 0.16 * part.medium), core)
    dark = cover(np.abs(height) - 0.5, 1.2) * cover(np.abs(depth) - deep * 0.5, 3.0) * core
    lay(part.image, palette["annulus"] * 1.4, 0.5 * dark * of(looks.cleft))
