"""What a checkpoint holds, checked: rows of the log, plain numbers, and genomes, before any of it is used."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from evoprune.checks import shown
from evoprune.cutting import fitted
from evoprune.genome import Genome

Columns = Mapping[str, type]
"""Column -> the kind of its values: ``int``, a whole number of at least 0; ``float``, any number; ``str``."""
CHANCE = "p_"
"""How the columns of a log begin that hold the probabilities of operators."""
WORDS: dict[Any, str] = {
    **{int: "a whole number of at least 0", float: "a number", str: "a text", bool: "True or False"},
    float | None: "a number or None",
}
GENOME = {"weights": dict, "masks": dict, "moments": dict, "fitness": list}
MOST = 2**63 - 1
"""The largest whole number: no counter of a run gets there."""


def check_kinds(stored: Any, kinds: Mapping[str, Any]) -> None:
    """See that what a checkpoint holds is of the kinds that it should be, name -> type.

    :raises ValueError: where it is not, or is missing.
    """
    if not isinstance(stored, dict):
        raise ValueError(f"expected a dict with {', '.join(kinds)}, got {shown(stored)}")
    for name, kind in kinds.items():
        if name not in stored:
            raise ValueError(f"{name} is missing")
        if not _is(stored[name], kind):
            expected = WORDS.get(kind) or f"a {getattr(kind, '__name__', kind)}"
            raise ValueError(f"{name} must be {expected}, got {shown(stored[name])}")


def check_rows(name: str, rows: Any, columns: Columns, count: int) -> None:
    """See that a table has so many rows, each with the columns that a run writes.

    :raises ValueError: naming the row and the column.
    """
    if not isinstance(rows, list) or len(rows) != count:
        found = f"{len(rows)} rows" if isinstance(rows, list) else shown(rows)
        raise ValueError(f"{name} must have {count} rows, got {found}")
    for number, row in enumerate(rows):
        try:
            check_kinds(row, columns)
            if row.keys() - columns:
                raise ValueError(f"{shown(sorted(map(str, row.keys() - columns)))} do not belong there")
        except ValueError as error:
            raise ValueError(f"{name}, row {number}: {error}") from error


def check_log(stored: Any, columns: Columns) -> dict[str, Any]:
    """The generation, the log and the seconds of a checkpoint.

    :raises ValueError: where one of them is missing or of another kind, and where the log has other generations.
    """
    check_kinds(stored, {"generation": int, "log": list, "seconds": float})
    generation, seconds = stored["generation"], stored["seconds"]
    if not 0 <= seconds < math.inf:
        raise ValueError(f"seconds must be a finite number of at least 0, got {shown(seconds)}")
    check_rows("log", stored["log"], columns, generation + 1)
    if [row["gen"] for row in stored["log"]] != list(range(generation + 1)):
        raise ValueError(f"log must have the generations 0 to {generation} in order")
    return {"generation": generation, "log": stored["log"], "seconds": float(seconds)}


def check_tensors(name: str, found: Any, wanted: Mapping[str, Tensor]) -> None:
    """See that tensors have the names, shapes and types of others.

    :raises ValueError: naming the first that has not.
    """
    if not isinstance(found, dict) or found.keys() != wanted.keys():
        names = shown(list(found)) if isinstance(found, dict) else shown(found)
        raise ValueError(f"{name} must be those of {', '.join(wanted) or 'nothing'}, got {names}")
    for key, tensor in wanted.items():
        check_tensor(f"{name}: {key}", found[key], tensor)


def check_tensor(name: str, found: Any, wanted: Tensor) -> None:
    """See that a tensor has the shape and the type of another.

    :raises ValueError: where it has not.
    """
    if not isinstance(found, Tensor) or _kind(found) != _kind(wanted) or found.layout != torch.strided:
        what = _kind(found) if isinstance(found, Tensor) else shown(found)
        raise ValueError(f"{name} must be {_kind(wanted)}, got {what}")


def load_genome(genome: Genome, stored: Any, moments: int) -> None:
    """Take over what :meth:`evoprune.Genome.state` gave, checked.

    :param moments: how many tensors a parameter its optimizer remembers.
    :raises ValueError: where something is missing or of another kind; the genome is then as it was.
    """
    check_kinds(stored, GENOME | {"steps": float, "age": int, "nonzero": float | None})
    like = fitted(genome, stored.get("whole"))
    check_tensors("weights", stored["weights"], like.module.state_dict())
    check_tensors("masks", stored["masks"], like.masks)
    parameters = dict(like.module.named_parameters())
    for name, tensors in stored["moments"].items():
        if name not in parameters or not isinstance(tensors, (tuple, list)) or len(tensors) != moments:
            raise ValueError(f"moments of {shown(name)} must be {moments} tensors of a parameter, got {shown(tensors)}")
        for tensor in tensors:
            check_tensor(f"moments: {name}", tensor, parameters[name])
    if not 0 <= stored["steps"] < math.inf or not 0 <= (stored["nonzero"] or 0) <= 1:
        raise ValueError(f"steps and nonzero must be counts, got {stored['steps']!r} and {stored['nonzero']!r}")
    check_fitness(genome, stored["fitness"])
    attributes = stored.get("attributes", {})
    taken = isinstance(attributes, dict) and [name for name in attributes if _taken(genome, name)]
    if not isinstance(attributes, dict) or taken:
        raise ValueError(f"attributes must be those that were added to a genome, got {shown(attributes)}")
    genome.load_state(stored)


def check_fitness(individual: Any, values: Any) -> None:
    """See that stored values fit an individual's fitness, or are none.

    :raises ValueError: where they do not.
    """
    count = len(individual.fitness.weights)
    fits = isinstance(values, (list, tuple)) and len(values) in (0, count)
    if not fits or not all(_is(value, float) and math.isfinite(value) for value in values):
        raise ValueError(f"fitness must be {count} finite numbers or none, got {shown(values)}")


def check_any_finite(modules: Iterable[Iterable[nn.Module]]) -> None:
    """See that there is an individual, each given as its modules, whose weights are all finite.

    :raises ValueError: where there is none: whatever came of them would be NaN.
    """
    if not any(all(map(_finite, individual)) for individual in modules):
        raise ValueError("weights must be finite in at least one network, got NaN or infinity in all")


def _finite(module: nn.Module) -> bool:
    tensors = module.state_dict().values()
    return all(bool(tensor.isfinite().all()) for tensor in tensors if tensor.is_floating_point())


def _taken(genome: Genome, name: Any) -> bool:
    return not isinstance(name, str) or name in vars(genome) or hasattr(type(genome), name)


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} of shape {tuple(tensor.shape)}"


def _is(value: Any, kind: Any) -> bool:
    if isinstance(value, bool):  # which is an int to Python
        return kind is bool
    if kind is int:
        return isinstance(value, int) and 0 <= value <= MOST
    if kind == float | None:
        return value is None or _is(value, float)
    if kind is float:
        return isinstance(value, float) or (isinstance(value, int) and abs(value) <= MOST)
    return isinstance(value, kind)
