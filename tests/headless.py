"""A page as a headless Chromium shows it, where there is one."""

import html
import json
import re
import shutil
import subprocess

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

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
