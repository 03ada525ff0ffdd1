"""Sections as one HTML page that needs nothing else: no network, no script, no other file."""

import base64
import re
from collections.abc import Mapping
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from evoprune.benchmarks.report.section import Section
from evoprune.benchmarks.report.shown import anchor, right_aligned, rows

LONG = 24  # rows from which a table is folded


def page(sections: list[Section], title: str, images: Mapping[str, tuple[str, bytes]]) -> str:
    """The report as HTML, by the template ``page.html``.

    :param images: for the name of each picture its media type and its bytes, which end up in the page.
    """

    def source(name: str) -> str:
        kind, content = images[name]
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    environment.filters.update(anchor=anchor, inline=inline, right_aligned=right_aligned, rows=rows, source=source)
    template = files("evoprune.benchmarks.report").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(sections=sections, title=title, long=LONG)


def inline(text: str) -> Markup:
    """A paragraph as HTML: everything escaped, then ``**bold**`` and backticks."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text))
