"""The report in a real browser, where there is one."""

import html
import json
import re
import shutil
import subprocess

import pytest

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")

LOOK = """<script>addEventListener("load", () => {
  const images = [...document.images];
  parent.document.body.dataset.seen = JSON.stringify({
    width: innerWidth, needed: document.documentElement.scrollWidth, images: images.length,
    broken: images.filter(each => !each.complete || !each.naturalWidth).length,
    background: getComputedStyle(document.body).backgroundColor,
    fetched: performance.getEntriesByType("resource").filter(each => !each.name.startsWith("data:")).length});
});</script></body>"""


def look(page, folder, width, dark=False):
    """What a browser sees of a page in a frame of some width, and what it writes to its console."""
    inner = html.escape(page.replace("</body>", LOOK))
    path = folder / "page.html"
    path.write_text(f'<body><iframe style="width:{width}px;height:900px;border:0" srcdoc="{inner}"></iframe></body>')
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom"]
    command += ["--window-size=1400,900", f"--user-data-dir={folder / 'profile'}"]
    command += [f"--blink-settings=preferredColorScheme={0 if dark else 1}", path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    seen = re.search(r'data-seen="([^"]*)"', done.stdout)
    assert seen, done.stderr
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(html.unescape(seen[1])), console


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
