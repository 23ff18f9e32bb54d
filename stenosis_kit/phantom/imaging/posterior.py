"""Paints the posterior elements: pedicles, laminae, facet joints, spinous and transverse processes.

All shapes are signed distances in (side, b, height over the disc or body), so they cut the same way in any plane.
"""

from __future__ import annotations

import numpy as np

from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.imaging.canvas import Canvas, clip, cover, lay, norm, overlap, rounded_box
from stenosis_kit.phantom.imaging.foramina import add_articular, retreat
from stenosis_kit.phantom.imaging.tissue import sample

_GAP = 1.1  # mm, width of the facet joint: chosen by hand
_SHELL = 2.7  # mm, half the thickness of the superior articular process: chosen by hand

_MIDDLE = 3.5  # mm, from which outwards a vertebra has articular processes: chosen by hand


def paint_posterior(canvas: Canvas, looks: Looks) -> None:
    """Paints the posterior elements of all vertebrae in a window behind the wall."""
    _paint_interspinous(canvas, looks)
    bone = np.minimum(_arch(canvas), _pedicle(canvas))
    bone = np.minimum(bone, _transverse(canvas))
    joint = None
    if float(canvas.across.max()) > _MIDDLE:
        process, joint = _facets(canvas)
        bone = np.minimum(bone, process)
    add_articular(canvas, bone)
    palette = canvas.palette
    value = palette["marrow"] * canvas.profile("arch_gain") * (1 + looks.mottle * (0.7 * canvas.medium + canvas.fine))
    core = clip((-bone - looks.cortex - 0.1) / (looks.cortex_fade + 0.3))
    dark = (0.4 + 0.55 * looks.cortex_depth) * (1 - core)
    front = cover(-5.5 - retreat(canvas) - canvas.b, 4.0)  # pedicles go over into bodies without a border
    halo = cover(bone - 1 - 3 * looks.muscle_fat, 2.5) * cover(canvas.profile("apex") - 1 - canvas.b, 4.0)
    halo *= clip(0.4 * canvas.across - 1)
    lay(canvas.image, palette["fat"], halo * clip(0.8 * looks.muscle_fat + 0.3 * canvas.stray_b))
    lay(canvas.image, value + (palette["cortex"] - value) * dark, cover(bone - 0.1, canvas.edge) * front)
    if joint:
        _paint_joint(canvas, joint)


def _paint_interspinous(canvas: Canvas, looks: Looks) -> None:
    """Ligament streaked with fat between the spinous processes, and the dark strap along their tips."""
    if float(canvas.across.min()) > 7:
        return
    palette, behind, tips = canvas.palette, canvas.b - canvas.profile("apex") - 2, canvas.profile("tips")
    sheet = cover(np.maximum(canvas.across - 3.5, np.abs(behind - 0.5 * tips) - 0.5 * tips), 2.5)
    strands = sample(canvas.textures.streaks, canvas.s + 0.4 * canvas.b, 0.6 * canvas.b + 3 * canvas.medium)
    share = clip(looks.interspinous * (0.5 + strands) + 0.3 * canvas.medium)
    tone = palette["ligament"] + (palette["fat"] * 0.9 - palette["ligament"]) * share
    tone += palette["fluid"] * 0.25 * clip(canvas.stray_b - 1.2)  # small veins
    lay(canvas.image, tone, sheet * canvas.profile("mobile") * 0.9)
    strap = np.maximum(np.abs(behind - tips - 2) - 1.3, canvas.across - 4)
    lay(canvas.image, palette["ligament"], cover(strap, 1.8) * canvas.profile("mobile") * 0.8)


def _arch(canvas: Canvas) -> np.ndarray:
    """Laminae, shingled, and spinous processes; below L5 one unbroken plate."""
    height, mobile, across, inward = canvas.above("disc"), canvas.profile("mobile"), canvas.across, canvas.inward
    middle = 8 + 0.55 * (inward + 3.2)
    lamina = np.maximum(np.abs(inward + 3.2) - 3.1, across - canvas.profile("shoulder") - 3)
    lamina = np.maximum(lamina, np.abs(height - middle) - 9.5 - 20 * (1 - mobile))
    if float(across.min()) > 5:
        return lamina
    length, rise = canvas.profile("spinous") * (0.3 + 0.7 * mobile), canvas.profile("spinous_rise")
    behind = canvas.b - canvas.profile("apex") - 3
    drop = height - 4 - rise + 0.22 * (behind - 0.5 * length)
    tall = canvas.profile("spinous_height") * (0.85 + 0.3 * clip(behind / length)) - 1.5 * (1 - mobile)
    blade = rounded_box(behind - 0.5 * length, drop * (8.0 / tall), 0.5 * length, 8.0, 6.5)
    thick = 2.6 + 1.6 * clip(behind / length)
    return np.minimum(lamina, np.maximum(blade, across - thick))


