"""Parts of a page that the kit wrote."""


def section(page, title):
    """The HTML under a heading."""
    return page.split(f"<h2>{title}</h2>")[1].split("</section>")[0]
