"""Paints the spinal canal: epidural fat, ligaments, dural sac, roots.

Here severity becomes visible: the sac's area, the recess's cerebrospinal fluid.
"""

from __future__ import annotations

import numpy as np

from stenosis_kit.phantom.imaging.canvas import Canvas, clip, cover, lay, norm, overlap, rounded_box, window_of


def paint_soft_canal(canvas: Canvas) -> None:
    """Epidural fat; painted before the bones that bound it."""
    across, inward = canvas.across, canvas.inward
    palette, lost = canvas.palette, canvas.profile("spinal")
    front = 0.2 - canvas.b - _flank(canvas)
    canal = np.maximum(np.maximum(front, -inward - 0.5), across - canvas.profile("shoulder") - 3.5)
    # In a narrow recess fat goes first; behind the sac it is left until the last (grade D of Schizas 2010).
    recess = clip(1.5 * canvas.side_profile("subarticular") - 0.35) * clip((across - 3) / 4)
    left = (1 - 0.8 * clip((lost - 0.82) / 0.16)) * (1 - 0.75 * recess)
    fat = palette["epidural_fat"] * left * (1 + 0.16 * canvas.medium)
    lay(canvas.image, fat, cover(canal, canvas.edge))


def paint_sac(canvas: Canvas) -> None:
    """Ligaments, disc bulge, the dural sac and the nerves in it; painted after the bones."""
    if float(canvas.across.min()) > 22:
        return
    _paint_ligaments(canvas)
    _paint_traversing_root(canvas)
    if float(canvas.across.min()) < 13:
        _paint_dura(canvas)


def _flank(canvas: Canvas) -> np.ndarray:
    """How far the back of an oval body or disc lies in front of the wall beside the midline, mm."""
    return 0.0125 * canvas.profile("oval") * canvas.across * canvas.across


def _ligament_face(canvas: Canvas) -> np.ndarray:
    """How far the ligamentum flavum stands inside the laminae, mm: its halves meet in a cleft that holds fat."""
    return canvas.profile("flavum") * (0.3 + 0.7 * clip(canvas.across / 5))


def _paint_ligaments(canvas: Canvas) -> None:
    """The ligamentum flavum inside the laminae, and the bulge of disc and posterior longitudinal ligament."""
    palette, across, inward, height = canvas.palette, canvas.across, canvas.inward, canvas.above("disc")
    recess, foramen = canvas.side_profile("subarticular"), canvas.side_profile("foraminal")
    face, back = _ligament_face(canvas) + 1.2 * recess, canvas.profile("flavum_back")
    flavum = np.maximum(np.maximum(inward - face, -back - inward), np.abs(height + 3) - 12)
    flavum = overlap(flavum, canvas.profile("recess_depth") - 1.5 - 3 * recess - canvas.b, 1.5)
    flavum = np.maximum(flavum, across - canvas.profile("shoulder") - 1.5) + 9 * (1 - canvas.profile("mobile"))
    lay(canvas.image, palette["ligament"], cover(flavum, canvas.edge) * 0.92)
    middle = np.exp(-((across / 9) ** 2))
    zone = np.exp(-(((across - 10) / 4) ** 2)) * 1.7 * recess + np.exp(-(((across - 17) / 5) ** 2)) * foramen
    bulge = canvas.profile("bulge") * (0.35 + 0.65 * middle) + 1.8 * zone - 0.008 * across * across
    bulge = (bulge + 0.8) * np.exp(-((height / 5) ** 2)) - 0.8
    behind = canvas.b + _flank(canvas)
    disc = np.maximum(behind - bulge, np.maximum(-2 - behind, np.abs(height) - 7))
    lay(canvas.image, palette["annulus"], cover(disc, canvas.edge))
    if float(recess.max()) > 0.1:
        _paint_capsule(canvas, recess)


def _paint_capsule(canvas: Canvas, recess: np.ndarray) -> None:
    """A thick joint capsule and what has grown round it fill a narrow recess."""
    side, back = canvas.across - canvas.profile("recess") - 4, canvas.b - canvas.profile("recess_depth") - 0.5
    capsule = norm(side, 0.9 * back) - 5.8 * recess + 0.6 + 0.5 * canvas.medium
    capsule = np.maximum(capsule, np.abs(canvas.above("disc")) - 8)
    tissue = 0.6 * canvas.palette["ligament"] + 0.4 * canvas.palette["muscle"]
    lay(canvas.image, tissue, 0.9 * cover(capsule, 1.6 * canvas.edge) * clip(4 * recess))


