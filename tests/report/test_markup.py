from stenosis_kit.report.charts import chart
from stenosis_kit.report.markup import image, join, table, tag

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
