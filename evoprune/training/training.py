"""Gradient steps for many individuals at once, masks respected."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.data import samples_of
from evoprune.genome import Genome
from evoprune.individuals import Individual
from evoprune.losses import LossFunction
from evoprune.seeds import Rng, generator, unseeded
from evoprune.training import native
from evoprune.training.batches import Epoch, Given
from evoprune.training.fit import check_fits, check_learns, kinds_of
from evoprune.training.kernel import Kernel, kernel_for
from evoprune.training.optimizers import Optimizer, optimizer_for
from evoprune.training.refused import check_individuals, check_training
from evoprune.training.seen import largest_of
from evoprune.training.stacked import StackedTrainer, chunks
from evoprune.training.structure import alike


def train(
    pairs: Sequence[Individual],
    batches: Epoch | Iterable[Any],
    loss: str | LossFunction = "l1",
    optimizer: str | Optimizer = "adam",
    learning_rate: float = 1e-3,
    parts: Sequence[str] | None = None,
    opponents: Sequence[Sequence[Genome]] | None = None,
    device: str | torch.device = "cpu",
    kernel: str | Kernel = "auto",
) -> Tensor:
    """Train individuals in place, one gradient step a batch; those of the same shape together, as one tensor program.

    :param pairs: genomes, autoencoders or other networks that share no genome.
    :param batches: an :class:`Epoch`; or tensors, (samples, ...) for all alike or (individuals, samples, ...), or pairs
        of tensors (inputs, targets).
    :param loss: a name of :data:`evoprune.losses.LOSSES`, or a function of an output (samples, ...) and a target that
        gives a scalar or values.
    :param optimizer: a name (``"adam"``, ``"sgd"`` and ``"adam-anew"``, the paper's) or an object of
        :mod:`evoprune.training.optimizers`. What it remembers lives with each genome.
    :param learning_rate: for those whose own ``learning_rate`` is None.
    :param parts: the names of the parts that learn, such as ``"encoder"``; the others stay as they are. All by default.
    :param opponents: for each individual the genomes that stand in for the one part that does not learn, one drawn at
        random for every batch; they stay as they are.
    :param kernel: ``"auto"``, ``"native"``, ``"torch"`` or a :class:`~evoprune.training.kernel.Kernel`; see
        ``docs/performance.md``.
    :returns: the mean loss over the batches of each individual, as they passed, (individuals,), float64.
    :raises TypeError: for individuals outside a list, what is no optimizer, a loss that is neither a name nor a
        function or gives no tensor, or data of a type that the network refuses.
    :raises ValueError: for an unknown loss, optimizer, part or device, a learning rate that is negative or not finite,
        a genome or a parameter that stands in two places, opponents of another structure than the part they stand in
        for, nothing to learn, no batches, data, parts and targets whose widths differ as far as the layers tell,
        classes that the network does not tell apart, or batches that hold NaN or infinity; those trained on these stay
        as they were.

    Modules are left in the mode they were in: training or evaluation. What is random, a variational encoder's noise on
    given batches, opponents, dropout, comes from streams that an individual's ``seed`` names, or where that is None
    from torch's global generator.
    """
    optimizer, kernel = optimizer_for(optimizer), kernel_for(kernel)
    check_training(pairs, loss, learning_rate, parts, opponents, device)
    data = batches if isinstance(batches, Epoch) else Given(batches, pairs)
    if isinstance(data, Epoch) and len(data.sources) != len(pairs):
        raise ValueError(f"the epoch has {len(data.sources)} sources of randomness for {len(pairs)} individuals")
    asked = (loss, optimizer, device, opponents is not None)
    able = kernel.name == "native" and data.is_whole
    ones = [i for i, one in enumerate(pairs) if able and not native.refuses(one, *asked)]
    rest = sorted(set(range(len(pairs))).difference(ones))
    groups = [[rest[i] for i in members] for members in alike([pairs[i] for i in rest])]
    kinds = kinds_of(data, loss)
    for first in (*ones, *(group[0] for group in groups)):
        check_fits(pairs[first], kinds, loss)
        check_learns(pairs[first], parts)
    rates = [float(learning_rate if one.learning_rate is None else one.learning_rate) for one in pairs]
    losses = torch.zeros(len(pairs), dtype=torch.float64)
    if ones:
        epochs, trainer = data.of_cells(ones), native.Trainer(parts, loss, optimizer, kernel.variant)
        with unseeded():  # all that is random has been drawn
            losses[ones] = trainer.train([pairs[i] for i in ones], epochs, [rates[i] for i in ones])
        if data.tensors and not bool(losses.isfinite().all()):
            largest_of(data.tensors)  # refuses what somebody wrote into them behind torch's back
    together = StackedTrainer(parts, loss, optimizer, device)
    for members in (part for group in groups for part in chunks(group, pairs[group[0]])):
        pools = None if opponents is None else [opponents[i] for i in members]
        chosen = [pairs[i] for i in members]
        losses[members] = together.train(chosen, members, data, [rates[i] for i in members], pools)
    return losses


def train_epoch(
    pairs: Sequence[Individual],
    data: Any,
    batch_size: int = 5,
    corruption: float = 0.0,
    shuffle: bool = True,
    rng: Rng = None,
    mirror: tuple[int, int, int] | None = None,
    **settings: Any,
) -> Tensor:
    """Train individuals in place for one epoch; what :func:`eaSpatialCoevolution` takes as its ``train`` slot.

    Each draws from the stream that its ``seed`` names, or where that is None from ``rng``.

    :param data: a problem, whose ``train`` split is used, a tensor, or (inputs, targets): all that
        :func:`evoprune.data.samples_of` takes.
    :param mirror: channels, height and width of images that are mirrored at random; see :class:`Epoch`.
    :param settings: as in :func:`train`.
    :returns: the mean loss of each, (individuals,).
    """
    check_individuals(pairs)
    sources = [one.seed if one.seed is not None else generator(rng) for one in pairs]
    samples = samples_of(data, "train")
    targets = samples.targets if samples.labelled else None
    return train(pairs, Epoch(samples.inputs, batch_size, sources, corruption, shuffle, targets, mirror), **settings)
