"""How well a pair reconstructs: what fitness, logs and reports are made of."""

import math
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from evoprune.checks import at_least, listed, of_type, shown
from evoprune.fitness import finite
from evoprune.genome import Autoencoder, Genome, genomes
from evoprune.layers import plain_steps
from evoprune.losses import check_probabilities, check_shapes, mean_loss
from evoprune.refusals import blame

_INSTEAD = {
    DataLoader: "; give its samples as one tensor: torch.cat(list(loader)), or torch.cat([x for x, label in loader])",
    list: "; make it a tensor: torch.tensor(data), or torch.stack(data) where the samples are tensors",
    np.ndarray: "; make it floats: data.astype('float32')",
}


def tensor_of(data: Any, split: str) -> Tensor:
    """The samples that are meant by data, as one tensor (samples, ...).

    :param data: a problem, whose ``split`` is meant (``"train"``, ``"validation"`` or ``"test"``), a tensor, or a numpy
        array of floats, which becomes float32 and is copied only where it has to be.
    :raises TypeError: for anything else.
    """
    of_type("split", split, str, "the name of a split, such as 'train'")
    found = getattr(data, split, data)
    if isinstance(found, Tensor):
        if not found.dim():
            raise ValueError(f"data must be (samples, inputs), got {shown(found)}")
        return found
    if isinstance(found, np.ndarray) and found.dtype.kind == "f":
        return torch.from_numpy(np.require(found, np.float32, ["C", "W"]))  # torch warns of memory that is read-only
    hint = next((hint for kind, hint in _INSTEAD.items() if isinstance(found, kind)), "")
    raise TypeError(f"data must be a problem, a tensor or a numpy array of floats, got {shown(data)}{hint}")


class Rows(Protocol):
    """Samples by index: a tensor (samples, ...), or what makes dense only the rows that are asked for."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __len__(self) -> int: ...

    def __getitem__(self, index: Tensor) -> Tensor: ...


def rows_of(data: Any, split: str) -> Rows:
    """The samples of a split by index, where a problem offers that (``rows``), else what :func:`tensor_of` gives."""
    rows: Rows = data.rows(split) if callable(getattr(data, "rows", None)) else tensor_of(data, split)
    return rows


def draw_batch(data: Any, size: int = 5) -> Tensor:
    """``size`` different samples at random, (size, ...), drawn from Python's global ``random`` as DEAP's operators do.

    :param data: a problem, whose ``train`` split is used, or what :func:`tensor_of` takes.
    :raises ValueError: for a size below 1 or above the number of samples.
    """
    rows = rows_of(data, "train")
    at_least("batch size", size, 1, whole=True)
    if size > len(rows):
        raise ValueError(f"batch size {shown(size)} is larger than the {len(rows)} samples")
    return rows[torch.tensor(random.sample(range(len(rows)), size))]


def evaluate(pair: Autoencoder, data: Any, loss: str = "l1") -> tuple[float]:
    """The mean reconstruction loss of a pair, as a DEAP fitness: what stock algorithms take as ``toolbox.evaluate``.

    Parameters, result and errors as in :func:`reconstruction_loss`.
    """
    _check_pair(pair)
    return reconstruction_loss(pair.encoder, pair.decoder, data, loss)


def reconstruction_loss(encoder: Genome, decoder: Genome, data: Any, loss: str = "l1") -> tuple[float]:
    """The mean loss of a combination of encoder and decoder, as a DEAP fitness: ``(loss,)``.

    :param data: a problem, whose ``validation`` split is used, or what :func:`tensor_of` takes.
    :returns: a finite number: NaN and infinity become :data:`evoprune.fitness.WORST`.
    :raises TypeError: for what is no pair, or no data.
    :raises ValueError: for an unknown loss, data that are not finite or that the networks do not fit, and
        reconstructions of another shape than the data.
    """
    tensor = tensor_of(data, "validation")
    return (loss_of(_reconstruct(encoder, decoder, tensor), tensor, loss),)


def loss_of(output: Tensor, data: Tensor, loss: str = "l1") -> float:
    """The mean loss of reconstructions that are there already; results and errors as :func:`reconstruction_loss`.

    :param output: what :func:`reconstruct` gave for ``data``.
    """
    target = data.to(output)
    check_probabilities(loss, "data", target)
    value: float = mean_loss(loss, output, target, dims=output.dim()).item()
    if not math.isfinite(value):  # a diverged network is a bad one, but no mistake
        if not bool(data.isfinite().all()):
            raise ValueError(f"the data to reconstruct hold NaN or infinity: {shown(data)}")
        if bool(output.isfinite().all()):
            check_probabilities(loss, "reconstructions", output)
    return finite(value)


def pairwise_losses(
    encoders: Sequence[Genome], decoders: Sequence[Genome], data: Any, loss: str = "l1"
) -> list[list[tuple[float]]]:
    """:func:`reconstruction_loss` of every encoder with every decoder, ``[encoder][decoder]``.

    Where all are plain stacks, a decoder takes the codes of all encoders at once, each computed once; the last bits may
    differ from those of the losses taken one by one.

    :raises TypeError: as :func:`reconstruction_loss`, and so with ``ValueError``.
    """
    check_sides(encoders, decoders)
    with suppress(RuntimeError):  # of what does not fit; one by one it is said better
        losses = _all_at_once(encoders, decoders, tensor_of(data, "validation"), loss)
        if losses is not None and bool(losses.isfinite().all()):
            return [[(finite(value),) for value in row] for row in losses.tolist()]
    return [[reconstruction_loss(one, other, data, loss) for other in decoders] for one in encoders]


def check_sides(encoders: Any, decoders: Any) -> None:
    """Refuse anything but lists of genomes.

    :raises TypeError: naming it; ValueError for an empty one.
    """
    for name, side in (("encoders", encoders), ("decoders", decoders)):
        given = listed(name, side, "a list of genomes")
        if not given:
            raise ValueError(f"{name} must have at least one genome, got {shown(side)}")
        for genome in given:
            of_type(name, genome, Genome, "a list of genomes")


vars(reconstruction_loss)["pairwise"] = pairwise_losses  # what a cell asks for; see evoprune.algorithms.cells


def reconstruct(pair: Autoencoder, data: Any) -> Tensor:
    """Reconstructions of ``data``, as in :func:`evaluate`, in evaluation mode and without gradients."""
    _check_pair(pair)
    return _reconstruct(pair.encoder, pair.decoder, tensor_of(data, "validation"))


def wrong_bits(pair: Autoencoder, data: Any) -> float:
    """The share of wrong bits after rounding at 0.5; ``data`` binary, as in :func:`evaluate`. NaN is wrong."""
    return wrong_share(reconstruct(pair, data), tensor_of(data, "validation"))


def wrong_share(output: Tensor, data: Tensor) -> float:
    """The same for reconstructions that are there already.

    :param output: what :func:`reconstruct` gave for ``data``.
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


