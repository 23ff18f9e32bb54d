"""Paints one slice of a spine: any plane, any contrast, without coil shading, blur and noise (see `acquire`)."""

from __future__ import annotations

import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.anatomy.looks import Looks
from stenosis_kit.phantom.anatomy.spine import Spine
from stenosis_kit.phantom.imaging.bodies import paint_column
from stenosis_kit.phantom.imaging.canal import paint_sac, paint_soft_canal
from stenosis_kit.phantom.imaging.canvas import Canvas, window_of
from stenosis_kit.phantom.imaging.foramina import paint_foramina
from stenosis_kit.phantom.imaging.posterior import paint_posterior
from stenosis_kit.phantom.imaging.tissue import Palette, Textures
from stenosis_kit.phantom.imaging.torso import paint_torso

_SOFTNESS = 0.8
"""mm over which one tissue's edge blends into the next, where pixels are smaller than that: chosen by hand."""

_IRREGULARITY = 0.55
"""mm, sd by which bones and soft tissue behind the wall stray from their ideal shapes: chosen by hand."""


def render(spine: Spine, looks: Looks, textures: Textures, palette: Palette, plane: Plane) -> np.ndarray:
    """An ideal image (rows, columns), float32, CSF about 1 on T2.

    Args:
        spine: what is in the body; the plane is given in its frame.
        looks: the patient's details, on the contrast to draw .
        textures: the patient's textures.
        palette: the series' signals.
        plane: where the pixels lie.
    """
    edge = max(_SOFTNESS, 0.75 * max(plane.spacing))
    canvas = Canvas.blank(spine, plane, palette, textures, edge)
    paint_torso(canvas, plane, looks)
    paint_column(canvas, looks)
    # Only spinous processes reach far back, and only slices near the midline meet them.
    depth = 58 if float(canvas.across.min()) < 5 else 30
    near = (canvas.b > -8) & (canvas.b < depth) & (canvas.across < 44)
    window = window_of(near & (canvas.s > 1) & (canvas.s < spine.wall.end - 1))
    if window:
        part = canvas.crop(window)
        bony = part.warped(_IRREGULARITY)
        paint_soft_canal(bony)
        paint_posterior(bony, looks)
        paint_foramina(bony, looks)
        paint_sac(part.warped(_IRREGULARITY / 3))
    return np.maximum(canvas.image, 0)
