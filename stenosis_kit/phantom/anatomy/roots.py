"""The roots of the cauda equina inside the dural sac."""

from __future__ import annotations

import numpy as np

from stenosis_kit.phantom.anatomy.column import L1, S1
from stenosis_kit.phantom.anatomy.wall import Wall


class Roots:
    """Pairs of roots of L2 to S4, two strands each, settled at the back of the sac, the next to leave outermost.

    Attributes:
        across, back: (strands, n) float32 places over s (see `profiles.STEP`) as shares of the sac's half width and
            half depth.
        present: (strands, n) float32: 1 inside the sac, 0 before the strand leaves the cord and after it has left.
        radius: (strands,) mm.
        opacity: (strands,) float32: how dark a strand is drawn.
        bundle: how dark they are as a bundle below the cord.
        heap: how far the bundle reaches forwards from the sac's middle, as a share of its half depth.
    """

    def __init__(self, rng: np.random.Generator, wall: Wall, s: np.ndarray, conus: float, sac_end: float) -> None:
        leaves = np.r_[wall.s_bodies[L1 + 1 : S1] + 12, wall.s_bodies[S1] + 5, np.full(3, sac_end + 6)]
        outward = np.repeat(np.linspace(0.85, 0.13, len(leaves)), 4)
        leaves, side = np.repeat(leaves, 4)[:, None], np.tile([-1, -1, 1, 1], len(leaves))
        count = len(side)
        across = side * np.clip(outward + 0.15 * rng.normal(size=count), 0.03, 0.88)
        back = np.clip(0.62 - 0.75 * np.abs(across) ** 1.5 + 0.24 * rng.normal(size=count), -0.55, 0.78)[:, None]
        swing, length, phase = (rng.uniform(*span, (count, 1)) for span in ((0.02, 0.07), (25, 70), (0, 6.28)))
        leaving = np.clip((leaves + 18 - s) / 18, 0, 1)
        self.across = (across[:, None] + swing * np.sin(2 * np.pi * s / length + phase)).astype(np.float32)
        self.back = (back + 0.35 * leaving * (-0.6 - back)).astype(np.float32)
        self.present = (np.clip((s - leaves) / 4, 0, 1) * (s < conus + 25)).astype(np.float32)
        self.radius = rng.uniform(0.5, 0.95, count)
        self.opacity = rng.uniform(0.6, 1.0, count).astype(np.float32)
        self.bundle = float(np.clip(rng.normal(0.4, 0.35), 0, 0.9))
        self.heap = float(rng.uniform(-0.4, 0.6))
