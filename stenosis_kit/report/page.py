"""The page: a template, its sections, and the links to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from string import Template

from stenosis_kit import __version__
from stenosis_kit.report.markup import Markup, join, tag

REPORT = "report.html"


@dataclass(frozen=True)
class Section:
    """A section of the page: its anchor, its heading, and the HTML under it."""

    id: str
    title: str
    body: Markup


def render(title: str, lead: Markup, sections: Sequence[Section]) -> str:
    """The whole page; it refers to nothing outside itself."""
    links = [tag("a", section.title, href=f"#{section.id}") for section in sections]
    bodies = [tag("section", tag("h2", section.title), section.body, id=section.id) for section in sections]
    template = Template(files("stenosis_kit.report").joinpath("page.html").read_text(encoding="utf-8"))
    return template.substitute(
        title=join(title), lead=lead, links=join(*links), sections=join(*bodies), version=join(__version__)
    )
