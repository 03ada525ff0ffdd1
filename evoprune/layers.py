"""Which parameters of a torch module are prunable, and whether two modules fit as encoder and decoder."""

from collections.abc import Iterable, Iterator, Mapping
from warnings import warn

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

PRUNABLE_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
_WIDTH_KEEPING = (
    nn.Identity,
    nn.ReLU,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softplus,
    nn.Softmax,
    nn.Dropout,
    nn.BatchNorm1d,
    nn.LayerNorm,
)


def prunable_layers(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Name and module of every Linear, Conv and ConvTranspose layer, in the order of registration."""
    return ((name, layer) for name, layer in module.named_modules() if isinstance(layer, PRUNABLE_LAYERS))


def prunable_parameters(module: nn.Module, exclude: Iterable[str] = ()) -> dict[str, Tensor]:
    """The weights and biases of the prunable layers by name, tied ones once, under their first name.

    Warns of other weights that people would prune, unless they are excluded, at the line that makes the genome.

    :param exclude: names of parameters, layers or blocks of layers; a tied parameter is excluded by any name.
    :raises ValueError: for a name that stands for no parameter, and a lazy module that has not been called yet.
    """
    excluded = [exclude] if isinstance(exclude, str) else list(exclude)
    layers = {name for name, m in module.named_modules(remove_duplicate=False) if isinstance(m, PRUNABLE_LAYERS)}
    names: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        names.setdefault(id(parameter), []).append(name)
    known = sorted(alias for group in names.values() for alias in group)
    unknown = [name for name in excluded if not any(_covers(name, alias) for alias in known)]
    if unknown:
        raise ValueError(f"cannot exclude {unknown}: the parameters are {known}")
    gone = {key for key, found in names.items() if any(_covers(name, alias) for name in excluded for alias in found)}
    left: dict[str, Tensor] = {n: p for n, p in module.named_parameters() if id(p) not in gone}
    prunable = {n: p for n, p in left.items() if any(_is_part(a, layers) for a in names[id(p)])}
    if any(map(is_lazy, prunable.values())):
        raise ValueError(f"the module has parameters without a shape: call it once on data first, got {module!r}")
    _warn_of_weights(module, {n: p for n, p in left.items() if n not in prunable})
    return prunable


def check_fit(encoder: nn.Module, decoder: nn.Module) -> None:
    """Raise `ValueError` for modules that share a parameter, or whose code does not fit: see :func:`check_code`."""
    check_code(encoder, decoder)
    parameters = set(map(id, encoder.parameters()))
    shared = [name for name, parameter in decoder.named_parameters() if id(parameter) in parameters]
    if shared:
        raise ValueError(f"the genomes share a parameter, the decoder's {shared[0]}: tied pairs are in evoprune.tied")


def check_code(encoder: nn.Module, decoder: nn.Module) -> None:
    """Raise `ValueError` unless the code fits, where both ends are plain Linear layers; others say so when called."""
    last, first = _outermost(reversed(list(_flat(encoder)))), _outermost(_flat(decoder))
    if last is not None and first is not None and last.out_features != first.in_features:
        raise ValueError(f"the encoder's code has {last.out_features} units, but the decoder takes {first.in_features}")


def _is_part(name: str, layers: set[str]) -> bool:
    layer, _, part = name.rpartition(".")
    return layer in layers and part in ("weight", "bias")


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


def _outermost(layers: Iterable[nn.Module]) -> nn.Linear | None:
    """The first Linear layer, unless something that could change the width stands before it."""
    for layer in layers:
        if isinstance(layer, nn.Linear):
            return layer
        if not isinstance(layer, _WIDTH_KEEPING):
            return None
    return None