def _paint_dura(canvas: Canvas) -> None:
    """The sac with its fluid, cord and roots; a narrow recess cuts its front corner."""
    palette, across = canvas.palette, canvas.across
    deep, wide = canvas.profile("sac_depth"), canvas.profile("sac_width")
    q = (canvas.b - canvas.profile("sac_center")) / deep
    narrowing = 1 - canvas.profile("triangle") * clip(q.copy(), -1, 1.2)
    sac = rounded_box(across, q * deep, wide * narrowing, deep, canvas.profile("sac_corner"))
    recess = canvas.side_profile("subarticular")
    corner_side, corner_back = across - canvas.profile("recess") - 0.5, canvas.b - canvas.profile("recess_depth") + 1
    corner = np.exp(-0.5 * ((corner_side / 3.4) ** 2 + (corner_back / 4.2) ** 2))
    sac = overlap(sac + 5.5 * recess * corner, _ligament_face(canvas) + 0.2 - canvas.inward, 1.5)
    lay(canvas.image, palette["ligament"], cover(sac - 0.2, canvas.edge) * 0.6)
    inside = cover(sac + 0.2, canvas.edge)
    lay(canvas.image, palette["csf"] * (1 + 0.04 * canvas.medium), inside)
    _paint_cord(canvas, q * deep, inside)
    _paint_roots(canvas, q, deep, wide * narrowing, inside)


def _paint_cord(canvas: Canvas, offset: np.ndarray, inside: np.ndarray) -> None:
    above = canvas.s - np.float32(canvas.spine.conus)
    if float(above.max()) < -20:
        return
    taper = clip((above + 14) / 22)
    cord = (norm(canvas.side / 4.6, (offset - 1.2 * (1 - taper)) / 3.6) - taper) * 3.8
    cord = np.where(taper > 0.05, cord, 9)
    lay(canvas.image, canvas.palette["nerve"] * 1.15, cover(cord, canvas.edge) * inside)


def _paint_roots(canvas: Canvas, q: np.ndarray, deep: np.ndarray, wide: np.ndarray, inside: np.ndarray) -> None:
    """Strands of the cauda equina: apart where there is room, one mass where there is none."""
    window = window_of(inside > 0.02)
    if window is None:
        return
    part, q, deep, wide, inside = canvas.crop(window), q[window], deep[window], wide[window], inside[window]
    roots, entries, ratio = canvas.spine.roots, part.entries, part.side / wide
    low, high = float(ratio.min()), float(ratio.max())
    span = slice(int(entries.min()), int(entries.max()) + 1)
    reach = 1.6 / float(wide.min())
    mass = np.zeros_like(q)
    strands = zip(roots.across, roots.back, roots.radius, roots.present, roots.opacity, strict=True)
    for across, back, radius, present, opacity in strands:
        here = across[span]
        if low > here.max() + reach or high < here.min() - reach or not present[span].any():
            continue
        distance = norm((ratio - across.take(entries)) * wide, (q - back.take(entries)) * deep) - radius
        np.maximum(mass, cover(distance, canvas.edge) * present.take(entries) * opacity, out=mass)
    # Below the cord they are a bundle at the back that thins out; where there is no room they fill the sac.
    bundle = roots.bundle * part.profile("bundle") * clip((q + roots.heap) * 2.5) * (0.65 + 0.35 * part.fine)
    crowd = clip((part.profile("spinal") - 0.2) / 0.58) * (part.s > canvas.spine.sac_end) * (0.94 + 0.1 * part.fine)
    np.maximum(mass, bundle, out=mass)
    lay(part.image, canvas.palette["nerve"], clip(np.maximum(0.95 * mass, crowd)) * inside)


def _paint_traversing_root(canvas: Canvas) -> None:
    """The root on its way down the recess, from the sac's corner towards its foramen."""
    height, recess = canvas.above("disc"), canvas.side_profile("subarticular")
    down = clip((6 - height) / 28)
    start = canvas.profile("recess") - 0.2
    x = canvas.across - (start + (canvas.profile("shoulder") + 2 - start) * down - 0.8 * recess)
    y = (canvas.b - canvas.profile("recess_depth") + 2.6 - 1.0 * down + 0.9 * recess) / (1 - 0.45 * recess)
    root = norm(x, y) - 1.7 * (1 - 0.25 * recess)
    root = np.maximum(root, np.maximum(height - 5, -22 - height)) + 9 * (canvas.s < canvas.spine.sac_end - 30)
    lay(canvas.image, canvas.palette["nerve"], cover(root, canvas.edge) * 0.95)
