"""RESELECT: which weights the last layer keeps is chosen anew, unit by unit, by a search for the best few."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from evoprune.checks import at_least, shown
from evoprune.evaluation import loss_of, outputs_of
from evoprune.examples import check_example
from evoprune.genome import Genome
from evoprune.individuals import genomes, names_of
from evoprune.layers import called
from evoprune.losses import like_output
from evoprune.masks import kept
from evoprune.operators.regressions import regression_for
from evoprune.operators.sharing import shared_out
from evoprune.operators.subsets import Subsets, best_subsets
from evoprune.training.linear_program import linear_layers

SILENT = 1e-6
"""A unit is silent that gives no more than this share of what the strongest gives, or varies by no more of its own."""


def mutReselect(
    individual: Any,
    samples: Tensor | Callable[[], Tensor],
    targets: Tensor | Callable[[], Tensor] | None = None,
    loss: str = "bce",
    width: int = 6,
    candidates: int = 4,
    most: int = 6,
    ridge: float = 1e-4,
) -> tuple[Any]:
    """Choose anew which weights and biases the last layer keeps, as many as before, and fit them, in place.

    Each output unit is a regression on what the last layer reads and on the 1 of its bias; units of the layer before
    that are always 0 get no weight, nor do, beside biases, those that are always the same. A beam search finds for each
    output a good subset of every size up to ``most`` (:func:`evoprune.operators.subsets.best_subsets`), and the weights
    are shared out along the lower convex hulls of the losses by size (:func:`evoprune.operators.sharing.shared_out`).
    Masks may widen, as under :func:`~evoprune.operators.exchange`. What an optimizer remembers of the layer becomes 0.
    Nothing is drawn.

    The individual stays as it was where the choice has a higher loss on the samples, would leave no weight at all, or
    is none: where the layer keeps more than ``most`` weights an output, or than there is to read. One bias stays, at 0,
    in place of the least weight, where there were biases and none was chosen.

    Train afterwards, and repeat; a few rounds of this at the end of a run suit layers of few weights an output.

    :param individual: a Genome, an Autoencoder or another Network whose last part is a plain stack that ends in a
        Linear layer, with a sigmoid or nothing behind it.
    :param samples: (samples, ...) that the individual takes, or a function that returns them.
    :param targets: what it should make of them, likewise; by default the samples themselves.
    :param loss: ``"bce"`` behind a sigmoid, ``"mse"`` behind a sigmoid or nothing.
    :param width: subsets of each size that the search goes on with, for each output.
    :param candidates: ways in which it extends each of them.
    :param most: weights that an output may get, its bias among them.
    :param ridge: above 0: half of it times the squared weights is added to the loss while they are fitted, where inputs
        have a mean square of 1.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for samples or targets that are no tensor, or of a type that the individual refuses.
    :raises ValueError: for numbers out of range, another loss or network, a last layer in which something is excluded
        from pruning or does not learn, and data that are not finite or do not fit; before any change, as all of it.

    The combination is ours. Sources of its parts: Pati, Rezaiifar and Krishnaprasad 1993, "Orthogonal matching
    pursuit"; Hassibi and Stork 1993, "Second order derivatives for network pruning: optimal brain surgeon".
    """
    for what, number in (("width", width), ("candidates", candidates), ("most", most)):
        at_least(what, number, 1, whole=True)
    at_least("ridge", ridge, 0, finite=True)
    if not ridge:
        raise ValueError("ridge must be above 0, got 0: inputs that say the same would have no best weights")
    last = _last_of(individual)
    regression = regression_for(loss, last.nonlinearity)
    values = _given("samples", samples)
    wanted = values if targets is None else _given("targets", targets)
    read, output = _read(individual, last.layer, values)
    before = loss_of(output, wanted, loss)
    wanted = like_output(wanted, output, loss)
    inputs, size, alive = _inputs(read, last.layer)
    count = sum(kept(last.genome.masks[name]) for name in last.names)
    outputs = last.layer.out_features
    if count > outputs * min(most, len(alive)) or not bool(inputs.isfinite().all()):
        return (individual,)
    y = wanted.reshape(-1, outputs).to(inputs.dtype)
    subsets = best_subsets(inputs, y, regression, width, candidates, most, ridge)
    keeps, fitted = _chosen(subsets, shared_out(subsets.losses, count), alive, size, last)
    emptied = any(
        kept(last.genome.masks[name]) and not kept(keep) for name, keep in zip(last.names, keeps, strict=True)
    )
    made = last.nonlinearity()(functional.linear(read, *fitted))
    if emptied or not all(bool(part.isfinite().all()) for part in fitted) or loss_of(made, wanted, loss) > before:
        return (individual,)
    _install(last, keeps, fitted)
    return (individual,)


class _Last(NamedTuple):
    """The last layer of an individual: whose it is, the names of its parameters there, and what follows it."""

    genome: Genome
    layer: nn.Linear
    names: list[str]
    nonlinearity: type[nn.Module]


def _last_of(individual: Any) -> _Last:
    """The layer, seen to be one that can be chosen anew."""
    genome, part = genomes(individual)[-1], called(names_of(individual)[-1])
    layers = linear_layers(genome.module)
    if not layers:
        what = "a plain stack of Linear layers and nonlinearities that no other layer shares a weight with"
        raise ValueError(f"mutReselect takes an individual whose last part is {what}; {part} is {shown(genome.module)}")
    name, _, nonlinearity = layers[-1]
    layer = genome.module.get_submodule(name.removesuffix(".weight"))
    assert isinstance(layer, nn.Linear)
    found = {f"{name.removesuffix('weight')}{key}": parameter for key, parameter in layer.named_parameters()}
    for key, parameter in found.items():
        if key not in genome.masks or not parameter.requires_grad:
            why = "does not learn" if key in genome.masks else "is excluded from pruning"
            raise ValueError(f"mutReselect chooses all weights and biases of the last layer, but {part}'s {key} {why}")
    return _Last(genome, layer, list(found), nonlinearity)


def _given(what: str, data: Any) -> Tensor:
    """Samples or targets, or what a function gives for them, seen to be finite."""
    if callable(data) and not isinstance(data, type | nn.Module):
        data = data()
    check_example(data, what)
    if not bool(data.isfinite().all()):
        raise ValueError(f"the {what} hold NaN or infinite values")
    return data.detach()


def _read(individual: Any, layer: nn.Linear, samples: Tensor) -> tuple[Tensor, Tensor]:
    """What the last layer reads, and what the individual gives."""
    seen: list[Tensor] = []
    handle = layer.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        output = outputs_of(individual, samples)
    finally:
        handle.remove()
    return seen[0], output


def _inputs(read: Tensor, layer: nn.Linear) -> tuple[Tensor, Tensor, Tensor]:
    """The inputs of the regressions (samples, inputs), each divided by its root mean square.

    The root mean squares of all that the layer reads, and the numbers of what is among the inputs, too: not what is
    always 0 nor, where there is a bias, always the same.
    """
    values = read.reshape(-1, read.shape[-1]).to(torch.promote_types(read.dtype, torch.float32))
    size = values.square().mean(0).sqrt()
    varies = values.amax(0) - values.amin(0) if layer.bias is not None else size
    alive = (size > SILENT * size.max()) & (varies > SILENT * size)
    if layer.bias is not None:
        values, size, alive = (functional.pad(part, (0, 1), value=1) for part in (values, size, alive))
    alive = alive.nonzero().squeeze(1)
    return values[:, alive] / size[alive], size, alive


def _chosen(
    subsets: Subsets, sizes: Tensor, alive: Tensor, size: Tensor, last: _Last
) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    """What is kept of the weight and the bias, and their values, when each unit has its subset of some size."""
    units = torch.arange(len(sizes), device=sizes.device)
    places, weights = alive[subsets.places[units, sizes]], subsets.weights[units, sizes]
    given = torch.arange(places.shape[-1], device=sizes.device) < sizes.unsqueeze(-1)
    where = units.unsqueeze(-1).expand_as(places)[given], places[given]
    keep = torch.zeros((len(sizes), len(size)), dtype=torch.bool, device=size.device)
    fitted = torch.zeros(keep.shape, dtype=size.dtype, device=size.device)
    keep[where], fitted[where] = True, weights[given] / size[where[1]]
    ends = last.layer.in_features
    if last.layer.bias is None:
        return (keep,), (fitted.to(last.layer.weight.dtype),)
    if kept(last.genome.masks[last.names[1]]) and not keep[:, ends].any():  # no operator empties a tensor
        least = int((fitted.abs() * size).masked_fill(~keep, torch.inf).argmin())
        unit, place = divmod(least, len(size))
        keep[unit, place], fitted[unit, place], keep[unit, ends] = False, 0.0, True
    fitted = fitted.to(last.layer.weight.dtype)
    return (keep[:, :ends], keep[:, ends]), (fitted[:, :ends], fitted[:, ends])


@torch.no_grad()
def _install(last: _Last, keeps: tuple[Tensor, ...], fitted: tuple[Tensor, ...]) -> None:
    for name, keep, values in zip(last.names, keeps, fitted, strict=True):
        last.genome.grow(name, keep)
        last.genome.prune(name, keep)
        last.genome.module.get_parameter(name).copy_(values)
        for moment in last.genome.moments.get(name, ()):
            moment.zero_()
