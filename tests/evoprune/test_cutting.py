"""Taking units out of tensors and putting them back, by hand; what a genome then is, stored, copied and damaged."""

import copy
import io
import pickle
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune import Genome
from evoprune.cutting import cut, expand, fit, named, shape_before


def places(*found: int) -> Tensor:
    return torch.tensor(found)


def genome() -> Genome:
    """Two inputs, three units that a norm scales, and one output; weights count from 0, moments are ten times that."""
    layers = nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1)
    module = nn.Sequential(*layers)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.arange(parameter.numel()).view(parameter.shape) + 1)
    module[1].running_var = torch.tensor([2.0, 3.0, 4.0])
    found = Genome(module)
    found.moments = {name: (p.detach() * 10, p.detach() * 100) for name, p in module.named_parameters()}
    return found


LEFT = places(0, 2)
ALL: dict[str, dict[int, Tensor]] = {
    "0.weight": {0: LEFT},
    "0.bias": {0: LEFT},
    **{f"1.{name}": {0: LEFT} for name in ("weight", "bias", "running_mean", "running_var")},
    "2.weight": {1: LEFT},
}
SIZES = {"0.out_features": 2, "1.num_features": 2, "2.in_features": 2}


def smaller() -> Genome:
    """Without its unit 1."""
    found = genome()
    cut(found, ALL, SIZES)
    return found


def tensor(genome: Genome, name: str) -> Any:
    return named(genome.module, name).tolist()


def test_tensors_masks_and_moments_are_cut():
    found = genome()
    found.masks["0.weight"][2, 1] = False
    cut(found, ALL, SIZES)
    assert tensor(found, "0.weight") == [[1.0, 2.0], [5.0, 6.0]]
    assert tensor(found, "0.bias") == [1.0, 3.0]
    assert tensor(found, "2.weight") == [[1.0, 3.0]]
    assert tensor(found, "1.running_var") == [2.0, 4.0]
    assert found.masks["0.weight"].tolist() == [[True, True], [True, False]]
    assert found.moments["2.weight"][1].tolist() == [[100.0, 300.0]]
    assert found.moments["1.weight"][0].tolist() == [10.0, 30.0]
    assert found(torch.ones(5, 2)).shape == (5, 1)
    layers: Any = found.module
    assert (layers[0].out_features, layers[1].num_features, layers[2].in_features) == (2, 2, 2)


def test_parameters_stay_parameters():
    found = genome()
    found.module.get_parameter("0.weight").requires_grad_(False)
    cut(found, ALL, SIZES)
    kinds = {name: (type(p), p.requires_grad, p.grad_fn) for name, p in found.module.named_parameters()}
    assert kinds["0.weight"] == (nn.Parameter, False, None)
    assert kinds["2.weight"] == (nn.Parameter, True, None)
    assert [name for name, _ in found.module.named_buffers()] == [
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    ]
    assert all(found.module.get_parameter(name).shape == mask.shape for name, mask in found.masks.items())


def test_shares_stay_relative_to_what_was_there():
    found = genome()
    keep = torch.ones(3, 2, dtype=torch.bool)
    keep[1] = False
    found.prune("0.weight", keep)
    assert found.sizes == (11, 13)  # 6 - 2 + 3 of 9, and 4
    cut(found, ALL, SIZES)
    assert found.sizes == (4 + 2 + 2 + 1, 13)
    assert found.preserved == 9 / 13
    expand(found)
    assert found.sizes == (9, 13)


def test_what_was_cut_is_known():
    found = smaller()
    assert found.whole is not None
    shape, left = found.whole["tensors"]["0.weight"]
    assert (shape, left[0].tolist(), left[1]) == ([3, 2], [0, 2], None)
    assert found.whole["sizes"]["0.out_features"] == (3, 2)
    weight = found.module.get_parameter("0.weight")
    assert shape_before(found.whole, "0.weight", weight) == (3, 2)
    assert shape_before(found.whole, "2.bias", torch.zeros(1)) == (1,)
    assert shape_before(None, "0.weight", weight) == (2, 2)


