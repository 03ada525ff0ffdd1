"""What shrinking a network has come to: its figures before and after, as plain values and as text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.measured import measured
from evoprune.data import Samples
from evoprune.individuals import Individual, Network
from evoprune.layers import prunable_layers
from evoprune.measure import cost
from evoprune.memory import size
from evoprune.metrics import Metric
from evoprune.runs.terminal import text_table
from evoprune.shrinking.compacting import without_noise
from evoprune.shrinking.stacks import joined
from evoprune.tied import TiedNetwork

EXAMPLE = 256
"""Held-out samples of which batches are made whose latency is measured."""
COUNTS = {
    "parameters": "parameters",
    "nonzero": "parameters that are not zero",
    "macs": "multiply-accumulates a sample",
    "effective_macs": "the same of weights that are not zero",
}
SIZES = {
    "bytes": "weights on disk",
    "sparse_bytes": "the same without zeros",
    "activation_bytes": "activations of a sample, at most",
}
CALLS = "Latency: median and quartiles, on one thread; with a batch of 1 it is the number of calls that takes the time."
Figures = dict[str, Any]


def figures(network: nn.Module | Individual, problem: Problem, samples: Samples, loss: str) -> Figures:
    """What a network costs, and how well it does on held-out samples: keys of :class:`evoprune.measure.Cost`, with
    ``test_loss`` and ``test_<metric>`` as in the summary of a run."""
    individual = without_noise(network) if isinstance(network, nn.Module) else network
    one = individual if isinstance(individual, Network) else Network([individual])
    *found, lost = (values[0] for values in measured([one], samples, problem.metrics, loss))
    named = {f"test_{metric.key}": value for metric, value in zip(problem.metrics, found, strict=True)}
    costs = asdict(cost(network, example_of(samples)))
    return costs | {"latency": list(costs["latency"]), "test_loss": lost} | named


def example_of(samples: Samples) -> Tensor:
    """The first held-out inputs, as a tensor."""
    return samples.inputs[torch.arange(min(EXAMPLE, len(samples.inputs)))]


def units(before: Individual, after: nn.Module) -> dict[str, dict[str, list[int]]]:
    """For each part that has layers its inputs and then the units of each layer, before and after."""
    old, new = (dict(_widths(module)) for module in (joined(without_noise(before)), after))
    return {name: {"before": widths, "after": new[name]} for name, widths in old.items()}


def text(table: Mapping[str, Any], metrics: Sequence[Metric]) -> str:
    """What ``shrink.json`` says, for people.

    :param metrics: those of the problem.
    """
    before, after = table["before"], table["after"]
    rows = [[words, f"{before[key]:,.0f}", f"{after[key]:,.0f}"] for key, words in COUNTS.items()]
    rows += [[words, size(before[key]), size(after[key])] for key, words in SIZES.items()]
    for old, new in zip(before["latency"], after["latency"], strict=True):
        rows.append([f"latency of a batch of {old['batch']}", _latency(old), _latency(new)])
    rows.append([f"held-out {table['loss']}", *(f"{each['test_loss']:.6f}" for each in (before, after))])
    for metric in metrics:
        shown, key = "{:.2%}" if metric.share else "{:.6f}", f"test_{metric.key}"
        rows.append([f"held-out {metric.title}", *(shown.format(each[key]) for each in (before, after))])
    return "\n".join([text_table(["", "before", "after"], rows), "", *_lines(table)])


def _lines(table: Mapping[str, Any]) -> Iterator[str]:
    for name, widths in table["units"].items():
        old, new = ("-".join(map(str, widths[when])) for when in ("before", "after"))
        yield f"{name} {old} -> {new}" if old != new else f"{name} {old}, all units stay"
    yield from table["reasons"]
    yield CALLS
    whom = "the fine-tuned network" if table["finetune"] else "the original"
    worst = max(table["difference"].values())
    yield f"On {table['samples']:,} held-out samples outputs differ from {whom} by {worst:.1e} of the largest, at most."


def _latency(found: Mapping[str, float]) -> str:
    median, low, high = (found[key] * 1e6 for key in ("median", "low", "high"))
    return f"{median:,.0f} us ({low:,.0f} to {high:,.0f})"


def _widths(module: nn.Module) -> Iterator[tuple[str, list[int]]]:
    """Name of a part -> its inputs and the units of its layers."""
    for name, part in _parts(module):
        layers: list[Any] = [layer for _, layer in prunable_layers(part)]
        if layers:
            ends = [_ends(layer) for layer in layers]
            yield name, [ends[0][0], *(makes for _, makes in ends)]


def _ends(layer: Any) -> tuple[int, int]:
    """What a layer reads and makes."""
    if hasattr(layer, "in_features"):
        return layer.in_features, layer.out_features
    return layer.in_channels, layer.out_channels


def _parts(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The parts of a network by name; of a tied one, which is one part, its two halves."""
    children = dict(module.named_children())
    if "encoder" not in children:
        yield "network", module
    elif isinstance(tied := children["encoder"], TiedNetwork):
        yield from tied.named_children()
    else:
        yield from children.items()
