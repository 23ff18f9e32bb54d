"""How bright each tissue is, and the textures that make them uneven."""

from __future__ import annotations

import cv2
import numpy as np

T1, T2, STIR = "T1", "T2", "STIR"

_TISSUES = (
    *("fat", "marrow", "cortex", "nucleus", "annulus", "csf", "nerve", "muscle", "ligament", "epidural_fat"),
    *("vessel", "viscera", "fluid", "air"),
)
_SIGNALS = {  # relative to cerebrospinal fluid (CSF) on T2; tuned by eye on typical protocols
    T1: (0.90, 0.40, 0.05, 0.27, 0.22, 0.13, 0.33, 0.25, 0.17, 0.90, 0.10, 0.38, 0.16, 0.0),
    T2: (0.68, 0.34, 0.05, 0.80, 0.09, 1.00, 0.33, 0.13, 0.11, 0.78, 0.05, 0.35, 0.85, 0.0),
    STIR: (0.06, 0.12, 0.04, 0.65, 0.08, 1.00, 0.34, 0.14, 0.08, 0.08, 0.06, 0.28, 0.80, 0.0),
}
TILE = 256
"""Side of a texture in mm and pixels: chosen by hand. Textures repeat."""


class Palette(dict):
    """Tissue name to signal, CSF about 1 on T2.

    Attributes:
        contrast: T1, T2 or STIR.
        fat_shift: mm by which fat's chemical shift thickens upper end plates and thins lower ones.
        leak: signal of fat that escapes suppression far from the magnet's centre, and where (y, z), mm, it begins.
    """

    contrast: str
    fat_shift: float
    leak: tuple[float, float, float] = (0.0, 0.0, 0.0)


def draw_palette(rng: np.random.Generator, contrast: str, marrow: float = 1.0) -> Palette:
    """One series' signals. They vary widely, so that a network trained on them relies on none of them.

    Args:
        rng: the study's generator.
        contrast: T1, T2 or STIR (any fat-suppressed T2).
        marrow: the patient's marrow fat relative to the mean.
    """
    signals = np.array(_SIGNALS[contrast]) * np.exp(0.17 * rng.normal(size=len(_TISSUES)))
    palette = Palette(zip(_TISSUES, signals.tolist(), strict=True))
    palette.contrast = contrast
    palette["csf"] = _SIGNALS[contrast][_TISSUES.index("csf")] * rng.uniform(0.85, 1.15)
    palette.fat_shift = rng.uniform(-0.6, 0.6) * (0.2 if contrast == STIR else 1)
    palette["nucleus"] *= rng.uniform(0.25, 0.95)
    palette["marrow"] *= rng.uniform(0.7, 2.0) / marrow if contrast == STIR else marrow
    if contrast == STIR:  # suppression is seldom complete
        palette["fat"] *= rng.uniform(0.5, 3.5)
        palette["muscle"] *= rng.uniform(0.7, 1.6)
        palette.leak = max(0.0, rng.uniform(-0.6, 0.8)), rng.uniform(40, 110), rng.uniform(70, 130)
    else:  # marrow holds water too
        palette["marrow"] = min(palette["marrow"], 0.65 * palette["fat"])
    palette["epidural_fat"] = palette["fat"] * rng.uniform(0.9, 1.15)
    return palette


class Textures:
    """A patient's periodic textures of unit variance, (256, 256, …) float32 at 1 mm, drawn from a generator.

    Attributes:
        coarse: variations over some 15 mm: organs, fat.
        grain: (256, 256, 4): over some 4 mm and over some 1.2 mm for marrow, muscle and trabeculae, and two over some
            4 mm by which shapes stray from the ideal.
        streaks: 0 to 1, thin curved lines: fat between muscle fibres.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.coarse, medium, fine = (_smooth_noise(rng, sigma) for sigma in (11.0, 3.0, 0.9))
        self.grain = np.dstack([medium, fine, _smooth_noise(rng, 3.0), _smooth_noise(rng, 3.0)])
        ridges = np.clip(1.15 - np.abs(_smooth_noise(rng, 2.0, 6.5)) / 0.3, 0, 1)
        density = np.clip(0.55 + 0.5 * _smooth_noise(rng, 14.0), 0, 1)
        self.streaks = (ridges * density).astype(np.float32)


def sample(texture: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A texture at coordinates (u, v) in mm, float32 arrays of one shape."""
    return cv2.remap(texture, u, v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def _smooth_noise(rng: np.random.Generator, sigma: float, sigma_down: float | None = None) -> np.ndarray:
    """A periodic texture whose grains measure sigma mm across, and sigma_down (else the same) down."""
    noise = rng.standard_normal((TILE, TILE), dtype=np.float32)
    margin = int(4 * max(sigma, sigma_down or 0)) + 1
    smooth = cv2.GaussianBlur(np.pad(noise, margin, mode="wrap"), (0, 0), sigma, sigmaY=sigma_down or sigma)
    smooth = smooth[margin:-margin, margin:-margin]
    return np.ascontiguousarray((smooth - smooth.mean()) / smooth.std())
