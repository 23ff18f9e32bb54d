"""The report in a real browser, where there is one."""

import re

import pytest
from headless import BROWSER, look

pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")


@pytest.fixture
def page(submitted):
    return (submitted / "report.html").read_text()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_loads_and_complains_of_nothing(page, tmp_path, width):
    seen, console = look(page, tmp_path, width)
    assert seen["width"] == width
    assert seen["needed"] <= width
    assert seen["images"] > 40
    assert seen["broken"] == 0
    assert seen["fetched"] == 0
    assert console == []


def test_dark_mode_is_dark(page, tmp_path):
    light, dark = (look(page, tmp_path, 390, dark)[0]["background"] for dark in (False, True))
    assert sum(map(int, re.findall(r"\d+", light)[:3])) > 600
    assert sum(map(int, re.findall(r"\d+", dark)[:3])) < 150


def test_the_look_would_notice_a_picture_that_does_not_load_and_a_page_too_wide(page, tmp_path):
    bad = '<img src="data:image/png;base64,AAAA" alt=""><div style="width:2000px">x</div></main>'
    seen, _ = look(page.replace("</main>", bad), tmp_path, 390)
    assert seen["broken"] == 1
    assert seen["needed"] >= 2000
