"""Which inputs the encoder still looks at: the masks of its first layer."""

from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from torch import nn

from evoprune.benchmarks.plots import style
from evoprune.genome import Autoencoder, prunable_layers

MANY_UNITS = 30  # more than these are not shown one by one
COLUMNS = 6  # units side by side
ELONGATED = 2  # longer over shorter side up to which images are worth drawing
MANY_INPUTS, BINS = 250, 100  # columns that can still be told apart on a page; how many to make of more
KEPT_OR_NOT = ListedColormap([style.PALE, style.BLUE])
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def plot_masks(pair: Autoencoder, shape: tuple[int, int] | None = None) -> Figure:
    """The mask of the weights of the encoder's first layer.

    :param shape: height and width, where samples are images. Then each hidden unit is an image of the inputs that it
        keeps, and another one counts the units an input. Otherwise a map of units and inputs, and a histogram.
        A convolution is a map of the share kept of each kernel, whatever the shape.
    """
    name, layer = next(prunable_layers(pair.encoder.module), ("", None))
    weight = f"{name}.weight".lstrip(".")
    if layer is None or weight not in pair.encoder.masks:
        return style.message_figure("The first layer of this encoder cannot be pruned: it looks at every input.")
    mask = pair.encoder.masks[weight].cpu().numpy()
    if not isinstance(layer, nn.Linear):
        return _kernels(mask.swapaxes(0, 1) if isinstance(layer, TRANSPOSED) else mask)
    fits = shape is not None and shape[0] * shape[1] == mask.shape[1] and max(shape) <= ELONGATED * min(shape)
    return _images(mask, shape) if shape is not None and fits else _map(mask)


def units_per_input(mask: np.ndarray) -> np.ndarray:
    """How many units still look at each input, (inputs,), of a mask (units, inputs)."""
    return np.asarray(mask.sum(axis=0))


def binned(columns: np.ndarray, bins: int) -> np.ndarray:
    """Means of neighbouring columns, (rows, bins)."""
    parts = np.array_split(columns, bins, axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


def _images(mask: np.ndarray, shape: tuple[int, int]) -> Figure:
    units = min(len(mask), MANY_UNITS)
    columns = min(COLUMNS, units)
    rows = -(-units // columns)
    ratio = shape[0] / shape[1]
    figure = style.new_figure(max(rows * (0.75 * ratio + 0.25) + 0.7, 2.4 * ratio + 1.1))  # what left and right need
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.9, 1))[0]

    which = f", the first {units} of {len(mask)}" if units < len(mask) else ""
    left.suptitle(f"Inputs kept by each unit{which}", fontsize=style.LARGE)
    panels = left.subplots(rows, columns, squeeze=False).flat
    for unit, axes in enumerate(panels):
        if unit >= units:
            axes.set_axis_off()
            continue
        axes.imshow(mask[unit].reshape(shape), cmap=KEPT_OR_NOT, vmin=0, vmax=1)
        style.dress_image(axes, f"{unit}: {mask[unit].mean():.0%}")
    _legend(left, "outside lower center")

    right.suptitle("Units that keep an input", fontsize=style.LARGE)
    axes = right.subplots()
    counts = units_per_input(mask)
    image = axes.imshow(counts.reshape(shape), cmap="Blues", vmin=0, vmax=max(counts.max(), 1))
    style.dress_image(axes)
    axes.set_anchor("N")
    below = axes.inset_axes(
        (0, -0.1 / ratio, 1, 0.05 / ratio)
    )  # moves with the image, as an ordinary colour bar does not
    whole = MaxNLocator(nbins=5, integer=True, steps=style.STEPS)
    label = f"number of units, of {len(mask)}"
    style.colour_bar(right, image, None, label, cax=below, orientation="horizontal", ticks=whole)
    return figure


def _map(mask: np.ndarray) -> Figure:
    units, inputs = mask.shape
    counts = units_per_input(mask)
    order = np.argsort(-counts, kind="stable")
    figure = style.new_figure(5.6)
    upper, lower = figure.subplots(2, 1, height_ratios=(3, 2))

    whole = inputs <= MANY_INPUTS
    shares = binned(mask[:, order].astype(float), inputs if whole else BINS) * 100
    extent = (0.5, inputs + 0.5, units - 0.5, -0.5)
    colours = KEPT_OR_NOT if whole else "Blues"
    image = upper.imshow(shares, cmap=colours, vmin=0, vmax=100, aspect="auto", extent=extent)
    style.dress(upper, "Inputs kept by each unit", x="input, those kept by most units first", y="unit")
    upper.grid(visible=False)
    upper.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1, steps=style.STEPS))
    if whole:
        _legend(figure, "outside upper right")
    else:
        style.colour_bar(figure, image, upper, "inputs kept (%)", pad=0.02, fraction=0.06)

    unseen = int((counts == 0).sum())
    title = f"{unseen} of {inputs} inputs are kept by no unit" if unseen else "Every input is kept by some unit"
    lower.bar(np.arange(units + 1), np.bincount(counts, minlength=units + 1), width=0.85, color=style.BLUE)
    style.dress(lower, title, x="units that keep an input", y="inputs")
    lower.grid(visible=False, axis="x")
    style.whole_numbers(lower)
    lower.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True, steps=style.STEPS))
    return figure


def _kernels(mask: np.ndarray) -> Figure:
    """`mask` is (output channels, input channels, ...)."""
    shares = mask.reshape(*mask.shape[:2], -1).mean(axis=2).T * 100
    figure = style.new_figure(min(max(1.9 + 0.3 * len(shares), 2.4), 7))
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, aspect="auto")
    size = " × ".join(str(n) for n in mask.shape[2:])
    style.dress(axes, f"Kernels of the first layer, each of {size} weights", x="output channel", y="input channel")
    axes.grid(visible=False)
    style.whole_numbers(axes)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1, steps=style.STEPS))
    style.colour_bar(figure, image, axes, "weights kept (%)", pad=0.02, fraction=0.06)
    return figure


def _legend(figure: Any, place: str) -> None:
    patches = [Patch(color=style.BLUE, label="kept"), Patch(color=style.PALE, label="pruned")]
    figure.legend(handles=patches, loc=place, ncols=2, frameon=False, fontsize=style.SMALL)