def _check_pair(pair: object) -> None:
    if not isinstance(pair, Autoencoder):
        raise TypeError(f"what reconstructs is an Autoencoder, got {shown(pair)}")
    genomes(pair)


def _reconstruct(encoder: Genome, decoder: Genome, data: Tensor) -> Tensor:
    of_type("the encoder", encoder, Genome, "a Genome")
    of_type("the decoder", decoder, Genome, "a Genome")
    parts = [encoder.module, decoder.module]
    steps = [plain_steps(part) for part in parts]
    calls: Sequence[Callable[[Tensor], Tensor]] = [*steps[0], *steps[1]] if all(steps) else parts
    with torch.no_grad() if all(steps) else evaluating(*parts):
        try:
            output = _through(calls, like_parameters(encoder.module, data))
        except Exception as error:
            blame(error, data, encoder.module, decoder.module)
            raise
    if not output.numel():
        raise ValueError(f"data must have samples, (samples, inputs), got shape {tuple(data.shape)}")
    return output


def _through(calls: Iterable[Callable[[Tensor], Tensor]], values: Tensor) -> Tensor:
    for call in calls:
        values = call(values)
    return values


@torch.no_grad()
def _all_at_once(encoders: Sequence[Genome], decoders: Sequence[Genome], data: Tensor, loss: str) -> Tensor | None:
    """The losses of all combinations, (encoders, decoders); None unless all are plain stacks."""
    ways, backs = ([plain_steps(genome.module) for genome in side] for side in (encoders, decoders))
    if not all(ways) or not all(backs):
        return None
    target = like_parameters(decoders[0].module, data)
    check_probabilities(loss, "data", target)
    codes = torch.cat(
        [_through(steps, like_parameters(one.module, data)) for one, steps in zip(encoders, ways, strict=True)]
    )
    outputs = (_through(steps, codes).unflatten(0, (len(encoders), len(data))) for steps in backs)
    return torch.stack([mean_loss(loss, output, target, dims=data.dim()) for output in outputs], dim=1)
