from stenosis_kit.report.charts import SEVERITY_COLORS, chart


def test_charts_take_the_pages_colours_and_refer_to_nothing():
    text = chart(lambda axes: axes.plot([0, 1], color=SEVERITY_COLORS[2]), "a line")
    assert "var(--severe)" in text
    assert "currentColor" in text
    assert "http" not in text
    assert "#0102" not in text
