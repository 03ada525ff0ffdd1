"""How well an individual does: what fitness, logs and reports are made of."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from operator import attrgetter
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import listed, of_type, shown
from evoprune.data import Rows, Samples, draw_batch, rows_of, samples_of, tensor_of
from evoprune.fitness import WORST, finite
from evoprune.genome import Genome
from evoprune.individuals import Autoencoder, Individual, genomes, names_of
from evoprune.layers import plain_steps
from evoprune.losses import (
    OF_CLASSES,
    LossFunction,
    check_classes,
    check_loss_name,
    check_probabilities,
    check_shapes,
    check_targets,
    like_output,
    mean_loss,
)
from evoprune.refusals import blame

__all__ = [
    "Rows",
    "check_sides",
    "draw_batch",
    "evaluate",
    "evaluating",
    "keeping_modes",
    "like_parameters",
    "loss_of",
    "network_loss",
    "outputs_of",
    "pairwise_losses",
    "reconstruct",
    "reconstruction_loss",
    "rows_of",
    "tensor_of",
    "wrong_bits",
    "wrong_share",
]


def evaluate(individual: Individual, data: Any, loss: str | LossFunction = "l1") -> tuple[float]:
    """The mean loss of an individual, as a DEAP fitness: what stock algorithms take as ``toolbox.evaluate``.

    :param individual: a Genome, an Autoencoder or another Network.
    :param data: a problem, whose ``validation`` split is used, a tensor, or (inputs, targets): all that
        :func:`evoprune.data.samples_of` takes.
    :param loss: a name of :data:`evoprune.losses.LOSSES`, or a function of output and target.
    :returns: ``(loss,)``, a finite number: NaN and infinity become :data:`evoprune.fitness.WORST`.
    :raises TypeError: for what is no individual, or no data.
    :raises ValueError: for an unknown loss, data that are not finite or that the networks do not fit, targets that the
        loss cannot read, and outputs of another shape than the targets.
    """
    return _loss(genomes(individual), names_of(individual), data, loss)


def network_loss(*parts: Any, data: Any = None, loss: str | LossFunction = "l1") -> tuple[float]:
    """:func:`evaluate` for genomes that may come from different individuals: the ``evaluate`` slot of a coevolution.

    It offers ``pairwise(*sides, data)``, which is :func:`pairwise_losses`.

    :param parts: the genomes in the order in which they are applied; and, unless it is given by name, the data.
    """
    chosen, data = with_data(parts, data)
    for place, genome in enumerate(chosen):
        of_type(f"part {place}", genome, Genome, "a Genome")
    return _loss(chosen, names_of(chosen), data, loss)


def reconstruction_loss(encoder: Genome, decoder: Genome, data: Any, loss: str | LossFunction = "l1") -> tuple[float]:
    """:func:`network_loss` of an encoder and a decoder."""
    of_type("the encoder", encoder, Genome, "a Genome")
    of_type("the decoder", decoder, Genome, "a Genome")
    return _loss([encoder, decoder], Autoencoder.names, data, loss)


def pairwise_losses(*sides: Any, data: Any = None, loss: str | LossFunction = "l1") -> Any:
    """:func:`network_loss` of every combination of a genome of each side, nested: ``[encoder][decoder]``.

    Where all are plain stacks, a part takes what all combinations before it give at once, each computed once; the last
    bits may differ from those of the losses taken one by one.

    :param sides: for each part the genomes to choose from; and, unless it is given by name, the data.
    :raises TypeError: as :func:`evaluate`, and so with ``ValueError``.
    """
    parts, data = with_data(sides, data)
    sizes = check_sides(parts)
    losses = _all_at_once(parts, samples_of(data, "validation"), loss)
    if losses is not None and bool(losses.isfinite().all()):
        return nested([(finite(value),) for value in losses.flatten().tolist()], sizes)
    return nested([network_loss(*chosen, data=data, loss=loss) for chosen in product(*parts)], sizes)


vars(network_loss)["pairwise"] = pairwise_losses  # what a cell asks for; see evoprune.algorithms.cells
vars(reconstruction_loss)["pairwise"] = pairwise_losses


def with_data(given: Sequence[Any], data: Any) -> tuple[list[Any], Any]:
    """What comes before the data, and the data, which are the last that was given unless they have a name."""
    if data is not None:
        return list(given), data
    if len(given) < 2:
        raise TypeError(f"a loss needs genomes and, after them, data, got {shown(given)}")
    return list(given[:-1]), given[-1]


def check_sides(sides: Sequence[Any]) -> list[int]:
    """How many genomes each side has.

    :raises TypeError: for anything but lists of genomes; ValueError for an empty one.
    """
    for number, side in enumerate(sides):
        name = f"the genomes for part {number}"
        given = listed(name, side, "a list of genomes")
        if not given:
            raise ValueError(f"{name} must be at least one, got {shown(side)}")
        for genome in given:
            of_type(name, genome, Genome, "a list of genomes")
    return list(map(len, sides))


def nested(values: list[Any], sizes: Sequence[int]) -> Any:
    """Values as lists of lists: ``sizes`` items in each dimension, the last one changing fastest."""
    for size in sizes[:0:-1]:
        values = [values[i : i + size] for i in range(0, len(values), size)]
    return values


def loss_of(output: Tensor, data: Tensor, loss: str | LossFunction = "l1") -> float:
    """The mean loss of outputs that are there already; results and errors as :func:`evaluate`.

    :param data: the targets.
    """
    check_loss_name(loss)
    target = _readable(data, output, loss)
    value = float(mean_loss(loss, output, target, dims=output.dim()))
    if not math.isfinite(value):  # a diverged network is a bad one, but no mistake
        if not bool(target.isfinite().all()):
            raise ValueError(f"the targets hold NaN or infinity: {shown(data)}")
        if bool(output.isfinite().all()):
            check_probabilities(loss, "outputs", output)
    return finite(value)


def outputs_of(individual: Individual, data: Any) -> Tensor:
    """What an individual gives for data, as in :func:`evaluate`, in evaluation mode and without gradients."""
    parts, names = genomes(individual), names_of(individual)
    outputs = [_outputs(parts, names, inputs) for inputs, _ in samples_of(data, "validation").chunks()]
    return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def reconstruct(pair: Autoencoder, data: Any) -> Tensor:
    """Reconstructions of ``data``: :func:`outputs_of` of an Autoencoder."""
    if not isinstance(pair, Autoencoder):
        raise TypeError(f"what reconstructs is an Autoencoder, got {shown(pair)}")
    return outputs_of(pair, data)


def wrong_bits(pair: Autoencoder, data: Any) -> float:
    """The share of wrong bits after rounding at 0.5; ``data`` binary, as in :func:`evaluate`. NaN is wrong."""
    return wrong_share(reconstruct(pair, data), tensor_of(data, "validation"))


def wrong_share(output: Tensor, data: Tensor) -> float:
    """The same for outputs that are there already.

    :param output: what :func:`outputs_of` gave for ``data``.
    """
    check_shapes(output, data)
    wrong = ((output >= 0.5) != (data.to(output) >= 0.5)) | output.isnan()
    return int(wrong.count_nonzero()) / wrong.numel()


@contextmanager
def keeping_modes(modules: Iterable[nn.Module]) -> Iterator[list[nn.Module]]:
    """For the block the modules and all their parts; afterwards each is in the mode it was in: training or not."""
    parts = list(modules)
    for part in parts:  # grows on the way; nn.Module.modules() takes long
        parts.extend(child for child in part._modules.values() if child is not None)
    before = [part.training for part in parts]
    try:
        yield parts
    finally:
        for part, training in zip(parts, before, strict=True):
            if part.training != training:
                vars(part)["training"] = training  # nn.Module's own setattr takes long as well


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Within the block the modules are in evaluation mode and no gradients are kept; afterwards modes are as before."""
    with keeping_modes(modules) as parts, torch.no_grad():
        for part in filter(attrgetter("training"), parts):
            vars(part)["training"] = False
        yield


