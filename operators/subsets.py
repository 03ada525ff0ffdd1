"""Which few inputs explain a unit: a beam search over subsets, for many regressions on the same inputs at once."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from evoprune.operators.regressions import Regression

ROOM = 2**22
"""Numbers in the largest tensor of a search; so many units are looked at together as that allows."""
NEW = 0.01
"""An input counts as new to at least this share, though others explain it wholly: its gain is a quotient."""
FINAL = 2
"""Newton steps that the best subset of a size gets after the search, which stops short of the best weights."""


class Subsets(NamedTuple):
    """The best subset found of each size, 0 first, of inputs for each unit.

    ``losses`` (units, sizes); ``places`` (units, sizes, largest size) are the numbers of inputs, of which the first
    ``size`` count and the others are 0; ``weights``, of that shape, are theirs.
    """

    losses: Tensor
    places: Tensor
    weights: Tensor


class _Beam(NamedTuple):
    """Subsets of one size, (units, states, size), and the loss around their weights.

    ``gradient`` and ``diagonal`` (units, states, inputs) are the first and second derivatives by the weights of all
    inputs, ``rows`` (units, states, size, inputs) the mixed ones with those of the subset.
    """

    places: Tensor
    weights: Tensor
    losses: Tensor
    gradient: Tensor
    rows: Tensor
    diagonal: Tensor


def best_subsets(
    inputs: Tensor, targets: Tensor, regression: Regression, width: int, candidates: int, most: int, ridge: float
) -> Subsets:
    """The best subset found of each size 0 to ``most``, for each unit, with its weights; no more than there are inputs.

    Each state of the beam is extended by the inputs of the largest gain ``g^2 / (2 s)``: g is the slope and s the
    curvature along the new weight after the others have followed, the Schur complement. Of what comes of that the
    ``width`` subsets of the lowest predicted loss are fitted, by two Newton steps from the weights of their parents.

    :param inputs: (samples, inputs), of a mean square about 1 each.
    :param targets: (samples, units).
    :param width: states kept for each unit and size.
    :param candidates: inputs that a state is extended by.
    :param ridge: above 0: half of it times the squared weights are added to the loss that is fitted.

    Sources: Pati, Rezaiifar and Krishnaprasad 1993, "Orthogonal matching pursuit"; Hassibi and Stork 1993, "Second
    order derivatives for network pruning: optimal brain surgeon", for the Schur complement.
    """
    most = min(most, inputs.shape[1])
    search = _Search(inputs, regression, width, candidates, ridge)
    together = max(1, ROOM // (width * max(most, 1) * max(inputs.shape)))
    found = [search.run(part, most) for part in targets.mT.contiguous().split(together)]
    return Subsets(*map(torch.cat, zip(*found, strict=True)))


class _Search:
    def __init__(self, inputs: Tensor, regression: Regression, width: int, candidates: int, ridge: float) -> None:
        self.upright = inputs.mT.contiguous()
        self.shares = inputs / len(inputs)  # a product with it is a mean over the samples
        self.squares = inputs * self.shares
        self.regression, self.width, self.candidates, self.ridge = regression, width, candidates, ridge

    def run(self, targets: Tensor, most: int) -> Subsets:
        """The subsets of some units, whose targets are (units, samples)."""
        targets = targets.unsqueeze(1)
        places = torch.zeros((len(targets), 1, 0), dtype=torch.int64, device=targets.device)
        beam = self.seen(places, targets.new_zeros(places.shape), targets)
        found = [self.best(beam, targets, most)]
        for _ in range(most):
            beam = self.seen(*self.extended(beam, targets), targets)
            found.append(self.best(beam, targets, most))
        return Subsets(*(torch.stack(part, dim=1) for part in zip(*found, strict=True)))

    def seen(self, places: Tensor, weights: Tensor, targets: Tensor) -> _Beam:
        """The subsets with the loss around their weights."""
        sums = self.sums(places, weights)
        gradient, rows, curvature = self.slopes(sums, targets, places)
        losses = self.regression.value(sums, targets).mean(-1)
        return _Beam(places, weights, losses, gradient, rows, curvature @ self.squares)

    def sums(self, places: Tensor, weights: Tensor) -> Tensor:
        """What the units sum up, (units, states, samples)."""
        every = weights.new_zeros((*weights.shape[:2], len(self.upright)))
        return every.scatter_(-1, places, weights) @ self.upright

    def slopes(self, sums: Tensor, targets: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The gradient, its derivatives by the weights of the subsets, and the curvature of each sample's loss."""
        slopes, curvature = self.regression.slopes(sums, targets)
        rows = self.upright[places].mul_(curvature.unsqueeze(-2)) @ self.shares
        return slopes @ self.shares, rows, curvature

    def extended(self, beam: _Beam, targets: Tensor) -> tuple[Tensor, Tensor]:
        """The subsets of one input more, and their weights."""
        parents, new = self.chosen(beam)
        places, weights, _, gradient, rows, diagonal = (_taken(part, parents) for part in beam)
        places = torch.cat([places, new], dim=-1)
        weights = functional.pad(weights, (0, 1))
        # The first step begins where the parent is, whose derivatives are known.
        inner = _columns(rows, places)
        last = torch.cat([inner[..., -1], diagonal.gather(-1, new)], dim=-1)
        weights = self.step(weights, gradient.gather(-1, places), torch.cat([inner, last.unsqueeze(-2)], dim=-2))
        gradient, rows, _ = self.slopes(self.sums(places, weights), targets, places)
        return places, self.step(weights, gradient.gather(-1, places), _columns(rows, places))

    def chosen(self, beam: _Beam) -> tuple[Tensor, Tensor]:
        """The most promising subsets of one input more: the numbers of their parents, and the new inputs."""
        gains = self.gains(beam)
        count = min(self.candidates, gains.shape[-1] - beam.places.shape[-1])
        gains, new = gains.topk(count)
        order = (beam.losses.unsqueeze(-1) - gains).flatten(1).argsort(stable=True)
        parents, new = order // count, new.flatten(1).gather(-1, order).unsqueeze(-1)
        subsets = torch.cat([_taken(beam.places, parents), new], dim=-1).sort().values
        # Where there are fewer subsets than states the doubles, which come last, do no harm.
        left = _doubles(subsets).to(torch.int8).argsort(stable=True)[:, : self.width]
        return parents.gather(-1, left), _taken(new, left)

    def best(self, beam: _Beam, targets: Tensor, most: int) -> tuple[Tensor, Tensor, Tensor]:
        """The state of the lowest loss of each unit, fitted to the end, and its subset filled up with zeros."""
        state = beam.losses.argmin(-1, keepdim=True)
        beam = _Beam(*(_taken(part, state) for part in beam))
        for _ in range(FINAL):
            weights = self.step(beam.weights, beam.gradient.gather(-1, beam.places), _columns(beam.rows, beam.places))
            beam = self.seen(beam.places, weights, targets)
        room = (0, most - beam.places.shape[-1])
        places, weights = (functional.pad(part.squeeze(1), room) for part in beam[:2])
        return beam.losses.squeeze(1), places, weights

    def gains(self, beam: _Beam) -> Tensor:
        """By how much an input would lower the loss at best, (units, states, inputs); -1 for those in the subset."""
        known = beam.gradient.gather(-1, beam.places).add_(beam.weights, alpha=self.ridge)
        follow = self.solved(_columns(beam.rows, beam.places), beam.rows)
        explained = (beam.rows * follow).sum(-2)
        curvature = torch.maximum(beam.diagonal - explained, NEW * beam.diagonal) + self.ridge
        slopes = beam.gradient - (follow * known.unsqueeze(-1)).sum(-2)
        return slopes.square_().div_(2 * curvature).scatter_(-1, beam.places, -1.0)

    def step(self, weights: Tensor, gradient: Tensor, curvature: Tensor) -> Tensor:
        """The weights (units, states, size) after a Newton step."""
        towards = gradient.add(weights, alpha=self.ridge).unsqueeze(-1)
        change = self.solved(curvature, towards).squeeze(-1)
        length = torch.linalg.vector_norm(change, dim=-1, keepdim=True)
        return weights - change * (self.regression.stride / length.clamp_min(1e-9)).clamp_max_(1)

    def solved(self, curvature: Tensor, right: Tensor) -> Tensor:
        """The solution x of ``(curvature + ridge) x = right``."""
        ridge = self.ridge * torch.eye(curvature.shape[-1], dtype=curvature.dtype, device=curvature.device)
        return torch.linalg.solve_ex(curvature + ridge, right).result


def _taken(values: Tensor, states: Tensor) -> Tensor:
    """Of values (units, states, ...) those of some states (units, some)."""
    return values[torch.arange(len(values), device=values.device).unsqueeze(1), states]


def _doubles(subsets: Tensor) -> Tensor:
    """Which of subsets (units, states, size), each in order, stood among the unit's before, (units, states)."""
    order = torch.arange(subsets.shape[1], device=subsets.device).expand(subsets.shape[:2])
    for column in reversed(subsets.unbind(-1)):
        order = order.gather(-1, column.gather(-1, order).argsort(stable=True))
    together = _taken(subsets, order)
    same = (together[:, 1:] == together[:, :-1]).all(-1)
    return torch.zeros_like(order, dtype=torch.bool).scatter_(-1, order, functional.pad(same, (1, 0)))


def _columns(rows: Tensor, places: Tensor) -> Tensor:
    """Of rows (..., size, inputs) the columns of a subset's inputs (..., some)."""
    return rows.gather(-1, places.unsqueeze(-2).expand(*rows.shape[:-1], places.shape[-1]))
