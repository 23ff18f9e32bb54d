import base64

import numpy as np

from stenosis_kit.report.charts import SEVERITY_COLORS, chart
from stenosis_kit.report.markup import Markup, image, join, table, tag
from stenosis_kit.report.page import Section, render
from stenosis_kit.report.pictures import heated, jpeg

EVIL = '<script>alert("x")</script>&\''


def test_text_is_escaped_wherever_it_stands():
    pieces = (
        join(EVIL),
        tag("p", EVIL, title=EVIL),
        table((EVIL,), [(EVIL, EVIL)], EVIL),
        image(b"x", EVIL),
        chart(lambda axes: axes.plot([0, 1]), EVIL, EVIL),
    )
    for piece in pieces:
        assert "<script" not in piece
        assert "&lt;script&gt;" in piece or "&lt;script>" in piece


def test_markup_is_not_escaped_twice():
    assert join(tag("b", "a < b"), " & c") == "<b>a &lt; b</b> &amp; c"


def test_attributes_are_spelt_as_in_python():
    assert tag("a", "x", class_="y", aria_label="z", open=True, hidden=None) == '<a class="y" aria-label="z" open>x</a>'


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


def test_charts_take_the_pages_colours_and_refer_to_nothing():
    text = chart(lambda axes: axes.plot([0, 1], color=SEVERITY_COLORS[2]), "a line")
    assert "var(--severe)" in text
    assert "currentColor" in text
    assert "http" not in text
    assert "#0102" not in text


def test_the_page_holds_a_section_for_every_link():
    page = render("a & b", Markup("<p>x</p>"), [Section("one", "One", Markup("")), Section("two", "Two", Markup(""))])
    assert "<title>a &amp; b</title>" in page
    for name in ("one", "two"):
        assert f'href="#{name}"' in page
        assert f'id="{name}"' in page
