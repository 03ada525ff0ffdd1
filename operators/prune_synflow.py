"""SYNFLOW: weights go first that carry little of the flow from the inputs to the outputs; no data are needed."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from evoprune.activations import UNITWISE
from evoprune.checks import MOST, at_least
from evoprune.evaluation import like_parameters
from evoprune.examples import check_takes
from evoprune.individuals import genomes
from evoprune.inputs import given_samples
from evoprune.operators.choice import Scores, check, prune_lowest

_LEFT_OUT = UNITWISE.union(
    (F.softmax, torch.softmax, Tensor.softmax, F.log_softmax, torch.log_softmax, Tensor.log_softmax),
    (F.rms_norm, F.normalize, F.local_response_norm),
)
"""What is no flow: nonlinearities, also those over all units, normalization and dropout."""


def mutPruneSynFlow(
    individual: Any,
    amount: float,
    samples: Tensor | Callable[[], Tensor],
    persistent: bool = True,
    scope: str = "global",
    rounds: int = 100,
) -> tuple[Any]:
    """Prune the weights of the smallest synaptic flow, in place: ``|w * dR/dw|``. Nothing is drawn.

    R is the sum of the outputs for inputs of 1, where all weights have their absolute values and nonlinearities and
    normalization are left out, in double precision. It is found anew in every round, for what the rounds before have
    left, so that no layer is emptied while others have weights to spare.

    :param individual: a Genome, an Autoencoder or another Network.
    :param amount: the share of the survivors that goes, in [0, 1]; of the whole individual, or with ``scope="tensor"``
        of every tensor. The last survivor of a tensor stays.
    :param samples: (samples, ...) that the individual takes, or a function that returns them; only their shape matters.
    :param persistent: False sets ``round(amount * n)`` of all n entries to zero once; training moves them again.
    :param rounds: after k of n of them ``(1 - amount) ** (k / n)`` are left.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for samples that are no tensor, or of a type that the individual refuses.
    :raises ValueError: for an amount outside [0, 1], an unknown scope, fewer than one round, and samples of another
        width than the individual reads, before any change.

    Source: Tanaka et al. 2020, "Pruning neural networks without any data by iteratively conserving synaptic flow"
    (arXiv 2006.05467), who prune once, before any training.
    """
    check(amount, scope, persistent)
    at_least("rounds", rounds, 1, whole=True, most=MOST)
    example = given_samples(samples)
    check_takes(individual, example, "samples")
    ones, copy = torch.ones_like(example[:1]), deepcopy(individual)
    masks = [_straighten(genome, persistent) for genome in genomes(copy)]
    for k in range(1, rounds):
        prune_lowest(_flows(copy, ones), 1 - (1 - amount) ** (k / rounds), scope)
        for genome, whole in zip(genomes(copy), masks, strict=True):
            genome.masks = dict(whole)  # amounts are of all; what has gone is zero, and goes again
    flows = zip(genomes(individual), _flows(copy, ones), strict=True)
    prune_lowest([(genome, table) for genome, (_, table) in flows], amount, scope, persistent)
    return (individual,)


class _Straight(TorchFunctionMode):
    """Leaves out what is no flow, whatever calls it."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _LEFT_OUT:
            return args[0] if args else kwargs["input"]
        return func(*args, **kwargs)


def _straighten(genome: Any, persistent: bool) -> dict[str, Tensor]:
    """Make all that a genome holds absolute and double, in place; the masks of what can go."""
    genome.module.double().eval().requires_grad_()
    for tensor in genome.module.state_dict().values():
        if tensor.is_floating_point():
            tensor.abs_().nan_to_num_(0.0, 1e30)
    if not persistent:
        genome.masks = {name: torch.ones_like(mask) for name, mask in genome.masks.items()}
    return dict(genome.masks)


def _flows(copy: Any, ones: Tensor) -> Scores:
    """The flow through each weight; zeros, which carry none, are below those through which nothing comes."""
    value, parts = ones, genomes(copy)
    with _Straight(), torch.enable_grad():
        for genome in parts:
            value = genome.module(like_parameters(genome.module, value))
    weights = [genome.module.get_parameter(name) for genome in parts for name in genome.masks]
    found = iter(torch.autograd.grad(value.sum(), weights, materialize_grads=True) if weights else ())
    return [
        (genome, {name: _below_zero(genome.module.get_parameter(name), next(found)) for name in genome.masks})
        for genome in parts
    ]


def _below_zero(weight: Tensor, gradient: Tensor) -> Tensor:
    return torch.where(weight == 0, -1.0, (weight * gradient).detach().abs())
