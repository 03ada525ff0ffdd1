"""Sections as one HTML page that needs nothing else: no network, no script, no other file."""

import base64
import re
from collections.abc import Mapping
from html import escape

from evoprune.benchmarks.report.section import Picture, Section, Table
from evoprune.benchmarks.report.shown import anchor, right_aligned, rows

LONG = 24  # rows from which a table is folded

STYLE = """
:root { color-scheme: light dark; --line: #bbb; --band: #f1f3f5; --link: #0050a0; }
@media (prefers-color-scheme: dark) { :root { --line: #666; --band: #2a2d30; --link: #8ab8ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1rem; }
a { color: var(--link); }
h1, h2 { line-height: 1.2; }
h2 { border-top: 1px solid var(--line); margin-top: 2.5rem; padding-top: 1rem; }
.wide { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; font-size: 0.85rem; }
caption { text-align: left; font-weight: 600; padding: 0.3rem 0; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
th { white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
tbody tr:nth-child(even) { background: var(--band); }
summary { cursor: pointer; font-weight: 600; margin: 1rem 0 0; }
figure { margin: 1.5rem 0; }
figure img { width: 100%; max-width: 52rem; height: auto; background: #fff; border-radius: 4px; }
figcaption { font-size: 0.85rem; }
code { font-size: 0.9em; }
@media print { body { max-width: none; font-size: 11px; } figure, table { break-inside: avoid; } }
"""


def page(sections: list[Section], title: str, images: Mapping[str, tuple[str, bytes]]) -> str:
    """The report as HTML.

    :param images: for the name of each picture its media type and its bytes, which end up in the page.
    """
    contents = "\n".join(
        f'<li><a href="#{anchor(section.title)}">{escape(section.title)}</a></li>' for section in sections
    )
    body = "\n".join(_section(section, images) for section in sections)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{escape(title)}</h1>\n"
        f'<nav aria-label="Contents"><ol>\n{contents}\n</ol></nav>\n<main>\n{body}\n</main>\n</body>\n</html>\n'
    )


def _section(section: Section, images: Mapping[str, tuple[str, bytes]]) -> str:
    parts = [f'<section id="{anchor(section.title)}">\n<h2>{escape(section.title)}</h2>']
    for part in section.parts:
        if isinstance(part, Table):
            parts.append(_table(part))
        elif isinstance(part, Picture):
            parts.append(_figure(part, *images[part.name]))
        else:
            parts.append(f"<p>{inline(part)}</p>")
    return "\n".join([*parts, "</section>"])


def _table(part: Table) -> str:
    head, *body = rows(part.frame)
    kinds = [' class="number"' if right else "" for right in right_aligned(part.frame)]
    top = "".join(f'<th scope="col"{kind}>{escape(name)}</th>' for name, kind in zip(head, kinds, strict=True))
    lines = [
        "<tr>" + "".join(f"<td{kind}>{escape(text)}</td>" for text, kind in zip(row, kinds, strict=True)) + "</tr>"
        for row in body
    ]
    folded = len(body) > LONG
    caption = "" if folded else f"<caption>{inline(part.caption)}</caption>"
    table = f'<div class="wide"><table>{caption}<thead><tr>{top}</tr></thead>\n<tbody>\n' + "\n".join(lines)
    table += "\n</tbody></table></div>"
    if not folded:
        return table
    return f"<details><summary>{inline(part.caption)}: {len(body)} rows</summary>\n{table}\n</details>"


def _figure(part: Picture, kind: str, content: bytes) -> str:
    source = f"data:{kind};base64,{base64.b64encode(content).decode()}"
    caption = inline(part.caption)
    alt = escape(re.sub(r"[`*]", "", part.caption), quote=True)
    return f'<figure><img src="{source}" alt="{alt}"><figcaption>{caption}</figcaption></figure>'


def inline(text: str) -> str:
    """A paragraph as HTML: everything escaped, then ``**bold**`` and backticks."""
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
