"""What a network costs: parameters, arithmetic, memory and time."""

import math
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from evoprune.checks import at_least, listed, of_type, shown
from evoprune.evaluation import evaluating, like_parameters
from evoprune.examples import check_example
from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes, names_of
from evoprune.layers import prunable_layers
from evoprune.masks import nonzeros
from evoprune.memory import check_fits
from evoprune.refusals import blame

__all__ = ["Cost", "Latency", "cost", "sizes"]

WARM_UP = 3
"""Calls before a latency is measured."""
LONG = 0.2
"""Seconds that the runs of one latency take together, about."""
FEWEST = 10
"""Runs of a latency at least."""
SHORTEST = 1e-4
"""Seconds that a run takes at least, about: shorter calls are timed several at once."""
RESOLUTION = 1e-7
"""Seconds below which clocks of some systems cannot tell a call from none."""

aten = torch.ops.aten
# What torch's counter takes for nothing: vectors, and the kernels of attention on a CPU and of recurrent layers. A
# formula is called with the shapes of what the operation takes, and gives two flops for each multiply-accumulate.
FORMULAS: dict[Any, Any] = {
    aten.dot: lambda a, b, **_: 2 * math.prod(a),
    aten.mv: lambda a, b, **_: 2 * math.prod(a),
    aten.addmv: lambda c, a, b, **_: 2 * math.prod(a),
    aten._scaled_dot_product_flash_attention_for_cpu: lambda query, key, value, *_, **__: (
        2 * math.prod(query[:-1]) * key[-2] * (query[-1] + value[-1])
    ),
    aten.mkldnn_rnn_layer: lambda x, *weights, **_: 2 * math.prod(x[:-1]) * sum(map(math.prod, weights[:2])),
    aten._cudnn_rnn: lambda x, weights, *_, **__: (
        2 * math.prod(x[:-1]) * sum(math.prod(weight) for weight in weights if len(weight) == 2)
    ),
}


@dataclass(frozen=True)
class Latency:
    """How long a call takes with a batch of so many samples: the quartiles over ``runs`` runs, in seconds a call."""

    batch: int
    median: float
    low: float
    high: float
    runs: int


@dataclass(frozen=True)
class Cost:
    """What a network costs; see :func:`cost`. ``dataclasses.asdict`` gives what JSON takes.

    ``parameters`` and ``nonzero``: how many numbers, and how many of them are not zero, shared ones once.
    ``macs`` and ``effective_macs``: multiply-accumulates a sample, of all weights and of those that are not zero.
    ``bytes`` and ``sparse_bytes``: of parameters and buffers, shared ones once; all values, or for each tensor a bit an
    entry and the values that are not zero, where that is less.
    ``activation_bytes``: the most that one sample's activations take at one time, the input among them.
    ``latency``: for each batch size.
    """

    parameters: int
    nonzero: int
    macs: int
    effective_macs: int
    bytes: int
    sparse_bytes: int
    activation_bytes: int
    latency: tuple[Latency, ...] = ()

    @property
    def row(self) -> dict[str, float]:
        """The numbers by name, a row of a table; of a latency the median, as ``latency_256``."""
        plain = {name: value for name, value in vars(self).items() if name != "latency"}
        return plain | {f"latency_{each.batch}": each.median for each in self.latency}


def cost(module: nn.Module | Individual, example: Tensor, batches: Sequence[int] = (1, 256)) -> Cost:
    """What a network costs, in evaluation mode and without gradients; it is left as it was.

    Arithmetic and activations are those of one pass of the first sample. Multiply-accumulates are half of what
    ``torch.utils.flop_counter`` counts, attention on a CPU, recurrent layers and products with a vector added: those of
    matrix products, convolutions and attention. Zeros of padding count; what works element by element, normalization,
    pooling, embeddings and ``nn.Bilinear`` do not. Effective are those of a call of a Linear, Conv or ConvTranspose
    layer times the share of its weight that is not zero, and all others. A layer that is called twice counts twice.

    Activations are the tensors that live at once, each storage once, so that views and operations in place take
    nothing; what a kernel takes for itself is not seen.

    Latency is that of the module as it is, zeros included, with one torch thread, in inference mode.

    :param module: a ``torch.nn.Module``, a Genome, an Autoencoder or another Network.
    :param example: a tensor (samples, ...) that the network takes, with at least one sample; moved to the network's
        device and, if it is floating, to its type.
    :param batches: sizes of the batches whose latency is measured, by repeating or cutting the example. With none the
        result is the same each time.
    :raises TypeError: for what is neither a module nor an individual, and an example that is no tensor, or of a type
        that the network refuses.
    :raises ValueError: for an example without samples, or of another width than the network reads; sizes that are not
        whole numbers of at least 1, or of batches that do not fit into memory; a lazy module that has not been called
        yet. What else a network says of an example is raised as it is.
    """
    of_type("module", module, nn.Module | Genome | list, "a torch.nn.Module, a Genome or a Network of genomes")
    names = ("module",) if isinstance(module, nn.Module) else names_of(module)
    parts = [module] if isinstance(module, nn.Module) else [genome.module for genome in genomes(module)]
    check_example(example)
    counts = listed("batches", batches, "a list of numbers of samples")
    for size in counts:
        at_least("batches", size, 1, whole=True)
    network = parts[0] if len(parts) == 1 else nn.Sequential(*parts)
    tensors = [*network.parameters(), *network.buffers()]
    if any(map(is_lazy, tensors)):
        raise ValueError(f"the module has parameters without a shape: call it once on data first, got {shown(module)}")
    with evaluating(network):
        inputs = like_parameters(network, example)
        first = inputs[:1].clone()  # with a storage of its own, and a network may work in place
        try:
            macs, effective, activations = _one_pass(network, first)
        except Exception as error:
            blame(error, first, names, parts)
            raise
        if inputs.device.type == "cpu":
            for size in counts:
                check_fits({f"a batch of {shown(size)} samples": size * activations}, "smaller batches")
        latency = tuple(_latency(network, inputs, int(size)) for size in counts)
        return Cost(
            **sizes(network), macs=macs, effective_macs=effective, activation_bytes=activations, latency=latency
        )


