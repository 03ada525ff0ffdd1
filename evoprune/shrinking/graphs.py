"""Joints of a network that is no plain stack, residual or concatenating, by Torch-Pruning's dependency graph."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, redirect_stdout, suppress
from io import StringIO
from threading import Lock
from types import ModuleType
from typing import Any
from warnings import catch_warnings, simplefilter

import torch
from torch import Tensor, nn

from evoprune.evaluation import evaluating, like_parameters
from evoprune.files import reason
from evoprune.individuals import Individual
from evoprune.shrinking.joints import Chain, End, Joint, Pass, chain, is_stack
from evoprune.shrinking.stacks import NORMS, Step, joined, parts_of

_LOCK = Lock()  # what the block changes belongs to the process: standard output, warnings, a class of the library
LONGEST = 20
"""Members of a group of the library, for each module of the network: larger ones have no end."""


def torch_pruning() -> ModuleType | None:
    """The library, where it is installed."""
    with suppress(ImportError):
        import torch_pruning

        return torch_pruning
    return None


def read(individual: Individual, example: Tensor | None = None) -> Chain:
    """The joints of an individual: those of a plain stack, or what computing an example shows of any other."""
    return chain(individual) if example is None or is_stack(individual) else graph(individual, example)


def graph(individual: Individual, example: Tensor) -> Chain:
    """Read an individual as joints, following the functions that its forward calls on an example.

    What is the same for all samples is what readers find so on the example.
    """
    library = torch_pruning()
    if library is None:
        return chain(individual)
    whole = joined(individual)
    steps = _every(individual)
    frozen = [parameter for parameter in whole.parameters() if not parameter.requires_grad]
    try:
        with _LOCK, evaluating(whole), torch.enable_grad(), catch_warnings(), redirect_stdout(StringIO()):
            simplefilter("ignore")
            example = like_parameters(whole, example)
            for parameter in frozen:  # the library follows gradients
                parameter.requires_grad_(True)
            dependencies = library.DependencyGraph().build_dependency(whole, example_inputs=example)
            with _bounded(library, LONGEST * len(steps)):
                groups = list(dependencies.get_all_groups())
            inputs = _inputs(whole, [step.module for step in steps.values() if step.is_layer], example)
    except Exception as error:  # whatever a forward makes the library stumble over
        return Chain(reasons=[f"Torch-Pruning cannot follow it ({type(error).__name__}: {reason(error)})"])
    finally:
        for parameter in frozen:
            parameter.requires_grad_(False)
    found = Chain()
    for group in groups:
        joint = _joint(group.items, steps, inputs, found.reasons)
        if joint is not None:
            found.joints.append(joint)
    return found


@contextmanager
def _bounded(library: Any, most: int) -> Iterator[None]:
    """Within the block a group that grows beyond so many members is an error: some the library follows for ever."""
    kind = library.dependency.group.Group
    add = kind.add_dep

    def add_some(group: Any, *args: Any, **kwargs: Any) -> None:
        if len(group) > most:
            raise RecursionError("it goes round in circles")
        add(group, *args, **kwargs)

    kind.add_dep = add_some
    try:
        yield
    finally:
        kind.add_dep = add


def _every(individual: Individual) -> dict[int, Step]:
    """All modules of an individual as steps, by their identity."""
    parts = parts_of(individual)
    return {id(module): step(name, module) for whole, step in parts for name, module in whole.named_modules()}


def _inputs(whole: nn.Module, layers: Iterable[nn.Module], example: Tensor) -> dict[int, Tensor | None]:
    """What each layer reads, by its identity; None for one that is used several times."""
    found: dict[int, Tensor | None] = {}

    def store(layer: nn.Module, given: Any) -> None:
        found[id(layer)] = None if id(layer) in found else given[0].detach().cpu()

    with ExitStack() as stack, torch.no_grad():
        for layer in layers:
            stack.callback(layer.register_forward_pre_hook(store).remove)
        whole(example)
    return found


def _joint(
    items: Iterable[Any], steps: Mapping[int, Step], inputs: Mapping[int, Tensor | None], reasons: list[str]
) -> Joint | None:
    """A group of the library as a joint; None where its units are outputs, or belong to what nobody can narrow."""
    makers: list[End] = []
    between: list[End] = []
    readers: list[End] = []
    items = list(items)
    units = len(set(items[0].root_idxs))
    for item in items:
        module, places = item.dep.target.module, _places(item, units)
        step = steps.get(id(module))
        if step is None and isinstance(module, nn.Module):
            continue  # a function, as the library has it
        if step is None or places is None or not _fits(step, places, _makes(item)):
            label = "a parameter" if step is None else step.label
            reasons.append(f"units that belong to {label} ({type(module).__name__}) stay")
            return None
        ends = between if isinstance(module, NORMS) else makers if _makes(item) else readers
        ends.append(End(step, places))
    if not makers or not readers:
        return None
    observed = tuple(_observed(end, inputs.get(id(end.step.module))) for end in readers)
    return Joint(units, (Pass(tuple(makers), tuple(between), tuple(readers), observed),))


def _fits(step: Step, places: Tensor, makes: bool) -> bool:
    """Whether a module can be cut at these places: they are there, and each belongs to one unit."""
    if isinstance(step.module, NORMS):
        size = int(step.module.num_features)
    elif step.is_layer:
        weight: Any = step.module.weight
        size = weight.shape[step.axes[0 if makes else 1]]
    else:
        return False
    return int(places.max()) < size and len(places.unique()) == places.numel()


def _makes(item: Any) -> bool:
    return bool("out_channels" in item.dep.handler.__name__)


def _places(item: Any, units: int) -> Tensor | None:
    """Of each unit the places in a module, (units, places a unit); None where units have different numbers."""
    table: dict[int, list[int]] = {}
    for root, place in zip(item.root_idxs, item.idxs, strict=True):
        table.setdefault(root, []).append(place)
    if sorted(table) != list(range(units)) or len({len(places) for places in table.values()}) != 1:
        return None
    return torch.tensor([table[unit] for unit in sorted(table)])


def _observed(reader: End, given: Tensor | None) -> tuple[Tensor, Tensor]:
    """Which units a reader finds the same in all samples and positions, and what it finds."""
    if given is None:
        nothing = torch.zeros(reader.places.shape, dtype=torch.float64)
        return torch.zeros(len(nothing), dtype=torch.bool), nothing
    axis = given.dim() - 1 if isinstance(reader.step.module, nn.Linear) else 1
    values = given.movedim(axis, 0).flatten(1)[reader.places]  # (units, places, samples x positions)
    alike = (values == values[..., :1]).all(-1).all(-1)
    return alike, values[..., 0].double()
