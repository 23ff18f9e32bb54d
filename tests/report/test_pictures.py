import base64

import numpy as np

from stenosis_kit.report.markup import image
from stenosis_kit.report.pictures import heated, jpeg


def test_pictures_stand_in_the_page():
    pixels = np.random.default_rng(0).integers(255, size=(40, 40)).astype(np.uint8)
    text = image(jpeg(pixels), "noise")
    assert base64.b64decode(text.split("base64,")[1].split('"')[0])[:2] == b"\xff\xd8"


def test_heat_leaves_cold_parts_as_they_are():
    grey = np.full((4, 4), 100, np.uint8)
    heat = np.zeros((4, 4))
    heat[0, 0] = 1
    found = heated(grey, heat)
    assert (found[1:, 1:] == 100).all()
    assert (found[0, 0] != 100).any()
