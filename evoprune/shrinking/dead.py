"""Dead units: those that nothing reads, and those that nothing makes. What the latter add goes into biases."""

from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from evoprune.cutting import cut
from evoprune.evaluation import evaluating, like_parameters
from evoprune.files import reason
from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes
from evoprune.mlp import GaussianEncoder
from evoprune.shrinking.constants import absorbed, constants
from evoprune.shrinking.graphs import read
from evoprune.shrinking.joints import End, Joint, Pass, is_stack
from evoprune.shrinking.stacks import NORMS, Step, joined
from evoprune.tied import TiedNetwork


@dataclass
class Removed:
    """What was taken out, units by the layer that made them; and why other units stay that are dead."""

    units: dict[str, int] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)


def remove_dead(individual: Individual, masked: bool = False, example: Tensor | None = None) -> Removed:
    """Take dead units out of an individual, in place, until there are none.

    What it computes in evaluation mode stays the same, as do its inputs and outputs. A unit of every layer stays.

    :param masked: only what masks make dead for good, and what no norm stands behind, so that training may go on; and
        nothing comes back that is pruned. Otherwise it is the weights that count.
    :param example: inputs, by which networks are read that are no plain stack.
    """
    found, stay = Removed(), dict[str, str]()
    traced = example is not None and not is_stack(individual)
    while True:
        seen = read(individual, example)
        verdicts = [(joint, _verdict(joint, masked)) for joint in seen.joints if joint.label not in stay]
        joint, verdict = next(((j, v) for j, v in verdicts if len(v.keep) < j.units), (None, None))
        if joint is None or verdict is None:
            emptied = [] if masked or traced else [one for one, verdict in verdicts if verdict.all_dead]
            if sum(map(_hollowed, emptied)):
                continue  # what only fed it is dead now
            found.reasons = [*seen.reasons, *stay.values(), *(verdict.why for _, verdict in verdicts if verdict.why)]
            return found
        before = deepcopy(individual) if traced else None
        for reader, added in verdict.added:
            _add(reader.step.module, added)
        take_out(joint, verdict.keep)
        if before is not None and (why := difference(joined(before), joined(individual), example)):
            for genome, old in zip(genomes(individual), genomes(before), strict=True):
                vars(genome).clear()
                vars(genome).update(vars(old))
            stay[joint.label] = f"units of {joint.label} stay: {why}"
            continue
        found.units[joint.label] = found.units.get(joint.label, 0) + joint.units - len(verdict.keep)


def difference(one: nn.Module, other: nn.Module, example: Any) -> str:
    """What is wrong where two modules do not give the same for an example, and for noise of its shape; else empty."""
    with evaluating(one, other):
        example = like_parameters(one, example)
        noise = torch.randn(example.shape, generator=torch.Generator().manual_seed(0)).to(example)
        for inputs in (example, noise) if example.is_floating_point() else (example,):
            wanted = tree_leaves(one(inputs))
            try:
                found = tree_leaves(other(inputs))
            except Exception as error:  # a forward that knows how many units there were
                return f"without them its forward fails ({reason(error)})"
            if [*map(_shape, found)] != [*map(_shape, wanted)]:
                return "they are outputs"
            if not all(map(_close, found, wanted)):
                return "without them the outputs are others"
    return ""


def _shape(value: Any) -> Any:
    return getattr(value, "shape", None)


def _close(one: Any, other: Any) -> bool:
    if not isinstance(other, Tensor):
        return bool(one == other)
    finite = other[other.isfinite()] if other.is_floating_point() else other.new_zeros(0)
    room = 1e-5 * float(finite.abs().max()) if finite.numel() else 0.0
    return torch.allclose(one, other, rtol=1e-4, atol=room, equal_nan=True)


def unread(one: Pass, masked: bool) -> Tensor:
    """Which units no weight reads, (units,)."""
    return torch.stack([_none(end, 1, masked) for end in one.readers]).all(0)


def unmade(one: Pass, masked: bool) -> Tensor:
    """Which units no weight leads into, but perhaps a bias, (units,)."""
    return torch.stack([_none(end, 0, masked) for end in one.makers]).all(0)


def take_out(joint: Joint, keep: Tensor) -> None:
    """Leave only some units of a joint, in place.

    :param keep: places of the units that stay, in order.
    """
    tensors: dict[int, dict[str, dict[int, Tensor]]] = {}
    sizes: dict[int, dict[str, Any]] = {}
    owners: dict[int, Genome] = {}
    removed = torch.ones(joint.units, dtype=torch.bool).index_fill_(0, keep, False)

    def narrow(end: End, names: Iterable[str], axis: int, attribute: str) -> None:
        gone = end.places[removed].flatten()
        for name in names:
            size = end.step.held[name].shape[axis]
            left = torch.ones(size, dtype=torch.bool).index_fill_(0, gone, False).nonzero().flatten()
            note(end.step, {attribute: len(left)})
            tensors.setdefault(id(end.step.genome), {}).setdefault(end.step.called(name), {})[axis] = left

    def note(step: Step, attributes: Mapping[str, Any]) -> None:
        owners[id(step.genome)] = step.genome
        sizes.setdefault(id(step.genome), {}).update({step.path(name): value for name, value in attributes.items()})

    for one in joint.passes:
        for end in one.makers:
            attribute = _attribute(end.step.module, "out")
            narrow(end, ["weight"], end.step.axes[0], attribute)
            narrow(end, ["bias"] if end.step.module.bias is not None else [], 0, attribute)
        for end in one.readers:
            narrow(end, ["weight"], end.step.axes[1], _attribute(end.step.module, "in"))
        for end in one.between:
            module: Any = end.step.module
            if end.places.numel():
                narrow(end, end.step.held, 0, "num_features" if isinstance(module, NORMS) else "num_parameters")
            elif isinstance(module, nn.Unflatten):
                note(end.step, {"unflattened_size": (len(keep), *module.unflattened_size[1:])})
    for key, owner in owners.items():
        cut(owner, tensors.get(key, {}), sizes[key])
        _update_widths(owner)


