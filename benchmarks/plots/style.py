"""What all figures share: sizes, colours that colour-blind readers can tell apart, and axes without clutter."""

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import Formatter, LogLocator, MaxNLocator, NullFormatter

WIDTH = 7.5  # inches: as wide as a printed page, so that 9 points stay 9 points
TINY, SMALL, LARGE = 7, 9, 10  # points

# The palette of Okabe and Ito, "Color universal design" (2008), without the yellow that white paper swallows.
BLACK, BLUE, VERMILION, GREEN = "#000000", "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY = "#CC79A7", "#E69F00", "#56B4E9"
GREY, PALE = "#8C8C8C", "#E6E6E6"
NOTHING = "#D6EAF5"  # behind images: where there is no number

STEPS = (1, 2, 5, 10)  # between ticks, times a power of ten
LABELS = {30: (1, 2, 3, 5), 3000: (1, 2, 5)}  # within a decade, up to so many times the lowest value


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure, sizes in inches, that makes room for its labels by itself."""
    return Figure(figsize=(width, height), layout="constrained")


def new_panel(height: float, title: str, x: str, y: str) -> tuple[Figure, Axes]:
    """A figure with one pair of axes; see :func:`dress`."""
    figure = new_figure(height)
    axes = figure.subplots()
    dress(axes, title, x, y)
    return figure, axes


def message_figure(text: str) -> Figure:
    """A figure that says why there is nothing to see."""
    figure = new_figure(1.6)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=LARGE)
    return figure


def dress(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Title and labels, a light grid, and no frame where nothing is read off."""
    axes.set_title(title, fontsize=LARGE, loc="left")
    axes.set_xlabel(x, fontsize=SMALL)
    axes.set_ylabel(y, fontsize=SMALL)
    axes.tick_params(labelsize=SMALL)
    axes.grid(color=PALE, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def dress_image(axes: Axes, title: str = "") -> None:
    """A title and a thin frame around an image; no ticks."""
    axes.set_title(title, fontsize=SMALL, pad=3)
    axes.set_facecolor(NOTHING)
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set(color=GREY, linewidth=0.5)


def whole_numbers(axes: Axes, bins: int = 8) -> None:
    """Only whole numbers on the x axis."""
    axes.xaxis.set_major_locator(MaxNLocator(nbins=bins, integer=True, min_n_ticks=1, steps=STEPS))


def logarithmic(axes: Axes, which: str, form: str | Formatter = "{x:g}") -> None:
    """A logarithmic x or y axis, once all is drawn, with so few labels that none overprints another."""
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    low, high = axis.get_view_interval()
    within = next((labels for span, labels in LABELS.items() if high < span * low), (1,))
    axis.set_major_locator(MaxNLocator(8, steps=STEPS) if high < 4 * low else LogLocator(subs=within))
    axis.set_major_formatter(form)
    axis.set_minor_formatter(NullFormatter())


def say_nothing(axes: Axes) -> None:
    """What stands in axes that have no data."""
    axes.text(0.5, 0.5, "nothing recorded", transform=axes.transAxes, ha="center", va="center", fontsize=SMALL)


def legend_beside(axes: Axes, note: str = "") -> None:
    """The legend to the right of the axes, where it hides nothing, with a note below its entries."""
    handles, labels = axes.get_legend_handles_labels()
    if note:
        handles, labels = [*handles, Line2D([], [], linestyle="none")], [*labels, note]
    if handles:
        place: Any = {"loc": "upper left", "bbox_to_anchor": (1.01, 1.02)}
        axes.legend(handles, labels, **place, frameon=False, fontsize=SMALL, labelspacing=0.7)


def colour_bar(figure: Any, image: Any, axes: Any, label: str, **options: Any) -> None:
    """A labelled colour bar of `image` beside `axes`, in a figure or subfigure."""
    bar = figure.colorbar(image, ax=axes, panchor=False, **options)
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    bar.outline.set_linewidth(0.5)
