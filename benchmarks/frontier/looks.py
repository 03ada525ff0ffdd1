"""Colours and markers of methods: the recipe and what all are compared with stand out, the others are lighter."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import cycle

from evoprune.benchmarks.frontier.plan import BASELINE, RECIPE
from evoprune.benchmarks.plots import style


@dataclass(frozen=True)
class Look:
    """How a method is drawn: ``width`` of its line and ``size`` of its markers in points, how opaque its line is
    (``alpha``) and its ``band``, and its ``height`` over the others."""

    colour: str
    marker: str
    width: float = 0.9
    size: float = 4.0
    alpha: float = 0.75
    band: float = 0.05
    height: int = 2


STANDING_OUT = {
    RECIPE: Look(style.VERMILION, "o", 2.2, 5.5, 1.0, 0.18, 4),
    BASELINE: Look(style.BLACK, "s", 2.2, 5.0, 1.0, 0.12, 3),
}
# Five and seven have no common divisor: 35 methods differ in one or the other.
COLOURS = (style.BLUE, style.GREEN, style.PURPLE, style.ORANGE, style.SKY)
MARKERS = ("^", "D", "v", "p", "<", "h", ">")
LEVEL = Look("#555555", "o")
"""What is a level across: a method that keeps all weights, or a floor."""


def looks(methods: Iterable[str]) -> dict[str, Look]:
    """Method -> how it is drawn, the same for the same methods."""
    others = zip(cycle(COLOURS), cycle(MARKERS), strict=False)
    return {method: STANDING_OUT[method] if method in STANDING_OUT else Look(*next(others)) for method in methods}