def sizes(network: nn.Module) -> dict[str, int]:
    """The first figures of a :class:`Cost`: ``parameters``, ``nonzero``, ``bytes`` and ``sparse_bytes``."""
    of_type("network", network, nn.Module, "a torch.nn.Module")
    tensors = [*network.parameters(), *network.buffers()]
    return {
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "nonzero": sum(map(nonzeros, network.parameters())),
        "bytes": sum(map(_dense, tensors)),
        "sparse_bytes": sum(map(_sparse, tensors)),
    }


def _dense(tensor: Tensor) -> int:
    return tensor.numel() * tensor.element_size()


def _sparse(tensor: Tensor) -> int:
    return min(_dense(tensor), math.ceil(tensor.numel() / 8) + nonzeros(tensor) * tensor.element_size())


class _Activations(TorchDispatchMode):
    """Sees every operation, and so the most bytes that live at one time of the input and of what operations make.

    A storage is forgotten when the last tensor that uses it is gone; what was there before, as parameters and buffers
    are, is known when an operation first takes it, and counts nothing.
    """

    def __init__(self, inputs: Tensor) -> None:
        super().__init__()
        self.living: WeakKeyDictionary[torch.UntypedStorage, int] = WeakKeyDictionary()
        self._see(inputs)
        self.peak = sum(self.living.values())

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        self._see((args, kwargs), made=False)
        results = func(*args, **kwargs)
        self._see(results)
        self.peak = max(self.peak, sum(self.living.values()))
        return results

    def _see(self, values: Any, made: bool = True) -> None:
        for tensor in tree_leaves(values):
            if isinstance(tensor, Tensor) and tensor.layout is torch.strided:  # others have no storage
                storage = tensor.untyped_storage()
                self.living.setdefault(storage, storage.nbytes() if made else 0)


def _one_pass(network: nn.Module, inputs: Tensor) -> tuple[int, int, int]:
    """Multiply-accumulates, effective ones, and the most bytes of activations, of one call."""
    weights: dict[nn.Module, Any] = {layer: layer.weight for _, layer in prunable_layers(network)}
    zeros = {layer: weight.numel() - nonzeros(weight) for layer, weight in weights.items()}
    counter, activations = FlopCounterMode(display=False, custom_mapping=FORMULAS), _Activations(inputs)
    begun: list[int] = []
    in_layers, skipped = 0, 0

    def begin(*_: Any) -> None:
        begun.append(counter.get_total_flops() - in_layers)

    def end(layer: nn.Module, *_: Any) -> None:
        nonlocal in_layers, skipped
        flops = counter.get_total_flops() - in_layers - begun.pop()  # less those of layers within this one
        in_layers += flops
        skipped += flops * zeros[layer] // max(weights[layer].numel(), 1)  # all are used as often

    hooks = [layer.register_forward_pre_hook(begin) for layer in zeros]
    hooks += [layer.register_forward_hook(end, always_call=True) for layer in zeros]
    try:
        with _no_fast_path(), activations, counter:
            network(inputs)
    finally:
        for hook in hooks:
            hook.remove()
    flops = counter.get_total_flops()
    return flops // 2, (flops - skipped) // 2, activations.peak


@contextmanager
def _no_fast_path() -> Iterator[None]:
    """In evaluation transformer layers are one kernel each, of which nothing is seen; here they are what they say."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _latency(network: nn.Module, example: Tensor, batch: int) -> Latency:
    inputs = example[torch.arange(batch, device=example.device) % len(example)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            for _ in range(WARM_UP):
                once = _timed(network, inputs, 1)
            calls = math.ceil(SHORTEST / max(once, RESOLUTION))
            seconds: list[float] = []
            until = perf_counter() + LONG
            while len(seconds) < FEWEST or perf_counter() < until:
                seconds.append(_timed(network, inputs, calls))
    finally:
        torch.set_num_threads(threads)
    low, median, high = statistics.quantiles(seconds, n=4, method="inclusive")
    return Latency(batch, median, low, high, len(seconds))


def _timed(network: nn.Module, inputs: Tensor, calls: int) -> float:
    """Seconds a call, the mean over so many."""
    _finish(inputs)
    start = perf_counter()
    for _ in range(calls):
        network(inputs)
    _finish(inputs)
    return (perf_counter() - start) / calls


def _finish(inputs: Tensor) -> None:
    if inputs.is_cuda:  # its calls return before they are done
        torch.cuda.synchronize(inputs.device)
