"""Random networks with masks from dense to nothing left, drawn by Hypothesis."""

from collections.abc import Callable, Mapping, Sequence
from random import Random
from types import MappingProxyType
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from evoprune import Genome, Network
from evoprune.individuals import Individual, genomes

NONLINEARITIES: tuple[Callable[[], nn.Module], ...] = (
    *(nn.Identity, nn.ReLU, lambda: nn.ReLU(inplace=True), nn.Sigmoid, nn.Softplus, nn.Tanh, nn.ELU, nn.LeakyReLU),
    *(nn.PReLU, nn.Hardshrink, nn.Dropout, nn.AlphaDropout),
)
PADDINGS = ("zeros", "reflect", "replicate", "circular")
CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d}
TRANSPOSED: dict[int, Callable[..., nn.Module]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d}
SPATIAL: dict[int, tuple[Callable[[], nn.Module], ...]] = {
    1: (
        *(lambda: nn.MaxPool1d(2), lambda: nn.MaxPool1d(3, 2, padding=1, ceil_mode=True), lambda: nn.AvgPool1d(2)),
        *(lambda: nn.AvgPool1d(3, 1, padding=1), lambda: nn.AvgPool1d(3, 2, padding=1, count_include_pad=False)),
        *(lambda: nn.AvgPool1d(2, ceil_mode=True), lambda: nn.AdaptiveAvgPool1d(2), lambda: nn.AdaptiveMaxPool1d(2)),
        *(lambda: nn.ZeroPad1d(1), lambda: nn.ConstantPad1d(1, 0.5), lambda: nn.ReflectionPad1d(1)),
        *(lambda: nn.ReplicationPad1d((0, 2)), lambda: nn.CircularPad1d(1), lambda: nn.Upsample(scale_factor=2)),
    ),
    2: (
        *(lambda: nn.MaxPool2d(2), lambda: nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), lambda: nn.AvgPool2d(2)),
        *(lambda: nn.AvgPool2d(3, 1, padding=1), lambda: nn.AvgPool2d(3, 2, padding=1, count_include_pad=False)),
        *(lambda: nn.AvgPool2d(2, ceil_mode=True), lambda: nn.AvgPool2d(2, divisor_override=3)),
        *(lambda: nn.AdaptiveAvgPool2d(2), lambda: nn.AdaptiveMaxPool2d((1, 2)), lambda: nn.ZeroPad2d(1)),
        *(lambda: nn.ConstantPad2d(1, 0.5), lambda: nn.ReflectionPad2d(1), lambda: nn.ReplicationPad2d((0, 1, 1, 0))),
        *(lambda: nn.CircularPad2d(1), lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    ),
}


@st.composite
def individuals(draw: Callable[[Any], Any]) -> tuple[Individual | nn.Module, Tensor]:
    """A stack as a module, a genome or a network in two parts, and inputs for it.

    Hypothesis chooses how large it is; the rest is drawn evenly.
    """
    blocks, depth = draw(st.integers(2, 6)), draw(st.integers(0, 2))
    form, double = draw(st.sampled_from(("module", "genome", "network"))), draw(st.booleans())
    seed = draw(st.integers(0, 2**32))
    torch.manual_seed(seed)
    random = Random(seed)
    samples = 7  # more than channels, so that nothing takes them for such
    stack = Stack(random, torch.randn(samples, random.randint(1, 3), *[random.choice((5, 6))] * depth))
    for _ in range(blocks):
        stack.block()
    module, x = nn.Sequential(*stack.steps), stack.x
    if double:
        module, x = module.double(), x.double()
    individual: Any = Genome(module)
    if form == "network" and len(set(stack.steps)) == len(stack.steps):  # genomes share nothing
        place = random.randint(0, len(module))
        individual = Network([Genome(module[:place]), Genome(module[place:])])
    for genome in genomes(individual):
        genome.masks = {name: drawn_mask(random, mask.shape) for name, mask in genome.masks.items()}
        genome.enforce()
    return (module if form == "module" else individual), x


