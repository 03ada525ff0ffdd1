"""What the weights of an individual read on given samples: the mean square of what each of them multiplies."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from evoprune.evaluation import evaluating, like_parameters
from evoprune.examples import check_example, check_takes
from evoprune.individuals import genomes

_TRANSPOSED = {F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d}
_LAYERS = {F.linear, F.conv1d, F.conv2d, F.conv3d, *_TRANSPOSED}
_TAKES = ("input", "weight", "bias", "stride", "padding", "", "groups")
"""What these functions take by place, as far as it matters here."""


def mean_squares(individual: Any, samples: Tensor | Callable[[], Tensor]) -> list[dict[str, Tensor]]:
    """For each genome, name of a prunable parameter -> the mean square of what each entry reads, of its shape.

    A weight of a Linear layer reads one of its inputs, and the mean is over samples and further positions; a weight of
    a convolution reads a channel, and the mean is over samples and positions without the padding. A bias reads 1. Where
    a parameter is used several times its mean squares add up, also those of a tied weight, there and transposed on the
    way back; where it is not used they are 0.

    Seen are the functions ``linear``, ``conv*`` and ``conv_transpose*`` of torch, also where a ``forward`` calls them
    with ``layer.weight`` itself, transposed, or in parts. A weight that is read otherwise, as a matrix product or by
    torch's attention, counts as not used. Modules run in evaluation mode and without gradients, and are left as they
    were; each part of the individual sees what the one before it makes.

    :param samples: (samples, ...) that the individual takes, or a function that returns them.
    :raises TypeError: for samples that are no tensor, or of a type that the individual refuses.
    :raises ValueError: for none, samples that are not finite, or of another width than the individual reads.
    """
    values = given_samples(samples)
    check_takes(individual, values, "samples")
    if not all(bool(end.isfinite()) for end in values.aminmax()):  # ten times as fast as of all values
        raise ValueError("the samples hold NaN or infinite values")
    found = []
    for genome in genomes(individual):
        parameters = {name: genome.module.get_parameter(name) for name in genome.masks}
        reader = _Reader(parameters.values())
        with evaluating(genome.module), reader:
            values = genome.module(like_parameters(genome.module, values))
        found.append({name: reader.place(parameter) for name, parameter in parameters.items()})
    return found


def given_samples(samples: Any) -> Tensor:
    """Samples (samples, ...), at least one; or those that a function returns which was given in their place."""
    if callable(samples) and not isinstance(samples, type | nn.Module):
        samples = samples()
    check_example(samples, "samples")
    return samples


class _Reader(TorchFunctionMode):
    """Sees every torch function call, and adds what a parameter reads up where the parameter lies in memory.

    So it does not matter whether the parameter itself is used, or a view of it: transposed, sliced, reshaped.
    """

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        super().__init__()
        self.rooms = {_memory(parameter): _room(parameter) for parameter in parameters}

    def place(self, used: Tensor) -> Tensor:
        """What a parameter, or a view of one, has read, of its shape."""
        return self.rooms[_memory(used)].as_strided(used.shape, used.stride(), used.storage_offset())

    def add(self, used: Any, squares: Any) -> None:
        if isinstance(used, Tensor) and _memory(used) in self.rooms:
            self.place(used).add_(squares)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _LAYERS:
            given = dict(zip(_TAKES, args, strict=False)) | kwargs
            self.add(given["weight"], _read(func, given["input"], given["weight"], given.get("groups", 1)))
            self.add(given.get("bias"), 1.0)
        return func(*args, **kwargs)


def _read(func: Any, values: Tensor, weight: Tensor, groups: int) -> Tensor:
    """The mean squares of what a layer's function reads, in a shape that can be expanded to its weight's."""
    behind = [1] * (weight.dim() - 2)  # axes of positions
    values = values.unsqueeze(0)  # perhaps there are no samples
    channels = values.dim() - 1 - len(behind)
    others = [axis for axis in range(values.dim()) if axis != channels]
    squares = values.to(torch.promote_types(values.dtype, torch.float32)).square().mean(others)
    if func is F.linear:
        return squares
    if func in _TRANSPOSED:
        return squares.view(-1, 1, *behind)
    grouped = squares.view(groups, 1, -1)  # every group of outputs reads a group of channels
    return grouped.expand(-1, len(weight) // groups, -1).reshape(len(weight), -1, *behind)


def _memory(tensor: Tensor) -> int:
    """By what the memory is known that a tensor shares with its views."""
    return tensor.untyped_storage().data_ptr()


def _room(parameter: Tensor) -> Tensor:
    """A zero for every number in the memory of a parameter."""
    count = parameter.untyped_storage().nbytes() // parameter.element_size()
    dtype = torch.promote_types(parameter.dtype, torch.float32)
    return torch.zeros(count, dtype=dtype, device=parameter.device)
