"""Paints the foramina: an upright keyhole between pedicles, body, disc and superior articular process, with its root.

In a sagittal slice a foramen is 15 to 20 mm high (Hasegawa 1995), round and 7 to 10 mm wide above, where the root lies
under the pedicle, and a slit between disc and facet joint, whose width and lean are those seen in the competition's
images. Where room is lost, fat goes as in Lee's grades (2010): first in the slit below and above the root, then before
and behind it too, until the root itself is flattened.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.imaging.canvas import Canvas, clip, cover, horns, lay, norm, overlap, window_of

_RIM = 0.7  # mm, of the dark cortex round a foramen: chosen by hand
_PARTIAL = 1.8  # how much softer edges are than elsewhere: slices are 4 mm thick and foramina curved; chosen by eye
_BLEND = 2.0  # mm over which the slit opens into the round upper part: chosen by hand


def paint_foramina(canvas: Canvas, looks: Looks) -> None:
    """Foramina and what is in them; painted after the bones, into which they are cut."""
    window = _near(canvas, 31, 28)
    if window is None:
        return
    part = canvas.crop(window)
    lateral = _lateral(part)
    place = _place(part)
    _paint_pocket(part, place, lateral, looks)
    _paint_tissue(part, place, lateral, looks)
    _paint_fat(part, place, lateral)
    _paint_leaving_root(part, place, lateral)


def add_articular(canvas: Canvas, bone: np.ndarray) -> None:
    """Adds the front of the superior articular process to a signed distance to bone, in place, mm.

    It closes the foramen behind, up to the pars.
    """
    window = _near(canvas, 24, 18)
    if window is None:
        return
    canvas, bone = canvas.crop(window), bone[window]
    place = _place(canvas)
    plate = _plate(canvas, place)
    beside = np.abs(canvas.across - canvas.profile("foramen_side") - 0.5) - 4
    plate = np.maximum(plate, np.maximum(beside, -18 - place.up)) + 30 * (1 - canvas.profile("mobile"))
    np.minimum(bone, plate, out=bone)


def _near(canvas: Canvas, across: float, b: float) -> tuple[slice, slice] | None:
    """The window of what may lie in or beside a foramen, up to distances from the midline and behind the wall, mm."""
    if float(canvas.across.max()) < 9 or float(canvas.across.min()) > across:
        return None
    up = canvas.above("foramen")
    return window_of((canvas.across > 9) & (canvas.across < across) & (canvas.b < b) & (up > -20) & (up < 14))


def _plate(canvas: Canvas, place: _Place) -> np.ndarray:
    """Signed distance to the process in a sagittal slice: a plate along the slit's back with a round tip, mm."""
    thicker = 1.5 * place.lost  # it grows forwards
    middle = place.behind - place.wide + place.ahead - place.slit - 4 + thicker
    return overlap(np.abs(middle) - 4.2 - thicker, place.up - canvas.profile("articular_tip"), 3.5)


class _Place(NamedTuple):
    """Pixels beside a foramen: above its label point and behind the body's wall, mm; half widths; the room lost.

    `ahead` is how far the slit has come forward on its way down, mm.
    """

    up: np.ndarray
    behind: np.ndarray
    ahead: np.ndarray
    wide: np.ndarray
    slit: np.ndarray
    lost: np.ndarray


def _place(canvas: Canvas) -> _Place:
    up = (canvas.above("foramen") + 0.25 * canvas.medium) / canvas.profile("foramen_tall")
    behind = canvas.b + retreat(canvas) + 0.25 * canvas.stray_side
    ahead = -canvas.profile("foramen_lean") * np.minimum(up, 0)
    wide, slit = canvas.side_profile("foramen_wide"), canvas.side_profile("foramen_slit")
    return _Place(up, behind, ahead, wide, slit, canvas.side_profile("foraminal"))


def retreat(canvas: Canvas) -> np.ndarray:
    """How far the back of a body lies in front of the wall beside the midline, mm: about as `bodies` draws it.

    An oval of half axes 24 and 17 mm retreats by some 17 / (2 * 24**2) of the distance squared, a straight back has
    round corners; the upper bodies' reach farther back than the wall, and this is below 0.
    """
    oval, corner = canvas.profile("oval"), np.maximum(canvas.across - 11, 0)
    straight = (1 - oval) * 0.04 * corner * corner - canvas.profile("horn") * horns(canvas.side)
    return oval * 0.0145 * canvas.across * canvas.across + straight


def _lateral(canvas: Canvas) -> np.ndarray:
    """Share of a foramen along its way out of the canal."""
    start = np.minimum(canvas.profile("shoulder") + 0.5, canvas.profile("foramen_side") - 2.5)
    lateral = np.minimum(cover(start - canvas.across, 3.0), cover(canvas.across - 27, 9.0))
    return lateral * canvas.profile("mobile") * cover(-6 - canvas.b, 3.0)  # what is painted ends at -8, see `render`


