"""The network without what is dead: a module that computes the same, and knows nothing of masks."""

from collections import OrderedDict
from copy import deepcopy
from typing import Any
from warnings import catch_warnings, simplefilter, warn

from torch import Tensor, nn

from evoprune.checks import of_type
from evoprune.examples import check_takes
from evoprune.files import reason
from evoprune.genome import Genome
from evoprune.individuals import Individual, Network, genomes
from evoprune.mlp import GaussianEncoder
from evoprune.shrinking.dead import Removed, difference, remove_dead
from evoprune.shrinking.stacks import joined


def compact(individual: Any, example: Tensor | None = None) -> nn.Module:
    """A module that computes the same as an individual, without its dead units, channels and filters.

    Units that no weight reads go. Units that no weight leads into are the same for all samples: what they add, through
    the nonlinearity, goes into the biases of the next layer. That is repeated until nothing changes. Inputs and outputs
    stay, and so does a unit of every layer.

    Read are plain stacks, ``nn.Sequential`` in whatever depth: Linear, convolutions and transposed ones in one group,
    batch norms, nonlinearities, dropout, pooling, padding, Flatten and Unflatten; :class:`evoprune.tied.TiedNetwork`,
    whose weights stay tied; and variational encoders, of which the way to the mean is left. Other modules, residual or
    concatenating, are read by Torch-Pruning (``pip install 'evoprune[structured]'``) as they compute an example, and
    every step is checked on it.

    :param individual: a Genome, an Autoencoder or another Network, or a torch module. It stays as it is.
    :param example: inputs (samples, ...), needed for what is no plain stack; what comes out is compared on them.
    :returns: in evaluation mode, for a genome a module like its own, else an ``nn.Sequential`` of the parts by their
        names. Equal to the individual in evaluation mode up to rounding: 1e-5 of the largest output in single
        precision.
    :raises TypeError: for anything else.
    :raises ValueError: for an example that the network does not take.

    A ``UserWarning`` says which dead units stay, and why.
    """
    module, removed = compacted(individual, example)
    if removed.reasons:
        warn(f"dead units may be left: {'; '.join(removed.reasons)}", stacklevel=2)
    return module


def compacted(individual: Any, example: Tensor | None = None) -> tuple[nn.Module, Removed]:
    """The same, and what was taken out, without a warning."""
    copy = without_noise(individual)
    if example is not None:
        check_takes(copy, example)
    before = deepcopy(joined(copy)) if example is not None else None
    removed = remove_dead(copy, example=example)
    after = joined(copy).eval()
    if before is not None and (why := difference(before, after, example)):
        return before.eval(), Removed(reasons=[f"{why}, so all of it is left as it is"])
    return after, removed


def without_noise(individual: Any) -> Individual:
    """A copy of an individual, or of a module as a genome: of a variational encoder the way to the mean alone."""
    expected = "a Genome, an Autoencoder, another Network or a module"
    of_type("individual", individual, Genome | Network | nn.Module, expected)
    try:
        copy: Any = deepcopy(individual)
    except RuntimeError as error:
        advice = "after torch.nn.utils.prune call prune.remove(layer, name) first"
        raise ValueError(f"individual cannot be copied ({reason(error)}); {advice}") from error
    if isinstance(copy, nn.Module):
        with catch_warnings():
            simplefilter("ignore")  # weights that no operator prunes
            copy = Genome(copy)
    for genome in genomes(copy):
        if type(genome.module) is GaussianEncoder:
            parts = OrderedDict(trunk=genome.module.trunk, mean=genome.module.mean)
            genome.module = nn.Sequential(parts)
            genome.masks = {name: mask for name, mask in genome.masks.items() if name.split(".")[0] in parts}
    return copy
