"""A genome as plain tensors and numbers and back, and when two tables of tensors are the same."""

import copy
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from evoprune.checks import of_type, shown
from evoprune.cutting import fitted, refit

_STORED = ("weights", "masks", "moments", "steps", "age", "nonzero", "fitness")
_KNOWN = frozenset(("module", "masks", "moments", "fitness", "steps", "age", "nonzero", "whole"))


def get_state(genome: Any) -> dict[str, Any]:
    """See :meth:`evoprune.Genome.state`."""
    cut = {} if genome.whole is None else {"whole": genome.whole}
    return cut | {
        "weights": cloned(dict(genome.module.state_dict())),
        "masks": cloned(genome.masks),
        "moments": {name: cloned(list(tensors)) for name, tensors in genome.moments.items()},
        "steps": genome.steps,
        "age": genome.age,
        "nonzero": genome.nonzero,
        "fitness": list(genome.fitness.values),
        "attributes": {k: cloned(v) for k, v in vars(genome).items() if k not in _KNOWN and is_plain(v)},
    }


def set_state(genome: Any, state: Mapping[str, Any]) -> None:
    """See :meth:`evoprune.Genome.load_state`."""
    of_type("state", state, Mapping, "what state() gave")
    if lost := [name for name in _STORED if name not in state]:
        raise ValueError(f"the state lacks {lost[0]}: it must be what state() gave, got {shown(list(state))}")
    like = fitted(genome, state.get("whole"))
    if _shapes(state["masks"]) != _shapes(like.masks):
        raise ValueError("the stored masks do not fit this network: other names or shapes, or another exclude")
    stored, mine = _shapes(state["weights"]), _shapes(like.module.state_dict())
    if stored != mine:
        differ = sorted({name for name, _ in stored.items() ^ mine.items()})
        raise ValueError(f"the stored weights do not fit this network: they differ in {', '.join(differ)}")
    refit(genome, state.get("whole"))
    genome.module.load_state_dict(state["weights"])
    genome.masks = {name: state["masks"][name].to(mask.device, copy=True) for name, mask in genome.masks.items()}
    genome.moments = {name: tuple(cloned(tensors)) for name, tensors in state["moments"].items()}
    genome.steps, genome.age, genome.nonzero = state["steps"], state["age"], state["nonzero"]
    vars(genome).update(cloned(state.get("attributes", {})))
    if state["fitness"]:
        genome.fitness.values = state["fitness"]
    else:
        del genome.fitness.values


def same(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """Same names and same values; NaN is the same as NaN."""
    return mine.keys() == theirs.keys() and all(_equal(mine[name], theirs[name]) for name in mine)


def is_plain(value: Any) -> bool:
    """Whether ``torch.load`` takes a value back with ``weights_only=True``."""
    if type(value) is dict:
        return all(map(is_plain, [*value, *value.values()]))
    if type(value) in (list, tuple):
        return all(map(is_plain, value))
    return value is None or type(value) in (bool, int, float, complex, str, bytes, Tensor)


def cloned(value: Any) -> Any:
    """A copy of a plain value, its tensors detached."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if type(value) is dict:
        return {key: cloned(item) for key, item in value.items()}
    return type(value)(map(cloned, value)) if type(value) in (list, tuple) else copy.deepcopy(value)


def _equal(a: Any, b: Any) -> bool:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return bool(a == b)
    a, b = a.detach().cpu(), b.detach().cpu()
    return torch.equal(a, b) or (a.shape == b.shape and bool(((a == b) | (a.isnan() & b.isnan())).all()))


def _shapes(tensors: Mapping[str, Any]) -> dict[str, Any]:
    return {name: getattr(tensor, "shape", None) for name, tensor in tensors.items()}
