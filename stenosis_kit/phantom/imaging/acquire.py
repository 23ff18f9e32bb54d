"""What a scanner does to an ideal slice: coil shading, saturation, point spread, ghosts, noise, quantisation."""

from __future__ import annotations

import cv2
import numpy as np

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.imaging.canvas import clip, norm, pixel_positions
from stenosis_kit.phantom.imaging.tissue import T1

_LARGEST = 4095  # of twelve bits, as the competition's files have

_CANAL_Y, _COIL_Y = 25.0, 115.0
"""mm: where the canal lies on average, and the plane of the coil, some 10 mm behind the skin of most backs."""
_BRIGHTEST = 3.0  # gain of the back beside the canal, from which on the scanner turns its amplifier down
_AXIAL_NOISE = 1.6
"""Noise of an axial series beside a sagittal one: its field of view is smaller, and so are its voxels."""


class Receiver:
    """How one series is received, drawn from a generator; ranges are chosen by hand, and wide.

    Attributes:
        loop: radius of the surface coil behind the back, mm: with 60 the back is five times as bright as the canal,
            with 180 half as bright again.
        evened: share of that (of its logarithm) which the scanner takes back, and the noise with it: 0 none, 1 all.
        scale: stored whole numbers a unit of signal.
        noise: sd of the noise in each channel at the canal, in units of signal.
        tilt: (2,) relative change of gain over 100 mm to the left and over 150 mm to the head.
        sag: loss of gain 150 mm above and below the middle.
        band: (y, slope, width, rest) of the saturation band in front of the column, mm; the rest of the signal stays.
        taps: (13,) the point spread along rows and columns: blur and ringing of a finite matrix.
        axial_taps: the same in axial slices, which are sharper: small pixels are what they are made for.
        ghost: share of the signal that motion copies along y or z, and the distance in pixels.
    """

    def __init__(self, rng: np.random.Generator, contrast: str) -> None:
        uniform = rng.uniform
        saturated = rng.random() < 0.9
        cutoff, filtered = uniform(0.7, 1.0), uniform(0, 0.9)
        self.taps = _point_spread(cutoff, filtered)
        self.axial_taps = _point_spread(0.5 + 0.5 * cutoff, 0.5 * filtered)
        self.scale = uniform(250, 1100)
        # T1 images are scaled up, and so are less noisy in these units.
        self.noise = (0.6 if contrast == T1 else 1) / np.exp(uniform(np.log(40), np.log(260)))
        self.evened = float(np.clip((rng.random() - 0.35) / 0.35, 0, 1))  # a third each: none, some of it, all
        self.loop = float(np.exp(uniform(np.log(60), np.log(180))))
        self.scale /= max(1.0, float(self.coil(_COIL_Y - 10)) ** (1 - self.evened) / _BRIGHTEST)
        self.tilt = rng.normal(size=2) * 0.06
        self.sag = uniform(0, 0.45)
        self.band = uniform(-82, -32), rng.normal(0, 0.12), uniform(8, 40), uniform(0.0, 0.2) if saturated else 1
        self.ghost = max(0.0, rng.normal(0, 0.015)), int(rng.integers(9, 60))

    def coil(self, y: np.ndarray | float) -> np.ndarray:
        """Sensitivity of the coil at places (mm, growing towards the back), 1 at the canal.

        On the axis of a circular loop the field, and so what it receives, is as (1 + (distance / radius)^2)^-3/2: the
        law of Biot and Savart (Roemer et al. 1990, The NMR phased array).
        """
        squares = ((y - np.float32(_COIL_Y)) / np.float32(self.loop)) ** 2
        at_canal = ((_CANAL_Y - _COIL_Y) / self.loop) ** 2
        return ((1 + squares) / np.float32(1 + at_canal)) ** np.float32(-1.5)


def acquire(ideal: np.ndarray, plane: Plane, receiver: Receiver, rng: np.random.Generator) -> np.ndarray:
    """Turns an ideal slice (rows, columns) into what is stored, uint16 of at most 12 bits.

    Args:
        ideal: float32, CSF about 1.
        plane: where it lies, in the spine's frame: the coil lies behind the back, the band in front of the column.
        receiver: of the series.
        rng: for the noise.
    """
    x, y, z = pixel_positions(plane)
    coil = receiver.coil(y)
    left = coil ** np.float32(1 - receiver.evened)
    signal = ideal * left * _gain(x, y, z, receiver)
    share, distance = receiver.ghost
    if share > 0:
        signal = signal + share * np.roll(signal, distance, axis=0)
    # Rician noise: the magnitude of a real and an imaginary channel. It passes the same filter as the signal, so it is
    # correlated as in an interpolated image. The imaginary channel takes the real one's noise, shifted: that is as
    # independent at each pixel as newly drawn noise, and cheaper.
    axial = abs(float(plane.normal[0])) < 0.7
    taps, noise = (receiver.axial_taps, _AXIAL_NOISE) if axial else (receiver.taps, 1.0)
    sd = noise * receiver.noise / float((taps**2).sum())
    noise = rng.standard_normal(ideal.shape, dtype=np.float32) * (np.float32(sd) * left / coil)
    real = cv2.sepFilter2D(signal + noise, -1, taps, taps, borderType=cv2.BORDER_REFLECT)
    other = cv2.sepFilter2D(np.roll(noise, (41, 57), (0, 1)), -1, taps, taps)
    magnitude = norm(real, other) * np.float32(receiver.scale)
    return np.clip(np.rint(magnitude), 0, _LARGEST).astype(np.uint16)


def _gain(x: np.ndarray, y: np.ndarray, z: np.ndarray, receiver: Receiver) -> np.ndarray:
    """What makes a series uneven beside the surface coil."""
    height = (z + 35) * np.float32(1 / 150)
    gain = 1 + receiver.tilt[0].astype(np.float32) * x / 100 + receiver.tilt[1].astype(np.float32) * height
    gain *= 1 - receiver.sag * np.minimum(height * height, 1.6)
    at, slope, width, rest = receiver.band
    if rest < 1:
        kept = clip((y - at + np.float32(slope) * (z + 35)) * np.float32(1 / width) + 0.5)
        gain *= rest + (1 - rest) * kept * kept * (3 - 2 * kept)
    return np.maximum(gain, 0.01)


def _point_spread(cutoff: float, filtered: float) -> np.ndarray:
    """(13,) a sinc with a cutoff (share of Nyquist); filtered: 0 rings (Gibbs), 1 has a Hann window and blurs."""
    n = np.arange(-6, 7)
    taps = np.sinc(cutoff * n) * (1 - filtered + filtered * np.hanning(15)[1:-1])
    return (taps / taps.sum()).astype(np.float32)
