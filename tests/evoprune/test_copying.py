"""A copy is what copy.deepcopy gives, a pickle what pickle gives: only faster and smaller."""

import copy
import io
import pickle
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any
from weakref import ReferenceType

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

from evoprune import Encoder, Genome
from evoprune.copying import copy_module

pytestmark = pytest.mark.filterwarnings("ignore:trained but never pruned")


class Tied(nn.Module):
    """The same tensor under two names, the same layer under two names, and lists that point at both."""

    def __init__(self):
        super().__init__()
        self.up = nn.Linear(4, 4)
        self.down = nn.Linear(4, 4, bias=False)
        self.down.weight = self.up.weight
        self.again = self.up
        self.nothing = None
        self.register_parameter("absent", None)
        self.everything = [self.up.weight, {"layer": self.down}, (1, "two")]

    def forward(self, x):
        return self.again(self.down(self.up(x)))


class Own(nn.Module):
    """Attributes, buffers of all kinds and a method put on the instance."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.scale: Tensor
        self.hidden: Tensor
        self.settings = {"slope": 0.5, "sizes": [4, 4]}
        self.loose = torch.arange(4.0)
        self.clip = partial(torch.clamp, min=self.loose[0].item())
        self.register_buffer("scale", torch.full((4,), 2.0))
        self.register_buffer("view", self.scale[:2])  # one storage with the other
        self.register_buffer("hidden", torch.eye(4), persistent=False)
        self.parent = (self,)
        self.helper = self.twice

    def twice(self, x):
        return 2 * x

    def forward(self, x):
        return self.helper(self.clip(self.layer(x) * self.scale + self.loose) @ self.hidden)


class Hooked(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.calls = 0
        self.handle: Any = self.register_forward_hook(self.count)

    def count(self, _module, _inputs, output):
        self.calls += 1
        return output + 1


class Copies(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.copies = 0

    def __deepcopy__(self, memo):
        new = Copies()
        memo[id(self)] = new
        new.load_state_dict(self.state_dict())
        new.copies = self.copies + 1
        return new


class Pickles(nn.Linear):
    def __init__(self):
        super().__init__(4, 4)
        self.cache = None

    def __getstate__(self):
        return {**super().__getstate__(), "cache": None, "sum": self.weight.sum().item()}

    def __setstate__(self, state):
        super().__setstate__(state)
        self.cache = "empty"


class Tagged(nn.Parameter):
    pass


def tagged():
    layer: Any = nn.Linear(4, 4)
    layer.weight = Tagged(layer.weight.detach())
    layer.bias.note = "kept by pickle"
    return layer


def tied_stack():
    """Tied, and no list in which deepcopy meets the tensor first."""
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    module[1].weight = module[0].weight
    return module


def frozen():
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 4)).eval()
    module[0].requires_grad_(False)
    module[2].train()
    return module


def convolutional():
    module: Any = nn.Sequential(nn.Conv2d(2, 3, 2), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(27, 4))
    module(torch.rand(5, 2, 4, 4))  # moves the running statistics
    return module.to(memory_format=torch.channels_last)


def transposed():
    layer = nn.Linear(4, 3)
    layer.weight = nn.Parameter(torch.rand(4, 3).t())
    return nn.Sequential(layer, nn.ConstantPad1d((0, 1), 0.0))


KINDS: dict[str, Callable[[], Any]] = {
    "mlp": lambda: nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 4)),
    "convolution": convolutional,
    "bfloat16": lambda: nn.Linear(4, 4).bfloat16(),
    "tied": Tied,
    "tied stack": tied_stack,
    "own": Own,
    "hooked": Hooked,
    "frozen": frozen,
    "transposed": transposed,
    "transformer": lambda: nn.TransformerEncoderLayer(4, 2, 8, dropout=0.0),
    "lstm": lambda: nn.LSTM(4, 4, batch_first=True),
    "tagged": tagged,
    "copies itself": Copies,
    "pickles itself": Pickles,
    "nothing": nn.Identity,
    "weight norm": lambda: nn.Sequential(weight_norm(nn.Linear(4, 4)), nn.Linear(4, 4)),
    "spectral norm": lambda: nn.Sequential(spectral_norm(nn.Linear(4, 4)), nn.Linear(4, 4)),
}
PARAMETRIZED = ("weight norm", "spectral norm")
BUILT_IN = {"mlp", "convolution", "bfloat16", "frozen", "transposed"}

HOOKS = ("torch.utils.hooks", "torch.nn.modules.module")
kinds = pytest.mark.parametrize("kind", KINDS)


def anatomy(module):
    """All that is in a module, with names for the tensors and modules that stand in several places."""
    tensors: dict[int, str] = {}
    modules: dict[int, str] = {}
    for name, tensor in (*module.named_parameters(remove_duplicate=False), *module.named_buffers()):
        tensors.setdefault(id(tensor), name)
    for name, part in module.named_modules():
        modules[id(part)] = name

    def describe(value):
        if isinstance(value, Tensor):
            layout = type(value).__name__, value.dtype, value.stride(), value.requires_grad, vars(value)
            return (*layout, tensors.get(id(value)), value.tolist())
        if isinstance(value, nn.Module):
            return type(value).__name__, modules[id(value)]
        if isinstance(value, MethodType):
            return value.__func__, describe(value.__self__)
        if isinstance(value, partial):
            return value.func, value.args, value.keywords
        if isinstance(value, ReferenceType):
            return describe(value())
        if isinstance(value, dict):
            return type(value), {key: describe(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [describe(item) for item in value]
        return type(value) if type(value).__module__ in HOOKS else value

    parts = module.named_modules(remove_duplicate=False)
    return {name: {key: describe(value) for key, value in vars(part).items()} for name, part in parts}


def storages(module):
    """Addresses of all tensors, in tables and in attributes."""
    loose = [value for part in module.modules() for value in vars(part).values() if isinstance(value, Tensor)]
    return {t.untyped_storage().data_ptr() for t in (*module.parameters(), *module.buffers(), *loose)}


@kinds
def test_a_copy_is_what_deepcopy_gives(kind):
    module = KINDS[kind]()
    assert anatomy(copy_module(module)) == anatomy(copy.deepcopy(module))
    assert anatomy(Genome(module).__deepcopy__({}).module) == anatomy(copy.deepcopy(module))


@kinds
def test_a_copy_shares_no_tensor_and_no_part(kind):
    module = KINDS[kind]()
    new = copy_module(module)
    assert not storages(module) & storages(new)
    assert not set(map(id, module.modules())) & set(map(id, new.modules()))


def test_a_copy_has_no_gradients():
    module = nn.Linear(2, 1)
    module(torch.ones(1, 2)).sum().backward()
    assert module.weight.grad is not None
    assert copy_module(module).weight.grad is None


def test_the_copy_of_a_hooked_module_calls_its_own_hook():
    module: Any = Hooked()
    new: Any = copy_module(module)
    torch.testing.assert_close(new(torch.zeros(1, 4)), new.bias[None] + 1)
    assert (module.calls, new.calls) == (0, 1)
    new.handle.remove()
    new(torch.zeros(1, 4))
    module(torch.zeros(1, 4))
    assert (module.calls, new.calls) == (1, 1)


def test_a_copy_of_a_hooked_module_can_be_pickled():
    new = pickle.loads(pickle.dumps(copy_module(Hooked())))
    new(torch.zeros(1, 4))
    assert new.calls == 1


def test_a_method_put_on_the_instance_belongs_to_the_copy():
    module: Any = Own()
    new: Any = copy_module(module)
    assert new.helper.__self__ is new
    assert new.parent[0] is new
    new.scale[0] = 7.0
    assert new.view[0] == 7.0  # still one storage
    assert module.view[0] == 2.0


def test_what_is_shared_between_modules_stays_shared_with_one_memo():
    layer = nn.Linear(2, 2)
    one, other = copy.deepcopy([Genome(nn.Sequential(layer)), Genome(nn.Sequential(layer))])
    first = one.module.get_submodule("0")
    assert first is other.module.get_submodule("0")
    assert first is not layer


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in PARAMETRIZED])
def test_a_pickle_is_what_pickle_gives(kind):
    module = KINDS[kind]()
    genome = pickle.loads(pickle.dumps(Genome(module)))
    expected = anatomy(pickle.loads(pickle.dumps(module)))
    assert anatomy(genome.module) == expected
    assert [list(part) for part in anatomy(genome.module).values()] == [list(part) for part in expected.values()]


@pytest.mark.parametrize("kind", PARAMETRIZED)
def test_what_torch_cannot_pickle_says_so(kind):
    with pytest.raises(RuntimeError, match="Serialization of parametrized modules"):
        pickle.dumps(Genome(KINDS[kind]()))


@kinds
def test_state_and_load_state_take_every_kind(kind):
    genome, other = Genome(KINDS[kind]()), Genome(KINDS[kind]())
    for name in genome.masks:
        genome.prune(name, torch.rand(genome.masks[name].shape) < 0.5)
    file = io.BytesIO()
    torch.save(genome.state(), file)
    file.seek(0)
    other.load_state(torch.load(file, weights_only=True))
    assert other == genome


@pytest.mark.parametrize("kind", sorted(BUILT_IN))
def test_pruned_modules_travel_to_the_bit(kind):
    genome = Encoder(KINDS[kind]())
    for name, mask in genome.masks.items():
        genome.prune(name, torch.rand(mask.shape) < 0.3)
        genome.moments[name] = (torch.rand(mask.shape, dtype=genome.module.get_parameter(name).dtype),)
    genome.enforce()
    file = io.BytesIO()
    torch.save(genome, file)
    file.seek(0)
    pickles = [pickle.dumps(genome, protocol) for protocol in (2, 5)]
    for new in (*map(pickle.loads, pickles), torch.load(file, weights_only=False)):
        for name, tensor in genome.module.state_dict().items():
            assert torch.equal(new.module.state_dict()[name], tensor)
            assert new.module.state_dict()[name].dtype == tensor.dtype
        for name, mask in genome.masks.items():
            assert torch.equal(new.masks[name], mask)
            assert torch.equal(new.moments[name][0], genome.moments[name][0])
        assert [m.training for m in new.module.modules()] == [m.training for m in genome.module.modules()]


@pytest.mark.parametrize("share", [0.9, 0.3])
def test_what_is_pruned_arrives_as_zero(share):
    genome = Encoder(nn.Linear(30, 20))
    keep = torch.rand(20, 30) < share
    genome.prune("weight", keep)
    with torch.no_grad():
        genome.module.get_parameter("weight")[~keep] = torch.nan  # as code that knows of no masks might leave it
    new = pickle.loads(pickle.dumps(genome))
    assert bool(torch.equal(new.module.weight != 0, keep))
    assert torch.equal(new.module.weight[keep], genome.module.get_parameter("weight")[keep])
    assert bool(genome.module.get_parameter("weight").isnan().any())  # a pickle changes nothing


def test_the_less_is_kept_the_smaller_is_the_pickle():
    genome = Encoder(nn.Linear(100, 100))
    full = len(pickle.dumps(genome))
    genome.prune("weight", torch.rand(100, 100) < 0.1)
    assert len(pickle.dumps(genome)) < full / 4


def test_a_module_arrives_with_tables_of_its_own():
    one, other = pickle.loads(pickle.dumps([Encoder(nn.Linear(2, 2)), Encoder(nn.Linear(2, 2))]))
    one.module.register_forward_hook(lambda *_: None)
    assert not other.module._forward_hooks
    assert "__reduce_ex__" not in vars(one.module)
