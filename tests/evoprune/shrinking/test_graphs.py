"""Networks that are no plain stack: residual, concatenating and others, followed by Torch-Pruning on an example."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from torch import Tensor, nn
from torch.nn import functional as F

from evoprune import Genome, Network, compact
from evoprune.cutting import expand
from evoprune.shrinking import graphs
from evoprune.shrinking.compacting import compacted
from evoprune.shrinking.dead import remove_dead
from evoprune.shrinking.graphs import graph, read
from evoprune.shrinking.joints import Chain, chain
from tests.evoprune.shrinking.by_hand import BORDER, Own, check_same, ignoring, norm, outputs, shrunk, silent, widths
from tests.evoprune.shrinking.drawn import graphs as drawn_graphs

pytest.importorskip("torch_pruning")

ROWS = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
IMAGES = torch.randn(4, 1, 6, 6, generator=torch.Generator().manual_seed(2))


def first(*units: int, bias: float = 0.5) -> Any:
    """A layer from three inputs to four units, some of which are silent."""
    return silent(nn.Linear(3, 4), *units, bias=bias)


def last(*units: int) -> Any:
    """A layer from four units to two outputs, which does not read some of them."""
    return ignoring(nn.Linear(4, 2), *units)


def residual(*units: int, unread: tuple[int, ...] = ()) -> Own:
    """Four units, what is added to them, and two outputs."""
    middle = ignoring(silent(nn.Linear(4, 4), *units, bias=0.25), *unread)
    return Own(forward_residual, a=first(*units), b=middle, c=last(*unread))


def forward_residual(self: Any, x: Tensor) -> Tensor:
    h = torch.sigmoid(self.a(x))
    return torch.as_tensor(self.c(h + torch.tanh(self.b(h))))


def test_a_functional_nonlinearity():
    network = Own(lambda self, x: self.c(F.relu(self.a(x))), a=first(1), c=last(2))
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert sum(removed.units.values()) == 2
    assert widths(small) == [(3, 2), (2, 2)]


def test_the_constant_of_a_functional_nonlinearity_by_hand():
    reader = last()
    network = Own(lambda self, x: self.c(F.leaky_relu(self.a(x), 0.5)), a=first(1, bias=-2.0), c=reader)
    with torch.no_grad():
        reader.weight[:, 1] = torch.tensor([1.0, 3.0])
    small: Any = compact(network, ROWS)
    assert torch.allclose(reader.bias - torch.tensor([1.0, 3.0]), small.c.bias)


def test_residual_units_go_where_both_ways_are_dead():
    small, removed = shrunk(residual(1), ROWS, example=ROWS)
    assert sum(removed.units.values()) == 1
    assert widths(small) == [(3, 3), (3, 3), (3, 2)]
    small, removed = shrunk(residual(unread=(2, 3)), ROWS, example=ROWS)
    assert sum(removed.units.values()) == 2
    assert widths(small) == [(3, 2), (2, 2), (2, 2)]


def test_residual_units_stay_where_one_way_is_alive():
    network = residual()
    silent(network.a, 1)
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {}
    assert widths(small) == [(3, 4), (4, 4), (4, 2)]
    network = residual()
    ignoring(network.c, 1)
    assert shrunk(network, ROWS, example=ROWS)[1].units == {}


def test_units_that_inputs_are_added_to_stay():
    network = Own(lambda self, x: self.c(x + self.b(F.relu(self.a(x)))), a=first(1), b=silent(nn.Linear(4, 3), 0))
    network.add_module("c", ignoring(nn.Linear(3, 2), 0))
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {"a": 1}
    assert widths(small) == [(3, 3), (3, 3), (3, 2)]


def concatenating(*middle: nn.Module) -> Own:
    def forward(self: Any, x: Tensor) -> Tensor:
        return torch.as_tensor(self.c(torch.cat([F.relu(self.a(x)), torch.sigmoid(self.b(x))], 1)))

    return Own(forward, a=first(1), b=silent(nn.Linear(3, 3), 2), c=ignoring(nn.Linear(7, 2), 3, 4))


def test_units_that_are_laid_beside_each_other():
    """Of those of one layer four are read first, then three of the other."""
    small, removed = shrunk(concatenating(), ROWS, example=ROWS)
    assert removed.units == {"a": 2, "b": 2}
    assert widths(small) == [(3, 2), (3, 1), (3, 2)]


def test_units_beside_the_inputs():
    network = Own(lambda self, x: self.c(torch.cat([F.relu(self.a(x)), x], 1)), a=first(1))
    network.add_module("c", ignoring(nn.Linear(7, 2), 2, 5))
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {"a": 2}
    assert widths(small) == [(3, 2), (5, 2)]


CROSSINGS: dict[str, tuple[Callable[..., Tensor], dict[str, nn.Module]]] = {
    "inputs before units": (
        lambda self, x: self.d(torch.cat([x, F.relu(self.a(x))], 1)),
        {"a": first(1), "d": ignoring(nn.Linear(7, 2), 0, 5)},
    ),
    "sums of what lies beside each other": (
        lambda self, x: self.d(torch.cat([self.a(x), self.b(x)], 1) + self.c(x)),
        {"a": silent(nn.Linear(3, 2), 0), "b": nn.Linear(3, 2), "c": first(0, 2), "d": last(1)},
    ),
    "one layer beside itself": (
        lambda self, x: self.d(torch.cat([h := self.a(x), h.tanh()], 1)),
        {"a": silent(nn.Linear(3, 2), 0), "d": last(1, 3)},
    ),
    "everything that came before": (
        lambda self, x: self.d(torch.cat([h := F.relu(self.a(x)), F.relu(self.b(torch.cat([x, h], 1))), x], 1)),
        {
            "a": silent(nn.Linear(3, 2), 0),
            "b": ignoring(silent(nn.Linear(5, 4), 1), 3, 4),
            "d": ignoring(nn.Linear(9, 2), 2, 1),
        },
    ),
    "a norm of both": (
        lambda self, x: self.d(self.n(torch.cat([self.a(x), self.b(x)], 1))),
        {
            "a": silent(nn.Linear(3, 2), 0),
            "b": silent(nn.Linear(3, 3), 1),
            "n": norm(nn.BatchNorm1d, 5),
            "d": ignoring(nn.Linear(5, 2), 1),
        },
    ),
    "one factor for all": (
        lambda self, x: self.d(self.a(x) * torch.sigmoid(self.b(x))),
        {"a": first(0), "b": nn.Linear(3, 1), "d": last(1)},
    ),
    "a factor a unit": (
        lambda self, x: self.d(self.a(x) * torch.sigmoid(self.b(x))),
        {"a": first(0), "b": first(0), "d": last(1)},
    ),
    "halves": (
        lambda self, x: self.b((h := self.a(x).chunk(2, 1))[0]) + self.d(h[1].tanh()),
        {"a": first(1, 3), "b": nn.Linear(2, 2), "d": ignoring(nn.Linear(2, 2), 0)},
    ),
    "units that follow each other round and round": (
        lambda self, x: self.d(torch.cat([x, h := self.a(x)], 1) + torch.cat([h, h], 1)),
        {"a": silent(nn.Linear(3, 3), 0), "d": ignoring(nn.Linear(6, 2), 1)},
    ),
    "slices": (
        lambda self, x: self.b((h := self.a(x))[:, :2]) + self.d(h[:, 2:]),
        {"a": first(1, 3), "b": nn.Linear(2, 2), "d": ignoring(nn.Linear(2, 2), 0)},
    ),
}


@pytest.mark.parametrize("name", CROSSINGS)
def test_units_whose_ways_cross_go_or_stay_with_a_reason(name: str):
    """The library loses count of some."""
    forward, parts = CROSSINGS[name]
    _, removed = shrunk(Own(forward, **parts), ROWS, example=ROWS)
    assert removed.units or removed.reasons


def test_a_unit_that_two_layers_read():
    network = Own(lambda self, x: self.b(h := torch.tanh(self.a(x))) + self.c(h), a=first(1), b=last(2, 3), c=last(3))
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {"a": 2}
    assert widths(small) == [(3, 2), (2, 2), (2, 2)]


def test_a_layer_that_is_used_twice():
    def forward(self: Any, x: Tensor) -> Tensor:
        return torch.as_tensor(self.c(F.relu(self.b(F.relu(self.b(self.a(x)))))))

    network = Own(forward, a=first(1, bias=0.0), b=ignoring(silent(nn.Linear(4, 4), 1, bias=0.0), 1), c=last(1))
    _, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units or removed.reasons


def test_a_layer_that_is_not_used():
    network = Own(lambda self, x: self.c(F.relu(self.a(x))), a=first(1), unused=nn.Linear(4, 4), c=last())
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {"a": 1}
    assert small.unused.in_features == 4


# Images


def test_channels_through_a_norm_and_pools():
    def forward(self: Any, x: Tensor) -> Tensor:
        return torch.as_tensor(self.c(F.max_pool2d(F.relu(self.n(self.a(x))), 2).mean((2, 3))))

    network = Own(forward, a=silent(nn.Conv2d(1, 4, 3), 1), n=(seen := norm(nn.BatchNorm2d, 4)), c=last(2))
    small, removed = shrunk(network, IMAGES, example=IMAGES)
    assert removed.units == {"a": 2}
    assert small.n.num_features == 2
    assert small.n.running_mean.equal(seen.running_mean[[0, 3]])


def test_channels_that_become_values():
    network = Own(lambda self, x: self.c(F.relu(self.a(x)).flatten(1)), a=silent(nn.Conv2d(1, 4, 3), 1))
    network.add_module("c", ignoring(nn.Linear(64, 2), *range(32, 48)))
    small, removed = shrunk(network, IMAGES, example=IMAGES)
    assert removed.units == {"a": 2}
    assert widths(small) == [(1, 2), (32, 2)]


def test_a_border_of_zeros():
    network = Own(lambda self, x: self.c(torch.sigmoid(self.a(x))), a=silent(nn.Conv2d(1, 4, 3), 1))
    network.add_module("c", nn.Conv2d(4, 2, 3, padding=1))
    _, removed = shrunk(network, IMAGES, example=IMAGES)
    assert removed.units == {}
    assert BORDER in removed.reasons[0]
    network.function = lambda self, x: self.c(F.relu(self.a(x)))
    silent(network.a, 1, bias=-1.0)
    assert shrunk(network, IMAGES, example=IMAGES)[1].units == {"a": 1}


def test_a_network_that_comes_back_up():
    """Channels of a way around beside those that went down and up again."""

    def forward(self: Any, x: Tensor) -> Tensor:
        h = F.relu(self.a(x))
        return torch.as_tensor(self.c(torch.cat([F.relu(self.u(F.relu(self.d(h)))), h], 1)))

    network = Own(forward, a=silent(nn.Conv2d(1, 4, 3, padding=1), 1, bias=-1.0), d=nn.Conv2d(4, 5, 2, 2))
    network.add_module("u", ignoring(nn.ConvTranspose2d(5, 3, 2, 2), 3))
    network.add_module("c", ignoring(nn.Conv2d(7, 2, 3, padding=1), 1))
    small, removed = shrunk(network, IMAGES, example=IMAGES)
    assert removed.units == {"a": 1, "d": 1, "u": 1}
    assert widths(small) == [(1, 3), (3, 4), (4, 2), (5, 2)]


# What stays, and why


def views(self: Any, x: Tensor) -> Tensor:
    return torch.as_tensor(self.c(F.relu(self.a(x)).view(len(x), 2, 2).flatten(1)))


def attends(self: Any, x: Tensor) -> Tensor:
    h = self.a(x)[None]
    return torch.as_tensor(self.c(self.m(h, h, h)[0][0]))


def through(self: Any, x: Tensor) -> Tensor:
    return torch.as_tensor(self.c(self.m(self.a(x))))


STAYS: dict[str, tuple[Callable[..., Tensor], nn.Module | None, str]] = {
    "view of so many": (views, None, "without them its forward fails"),
    "attention": (attends, nn.MultiheadAttention(4, 2), r"belong to m \(MultiheadAttention\) stay"),
    "layer norm": (through, nn.LayerNorm(4), r"belong to m \(LayerNorm\) stay"),
    "slopes": (through, nn.PReLU(4), r"belong to m \(PReLU\) stay"),
    "softmax": (through, nn.Softmax(1), "without them the outputs are others"),
    "order": (lambda self, x: self.c(self.a(x).flip(1)), None, "without them the outputs are others"),
    "sums": (lambda self, x: self.c(self.a(x).cumsum(1)), None, "without them the outputs are others"),
    "a constant": (lambda self, x: self.c(self.a(x) * torch.ones(4)), None, "without them its forward fails"),
}


@pytest.mark.parametrize("name", STAYS)
@pytest.mark.filterwarnings("ignore:trained but never pruned")
def test_what_stays(name: str):
    forward, middle, reason = STAYS[name]
    parts: dict[str, nn.Module] = {} if middle is None else {"m": middle}
    network = Own(forward, a=first(1), c=last(2), **parts)
    before = copy.deepcopy(network.state_dict())
    with pytest.warns(UserWarning, match=reason):
        small: Any = compact(network, ROWS)
    assert widths(small)[0] == (3, 4)
    check_same(outputs(network, ROWS), outputs(small, ROWS), 0.0)
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in before.items())


def test_other_units_go_where_some_stay():
    network = Own(lambda self, x: self.e(torch.tanh(self.d(self.c(self.n(self.a(x)))))), a=first(1), n=nn.LayerNorm(4))
    for name, part in {"c": nn.Linear(4, 4), "d": silent(nn.Linear(4, 4), 0), "e": last(1)}.items():
        network.add_module(name, part)
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {"d": 2}
    assert removed.reasons == ["units that belong to n (LayerNorm) stay"]
    assert widths(small) == [(3, 4), (4, 4), (4, 2), (2, 2)]


@pytest.mark.parametrize("groups", [2, 4])
def test_channels_of_groups_stay(groups: int):
    network = Own(lambda self, x: self.c(F.relu(self.d(self.a(x)))), a=silent(nn.Conv2d(1, 4, 3), 1))
    network.add_module("d", nn.Conv2d(4, 4, 3, groups=groups))
    network.add_module("c", ignoring(nn.Conv2d(4, 2, 1), 1))
    _, removed = shrunk(network, IMAGES, example=IMAGES)
    assert removed.units == {}
    assert "units that belong to d (Conv2d) stay" in removed.reasons


def test_units_that_are_outputs_as_well_stay():
    network = Own(lambda self, x: torch.cat([self.c(h := self.a(x)), h], 1), a=first(1), c=last(2))
    assert shrunk(network, ROWS, example=ROWS)[1].units == {}
    network = Own(lambda self, x: self.c(h := self.a(x)) + h.mean(1, keepdim=True), a=first(1), c=last(2))
    assert shrunk(network, ROWS, example=ROWS)[1].units == {}


def test_several_outputs():
    network = Own(lambda self, x: (self.c(F.relu(self.a(x))), x), a=first(1), c=last(2))
    small, removed = compacted(network, ROWS)
    for one, other in zip(outputs(network, ROWS), outputs(small, ROWS), strict=True):
        check_same(one, other)
    assert removed.units or removed.reasons


def test_networks_that_give_nan_are_left():
    network = Own(lambda self, x: self.c(F.relu(self.a(x))) / 0.0 * 0.0, a=first(1), c=last(2))
    small, _ = compacted(network, ROWS)
    assert bool(outputs(small, ROWS).isnan().all())


def test_a_part_of_a_stack_with_a_way_around():
    """An example lets one see into it."""
    block = Own(lambda self, x: x + F.relu(self.layer(x)), layer=silent(nn.Linear(4, 4), 1))
    network = nn.Sequential(first(1), nn.ReLU(), block, last(3))
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert sum(removed.units.values()) == 1
    assert widths(small) == [(3, 3), (3, 3), (3, 2)]
    assert "evoprune[structured]" in shrunk(network, ROWS)[1].reasons[1]


def test_parts_of_a_network():
    block = Own(lambda self, x: x + F.relu(self.layer(x)), layer=silent(nn.Linear(4, 4), 1))
    network = Network([Genome(nn.Sequential(first(1), nn.ReLU(), block)), Genome(last(3))])
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert removed.units == {"0.2.layer": 1}
    assert list(dict(small.named_children())) == ["0", "1"]


@pytest.mark.parametrize("hooked", ["a", "c"])
def test_hooks_are_part_of_what_is_computed(hooked: str):
    network = Own(lambda self, x: self.c(F.relu(self.a(x))), a=first(1), c=last(2))
    network.get_submodule(hooked).register_forward_hook(lambda module, given, output: output * 2 + 1)
    shrunk(network, ROWS, example=ROWS)


def test_one_sample_is_looked_at_beside_noise():
    """Units that depend on all samples at once look the same on one."""
    network = Own(lambda self, x: self.c(torch.sigmoid(self.a(x)) * x.mean()), a=first(1), c=last())
    _, removed = shrunk(network, ROWS, example=ROWS[:1])
    assert removed.units == {}
    assert "without them the outputs are others" in removed.reasons[0]


def test_examples_of_whole_numbers():
    words = torch.randint(0, 5, (4, 3))
    network = Own(
        lambda self, x: self.c(F.relu(self.a(self.e(x).mean(1)))), e=nn.Embedding(5, 3), a=first(1), c=last(2)
    )
    small, removed = shrunk(network, words, example=words)
    assert removed.units == {"a": 2}
    assert small.e.embedding_dim == 3


def test_networks_in_double_precision():
    network = residual(1, unread=(2,)).double()
    _, removed = shrunk(network, ROWS.double(), example=ROWS.double(), tolerance=1e-12)
    assert sum(removed.units.values()) == 2


def test_frozen_layers():
    network = residual(1)
    network.get_submodule("b").requires_grad_(False)
    small, removed = shrunk(network, ROWS, example=ROWS)
    assert sum(removed.units.values()) == 1
    assert [parameter.requires_grad for parameter in small.parameters()] == [True, True, False, False, True, True]
    assert not any(parameter.requires_grad for parameter in network.get_submodule("b").parameters())


def test_modes_and_gradients_stay():
    network = residual(1).train()
    shrunk(network, ROWS, example=ROWS)
    assert all(part.training for part in network.modules())
    assert all(parameter.grad is None for parameter in network.parameters())


# By masks


def masked() -> Genome:
    """Residual, of whose units one is pruned."""
    found = Genome(residual())
    for name in ("a", "b"):
        found.masks[f"{name}.weight"][1] = False
    for name in ("b", "c"):
        found.masks[f"{name}.weight"][:, 2] = False
    found.enforce()
    return found


def test_for_good():
    found = masked()
    wanted, sizes = outputs(found, ROWS), found.sizes[1]
    assert remove_dead(copy.deepcopy(found), masked=True).units == {}  # without an example
    removed = remove_dead(found, masked=True, example=ROWS)
    assert sum(removed.units.values()) == 2
    check_same(wanted, outputs(found, ROWS))
    assert found.sizes[1] == sizes
    expand(found)
    check_same(wanted, outputs(found, ROWS))


def test_what_is_tried_and_does_not_hold_leaves_the_genome():
    found = Genome(Own(views, a=first(1), c=last(2)))
    found.masks["a.weight"][1] = False
    found.enforce()
    before, wanted = copy.deepcopy(found), outputs(found, ROWS)
    assert remove_dead(found, masked=True, example=ROWS).units == {}
    assert found == before
    assert found.whole is None
    assert torch.equal(outputs(found, ROWS), wanted)


# The library


def test_without_the_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphs, "torch_pruning", lambda: None)
    with pytest.warns(UserWarning, match=r"Own \(Own\) is no plain stack.*pip install 'evoprune\[structured\]'"):
        small = compact(residual(1), ROWS)
    assert widths(small) == [(3, 4), (4, 4), (4, 2)]


def test_stacks_need_no_library(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(graphs, "torch_pruning", lambda: None)
    assert shrunk(nn.Sequential(first(1), nn.ReLU(), last()), ROWS, example=ROWS)[1].units == {"0": 1}


def test_what_the_library_stumbles_over(monkeypatch: pytest.MonkeyPatch):
    class Broken:
        class DependencyGraph:
            def build_dependency(self, *_: Any, **__: Any) -> Any:
                raise IndexError("too deep")

    monkeypatch.setattr(graphs, "torch_pruning", lambda: Broken)
    found = graph(Genome(residual(1)), ROWS)
    assert found == Chain(reasons=["Torch-Pruning cannot follow it (IndexError: too deep)"])


def test_the_library_stays_as_it_is():
    import torch_pruning

    kind = torch_pruning.dependency.group.Group
    before = dict(vars(kind))
    forward, parts = CROSSINGS["units that follow each other round and round"]
    (reason,) = compacted(Own(forward, **parts), ROWS)[1].reasons
    assert reason.startswith("Torch-Pruning cannot follow it")
    assert dict(vars(kind)) == before


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]):
    compacted(residual(1), ROWS)
    assert capsys.readouterr() == ("", "")


def test_joints_of_a_graph():
    found = read(Genome(residual()), ROWS)
    assert found.reasons == []
    (joint,) = found.joints
    (one,) = joint.passes
    assert joint.units == 4
    assert sorted(end.step.label for end in one.makers) == ["a", "b"]
    assert sorted(end.step.label for end in one.readers) == ["b", "c"]
    assert len(one.observed) == 2


def test_joints_of_a_stack_are_those_of_the_chain_with_and_without_an_example():
    stack = Genome(nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2)))
    for found in (read(stack), read(stack, ROWS)):
        assert [joint.label for joint in found.joints] == [joint.label for joint in chain(stack).joints] == ["0"]
        assert found.joints[0].passes[0].observed == ()


# Any network


def check_any(drawn: tuple[Genome, Tensor]) -> None:
    """What comes out is the same, and the genome too."""
    individual, x = drawn
    before, wanted = copy.deepcopy(individual), outputs(individual, x)
    small, _ = compacted(individual, x)
    check_same(wanted, outputs(small, x))
    assert individual == before
    remove_dead(individual, masked=True, example=x)
    check_same(wanted, outputs(individual, x))
    expand(individual)
    check_same(wanted, outputs(individual, x))
    assert repr(individual.module) == repr(before.module)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(drawn_graphs())
def test_any_graph(drawn: tuple[Genome, Tensor]):
    check_any(drawn)


@pytest.mark.slow
@settings(max_examples=1000, suppress_health_check=[HealthCheck.too_slow])
@given(drawn_graphs())
def test_many_graphs(drawn: tuple[Genome, Tensor]):
    check_any(drawn)
