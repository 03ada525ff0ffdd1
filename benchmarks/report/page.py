"""Sections as Markdown, and as one HTML page that needs nothing else: no network, no script, no other file."""

import base64
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from evoprune.benchmarks.report.hover import within_page
from evoprune.benchmarks.report.section import Section, Table, anchor

LONG = 100  # rows from which Markdown only links a table
FOLDED = 24  # rows from which the page folds a table
P_VALUES = ("p", "p (Holm)")
SMALLEST = 0.001
MARKUP = r"`[^`<]+`"
"""What a paragraph or a caption may hold beside plain text; ``**bold**`` needs no care."""


def markdown(sections: list[Section], title: str) -> str:
    """The report as Markdown; its figures lie beside it as PNG, its tables as CSV."""
    blocks = [f"# {_plain(title)}"]
    for section in sections:
        blocks.append(f"## {_plain(section.title)}")
        for part in section.parts:
            if isinstance(part, str):
                blocks.append(_plain(part, MARKUP))
            elif isinstance(part, Table):
                long = len(part.frame) > LONG
                size = f"{len(part.frame)} rows, " if long else ""
                blocks.append(f"{_plain(part.caption, MARKUP)} ({size}[{part.name}.csv]({part.name}.csv))")
                blocks += [] if long else [pipe_table(part)]
            else:
                alt = _plain(re.sub(r"[`*\[\]]", "", part.caption))
                blocks += [f"![{alt}]({part.name}.png)", f"*{_plain(part.caption, MARKUP)}*"]
    return "\n\n".join(blocks) + "\n"


def pipe_table(part: Table) -> str:
    """A pipe table."""
    head, *body = [[_plain(text).replace("|", "\\|") for text in row] for row in rows(part.frame)]
    rule = ["---:" if right else "---" for right in right_aligned(part.frame)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *body])


def _plain(text: str, markup: str = "") -> str:
    """A text in one line of Markdown in which nothing is HTML, a link or a picture.

    Other signs stay: names such as ``spatial_x`` and numbers such as ``<0.001`` are to be read in the source, too.

    :param markup: a regular expression of what stands as it is.
    """
    pieces = re.split(f"({markup})", text) if markup else [text]  # every other one is markup
    return " ".join("".join(piece if i % 2 else _escaped(piece) for i, piece in enumerate(pieces)).split())


def _escaped(text: str) -> str:
    text = re.sub(r"([\\`\[\]])", r"\\\1", text)
    text = re.sub(r"&(?=#?\w+;)", "&amp;", text)
    return re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)


def page(sections: list[Section], title: str, images: Mapping[str, tuple[str, bytes]]) -> str:
    """The report as HTML, by the template ``page.html``.

    :param images: for the name of each picture its media type and its bytes, which end up in the page.
    """

    def source(name: str) -> str:
        kind, content = images[name]
        return f"data:{kind};base64,{base64.b64encode(content).decode()}"

    def drawing(name: str, words: str) -> Markup:
        return Markup(within_page(images[name][1], name, words))

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, keep_trailing_newline=True)
    environment.filters.update(anchor=anchor, inline=inline, right_aligned=right_aligned, rows=rows, source=source)
    environment.filters["drawing"] = drawing
    template = files("evoprune.benchmarks.report").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(template).render(sections=sections, title=title, long=FOLDED)


def inline(text: str) -> Markup:
    """A paragraph as HTML: everything escaped, then ``**bold**`` and backticks."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text)))
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text))


def cell(value: Any, column: str = "") -> str:
    """Four significant digits, p-values down to 0.001, nothing for what is missing."""
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and np.isnan(value)):
        return ""
    if isinstance(value, float | np.floating):
        number = float(value)
        if column in P_VALUES:
            return f"<{SMALLEST}" if number < SMALLEST else f"{number:.3f}"
        return f"{number:.0f}" if 1000 <= abs(number) < 1e7 else f"{number:.4g}"
    return str(value)


def rows(frame: pd.DataFrame) -> list[list[str]]:
    """The cells of a table as text, its columns' names first."""
    names = [str(column) for column in frame.columns]
    body = frame.itertuples(index=False)  # keeps whole numbers whole, which iterrows does not
    return [names, *([cell(value, name) for value, name in zip(row, names, strict=True)] for row in body)]


def right_aligned(frame: pd.DataFrame) -> list[bool]:
    """Whether a column holds numbers."""
    return [pd.api.types.is_numeric_dtype(frame.iloc[:, i]) for i in range(frame.shape[1])]
