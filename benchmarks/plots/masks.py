"""What the masks of a network leave: every layer as a small map, and the pictures that the first layer looks at."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from torch import Tensor, nn

from evoprune.benchmarks.plots import style
from evoprune.genome import prunable_layers
from evoprune.individuals import Autoencoder, Network
from evoprune.tied import TiedAutoencoder, TiedLinear

MANY_UNITS = 30  # more than these are not shown one by one
COLUMNS = 11  # pictures side by side
ELONGATED = 2  # longer over shorter side up to which images are worth drawing
BINS = 100  # rows and columns of a map
PANEL = 1.55  # inches: the height of a layer's map with its title
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d, TiedLinear)


def plot_masks(network: Network, shape: tuple[int, int] | None = None) -> Figure:
    """A map a layer of the weights kept, parts side by side, encoder on the left, and what has nothing left.

    A row is a unit and a column an input; in convolutions they are channels, and a field is the share kept of a kernel.
    Both are sorted, those that keep most first, so units without inputs are an empty band at the bottom.

    :param shape: height and width, where samples are images. Then below it each unit of a fully connected first layer
        is an image of the inputs that it keeps, and another one counts the units an input.
    """
    layers = {name: (layer, mask) for name, layer, mask in masked_layers(network)}
    if not layers:
        return style.message_figure("No layer of this network can be pruned: all weights are kept.")
    tied = isinstance(network, TiedAutoencoder)
    parts = Autoencoder.names if tied else network.names
    sides = [[name for name in layers if name.partition(".")[0] == part] for part in parts]
    rows = list(zip_longest(*filter(None, sides), fillvalue="."))
    height, (name, (layer, mask)) = PANEL * len(rows) + 0.7, next(iter(layers.items()))
    figure: Any = style.new_figure(height)
    upper = figure
    first = next((layer for _, layer in prunable_layers(network[0].module)), None)
    if shape is not None and layer is first and _fits(layer, shape):
        lines = -(-(min(len(mask), MANY_UNITS) + 1) // COLUMNS)
        below = 0.5 + lines * (style.WIDTH / COLUMNS * shape[0] / shape[1] + 0.2)
        figure.set_figheight(height + below)
        upper, lower = figure.subfigures(2, 1, height_ratios=(height, below))
        _pictures(lower, name, mask, shape)
    panels = upper.subplot_mosaic(rows)
    for name, axes in panels.items():
        image = _map(axes, name, *layers[name])
    style.colour_bar(upper, image, list(panels.values()), "weights kept (%)", pad=0.02, fraction=0.03)
    upper.supxlabel("a row is a unit, a column an input; those that keep most come first", fontsize=style.SMALL)
    hidden = [mask for name, (_, mask) in layers.items() if name not in sides[-1][-1:]]  # the last ones are the outputs
    dead, units = sum(map(without_inputs, hidden)), sum(map(len, hidden))
    headline = f"{dead} of {units} hidden units have no inputs left; " if units else ""
    upper.suptitle(f"{headline}the masks keep {network.preserved:.1%} of all weights", fontsize=style.LARGE)
    return figure


def masked_layers(network: Network) -> Iterator[tuple[str, nn.Module, np.ndarray]]:
    """Name, layer and mask of all prunable weights, part by part, each mask (units, inputs, kernel...) of bools."""
    tied = isinstance(network, TiedAutoencoder)
    for part, genome in zip(network.names, network, strict=True):
        masks = {id(genome.module.get_parameter(name)): mask for name, mask in genome.masks.items()}
        for name, layer in prunable_layers(genome.module):
            mask: Tensor | None = masks.get(id(layer.weight))
            if mask is not None:
                values = mask.cpu().numpy()
                yield name if tied else f"{part}.{name}".rstrip("."), layer, _units_first(values, layer)


def without_inputs(mask: np.ndarray) -> int:
    """How many units of a mask (units, inputs, ...) have no weight left."""
    return int((~mask.reshape(len(mask), -1).any(axis=1)).sum())


def binned(rows: np.ndarray) -> np.ndarray:
    """Means of neighbouring columns, (rows, at most BINS), all of as many columns but for one."""
    columns = rows.shape[1]
    parts = np.array_split(rows, -(-columns // -(-columns // BINS)), axis=1)
    return np.stack([part.mean(axis=1) for part in parts], axis=1)


def _units_first(mask: np.ndarray, layer: nn.Module) -> np.ndarray:
    if not isinstance(layer, TRANSPOSED):
        return mask
    groups = getattr(layer, "groups", 1)  # torch has (inputs, units a group, kernel...)
    swapped = mask.reshape(groups, -1, *mask.shape[1:]).swapaxes(1, 2)
    return swapped.reshape(-1, *swapped.shape[2:])


def _fits(layer: nn.Module, shape: tuple[int, int]) -> bool:
    inputs = layer.in_features if isinstance(layer, nn.Linear) else 0
    return shape[0] * shape[1] == inputs and max(shape) <= ELONGATED * min(shape)


def _map(axes: Any, name: str, layer: nn.Module, mask: np.ndarray) -> Any:
    shares = mask.reshape(*mask.shape[:2], -1).mean(axis=2) * 100
    units, inputs = shares.shape
    rows, columns = (np.argsort(-shares.sum(axis=axis), kind="stable") for axis in (1, 0))
    fields = binned(binned(shares[rows][:, columns]).T).T
    image = axes.imshow(fields, cmap="Blues", vmin=0, vmax=100, aspect="auto", interpolation="nearest")
    kernels = " × ".join(map(str, mask.shape[2:]))
    unit, read = ("channel", "input channels") if kernels else ("unit", "inputs")
    if getattr(layer, "groups", 1) > 1:
        read += " a group"
    style.dress_image(
        axes,
        f"{name}: {mask.mean():.1%} kept{f' of kernels of {kernels}' if kernels else ''}\n"
        f"{without_inputs(mask)} of {units} {unit}s have no inputs left\n"
        f"{without_inputs(mask.swapaxes(0, 1))} of {inputs} {read} are read by no {unit}",
    )
    return image


def _pictures(figure: Any, name: str, mask: np.ndarray, shape: tuple[int, int]) -> None:
    """The inputs that each unit keeps, as images, and one of how many units keep an input."""
    units = min(len(mask), MANY_UNITS)
    which = f"the first {units} of {len(mask)} units" if units < len(mask) else "each unit"
    title = f"Inputs kept by {which} of {name}; last the number of units that keep an input"
    figure.suptitle(title, fontsize=style.LARGE)
    counts = mask.sum(axis=0)
    images = [(f"{unit}: {mask[unit].mean():.0%}", mask[unit], 1) for unit in range(units)]
    images.append((f"{counts.min()} to {counts.max()}", counts, max(counts.max(), 1)))
    panels = list(figure.subplots(-(-len(images) // COLUMNS), COLUMNS, squeeze=False).flat)
    for axes, (title, values, most) in zip(panels, images, strict=False):
        axes.imshow(values.reshape(shape), cmap="Blues", vmin=0, vmax=most)
        style.dress_image(axes, title)
    for axes in panels[len(images) :]:
        axes.set_axis_off()
