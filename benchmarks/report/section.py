"""What a report is made of: sections of paragraphs, tables and pictures, whatever they are written as."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """A table, which is also left as ``<name>.csv``."""

    name: str
    frame: pd.DataFrame
    caption: str


@dataclass(frozen=True)
class Picture:
    """A figure, which is also left as ``<name>.png`` and ``<name>.svg``.

    ``titles`` are words on artists, by the ids that they were given (``artist.set_gid``): the page and the SVG show
    them where a pointer rests on the artist.
    """

    name: str
    figure: Figure
    caption: str
    titles: Mapping[str, str] = field(default_factory=dict)


Part = str | Table | Picture
"""A string is a paragraph; ``**bold**`` and backticks are the only markup in it."""


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it in order; a string is a paragraph."""

    title: str
    parts: list[Part] = field(default_factory=list)


@dataclass(frozen=True)
class Marks:
    """Values from elsewhere, variant -> value, for diamonds in the box plot of one metric.

    ``label`` stands in the legend, ``sentence`` in the caption.
    """

    metric: str
    values: Mapping[str, float]
    label: str
    sentence: str


def anchor(title: str) -> str:
    """A heading as the name that a link can jump to."""
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
