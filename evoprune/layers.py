"""Which parameters of a torch module are prunable, and whether modules fit one after the other."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise
from warnings import warn

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from evoprune.checks import listed, shown

_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
PRUNABLE_LAYERS = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED)
_ELEMENTWISE = (nn.Identity, nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.Softplus)
_PLAIN = frozenset((nn.Linear, *_ELEMENTWISE))
_WIDTH_KEEPING = (*_ELEMENTWISE, nn.Softmax, nn.Dropout, nn.BatchNorm1d, nn.LayerNorm)


def prunable_layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module of every Linear, Conv and ConvTranspose layer, in the order of registration."""
    return ((name, layer) for name, layer in module.named_modules() if isinstance(layer, PRUNABLE_LAYERS))


def prunable_parameters(module: nn.Module, exclude: Iterable[str] = ()) -> dict[str, Tensor]:
    """The weights and biases of the prunable layers by name, tied ones once, under their first name.

    Warns of other weights that people would prune, unless they are excluded, at the line that makes the genome.

    :param exclude: names of parameters, layers or blocks of layers; a tied parameter is excluded by any name.
    :raises ValueError: for a name that stands for no parameter, and a lazy module that has not been called yet.
    """
    excluded = [exclude] if isinstance(exclude, str) else listed("exclude", exclude, "names of parameters or layers")
    layers = [layer._parameters for _, layer in prunable_layers(module)]
    parts = {id(parameters.get(part)) for parameters in layers for part in ("weight", "bias")}
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    known = sorted(alias for group in names.values() for alias in group)
    unknown = [name for name in excluded if not any(_covers(name, alias) for alias in known)]
    if unknown:
        raise ValueError(f"cannot exclude {shown(unknown)}: the parameters are {known}")
    gone = {key for key, found in names.items() if any(_covers(name, alias) for name in excluded for alias in found)}
    left: dict[str, Tensor] = {n: p for n, p in module.named_parameters() if id(p) not in gone}
    prunable = {n: p for n, p in left.items() if id(p) in parts}
    if any(map(is_lazy, prunable.values())):
        raise ValueError(f"the module has parameters without a shape: call it once on data first, got {shown(module)}")
    _warn_of_weights(module, {n: p for n, p in left.items() if n not in prunable})
    return prunable


def check_fit(parts: Mapping[str, nn.Module]) -> None:
    """Raise `ValueError` for parts of a network that share a parameter, or do not fit: see :func:`check_chain`.

    :param parts: name -> module, in the order in which they are applied.
    """
    check_chain(parts)
    seen: set[int] = set()
    for part, module in parts.items():
        mine = {id(parameter): name for name, parameter in module.named_parameters()}
        if shared := seen & mine.keys():
            first = next(name for key, name in mine.items() if key in shared)
            raise ValueError(
                f"the genomes share a parameter, {called(part)}'s {first}: tied pairs are in evoprune.tied"
            )
        seen |= mine.keys()


def check_chain(parts: Mapping[str, nn.Module]) -> None:
    """Raise `ValueError` unless each part takes what the one before gives; seen where both ends are plain Linear
    layers, others say so when they are called."""
    for (one, before), (other, after) in pairwise(parts.items()):
        (_, gives), (takes, _) = widths(before), widths(after)
        if gives != takes and gives is not None and takes is not None:
            raise ValueError(f"{called(one)} gives {gives} values a sample, but {called(other)} takes {takes}")


def check_data(parts: dict[str, nn.Module], width: int, wanted: int | None = None, what: str = "data") -> None:
    """Raise `ValueError` unless data of so many values a sample, the parts, and what is wanted of them fit.

    As far as the layers tell, as in :func:`check_chain`.

    :param wanted: values a sample that the last part has to give; None where nobody knows.
    :param what: what has so many: the data, or their targets.
    """
    first, last = next(iter(parts)), next(reversed(parts))
    reads, _ = widths(parts[first])
    if reads not in (None, width):
        raise ValueError(f"{called(first)} reads {reads} values a sample, but the data have {width}")
    check_chain(parts)
    _, gives = widths(parts[last])
    if wanted is not None and gives not in (None, wanted):
        raise ValueError(f"{called(last)} gives {gives} values a sample, but the {what} have {wanted}")


def called(part: str) -> str:
    """A part of a network in a message, by its name."""
    return f"part {part}" if part.isdigit() else f"the {part}"


def widths(module: nn.Module) -> tuple[int | None, int | None]:
    """The values a sample that a module reads and gives; None where its outermost layers do not tell."""
    layers = list(_flat(module))
    first, last = _outermost(layers), _outermost(reversed(layers))
    return getattr(first, "in_features", None), getattr(last, "out_features", None)


def plain_steps(module: nn.Module) -> list[Callable[[Tensor], Tensor]]:
    """What a plain stack computes, layer by layer, without the checks of torch's calls; empty for any other module.

    A plain stack is a Linear layer, then Linear layers and elementwise nonlinearities in any order, none of a class of
    its own and none with hooks. So it takes every sample by itself, draws nothing, is the same in training and in
    evaluation, and leaves its input as it is.
    """
    layers = list(_flat(module))
    plain = type(layers[0]) is nn.Linear if layers else False
    if not plain or not all(type(layer) in _PLAIN for layer in layers) or is_altered(module):
        return []
    return [layer.forward for layer in layers]


def is_altered(module: nn.Module) -> bool:
    """Whether the module or a part of it has hooks, or does something else than its class says."""
    if module._forward_hooks or module._forward_pre_hooks or "forward" in vars(module):
        return True
    return any(is_altered(child) for child in module._modules.values() if child is not None)


def _warn_of_weights(module: nn.Module, other: Mapping[str, Tensor]) -> None:
    """Warn of what is not prunable but a matrix, other than a norm's, or masked by torch's own pruning."""
    masked = {name.removesuffix("mask") + "orig" for name, _ in module.named_buffers() if name.endswith("_mask")}
    left_out = []
    for name, parameter in other.items():
        owner = type(module.get_submodule(name.rpartition(".")[0])).__name__
        matrix = not is_lazy(parameter) and sum(size > 1 for size in parameter.shape) > 1
        if name in masked or (matrix and not owner.endswith("Norm")):
            left_out.append(name)
    if left_out:
        text = f"trained but never pruned, name them in exclude to silence this: {', '.join(left_out)}"
        if not masked.isdisjoint(left_out):
            text += "; what torch has masked (_orig) is prunable after torch.nn.utils.prune.remove(layer, name)"
        warn(text, stacklevel=4)  # the line that calls Genome(...)


def _covers(excluded: str, name: str) -> bool:
    return excluded in ("", name) or name.startswith(f"{excluded}.")


def _flat(module: nn.Module) -> Iterator[nn.Module]:
    """The layers of a stack in the order in which they are called; any other module is one layer."""
    if isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward:
        for child in module:
            yield from _flat(child)
    else:
        yield module


def _outermost(layers: Iterable[nn.Module]) -> nn.Module | None:
    """The first layer that could change the width; what is Linear, or a network of ours, has ``in_features``."""
    return next((layer for layer in layers if not isinstance(layer, _WIDTH_KEEPING)), None)
