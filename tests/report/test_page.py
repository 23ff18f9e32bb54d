from stenosis_kit.report.markup import Markup
from stenosis_kit.report.page import Section, render


def test_the_page_holds_a_section_for_every_link():
    page = render("a & b", Markup("<p>x</p>"), [Section("one", "One", Markup("")), Section("two", "Two", Markup(""))])
    assert "<title>a &amp; b</title>" in page
    for name in ("one", "two"):
        assert f'href="#{name}"' in page
        assert f'id="{name}"' in page