def drawn_mask(random: Random, shape: Sequence[int]) -> Tensor:
    """A mask that may drop everything, single entries, or whole units and what reads them."""
    mask = torch.rand(shape) < random.choice((1.0, 1.0, 1.0, 0.7, 0.3, 0.0))
    for axis in range(min(len(shape), 2)):
        for place in (torch.rand(shape[axis]) < random.choice((0.0, 0.3, 0.7))).nonzero().flatten():
            mask.select(axis, int(place)).fill_(False)
    return mask


class Graph(nn.Module):
    """Values that layers, norms and functions make of earlier ones, added up and laid beside each other.

    :param plan: for each value what makes it, and the numbers of those that it is made of; the inputs are number 0.
    """

    FUNCTIONS = MappingProxyType({"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid})

    def __init__(self, plan: Sequence[tuple[str, tuple[int, ...]]], layers: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.plan, self.layers = plan, nn.ModuleDict(layers)

    def forward(self, x: Tensor) -> Tensor:
        values = [x]
        for name, sources in self.plan:
            found = [values[source] for source in sources]
            if name == "add":
                values.append(found[0] + found[1])
            elif name == "cat":
                values.append(torch.cat(found, 1))
            else:
                values.append((self.FUNCTIONS.get(name) or self.layers[name])(found[0]))
        return values[-1]


class Values:
    """What a :class:`Graph` computes: how wide each value is, and whether parts of it lie beside each other."""

    def __init__(self, random: Random, x: Tensor) -> None:
        self.random, self.images = random, x.dim() > 2
        self.widths, self.laid = [x.shape[1]], [False]
        self.plan: list[tuple[str, tuple[int, ...]]] = []
        self.layers: dict[str, nn.Module] = {}

    def layer(self, width: int) -> None:
        """A layer that reads the last value."""
        reads = self.widths[-1]
        if self.images:
            made: nn.Module = nn.Conv2d(reads, width, self.random.choice((1, 3)), padding="same")
        else:
            made = nn.Linear(reads, width, bias=self.random.random() < 0.7)
        self._module(made, width, laid=False)

    def step(self) -> None:
        """Something that takes the last value, and perhaps one before it."""
        last, other = len(self.widths) - 1, self.random.randrange(len(self.widths))
        kind = self.random.choice(("layer", "layer", "add", "add", "cat", "norm", "function"))
        both = self.widths[last], self.widths[other]
        crossed = self.laid[last] or self.laid[other]  # of sums of these the library may count for ever
        if kind == "layer":
            self.layer(self.random.randint(2, 4))
        elif kind == "add" and both[0] == both[1] and not crossed:
            self._take("add", (last, other), both[0], laid=False)
        elif kind == "cat" and sum(both) <= 9:
            self._take("cat", (last, other), sum(both), laid=True)
        elif kind == "norm":
            norm = seen(nn.BatchNorm2d if self.images else nn.BatchNorm1d, both[0])
            self._module(norm, both[0], self.laid[last])
        else:
            self._take(self.random.choice(tuple(Graph.FUNCTIONS)), (last,), both[0], self.laid[last])

    def _module(self, module: nn.Module, width: int, laid: bool) -> None:
        name = str(len(self.layers))
        self.layers[name] = module
        self._take(name, (len(self.widths) - 1,), width, laid)

    def _take(self, name: str, sources: tuple[int, ...], width: int, laid: bool) -> None:
        self.plan.append((name, sources))
        self.widths.append(width)
        self.laid.append(laid)


@st.composite
def graphs(draw: Callable[[Any], Any]) -> tuple[Genome, Tensor]:
    """A network with ways around and beside, and inputs for it."""
    steps, images, seed = draw(st.integers(2, 8)), draw(st.booleans()), draw(st.integers(0, 2**32))
    torch.manual_seed(seed)
    random = Random(seed)
    x = torch.randn(4, 2, *[4, 4] * images)
    values = Values(random, x)
    values.layer(random.randint(2, 4))
    for _ in range(steps):
        values.step()
    values.layer(2)
    genome = Genome(Graph(values.plan, values.layers))
    genome.masks = {name: drawn_mask(random, mask.shape) for name, mask in genome.masks.items()}
    genome.enforce()
    return genome, x


def seen(kind: Callable[..., Any], units: int, **options: Any) -> Any:
    """A batch norm that has seen data."""
    found = kind(units, **options)
    with torch.no_grad():
        found.running_mean.normal_()
        found.running_var.uniform_(0.5, 2.0)
        if found.affine:
            found.weight.normal_().mul_(torch.rand(units) > 0.2)
            found.bias.normal_().mul_(torch.rand(units) > 0.2)
    return found


class Stack:
    """Steps that fit one after the other, as they are found.

    :param x: inputs, (samples, values) or (samples, channels, positions).
    """

    def __init__(self, random: Random, x: Tensor) -> None:
        self.random = random
        self.x = self.value = x
        self.steps: list[nn.Module] = []

    @property
    def units(self) -> int:
        """Values or channels there are."""
        return self.value.shape[1]

    @property
    def depth(self) -> int:
        """Axes of positions behind the channels; 0 where there are values."""
        return self.value.dim() - 2

    def block(self) -> None:
        """A layer, and what may stand behind it."""
        makes, bias = self.random.randint(1, 5), self.random.random() < 0.7
        layer = self._convolution(makes, bias) if self.depth else nn.Linear(self.units, makes, bias=bias)
        if not self._add(layer):
            return
        behind: list[Callable[[], nn.Module]] = [self._nonlinearity]
        behind += [self._norm] if self.random.random() < 0.4 else []
        behind += [self.random.choice(SPATIAL[self.depth])] if self.depth and self.random.random() < 0.4 else []
        for step in self.random.sample(behind, len(behind)):
            self._add(step())
        turn = self.random.random()
        if turn < 0.05:
            self._add(self.random.choice((nn.Softmax(1), nn.LocalResponseNorm(2))))
        elif turn < 0.4:
            self._turn()

    def _add(self, step: nn.Module) -> bool:
        """Take a step, unless what comes before does not fit it or nothing comes out; and whether it was taken.

        Now and then it is one that stands somewhere else already.
        """
        if self.steps and self.random.random() < 0.1:
            step = self.random.choice(self.steps)
        try:
            with torch.no_grad():
                value = step.eval()(self.value.clone())
        except (IndexError, RuntimeError, ValueError):  # too few positions
            return False
        if value.dim() > 4 or not 0 < value[0].numel() <= 200:
            return False
        self.steps.append(step)
        self.value = value
        return True

    def _convolution(self, makes: int, bias: bool) -> nn.Module:
        kernel, stride, dilation = (self.random.choice(sizes) for sizes in ((1, 2, 3), (1, 1, 2), (1, 1, 2)))
        if self.random.random() < 0.3:
            last = self.random.randint(0, max(stride, dilation) - 1)
            given: tuple[Any, ...] = (kernel, stride, self.random.randint(0, 1), last, 1, bias, dilation)
            return TRANSPOSED[self.depth](self.units, makes, *given)
        padding = self.random.choice((0, 1, "valid", *(["same"] if stride == 1 and kernel % 2 else [])))
        given = (kernel, stride, padding, dilation, 1, bias, self.random.choice(PADDINGS))
        return CONVOLUTIONS[self.depth](self.units, makes, *given)

    def _nonlinearity(self) -> nn.Module:
        if self.random.random() < 0.1:
            slopes = nn.PReLU(self.units)
            nn.init.uniform_(slopes.weight)
            return slopes
        return self.random.choice(NONLINEARITIES)()

    def _norm(self) -> nn.Module:
        kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[self.depth]
        norm: nn.Module = seen(kind, self.units, affine=self.random.random() < 0.7)
        return norm

    def _turn(self) -> None:
        """From maps to values, or back."""
        if self.depth:
            self._add(nn.Flatten())
            return
        units = self.units
        sizes = [(units // 2, 2), (units, 1), (units // 4, 2, 2), (units // 3, 3, 1), (1, units)]
        self._add(nn.Unflatten(1, self.random.choice(sizes)))
