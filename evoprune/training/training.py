"""Gradient steps for many pairs at once, masks respected."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.evaluation import rows_of
from evoprune.genome import Autoencoder, Genome
from evoprune.layers import check_data
from evoprune.seeds import Rng, generator, unseeded
from evoprune.training import native
from evoprune.training.batches import Epoch, Given, largest_of
from evoprune.training.kernel import Kernel, kernel_for
from evoprune.training.optimizers import Optimizer, optimizer_for
from evoprune.training.refused import PARTS, check_pairs, check_training
from evoprune.training.stacked import StackedTrainer, chunks
from evoprune.training.structure import alike


def train(
    pairs: Sequence[Autoencoder],
    batches: Epoch | Iterable[Tensor],
    loss: str = "l1",
    optimizer: str | Optimizer = "adam",
    learning_rate: float = 1e-3,
    parts: Sequence[str] = PARTS,
    opponents: Sequence[Sequence[Genome]] | None = None,
    device: str | torch.device = "cpu",
    kernel: str | Kernel = "auto",
) -> Tensor:
    """Train pairs in place, one gradient step a batch; pairs of the same shape together, as one tensor program.

    :param pairs: pairs that share no genome.
    :param batches: an :class:`Epoch`, or tensors: (samples, ...) for all pairs alike or (pairs, samples, ...).
    :param loss: ``"l1"``, ``"mse"`` or ``"bce"``.
    :param optimizer: a name (``"adam"``, ``"sgd"`` and ``"adam-anew"``, the paper's) or an object of
        :mod:`evoprune.training.optimizers`. What it remembers lives with each genome.
    :param learning_rate: for the pairs whose own ``learning_rate`` is None.
    :param parts: which of ``"encoder"`` and ``"decoder"`` learn; the other stays as it is.
    :param opponents: for each pair the genomes that stand in for the part that does not learn, one drawn at random for
        every batch; they stay as they are.
    :param kernel: ``"auto"``, ``"native"``, ``"torch"`` or a :class:`~evoprune.training.kernel.Kernel`; see
        ``docs/performance.md``.
    :returns: the mean loss over the batches of each pair, as they passed, (pairs,), float64.
    :raises TypeError: for a pair outside a list, what is no optimizer, or data of a type that the network refuses.
    :raises ValueError: for an unknown loss, optimizer, part or device, a learning rate that is negative or not finite,
        a genome or a parameter that stands in two places, opponents of another structure than the part they stand in
        for, nothing to learn, no batches, data, codes and reconstructions whose widths differ as far as the layers
        tell, or batches that hold NaN or infinity; the pairs trained on those stay as they were.

    Modules are left in the mode they were in: training or evaluation. What is random, a variational encoder's noise on
    given batches, opponents, dropout, comes from streams that a pair's ``seed`` names, or where that is None from
    torch's global generator.
    """
    optimizer, kernel = optimizer_for(optimizer), kernel_for(kernel)
    check_training(pairs, loss, learning_rate, parts, opponents, device)
    data = batches if isinstance(batches, Epoch) else Given(batches, pairs)
    learns = [part in parts for part in PARTS]
    asked = (loss, optimizer, device, opponents is not None)
    able = kernel.name == "native" and data.is_whole
    ones = [i for i, pair in enumerate(pairs) if able and not native.refuses(pair, *asked)]
    rest = sorted(set(range(len(pairs))).difference(ones))
    groups = [[rest[i] for i in members] for members in alike([pairs[i] for i in rest])]
    widths = {data.data.shape[-1]} if isinstance(data, Epoch) else {batch.shape[-1] for batch in data.tensors}
    for first in (*ones, *(group[0] for group in groups)):
        for width in widths:
            check_data(pairs[first].encoder.module, pairs[first].decoder.module, width)
        _check_learns(pairs[first], learns, parts)
    if isinstance(data, Epoch) and len(data.sources) != len(pairs):
        raise ValueError(f"the epoch has {len(data.sources)} sources of randomness for {len(pairs)} pairs")
    rates = [float(learning_rate if p.learning_rate is None else p.learning_rate) for p in pairs]
    losses = torch.zeros(len(pairs), dtype=torch.float64)
    if ones:
        epochs, trainer = data.of_cells(ones), native.Trainer(learns, loss, optimizer, kernel.variant)
        with unseeded():  # all that is random has been drawn
            losses[ones] = trainer.train([pairs[i] for i in ones], epochs, [rates[i] for i in ones])
        if data.tensors and not bool(losses.isfinite().all()):
            largest_of(data.tensors)  # refuses what somebody wrote into them behind torch's back
    together = StackedTrainer(learns, loss, optimizer, device)
    for members in (part for group in groups for part in chunks(group, pairs[group[0]])):
        pools = None if opponents is None else [opponents[i] for i in members]
        chosen = [pairs[i] for i in members]
        losses[members] = together.train(chosen, members, data, [rates[i] for i in members], pools)
    return losses


def train_epoch(
    pairs: Sequence[Autoencoder],
    data: Any,
    batch_size: int = 5,
    corruption: float = 0.0,
    shuffle: bool = True,
    rng: Rng = None,
    **settings: Any,
) -> Tensor:
    """Train pairs in place for one epoch; what :func:`eaSpatialCoevolution` takes as its ``train`` slot.

    Each pair draws from the stream that its ``seed`` names, or where that is None from ``rng``.

    :param data: a problem, whose ``train`` split is used, or what :func:`evoprune.evaluation.tensor_of` takes.
    :param settings: as in :func:`train`.
    :returns: the mean loss of each pair, (pairs,).
    """
    check_pairs(pairs)
    sources = [pair.seed if pair.seed is not None else generator(rng) for pair in pairs]
    return train(pairs, Epoch(rows_of(data, "train"), batch_size, sources, corruption, shuffle), **settings)


def _check_learns(pair: Autoencoder, learns: Sequence[bool], parts: Sequence[str]) -> None:
    """Refuse a pair in which nothing would move."""
    sides = [genome.module.parameters() for genome, learning in zip(pair, learns, strict=True) if learning]
    if not any(parameter.requires_grad for side in sides for parameter in side):
        raise ValueError(f"nothing learns: no {' or '.join(parts)} has a parameter that requires a gradient")
