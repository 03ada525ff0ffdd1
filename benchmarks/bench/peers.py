"""The same epochs in JAX: ``jit(vmap(scan))``, gradients by autodiff, one thread; needs the extra ``peers``."""

import os
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.bench.subjects import BATCH, RATE, Contender, networks
from evoprune.training.optimizers import SGD, AdamAnew, optimizer_for

LOWEST = -100.0  # a logarithm in the cross-entropy, as torch has it
Leaf = tuple[Any, ...]
"""A parameter of all cells and what the optimizer remembers of it."""


def check_peers() -> None:
    """See that JAX is here.

    :raises ValueError: where it is not.
    """
    if find_spec("jax") is None:
        raise ValueError("--peers needs JAX, which is not installed here: pip install 'evoprune[peers]'")


def in_jax(contender: Contender, cells: int, samples: Tensor) -> Callable[[], int]:
    """An epoch of the pairs that :func:`~evoprune.benchmarks.bench.subjects.population` trains; returns its updates.

    :param samples: (samples, inputs); a last batch that is not full is left out.
    """
    jax = _one_threaded()
    state = [(jax.numpy.zeros(cells), _leaves(jax, contender, cells, samples.shape[1]))]
    rows, epoch = jax.numpy.asarray(samples.numpy()), _epoch(jax, contender)
    batches = len(samples) // BATCH

    def run() -> int:
        orders = torch.stack(
            [torch.randperm(len(samples))[: batches * BATCH].view(batches, BATCH) for _ in range(cells)]
        )
        state[0], losses = epoch(state[0], jax.numpy.asarray(orders.numpy()), rows)
        jax.block_until_ready((state[0], losses))
        return cells * batches

    return run


def _one_threaded() -> Any:
    """JAX on the processor. XLA reads the size of its pool of threads from NPROC, when it first computes."""
    os.environ["NPROC"] = "1"
    jax = import_module("jax")
    jax.config.update("jax_platforms", "cpu")
    return jax


def _leaves(jax: Any, contender: Contender, cells: int, inputs: int) -> list[Leaf]:
    moments = optimizer_for(contender.optimizer).moments
    tables = [list(network.parameters()) for network in networks(cells, inputs)]
    stacked = [jax.numpy.asarray(torch.stack(column).detach().numpy()) for column in zip(*tables, strict=True)]
    return [(weight, *(jax.numpy.zeros_like(weight) for _ in range(moments))) for weight in stacked]


def _epoch(jax: Any, contender: Contender) -> Callable[..., Any]:
    """All cells' epoch: ((steps, leaves), orders (cells, batches, batch), samples) -> (steps, leaves), losses."""
    gradients = jax.value_and_grad(lambda weights, x: _loss(jax, contender.loss, weights, x))

    def cell(state: tuple[Any, list[Leaf]], order: Any, samples: Any) -> Any:
        def step(state: tuple[Any, list[Leaf]], rows: Any) -> Any:
            steps, leaves = state
            loss, found = gradients([weight for weight, *_ in leaves], samples[rows])
            moved = [
                _moved(jax.numpy, contender.optimizer, steps + 1, *pair) for pair in zip(leaves, found, strict=True)
            ]
            return (steps + 1, moved), loss

        return jax.lax.scan(step, state, order)

    return jax.jit(jax.vmap(cell, in_axes=(0, 0, None)), donate_argnums=0)


def _loss(jax: Any, loss: str, weights: list[Any], x: Any) -> Any:
    """The mean loss of a pair on a batch; weights and biases take turns."""
    out, log = x, lambda y: jax.numpy.maximum(jax.numpy.log(y), LOWEST)
    for weight, bias in zip(weights[:-2:2], weights[1:-2:2], strict=True):
        out = jax.nn.relu(out @ weight.T + bias)
    out = jax.nn.sigmoid(out @ weights[-2].T + weights[-1])
    if loss == "l1":
        return jax.numpy.abs(out - x).mean()
    return -(x * log(out) + (1 - x) * log(1 - out)).mean()


def _moved(jnp: Any, name: str, steps: Any, leaf: Leaf, gradient: Any) -> Leaf:
    """A parameter after a step, and what the optimizer remembers then."""
    optimizer, (weight, *moments) = optimizer_for(name), leaf
    if isinstance(optimizer, AdamAnew):
        return (weight - RATE * gradient / (jnp.abs(gradient) + optimizer.eps),)
    if isinstance(optimizer, SGD):
        buffer = optimizer.momentum * moments[0] + gradient
        return weight - RATE * buffer, buffer
    beta1, beta2 = optimizer.betas
    first = beta1 * moments[0] + (1 - beta1) * gradient
    second = beta2 * moments[1] + (1 - beta2) * gradient**2
    root = jnp.sqrt(second / (1 - beta2**steps))
    return weight - RATE * first / (1 - beta1**steps) / (root + optimizer.eps), first, second
