"""The sections of a report, read by the titles and names of their parts."""

from typing import Any

from evoprune.benchmarks.paper.compare import build_beside_paper
from evoprune.benchmarks.report import Picture, Table, load


def sections_of(*paths, **options):
    return {section.title: section.parts for section in build_beside_paper(load(paths), **options)}


def texts(parts) -> str:
    return "\n".join(part for part in parts if isinstance(part, str))


def tables(parts) -> dict[str, Any]:
    return {part.name: part.frame for part in parts if isinstance(part, Table)}


def pictures(parts) -> dict[str, Any]:
    return {part.name: part for part in parts if isinstance(part, Picture)}
