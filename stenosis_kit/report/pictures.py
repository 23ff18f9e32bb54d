"""Inline pictures, and how crops, probabilities and severities are shown wherever they appear."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from stenosis_kit import rsna
from stenosis_kit.report.markup import Markup, image, join, tag

_QUALITY = 82  # of JPEG, chosen by hand: 2 to 4 kB a crop of 96 pixels


def jpeg(pixels: np.ndarray) -> bytes:
    """(rows, columns) grey or (rows, columns, 3) RGB uint8 as a JPEG."""
    stored = pixels if pixels.ndim == 2 else pixels[..., ::-1]  # OpenCV counts blue first
    return cv2.imencode(".jpg", np.ascontiguousarray(stored), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1].tobytes()


def middle(crop: np.ndarray) -> np.ndarray:
    """(px, px) the middle slice of a crop (px, px, slices)."""
    return crop[:, :, crop.shape[2] // 2]


def heated(grey: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """(rows, columns, 3) RGB uint8: a heat map in [0, 1] laid over a grey uint8 image, the more opaque the hotter."""
    colour = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
    share = (0.65 * heat)[..., None]
    return ((1 - share) * grey[..., None] + share * colour).astype(np.uint8)


def picture(pixels: np.ndarray, alt: str) -> Markup:
    """An image in the page."""
    return image(jpeg(pixels), alt, width=pixels.shape[1], height=pixels.shape[0])


def probabilities(answer: Sequence[float]) -> Markup:
    """Three probabilities as a bar in the severities' colours, and in numbers."""
    bars = [
        tag("span", class_=name, style=f"width:{100 * share:.1f}%")
        for name, share in zip(rsna.SEVERITIES, answer, strict=True)
    ]
    numbers = " / ".join(f"{share:.0%}" for share in answer)
    return join(tag("span", *bars, class_="bars"), numbers)


def severity_name(severity: str) -> Markup:
    """A severity as people write it, with its colour."""
    label = rsna.SEVERITY_LABELS[rsna.SEVERITIES.index(severity)]
    return join(tag("span", class_=f"tag {severity}"), label)
