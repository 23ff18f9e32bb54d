"""HTML by small functions: text is escaped when it is put in, so that no table or file name can break the page."""

from __future__ import annotations

import html
from base64 import b64encode
from collections.abc import Iterable, Sequence
from typing import Any

_EMPTY = {"img", "br"}


class Markup(str):
    """Text that is HTML already; everything else is escaped."""

    __slots__ = ()


def join(*parts: Any) -> Markup:
    """One piece of HTML from pieces of HTML, texts and numbers."""
    return Markup("".join(part if isinstance(part, Markup) else html.escape(str(part)) for part in parts))


def tag(name: str, *children: Any, **attributes: Any) -> Markup:
    """An element. Attributes are spelt as in Python: class_, data_x; True stands alone, None and False are left out."""
    given = {key.rstrip("_").replace("_", "-"): value for key, value in attributes.items()}
    written = "".join(
        f" {key}" if value is True else f' {key}="{html.escape(str(value))}"'
        for key, value in given.items()
        if value is not None and value is not False
    )
    closing = "" if name in _EMPTY else f"</{name}>"
    return Markup(f"<{name}{written}>{join(*children)}{closing}")


def table(header: Sequence[Any], rows: Iterable[Sequence[Any]], caption: str = "") -> Markup:
    """A table that scrolls inside its own box where the screen is narrow; the first column names the row."""
    head = tag("tr", *(tag("th", name, scope="col") for name in header))
    body = [tag("tr", tag("th", first, scope="row"), *(tag("td", cell) for cell in rest)) for first, *rest in rows]
    inner = tag("table", tag("thead", head), tag("tbody", *body))
    box = tag("div", inner, class_="scroll", tabindex="0", role="region", aria_label=caption or "table")
    return tag("figure", tag("figcaption", caption) if caption else "", box, class_="table")


def image(data: bytes, alt: str, kind: str = "jpeg", **attributes: Any) -> Markup:
    """A picture that stands in the page itself."""
    source = f"data:image/{kind};base64,{b64encode(data).decode()}"
    return tag("img", src=source, alt=alt, loading="eager", **attributes)


def figure(content: Any, caption: Any, class_: str = "") -> Markup:
    """A figure with its caption."""
    return tag("figure", content, tag("figcaption", caption), class_=class_ or None)


def note(*text: Any) -> Markup:
    """A remark that stands out."""
    return tag("p", *text, class_="note")


def details(summary: Any, *content: Any) -> Markup:
    """What only some readers want: closed until they open it."""
    return tag("details", tag("summary", summary), *content)