def _pedicle(canvas: Canvas) -> np.ndarray:
    """Waisted between body and facets; its front end lies in the body, and the foramen below is cut into its foot.

    With the foramen cut out it is some 15 mm high (Panjabi 1992).
    """
    height, width = canvas.above("body"), canvas.profile("pedicle_width")
    mobile, flare = canvas.profile("mobile"), 0.035 * (canvas.b - 4.5) ** 2
    half = 0.5 * width
    offset = (canvas.across - canvas.profile("pedicle_offset")) / half
    ring = (norm(offset, (height - 3.2) / (8.8 + np.minimum(flare, 4.0) + 4 * (1 - mobile))) - 1) * half
    return np.maximum(ring, canvas.b - 14)


def _transverse(canvas: Canvas) -> np.ndarray:
    height, across = canvas.above("body"), canvas.across
    rod = norm(canvas.b - 9 - 0.12 * across, 0.8 * (height - 4)) - 3.6
    return np.maximum(rod, np.maximum(15 - across, across - 41))


def _facets(canvas: Canvas) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Both articular processes with the pars, and of the joint between: distance from its middle, and from its ends.

    Seen from above, the joint is an arc from beside the recess outwards and backwards. Behind it the inferior process
    is a wedge that goes over into the lamina; in front and outside lies the superior one of the vertebra below, which
    comes forwards and inwards where the recess (medially) or the foramen (laterally) is narrow.
    """
    height, across = canvas.above("disc"), canvas.across
    center_side, closed = canvas.profile("shoulder") + 1.8, 30 * (1 - canvas.profile("mobile"))
    lateral = clip((across - center_side + 3.3) / 3)
    recess, foramen = canvas.side_profile("subarticular"), canvas.side_profile("foraminal")
    x, y = across - center_side, canvas.b - canvas.profile("facet_depth")
    outside, along = _joint_frame(canvas, x, y)
    wedge = np.maximum(np.maximum(outside + 0.5 * _GAP, canvas.inward + 0.3), _MIDDLE - across)
    half = canvas.profile("facet_half")
    wedge = overlap(wedge, np.maximum(along - half, -12.5 - canvas.inward), 2.5)
    rod = overlap(wedge, np.abs(height - 1) - 13, 4.5)
    own = canvas.above("lower_disc")  # the pars belongs to the body above, from the process up to the pedicle
    upwards = clip((own - 4) / 16)
    pars_x = x - 0.8 - (canvas.profile("pedicle_offset") - center_side) * upwards
    pars = overlap(norm(pars_x, y - 0.5 + 2.2 * upwards) - 3.8, np.abs(own - 13) - 11, 3.0)
    forward = 4.0 * recess * (1 - lateral) + 3.4 * foramen * lateral
    front, place = _joint_frame(canvas, x + 2.4 * recess * (1 - lateral), y + forward)
    shell = _SHELL * (1 - 0.06 * clip(height - 1, 0, 9)) + 0.7 * recess
    # The joint stays with the inferior process, so that a hypertrophic superior one thickens forwards.
    shield = np.maximum(0.5 * _GAP - outside, front - 0.5 * _GAP - 2 * shell)
    # At the foramen's side it stands back, or it would fill the foramen.
    shield = np.maximum(shield, 4.0 + (0.4 + canvas.profile("foramen_depth")) * lateral - forward - canvas.b)
    tip = np.maximum(height - 9 - 3 * foramen, -19 - height)
    process = np.maximum(overlap(shield, np.abs(place + 0.5) - half, 2.2), tip)
    bone = np.minimum(np.minimum(rod, pars), process) + closed
    limits = np.maximum(np.maximum(np.abs(along) - half + 0.5, np.abs(height + 1) - 10), closed - 1)
    return bone, (np.abs(outside), limits)


def _joint_frame(canvas: Canvas, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance outside a facet joint's arc and place along it towards the back, from offsets from its middle, mm."""
    cos, sin = canvas.profile("facet_cos"), canvas.profile("facet_sin")
    along = x * sin + y * cos
    return x * cos - y * sin + canvas.profile("facet_bend") * along * along, along


def _paint_joint(canvas: Canvas, joint: tuple[np.ndarray, np.ndarray]) -> None:
    """A dark joint line with fluid in its middle (bright on T2)."""
    (distance, limits), image, palette = joint, canvas.image, canvas.palette
    inside = cover(limits, 1.0)
    lay(image, palette["cortex"], cover(distance - 0.9, canvas.edge) * inside * 0.8)
    half = canvas.side_profile("fluid") * 0.5
    lay(image, palette["fluid"], cover(distance - half, canvas.edge) * inside * np.minimum(half * 2, 0.9))
