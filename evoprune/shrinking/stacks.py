"""A network as steps: the layers and what stands between them, in the order in which they are applied."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

from torch import Tensor, nn

from evoprune.genome import Genome
from evoprune.individuals import Individual, genomes, names_of
from evoprune.layers import PRUNABLE_LAYERS, is_altered, prunable_layers
from evoprune.mlp import GaussianEncoder
from evoprune.tied import TiedLinear, TiedNetwork

DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d, nn.AlphaDropout, nn.FeatureAlphaDropout)
"""What does nothing in evaluation."""
UNITWISE = (
    *(nn.Identity, nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.RReLU, nn.PReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU),
    *(nn.Mish, nn.Softplus, nn.Softsign, nn.Sigmoid, nn.LogSigmoid, nn.Tanh, nn.Tanhshrink, nn.Hardtanh),
    *(nn.Hardsigmoid, nn.Hardswish, nn.Hardshrink, nn.Softshrink, nn.Threshold),
    *DROPOUTS,
)
"""What changes every value by itself."""
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
"""What scales every unit by itself."""
AVERAGES = (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d)
PADS = (
    *(nn.ZeroPad1d, nn.ZeroPad2d, nn.ZeroPad3d, nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
    *(nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d),
    *(nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d),
    *(nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d),
)
SPATIAL = (
    *(nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d, *AVERAGES, *PADS),
    *(nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d),
    *(nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d),
    *(nn.Upsample, nn.UpsamplingNearest2d, nn.UpsamplingBilinear2d),
)
"""What changes the positions of a map, for every channel by itself."""
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *TRANSPOSED)


@dataclass(frozen=True)
class Step:
    """A module of a genome that is applied at once: a layer, something between layers, or what nobody can see into.

    ``heads`` are further layers that read the same: those of a variational encoder.
    """

    genome: Genome
    part: str
    name: str
    module: nn.Module
    heads: tuple["Step", ...] = ()

    @property
    def label(self) -> str:
        """What the module is called in a message: the part of the network, and its name there."""
        return ".".join(name for name in (self.part, self.name) if name) or type(self.module).__name__

    @property
    def is_layer(self) -> bool:
        """Whether it has weights between units that can be taken out."""
        kind = type(self.module)
        if kind not in (*PRUNABLE_LAYERS, TiedLinear) or getattr(self.module, "groups", 1) > 1:
            return False
        if is_altered(self.module):
            return False
        weight: Any = self.module.weight
        return isinstance(weight, Tensor) and weight.is_floating_point() and 0 not in weight.shape

    @property
    def ends(self) -> tuple["Step", ...]:
        """The layer and those beside it."""
        return (self, *self.heads)

    @property
    def axes(self) -> tuple[int, int]:
        """The axis of a layer's weight along which its outputs stand, and that of its inputs."""
        return (1, 0) if type(self.module) in (TiedLinear, *TRANSPOSED) else (0, 1)

    @property
    def tensor(self) -> str:
        """The name of a layer's weight, of a shared one the first."""
        return self.called("weight")

    def called(self, name: str) -> str:
        """The name of a tensor of the module, of a shared one the first."""
        tensor = getattr(self.module, name)
        every = chain(self.genome.module.named_parameters(), self.genome.module.named_buffers())
        return next(known for known, one in every if one is tensor)

    @property
    def held(self) -> dict[str, Tensor]:
        """The tensors of the module that have axes, by their names in it."""
        own = {**self.module._parameters, **self.module._buffers}
        return {name: tensor for name, tensor in own.items() if tensor is not None and tensor.dim()}

    def path(self, name: str) -> str:
        """The name of an attribute or tensor of the module."""
        return f"{self.name}.{name}".lstrip(".")


def part_names(individual: Individual) -> tuple[str, ...]:
    """What messages call the parts of an individual: a genome by itself, and one alone, nothing."""
    names = names_of(individual)
    return names if len(names) > 1 else ("",)


def joined(individual: Individual) -> nn.Module:
    """The modules of an individual as one module; that of a genome, or of a network in one part, as it is."""
    modules = [genome.module for genome in genomes(individual)]
    if len(modules) == 1:
        return modules[0]
    return nn.Sequential(OrderedDict(zip(names_of(individual), modules, strict=True)))


def parts_of(individual: Individual) -> list[tuple[nn.Module, Callable[..., Step]]]:
    """Each part's module, and what makes a step of a name in it and a module."""
    named = zip(part_names(individual), genomes(individual), strict=True)
    return [(genome.module, partial(Step, genome, part)) for part, genome in named]


def steps_of(individual: Individual) -> list[Step]:
    """The steps of an individual, part by part."""
    return [found for module, step in parts_of(individual) for found in _steps(step, "", module)]


def layers_of(individual: Individual) -> list[Step]:
    """All Linear layers and convolutions of an individual, wherever they are, in the order of registration."""
    return [step(*item) for module, step in parts_of(individual) for item in prunable_layers(module)]


def _steps(step: Callable[..., Step], name: str, module: nn.Module) -> Iterator[Step]:
    inside = f"{name}." if name else ""
    if is_altered(module):  # by hooks, of which nobody knows what they do
        yield step(name, module)
    elif type(module) is nn.Sequential:
        for key, child in module._modules.items():  # also what stands there twice
            if child is None:
                continue
            yield from _steps(step, f"{inside}{key}", child)
    elif type(module) is TiedNetwork:
        yield from _steps(step, f"{inside}encoder", module.encoder)
        yield from _steps(step, f"{inside}decoder", module.decoder)
    elif type(module) is GaussianEncoder:
        yield from _steps(step, f"{inside}trunk", module.trunk)
        yield step(f"{inside}mean", module.mean, (step(f"{inside}log_variance", module.log_variance),))
    else:
        yield step(name, module)