def _keyhole(place: _Place, lost: np.ndarray | float) -> np.ndarray:
    """Signed distance to the opening that is left where a share of the room is lost, about, mm."""
    up, behind, wide = place.up, place.behind, place.wide
    half, tall = wide * (1 - 0.52 * lost), 6.2 - 3.2 * lost  # disc and pedicle below come up, the roof stays
    round_ = (norm((up - 0.8 - 3.0 * lost) / tall, (behind - wide * (1 - 0.1 * lost)) / half) - 1) * half
    # Disc in front and articular process behind close the slit from both sides, and from below.
    slit = np.abs(behind - wide + place.ahead) - (place.slit * (1 - 2 * lost) + 0.06 * up)
    slit = np.maximum(slit, np.maximum(-11.5 + 7 * lost - up, up - 1))
    near = np.maximum(_BLEND - np.abs(round_ - slit), 0)
    return np.maximum(np.minimum(round_, slit) - near * near / (4 * _BLEND), 0.3 - behind)


def _paint_pocket(canvas: Canvas, place: _Place, lateral: np.ndarray, looks: Looks) -> None:
    """Fat behind the pars, which parts the rounded joints of neighbouring levels."""
    palette, up, behind = canvas.palette, place.up - 4.5, place.behind - 2 * place.wide - 11.5
    pocket = (norm(up / (5.5 + 0.35 * np.maximum(behind, -6)), np.minimum(behind, 0) / 7) - 1) * 6 + canvas.medium
    rim = cover(np.maximum(pocket - 1, behind), canvas.edge)
    share = lateral * canvas.profile("pocket") * cover(canvas.b - 23, 8.0)  # it goes over into the muscle's fat
    lay(canvas.image, palette["cortex"], 0.6 * looks.cortex_depth * rim * share)
    lean = clip(0.4 - 0.5 * looks.muscle_fat + 0.3 * canvas.stray_b + 0.06 * behind)
    lay(canvas.image, palette["fat"] + (palette["muscle"] - palette["fat"]) * lean, cover(pocket, 1.5) * share)


def _paint_tissue(canvas: Canvas, place: _Place, lateral: np.ndarray, looks: Looks) -> None:
    """The cortex round the foramen, and disc, joint capsule and ligament where they have grown into it."""
    palette, whole = canvas.palette, _keyhole(place, 0.0)
    height = canvas.above("disc")  # the disc ends at the slit and bulges into it
    bulge = overlap(np.abs(place.behind - 0.5 * place.wide) - 0.5 * place.wide - 3, np.abs(height) - 6, 3.0)
    lay(canvas.image, palette["annulus"], cover(bulge, _PARTIAL * canvas.edge) * lateral)
    top = clip(0.25 * place.up - 0.5)  # the pedicle's cortex is thicker than the body's
    back = clip(0.4 * (place.behind - place.wide))  # ligamentum flavum and the joint's capsule
    cortex = 0.3 + 0.35 * looks.cortex_depth + 0.25 * np.maximum(top, back)
    cortex *= cover(whole - _RIM - 0.4 * top - 1.1 * back, 1.4 * canvas.edge)
    border = cover(np.abs(_plate(canvas, place)) - 0.5, canvas.edge)
    border *= clip(0.3 * (place.up - canvas.profile("articular_tip")) + 1.6) * looks.cortex_depth * 0.7
    cortex = np.maximum(cortex, border)
    lay(canvas.image, palette["cortex"], cortex * lateral * (1 - 0.4 * place.lost))
    disc = clip(1.2 - 0.25 * place.behind) * clip(-0.3 * place.up - 0.4)
    soft = (0.6 * palette["ligament"] + 0.4 * palette["nerve"]) * (1 + 0.15 * canvas.medium)
    grown = soft + (palette["annulus"] - soft) * disc
    lay(canvas.image, grown, cover(whole - 0.8 * place.lost, _PARTIAL * canvas.edge) * lateral)


def _paint_fat(canvas: Canvas, place: _Place, lateral: np.ndarray) -> None:
    """Fat in the room that is left; in narrow foramina the slice holds other tissue beside it."""
    fat = canvas.palette["epidural_fat"] * (1 + 0.04 * canvas.medium)
    share = 1 - 0.9 * clip((place.lost - 0.35) / 0.4)
    opening = _keyhole(place, place.lost)
    lay(canvas.image, fat, cover(opening + 0.2, _PARTIAL * canvas.edge) * share * lateral)


def _paint_leaving_root(canvas: Canvas, place: _Place, lateral: np.ndarray) -> None:
    """Root and ganglion under the pedicle, with the vessels that go with them; all sink as they run outwards."""
    palette, lost = canvas.palette, place.lost
    up = place.up + 0.3 * (canvas.across - 17) - 1.6 - 1.6 * lost - 0.6 * canvas.side_profile("root_rise")
    behind = place.behind - place.wide * (1 - 0.1 * lost) - 0.6 * canvas.side_profile("root_back")
    flat = clip((lost - 0.5) / 0.35)
    root = norm(up / (1 - 0.2 * flat), behind / (1 - 0.5 * flat)) - canvas.side_profile("root_radius")
    lay(canvas.image, palette["nerve"], cover(root + 0.2 * canvas.medium, 1.5 * canvas.edge) * lateral)
    for higher, depth, radius in ((2.6, -2.6, 0.7), (-5.8, -0.8, 0.7)):
        vessel = norm(up - higher, behind - depth * (1 - 0.5 * lost)) - radius
        lay(canvas.image, palette["vessel"], cover(vessel, canvas.edge) * lateral * (0.6 - 0.4 * lost))