def test_cutting_again_counts_from_the_beginning():
    found = smaller()
    cut(found, {"0.weight": {0: places(1)}, "0.bias": {0: places(1)}}, {"0.out_features": 1})
    assert tensor(found, "0.bias") == [3.0]
    assert found.whole is not None
    assert found.whole["tensors"]["0.bias"][1][0].tolist() == [2]
    assert found.whole["tensors"]["0.weight"][0] == [3, 2]
    assert found.whole["tensors"]["2.weight"][1][1].tolist() == [0, 2]  # as before
    assert found.whole["sizes"]["0.out_features"] == (3, 1)


def test_both_axes_of_a_tensor():
    found = Genome(nn.Sequential(nn.Linear(3, 3)))
    with torch.no_grad():
        found.module.get_parameter("0.weight").copy_(torch.arange(9.0).view(3, 3))
    cut(found, {"0.weight": {0: places(0, 2), 1: places(1)}}, {})
    assert tensor(found, "0.weight") == [[1.0], [7.0]]
    cut(found, {"0.weight": {0: places(1)}}, {})
    expand(found)
    assert tensor(found, "0.weight") == [[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 7.0, 0.0]]
    assert found.masks["0.weight"].sum() == 1


def test_what_comes_back_is_zero_and_pruned():
    found = smaller()
    expand(found)
    assert tensor(found, "0.weight") == [[1.0, 2.0], [0.0, 0.0], [5.0, 6.0]]
    assert tensor(found, "0.bias") == [1.0, 0.0, 3.0]
    assert tensor(found, "1.running_var") == [2.0, 1.0, 4.0]
    assert tensor(found, "1.running_mean") == [0.0, 0.0, 0.0]
    assert found.masks["2.weight"].tolist() == [[True, False, True]]
    assert found.moments["2.weight"][0].tolist() == [[10.0, 0.0, 30.0]]
    assert found.whole is None
    layers: Any = found.module
    assert (layers[0].out_features, layers[1].num_features, layers[2].in_features) == (3, 3, 3)
    found.enforce()
    assert tensor(found, "0.bias") == [1.0, 0.0, 3.0]


def test_outputs_are_the_same_without_and_with_what_was_cut():
    found = genome()
    with torch.no_grad():
        named(found.module, "2.weight")[:, 1] = 0
    found.module.eval()
    x = torch.randn(4, 2)
    wanted = found(x)
    cut(found, ALL, SIZES)
    assert torch.allclose(found(x), wanted)
    expand(found)
    assert torch.allclose(found(x), wanted)


def test_nothing_to_expand():
    found = genome()
    before = copy.deepcopy(found)
    expand(found)
    assert found == before
    expand(smaller())
    cut(found, {}, {})
    assert found == before


def test_a_shared_parameter_is_cut_wherever_it_stands():
    first, second = nn.Linear(3, 3), nn.Linear(3, 3)
    second.weight = first.weight
    found = Genome(nn.Sequential(first, second))
    cut(found, {"0.weight": {0: places(0, 2)}}, {})
    layers: Any = found.module
    assert layers[0].weight is layers[1].weight
    assert layers[0].weight.shape == (2, 3)
    expand(found)
    assert layers[0].weight is layers[1].weight
    assert layers[0].weight.shape == (3, 3)


def test_tensors_by_name():
    found = genome()
    assert named(found.module, "0.weight") is found.module.get_parameter("0.weight")
    assert named(found.module, "1.running_var") is found.module.get_buffer("1.running_var")
    assert named(nn.Linear(1, 1), "weight").shape == (1, 1)
    for name in ("0.nothing", "1", ""):
        with pytest.raises(ValueError, match="there is no tensor"):
            named(found.module, name)


# What goes on with it