@dataclass(frozen=True)
class _Verdict:
    """Which units stay, what readers' biases get for the others, and why some stay that are dead."""

    keep: Tensor
    added: list[tuple[End, Tensor]]
    why: str
    all_dead: bool


def _verdict(joint: Joint, masked: bool) -> _Verdict:
    """Units are dead that in every pass nobody reads, or that are the same for all samples and a bias can stand for."""
    readers = [end for one in joint.passes for end in one.readers]
    biases = [bias for end in readers if (bias := end.step.module.bias) is not None]
    several = len({id(end.step.module) for end in readers}) < len(readers) or len(set(map(id, biases))) < len(biases)
    shared = several or any(_uses(end.step) > 1 for end in readers)
    dead, stuck = torch.ones(joint.units, dtype=torch.bool), False
    added: list[tuple[End, Tensor]] = []
    for one in joint.passes:
        silent, gone = unmade(one, masked), unread(one, masked)
        spare = torch.ones_like(silent)
        for end, (alike, values) in zip(one.readers, constants(one, silent), strict=True):
            fits, adds = absorbed(end, values)
            fits, adds = fits.cpu() & alike.cpu(), torch.where(gone[:, None], 0.0, adds.cpu())
            if masked or shared:
                fits &= _allowed(end.step, adds, shared) & (not masked or not _normed(one))
            spare &= fits
            added.append((end, adds))
        stuck = stuck or bool((silent & ~gone & ~spare).any())
        dead &= gone | spare
    if all_dead := bool(dead.all()):
        dead[0] = False  # a layer without units is none
    why = f"units of {joint.label} are the same for all samples, but no bias can stand for them" if stuck else ""
    return _Verdict((~dead).nonzero().flatten(), [(end, adds[dead].sum(0)) for end, adds in added], why, all_dead)


def _hollowed(joint: Joint) -> bool:
    """Set the weights of units that nobody reads to zero; whether there were any others."""
    gone = torch.stack([unread(one, False) for one in joint.passes]).all(0)
    changed = False
    for end in (end for one in joint.passes for end in one.makers):
        weight: Any = end.step.module.weight
        places = end.places[gone].flatten().to(weight.device)
        with torch.no_grad():
            changed |= bool(weight.index_select(end.step.axes[0], places).any())
            weight.index_fill_(end.step.axes[0], places, 0.0)
    return changed


def _none(end: End, side: int, masked: bool) -> Tensor:
    """For which units all weights of a layer, on one side, do not count: they are masked, or 0; (units,)."""
    weight: Any = end.step.module.weight
    mask = end.step.genome.masks.get(end.step.tensor, torch.ones_like(weight, dtype=torch.bool))
    counts = (mask if masked else weight.detach() != 0).cpu().numpy()
    axis = end.step.axes[side]
    some = counts.any(axis=tuple(other for other in range(counts.ndim) if other != axis))
    return ~torch.from_numpy(some)[end.places].any(1)


def _allowed(reader: Step, added: Tensor, shared: bool) -> Tensor:
    """For which units a bias may change: none that several layers share, that is pruned, or that is not there."""
    zero = added == 0
    if shared or reader.module.bias is None:
        return zero.all(1)
    mask = reader.genome.masks.get(reader.called("bias"))
    return (zero | (True if mask is None else mask.cpu())).all(1)


def _uses(step: Step) -> int:
    """How many layers have the bias of this one."""
    bias = step.module.bias
    return sum(bias is not None and part._parameters.get("bias") is bias for part in step.genome.module.modules())


def _normed(one: Pass) -> bool:
    return any(isinstance(end.step.module, NORMS) for end in one.between)


def _add(layer: Any, added: Tensor) -> None:
    if not bool((added != 0).any()):
        return
    with torch.no_grad():
        if layer.bias is None:
            layer.bias = nn.Parameter(layer.weight.new_zeros(added.shape))
        layer.bias.copy_(layer.bias.double() + added.to(layer.bias.device))


def _attribute(layer: nn.Module, side: str) -> str:
    return f"{side}_{'features' if isinstance(layer, nn.Linear) else 'channels'}"


def _update_widths(genome: Genome) -> None:
    """A tied network says how wide it is, and a variational encoder how long its code."""
    for name, module in genome.module.named_modules():
        if isinstance(module, GaussianEncoder) and module.noise_width != module.mean.out_features:
            cut(genome, {}, {f"{name}.noise_width".lstrip("."): module.mean.out_features})
        if isinstance(module, TiedNetwork):
            layers = [layer for layer in module.encoder if isinstance(layer, nn.Linear)]
            widths = (layers[0].in_features, *(layer.out_features for layer in layers))
            if widths != module.widths:
                cut(genome, {}, {f"{name}.widths".lstrip("."): widths})
