"""Evidence on weights: tables that somebody computed for an individual, seen to fit it before anything is pruned."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from evoprune.checks import listed, of_type, shown
from evoprune.genome import Genome
from evoprune.individuals import genomes, names_of
from evoprune.layers import called
from evoprune.operators.choice import Scores
from evoprune.training.gradients import GradientMoments

EITHER = (Tensor, GradientMoments)


def tables_of(what: str, individual: Any, given: Any, *kinds: type) -> list[dict[str, Any]]:
    """For each genome, name of a prunable parameter -> a tensor of its shape, or :class:`GradientMoments` of it.

    On the parameter's device. Parameters that do not learn may be missing, and then they are left out.

    :param what: what the messages call them.
    :param given: for each genome of the individual a table; or a function of the individual that returns that.
    :param kinds: what the tables may hold; either by default.
    :raises TypeError: where something else is given, in the whole or for a parameter.
    :raises ValueError: for another number of tables than of genomes, a parameter that a table lacks, and another shape.
    """
    parts = genomes(individual)
    if callable(given) and not isinstance(given, type | nn.Module):
        given = given(individual)
    expected = "for each genome a table by the names of parameters, or a function of the individual that returns that"
    tables = listed(what, given, expected)
    for table in tables:
        if not isinstance(table, Mapping):
            raise TypeError(f"{what} must be {expected}, got {shown(given)}")
    if len(tables) != len(parts):
        raise ValueError(f"{what} must be {len(parts)} tables, one for each genome, got {len(tables)}")
    names = names_of(individual)
    return [
        _fitting(f"{what} of {called(name)}", genome, table, kinds or EITHER)
        for name, genome, table in zip(names, parts, tables, strict=True)
    ]


def scored(individual: Any, tables: Sequence[Mapping[str, Any]], score: Callable[[Tensor, Any], Tensor]) -> Scores:
    """What :func:`~evoprune.operators.choice.prune_lowest` takes: scores of weights, by what is known of them.

    :param score: a parameter, and what its table has for it, to a score for each of its entries.
    """
    return [
        (genome, {name: score(genome.module.get_parameter(name).detach(), found) for name, found in table.items()})
        for genome, table in zip(genomes(individual), tables, strict=True)
    ]


def _fitting(what: str, genome: Genome, table: Mapping[str, Any], kinds: tuple[type, ...]) -> dict[str, Any]:
    found = {}
    for name in genome.masks:
        parameter = genome.module.get_parameter(name)
        if name in table:
            found[name] = _beside(parameter, table[name], f"{what}, {name!r},", kinds)
        elif parameter.requires_grad:
            raise ValueError(f"{what} lack {name!r}; they hold {', '.join(map(shown, table)) or 'nothing'}")
    return found


def _beside(parameter: Tensor, value: Any, what: str, kinds: tuple[type, ...]) -> Any:
    """A tensor, or several of them, on the device of the parameter."""
    of_type(what, value, kinds, " or ".join(kind.__name__ for kind in kinds))
    if isinstance(value, GradientMoments):
        return GradientMoments(*(_beside(parameter, part, what, (Tensor,)) for part in value))
    if value.shape != parameter.shape:
        raise ValueError(f"{what} have shape {tuple(value.shape)}, the parameter {tuple(parameter.shape)}")
    return value.detach().to(parameter.device)