def test_copies_know_and_are_independent():
    found = smaller()
    for again in (copy.deepcopy(found), pickle.loads(pickle.dumps(found))):
        assert again == found
        assert (again.sizes, again.preserved) == (found.sizes, found.preserved)
        assert again.moments["0.weight"][0].equal(found.moments["0.weight"][0])
        expand(again)
        assert again.sizes[1] == 13
        assert found.whole is not None
        assert tensor(found, "0.bias") == [1.0, 3.0]
    assert found != genome()


def test_a_state_fits_a_genome_that_is_whole():
    found = smaller()
    buffer = io.BytesIO()
    torch.save(found.state(), buffer)
    buffer.seek(0)
    fresh = genome()
    fresh.load_state(torch.load(buffer, weights_only=True))
    assert fresh == found
    assert fresh.sizes == found.sizes
    assert fresh.moments["2.weight"][1].equal(found.moments["2.weight"][1])
    expand(fresh)
    expand(found)
    assert fresh == found
    assert "whole" not in found.state()


def test_a_state_of_the_whole_fits_a_genome_that_was_cut():
    found = smaller()
    found.load_state(genome().state())
    assert found == genome()
    assert found.whole is None


def test_a_state_that_was_cut_otherwise():
    other = genome()
    cut(other, {"0.weight": {0: places(1)}, "0.bias": {0: places(1)}}, {"0.out_features": 1})
    found = smaller()
    found.load_state(other.state())
    assert found == other
    assert tensor(found, "2.weight") == [[1.0, 2.0, 3.0]]


def test_a_state_can_be_changed_and_the_genome_not():
    found = smaller()
    state = copy.deepcopy(found.state())
    fresh = genome()
    fresh.load_state(state)
    state["whole"]["tensors"].clear()
    assert fresh.sizes == found.sizes


def test_fit_cuts_as_another_was():
    found = genome()
    fit(found, smaller().whole)
    assert found == smaller()
    assert found.moments["0.bias"][0].tolist() == [10.0, 30.0]
    fit(found, smaller().whole)
    assert found == smaller()
    fit(found, None)
    assert found.module.get_parameter("0.weight").shape == (3, 2)
    assert found.whole is None


def test_fit_takes_lists_for_tuples():
    """As some formats of files give them back."""
    whole: Any = smaller().whole
    tensors = {name: list(item) for name, item in whole["tensors"].items()}
    found = genome()
    fit(found, {"tensors": tensors, "sizes": {path: list(item) for path, item in whole["sizes"].items()}})
    assert found == smaller()


# Damage


def weight(*item: Any) -> Callable[[Any], None]:
    return lambda whole: whole["tensors"].update({"0.weight": item[0] if len(item) == 1 else item})


def size(path: Any, item: Any) -> Callable[[Any], None]:
    return lambda whole: whole["sizes"].update({path: item})