def like_parameters(module: nn.Module, data: Tensor) -> Tensor:
    """``data`` on the device of the module's parameters and, if it is floating, of their type."""
    parameter = next(module.parameters(), None)
    if parameter is None:
        return data
    return data.to(parameter.device, parameter.dtype if data.is_floating_point() else None)


def _loss(parts: Sequence[Genome], names: Sequence[str], data: Any, loss: str | LossFunction) -> tuple[float]:
    """The mean over the samples, some rows at a time where they are no tensor."""
    check_loss_name(loss)
    losses = []
    for inputs, targets in samples_of(data, "validation").chunks():
        output = _outputs(parts, names, inputs)
        losses.append((loss_of(output, targets, loss), len(inputs)))
        if losses[-1][0] == WORST and not bool(inputs.isfinite().all()):
            raise ValueError(f"the data hold NaN or infinity: {shown(inputs)}")
    if len(losses) == 1:
        return (losses[0][0],)
    return (finite(sum(value * count for value, count in losses) / sum(count for _, count in losses)),)


def _outputs(parts: Sequence[Genome], names: Sequence[str], inputs: Tensor) -> Tensor:
    modules = [genome.module for genome in parts]
    first = next((module for module in modules if next(module.parameters(), None) is not None), modules[0])
    steps = [plain_steps(module) for module in modules]
    calls: Sequence[Callable[[Tensor], Tensor]] = [call for stack in steps for call in stack] if all(steps) else modules
    with torch.no_grad() if all(steps) else evaluating(*modules):
        try:
            output = _through(calls, like_parameters(first, inputs))
        except Exception as error:
            blame(error, inputs, names, modules)
            raise
    if not isinstance(output, Tensor):
        raise TypeError(f"a network must give a tensor, got {shown(output)}")
    if not output.numel():
        raise ValueError(f"data must have samples, (samples, inputs), got shape {tuple(inputs.shape)}")
    return output


