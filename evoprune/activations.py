"""What the units of an individual do on given samples: the evidence that activation-based pruning reads."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from evoprune.checks import at_least, shown
from evoprune.evaluation import evaluating, like_parameters
from evoprune.genome import Genome, prunable_layers
from evoprune.individuals import genomes, names_of
from evoprune.refusals import blame

Activations = Mapping[str, Tensor]
"""Layer name -> activations of its units, (samples, units)."""

_LAYERS = {F.linear, F.conv1d, F.conv2d, F.conv3d, F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
_RECTIFIERS = frozenset((F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_))
UNITWISE: frozenset[Any] = _RECTIFIERS.union(
    (torch.sigmoid, torch.sigmoid_, Tensor.sigmoid, Tensor.sigmoid_, F.sigmoid),
    (torch.tanh, torch.tanh_, Tensor.tanh, Tensor.tanh_, F.tanh),
    (F.leaky_relu, F.elu, F.gelu, F.silu, F.selu, F.celu, F.softplus, F.relu6, F.hardtanh, F.mish, F.prelu, F.rrelu),
    (F.hardsigmoid, F.hardswish, F.softsign, F.logsigmoid, F.threshold, F.hardshrink, F.softshrink, F.tanhshrink),
    (torch.clamp, torch.clamp_, Tensor.clamp, Tensor.clamp_, torch.clamp_min, Tensor.clamp_min, Tensor.clamp_min_),
    (F.batch_norm, F.layer_norm, F.group_norm, F.instance_norm),
    (F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
)


class ActivationProbe:
    """Activations of a genome or a network of genomes on fixed samples.

    ``probe(pair)`` gives ``{"encoder": {layer: (samples, units)}, "decoder": {...}}``, for another network a table for
    each of its ``names``; each part sees what the one before it makes. ``probe(genome)`` gives
    ``{layer: (samples, units)}`` and feeds the samples to that module, so for a decoder on its own they are codes.
    Layers are the prunable ones, by their names in the module; one that is used more than once is read at its last use,
    one that is not used is left out. The units of a convolution are its channels; activations are averaged over
    positions. Modules run in evaluation mode and without gradients, and are left as they were.

    :param samples: (samples, inputs) or (samples, channels, ...), or a function that returns them (a recipe, so that
        pickling ships no tensor; it is called each time).
    :param limit: use only the first so many samples; None for all.
    :param semantics: ``"persistent"`` reads a layer after the nonlinearity and normalization that directly follow it,
        whatever they are. ``"reference"`` reads what the paper's code reads: the layer's output as a rectifier in place
        leaves it, before a sigmoid.
    :raises ValueError: for samples that are not finite, an empty set, or unknown semantics.
    """

    def __init__(
        self, samples: Tensor | Callable[[], Tensor], limit: int | None = None, semantics: str = "persistent"
    ) -> None:
        if not isinstance(semantics, str) or semantics not in ("persistent", "reference"):
            raise ValueError(f"unknown semantics {shown(semantics)}; known: persistent, reference")
        if limit is not None:
            at_least("limit", limit, 1, whole=True)
        if not callable(samples):
            _check(samples)
        elif isinstance(samples, type | nn.Module):
            raise TypeError(f"samples must be a tensor or a function that returns one, got {shown(samples)}")
        self.samples, self.limit, self.semantics = samples, limit, semantics

    def __call__(self, individual: Any) -> dict[str, Any]:
        samples = self.samples if isinstance(self.samples, Tensor) else _check(self.samples())
        samples = samples[: self.limit]
        follow = _RECTIFIERS if self.semantics == "reference" else UNITWISE
        names, modules = names_of(individual), [genome.module for genome in genomes(individual)]
        found, values = {}, samples
        try:
            for name, module in zip(names, modules, strict=True):
                found[name], values = record(module, values, follow)
        except Exception as error:
            blame(error, samples, names, modules)
            raise
        return found[names[0]] if isinstance(individual, Genome) else found

    def __repr__(self) -> str:
        return f"ActivationProbe(limit={self.limit}, semantics={self.semantics!r})"


class _Recorder(TorchFunctionMode):
    """Sees every torch function call: which layer's weight it uses, and which nonlinearity takes a layer's output.

    Watching functions rather than modules finds ``F.relu`` in a user's ``forward`` as well as ``nn.ReLU``, and a layer
    whose weight a ``forward`` uses directly; hooks add the layers whose weight is computed (parametrizations).
    """

    def __init__(self, layers: dict[str, nn.Module], follow: frozenset[Any]) -> None:
        super().__init__()
        # Of layers that share a weight the first is meant; a tied one that uses it otherwise is seen by its hook.
        self.names = {id(layer._parameters.get("weight")): name for name, layer in reversed(layers.items())}
        self.follow = follow
        self.outputs: dict[str, Tensor] = {}

    def store(self, name: str, _module: nn.Module, _inputs: Any, output: Any) -> None:
        if isinstance(output, Tensor):
            self.outputs[name] = output

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        result, name = func(*args, **kwargs), None
        if func in _LAYERS:
            weight = args[1] if len(args) > 1 else kwargs.get("weight")
            name = self.names.get(id(weight)) if isinstance(weight, nn.Parameter) else None
        elif func in self.follow:
            source = args[0] if args else kwargs.get("input")
            name = next((name for name, output in self.outputs.items() if output is source), None)
        if name is not None:
            self.outputs[name] = result
        return result


def record(module: nn.Module, samples: Tensor, follow: frozenset[Any] = UNITWISE) -> tuple[dict[str, Tensor], Tensor]:
    """Activations of every prunable layer of ``module``, (samples, units) each, and the module's output."""
    layers = dict(prunable_layers(module))
    recorder = _Recorder(layers, follow)
    with ExitStack() as stack:
        stack.enter_context(evaluating(module))
        for name, layer in layers.items():
            stack.enter_context(layer.register_forward_hook(partial(recorder.store, name)))
        with recorder:
            output = module(like_parameters(module, samples))
    return {name: units(out, layers[name]) for name, out in recorder.outputs.items()}, output


def units(output: Tensor, layer: nn.Module) -> Tensor:
    """A layer's output as (samples, units): averaged over what stands between them, or behind channels."""
    if output.is_complex():
        raise ValueError(f"activations must be real numbers, to be compared; {layer} gives {output.dtype}")
    if output.dim() <= 2:
        return output
    return output.flatten(1, -2).mean(1) if isinstance(layer, nn.Linear) else output.flatten(2).mean(-1)


def _check(samples: Any) -> Tensor:
    if not isinstance(samples, Tensor) or samples.dim() < 2 or len(samples) == 0:
        got = f"shape {tuple(samples.shape)}" if isinstance(samples, Tensor) else shown(samples)
        raise ValueError(f"an activation probe needs samples of shape (samples, inputs), at least one; got {got}")
    if not bool(torch.isfinite(samples).all()):
        raise ValueError("the samples of an activation probe hold NaN or infinite values")
    return samples
