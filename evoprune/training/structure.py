"""How a network is put together: what two must have in common to be trained as one, and which tensors are tied."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from evoprune.individuals import Individual, genomes, names_of

# Of a module's attributes, what is looked at on its own or does not tell two networks apart.
_APART = frozenset(("training", "_parameters", "_buffers", "_modules"))


def structure(individual: Individual) -> tuple[Any, ...]:
    """A key that is equal for individuals which can be stacked."""
    return names_of(individual), *(structure_of(genome.module) for genome in genomes(individual))


def alike(individuals: Sequence[Individual]) -> list[list[int]]:
    """The places of the individuals, those together that can be stacked."""
    groups: dict[Any, list[int]] = {}
    for place, individual in enumerate(individuals):
        groups.setdefault(structure(individual), []).append(place)
    return list(groups.values())


def structure_of(module: nn.Module) -> tuple[Any, ...]:
    """A key that is equal for modules which differ in the values of their parameters and buffers only.

    It holds the classes of all submodules, their attributes (a factor, a slope, a hook), and name, shape, type and
    sharing of each tensor. Attributes that cannot be compared make a module unequal to all others, which costs speed,
    no more.
    """
    modules = tuple(
        (name, type(part), _key({k: v for k, v in vars(part).items() if k not in _APART}))
        for name, part in module.named_modules(remove_duplicate=False)
    )
    first: dict[int, str] = {}
    tables = module.named_parameters(remove_duplicate=False), module.named_buffers(remove_duplicate=False)
    tensors = tuple(
        (name, first.setdefault(id(tensor), name), tuple(tensor.shape), tensor.dtype, tensor.requires_grad)
        for table in tables
        for name, tensor in table
    )
    return modules, tensors


def aliases(module: nn.Module) -> dict[str, str]:
    """The further places of tensors that stand in several: name there -> the name that ``named_parameters()`` gives."""
    first: dict[int, str] = {}
    found = {}
    for prefix, part in module.named_modules():
        for name, tensor in (*part._parameters.items(), *part._buffers.items()):
            place = f"{prefix}.{name}".lstrip(".")
            if tensor is not None and first.setdefault(id(tensor), place) != place:
                found[place] = first[id(tensor)]
    return found


def _key(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return type(value), tuple(map(_key, value))
    if isinstance(value, dict):
        return type(value), tuple((key, _key(item)) for key, item in value.items())
    if isinstance(value, (set, frozenset)):
        return type(value), frozenset(value)
    comparable = type(value).__hash__ is not None and not isinstance(value, Tensor)
    return type(value), value if comparable else id(value)