def _readable(targets: Tensor, output: Tensor, loss: str | LossFunction) -> Tensor:
    """Targets as a loss reads them beside the output of one network, seen to be such."""
    target = like_output(targets, output, loss)
    check_probabilities(loss, "data", target)
    if isinstance(loss, str) and loss in OF_CLASSES:
        check_targets(loss, output.shape, target.shape, target.dtype)
        check_classes(loss, target, output.shape[1] if output.dim() > 1 else None)
    return target


def _through(calls: Iterable[Callable[[Tensor], Tensor]], values: Tensor) -> Tensor:
    for call in calls:
        values = call(values)
    return values


@torch.no_grad()
def _all_at_once(sides: Sequence[Sequence[Genome]], samples: Samples, loss: str | LossFunction) -> Tensor | None:
    """The losses of all combinations, a dimension a side; None unless all are plain stacks that fit the data."""
    stacks = [[plain_steps(genome.module) for genome in side] for side in sides]
    if not all(map(all, stacks)) or not isinstance(samples.inputs, Tensor) or not isinstance(loss, str):
        return None
    try:
        return _combined(sides, stacks, samples.inputs, next(samples.chunks())[1], loss)
    except RuntimeError:  # of what does not fit; one by one it is said better
        return None


def _combined(
    sides: Sequence[Sequence[Genome]],
    stacks: Sequence[Sequence[Sequence[Callable[[Tensor], Tensor]]]],
    inputs: Tensor,
    targets: Tensor,
    loss: str,
) -> Tensor:
    values, count = inputs, 1  # of so many combinations, one after the other
    for number, (side, calls) in enumerate(zip(sides, stacks, strict=True)):
        taken = (values if number else like_parameters(genome.module, values) for genome in side)
        outputs = (_through(steps, x).unflatten(0, (count, len(inputs))) for steps, x in zip(calls, taken, strict=True))
        if number == len(sides) - 1:
            break
        values, count = torch.stack(list(outputs), dim=1).flatten(0, 2), count * len(side)
    losses: list[Tensor] = []
    for output in outputs:
        if not losses:
            targets = _readable(targets, output[0], loss)
        losses.append(mean_loss(loss, output, targets, dims=output.dim() - 1))
    return torch.stack(losses, dim=1)
