"""Sections as Markdown."""

import re

from evoprune.benchmarks.report.section import Section, Table
from evoprune.benchmarks.report.shown import right_aligned, rows

LONG = 100  # rows from which a table is only linked


def markdown(sections: list[Section], title: str) -> str:
    """The report as Markdown; its figures lie beside it as PNG, its tables as CSV."""
    blocks = [f"# {title}"]
    for section in sections:
        blocks.append(f"## {section.title}")
        for part in section.parts:
            if isinstance(part, str):
                blocks.append(part)
            elif isinstance(part, Table):
                long = len(part.frame) > LONG
                size = f"{len(part.frame)} rows, " if long else ""
                blocks.append(f"{part.caption} ({size}[{part.name}.csv]({part.name}.csv))")
                blocks += [] if long else [table(part)]
            else:
                alt = " ".join(re.sub(r"[`*\[\]]", "", part.caption).split())
                blocks += [f"![{alt}]({part.name}.png)", f"*{part.caption}*"]
    return "\n\n".join(blocks) + "\n"


def table(part: Table) -> str:
    """A pipe table."""
    head, *body = [[_escape(text) for text in row] for row in rows(part.frame)]
    rule = ["---:" if right else "---" for right in right_aligned(part.frame)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *body])


def _escape(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
