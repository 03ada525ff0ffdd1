"""What operators of a run look at: validation data, and gradients for all individuals that wait to be pruned."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.pruning.choices import ENOUGH
from evoprune.benchmarks.pruning.measured import first_samples
from evoprune.data import samples_of, whole
from evoprune.individuals import Individual
from evoprune.operators import ScheduledProbability
from evoprune.seeds import Stream
from evoprune.training.gradients import batch_gradients
from evoprune.training.programs import gradients

BATCHES = 10
"""Batches that the gradients of a generation are averaged over."""


def validation_of(problem: Problem, individual: Any) -> Tensor:
    """The validation data; a worker loads them for itself."""
    return problem.validation


def first_of(problem: Problem, individual: Any) -> Tensor:
    """The first validation samples, as many as are enough to know how large activations are."""
    return whole(first_samples(problem, "validation", ENOUGH).inputs)


def targets_of(problem: Problem, individual: Any) -> Tensor:
    """What the validation data should become: themselves, their classes, or values."""
    return whole(samples_of(problem, "validation").targets)


def global_random(individual: Any) -> Any:
    """Python's ``random``, which is seeded for the cell and the generation; a module cannot be pickled."""
    return random


class Gradients:
    """Gradients of the loss on the validation data, computed for all that wait as soon as one of them is pruned."""

    def __init__(self, problem: Problem, loss: str) -> None:
        self.problem, self.loss = problem, loss
        self.prepare(())

    def prepare(self, population: Sequence[Individual]) -> None:
        """These wait; what others were told is forgotten."""
        self.waiting = population
        self.ready: dict[int, list[dict[str, Any]]] = {}

    def __call__(self, individual: Individual) -> list[dict[str, Any]]:
        if id(individual) not in self.ready:
            group = self.waiting if any(individual is one for one in self.waiting) else [individual]
            self.ready |= zip(map(id, group), self.of(group), strict=True)
            self.waiting = ()
        return self.ready.pop(id(individual))  # once: afterwards it has other weights

    def of(self, individuals: Sequence[Individual]) -> list[list[dict[str, Any]]]:
        """What is computed, for each individual and its genomes."""
        data = validation_of(self.problem, individuals), targets_of(self.problem, individuals)
        return gradients(individuals, *data, self.loss)

    def __reduce__(self) -> tuple[Any, ...]:
        return Gradients, (self.problem, self.loss)


class BatchGradients(Gradients):
    """Gradients of batches of training samples, the same ones for all individuals of a generation."""

    def __init__(self, problem: Problem, loss: str, size: int, seed: int, clock: ScheduledProbability) -> None:
        super().__init__(problem, loss)
        self.size, self.seed, self.clock = size, seed, clock

    def of(self, individuals: Sequence[Individual]) -> list[list[dict[str, Any]]]:
        return batch_gradients(individuals, self.batches(), self.loss)

    def batches(self) -> Iterator[tuple[Tensor, Any]]:
        """As many as :data:`BATCHES`, inputs and targets, drawn without replacement as far as there are samples."""
        samples = samples_of(self.problem, "train")
        source = torch.Generator().manual_seed(Stream.EVIDENCE.seed(self.seed, self.clock.t))
        order = torch.randperm(len(samples.inputs), generator=source)[: self.size * BATCHES]
        for rows in order.split(self.size):
            yield samples.inputs[rows], samples.targets[rows]

    def __reduce__(self) -> tuple[Any, ...]:
        return BatchGradients, (self.problem, self.loss, self.size, self.seed, self.clock)
