"""REWIND: the weights that are kept go back to what they were early in training, as in lottery tickets."""

from collections.abc import Mapping
from typing import Any

from evoprune.checks import at_least, listed, of_type, shown
from evoprune.genome import Genome
from evoprune.individuals import IndividualT, Network, genomes


def rewind(individual: IndividualT, to: Any) -> tuple[IndividualT]:
    """Give the kept weights the values of an earlier time, in place; masks and what is pruned stay.

    What an optimizer remembers goes back too, and its number of steps; the age does not.

        early = toolbox.clone(individual)          # after an epoch or two
        ...                                        # train, prune
        rewind(individual, early)

    :param individual: a Genome, an Autoencoder or another Network.
    :param to: an earlier clone of it, which stays as it is, or for each of its genomes what ``state()`` gave then, or
        only its weights, moments and steps.
    :returns: ``(individual,)``; fitness is not touched.
    :raises TypeError: for something else.
    :raises ValueError: for another number of parts, and parameters of other names or shapes, as they are after units
        were taken out; before any change, as all of it.

    Source: Frankle et al. 2020, "Linear Mode Connectivity and the Lottery Ticket Hypothesis" (arXiv 1912.05671).
    """
    parts = genomes(individual)
    if isinstance(to, Genome | Network):
        to = [genome.state() for genome in genomes(to)]
    early = listed("to", to, "an earlier clone, or for each genome what state() gave")
    if len(early) != len(parts):
        raise ValueError(f"to must be of {len(parts)} genomes as the individual is, got {len(early)}")
    for genome, before in zip(parts, early, strict=True):
        _check(genome, before)
    for genome, before in zip(parts, early, strict=True):
        genome.module.load_state_dict(before["weights"])
        genome.moments = {
            name: tuple(moment.to(genome.module.get_parameter(name).device, copy=True) for moment in moments)
            for name, moments in before["moments"].items()
        }
        genome.steps = before["steps"]
        genome.enforce()
    return (individual,)


def _check(genome: Genome, before: Any) -> None:
    of_type("to", before, Mapping, "an earlier clone, or for each genome what state() gave")
    for name in ("weights", "moments", "steps"):
        if name not in before:
            raise ValueError(f"to lacks {name}: it must be what state() of a genome gave, got {shown(list(before))}")
    mine, then = _shapes(genome.module.state_dict()), _shapes(before["weights"])
    if mine != then:
        differ = sorted({str(name) for name, _ in mine.items() ^ then.items()})
        raise ValueError(f"to must have the parameters of the individual, they differ in {', '.join(differ)}")
    of_type("the moments of to", before["moments"], Mapping, "a table by the names of parameters")
    for name, moments in before["moments"].items():
        if name not in mine or any(_shape(moment) != mine[name] for moment in moments):
            raise ValueError(f"the moments of to do not fit the individual: they differ in {name}")
    at_least("the steps of to", before["steps"], 0, whole=True)


def _shapes(tensors: Any) -> dict[str, Any]:
    of_type("the weights of to", tensors, Mapping, "a table by the names of parameters")
    return {name: _shape(tensor) for name, tensor in tensors.items()}


def _shape(tensor: Any) -> Any:
    return getattr(tensor, "shape", None)
