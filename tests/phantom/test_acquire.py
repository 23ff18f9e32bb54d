"""What the scanner adds."""

import numpy as np
import pytest

from stenosis_kit.images.geometry import Plane
from stenosis_kit.phantom.imaging import tissue
from stenosis_kit.phantom.imaging.acquire import Receiver, acquire


@pytest.mark.parametrize(
    ("row", "column", "sd"),
    [((0.0, 1, 0), (0, 0, -1.0), 20), ((1.0, 0, 0), (0, 1.0, 0), 32)],
    ids=["sagittal", "axial"],
)
def test_neighbouring_pixels_have_correlated_noise_of_the_receivers_level(row, column, sd):
    rng = np.random.default_rng(0)
    receiver = Receiver(rng, tissue.T2)
    receiver.band, receiver.tilt, receiver.sag, receiver.ghost = (0, 0, 1, 1), np.zeros(2), 0, (0, 9)
    receiver.loop, receiver.scale, receiver.noise = 1e9, 1000.0, 0.02
    plane = Plane(np.zeros(3), np.array(row), np.array(column), (1.0, 1.0), (200, 200))
    stored = acquire(np.full((200, 200), 1.0, np.float32), plane, receiver, rng)[10:-10, 10:-10].astype(float)
    assert stored.mean() == pytest.approx(1000, rel=0.01)
    assert stored.std() == pytest.approx(sd, rel=0.15)
    noise = stored - stored.mean()
    assert (noise[:, 1:] * noise[:, :-1]).mean() / noise.var() > 0.05