DAMAGES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "no tables": (lambda whole: whole.clear(), "a table of tensors and of sizes"),
    "tensors are a number": (lambda whole: whole.update(tensors=3), "a table of tensors and of sizes"),
    "sizes are a list": (lambda whole: whole.update(sizes=[]), "a table of tensors and of sizes"),
    "no sizes": (lambda whole: whole.pop("sizes"), "a table of tensors and of sizes"),
    "another name": (lambda whole: whole["tensors"].update({"9.weight": ([3, 2], [None, None])}), "'9.weight'"),
    "a name that is none": (lambda whole: whole["tensors"].update({7: ([3, 2], [None, None])}), "7"),
    "another shape": (weight([4, 2], [LEFT, None]), r"0.weight.*\[4, 2\]"),
    "a shape that is a tensor": (weight(torch.tensor([3, 2]), [LEFT, None]), "0.weight"),
    "nothing for a tensor": (weight(None), "0.weight"),
    "one thing for a tensor": (weight(([3, 2],)), "0.weight"),
    "no places": (weight([3, 2], None), "0.weight must be places for each axis"),
    "places for one axis": (weight([3, 2], [LEFT]), "0.weight must be places for each axis"),
    "places that are a list": (weight([3, 2], [[0, 2], None]), "0.weight must be places below 3 in order"),
    "places that are a number": (weight([3, 2], [1, None]), "0.weight must be places below 3 in order"),
    "places that are fractions": (weight([3, 2], [LEFT.double(), None]), "must be places below 3"),
    "places that are bits": (weight([3, 2], [LEFT > 0, None]), "must be places below 3"),
    "a place beyond": (weight([3, 2], [places(0, 3), None]), "must be places below 3"),
    "a place before": (weight([3, 2], [places(-1, 2), None]), "must be places below 3"),
    "places in another order": (weight([3, 2], [places(2, 0), None]), "must be places below 3"),
    "a place twice": (weight([3, 2], [places(0, 0), None]), "must be places below 3"),
    "no place left": (weight([3, 2], [places().long(), None]), "must be places below 3"),
    "a table of places": (weight([3, 2], [LEFT[None], None]), "must be places below 3"),
    "a size of another layer": (size("9.out_features", (3, 2)), "sizes of layers, got '9.out_features'"),
    "a size without a layer": (size("", (3, 2)), "sizes of layers"),
    "a size by a number": (size(3, (3, 2)), "sizes of layers, got 3"),
    "an attribute that is no size": (size("0.training", (3, 2)), "sizes of layers, got '0.training'"),
    "an attribute of another kind of layer": (size("0.num_features", (3, 2)), "sizes of layers, got '0.num_features'"),
    "a size of zero": (size("0.out_features", (3, 0)), "sizes of layers, got '0.out_features'"),
    "a negative size": (size("0.out_features", (3, -2)), "sizes of layers"),
    "a size that is a word": (size("0.out_features", (3, "two")), "sizes of layers"),
    "a size that is a fraction": (size("0.out_features", (3, 2.0)), "sizes of layers"),
    "a size that is True": (size("0.out_features", (3, True)), "sizes of layers"),
    "one number": (size("0.out_features", 2), "sizes of layers"),
    "a size without another": (size("0.out_features", ()), "sizes of layers"),
    "three sizes": (size("0.out_features", (3, 2, 1)), "sizes of layers"),
    "a size that the tensor has not": (size("0.out_features", (3, 1)), "0.out_features"),
    "a size too few": (lambda whole: whole["sizes"].pop("0.out_features"), "0.out_features"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_tables_are_refused(name: str):
    damage, message = DAMAGES[name]
    whole = copy.deepcopy(smaller().whole)
    damage(whole)
    found = genome()
    with pytest.raises(ValueError, match=message):
        fit(found, whole)
    assert found == genome()
    assert found.whole is None
    state = smaller().state() | {"whole": whole}
    found = smaller()
    with pytest.raises(ValueError, match=message):
        found.load_state(state)
    assert found == smaller()
    assert found.whole is not None


@pytest.mark.parametrize("whole", [3, [], "whole", torch.zeros(2), {"tensors": {}}])
def test_what_is_no_table(whole: Any):
    with pytest.raises(ValueError, match="what was cut must be a table of tensors and of sizes"):
        fit(genome(), whole)


@pytest.mark.parametrize("lost", ["0.weight", "1.running_mean"])
def test_a_table_that_lacks_a_tensor_changes_nothing(lost: str):
    state = copy.deepcopy(smaller().state())
    del state["whole"]["tensors"][lost]
    found = genome()
    with pytest.raises(ValueError, match=r"do not fit this network|what was cut does not say as much"):
        found.load_state(state)
    assert found == genome()
    assert found.whole is None


@pytest.mark.parametrize("table", ["weights", "masks"])
def test_a_state_whose_tensors_do_not_fit_its_table_changes_nothing(table: str):
    state = copy.deepcopy(smaller().state())
    state[table]["0.weight"] = state[table]["0.weight"][:1]
    found = genome()
    with pytest.raises(ValueError, match="do not fit this network"):
        found.load_state(state)
    assert found == genome()
    assert found.whole is None


def test_a_table_of_another_network():
    other = Genome(nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)))
    with pytest.raises(ValueError, match=r"units were cut from another network: no '1\.weight'"):
        fit(other, smaller().whole)
    assert other.whole is None
