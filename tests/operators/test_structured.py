"""Which units go, given scores and an amount, and that all goes that makes or reads them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Network
from evoprune.networks import variational_encoder
from evoprune.operators.structured import any_of, joints_of, of_units, prune_lowest_units, prune_units
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.parts import Residual, plain

NAN, INF = float("nan"), float("inf")
BOTH = pytest.mark.parametrize("persistent", [True, False])


def pair(inputs: int = 4, hidden: int = 3, code: int = 2) -> Autoencoder:
    return Autoencoder([Encoder(plain(inputs, hidden, code, last=nn.ReLU())), Decoder(plain(code, hidden, inputs))])


def tensors(*rows: Any) -> list[Tensor]:
    return [torch.tensor(row, dtype=torch.float32) for row in rows]


def pruned(individual: Any, scores: list[Tensor], amount: float, **settings: Any) -> list[list[int]]:
    """The units of each joint that went, by their biases, whose mask then is False; nothing was pruned before."""
    joints = joints_of(individual)
    before = [_kept(joint) for joint in joints]
    prune_lowest_units(individual, joints, scores, amount, **settings)
    return [
        [unit for unit in range(joint.units) if old[unit] and not now[unit]]
        for joint, old, now in zip(joints, before, map(_kept, joints), strict=True)
    ]


def _kept(joint: Any) -> list[bool]:
    step = joint.passes[0].makers[0].step
    kept: list[bool] = step.genome.masks[step.path("bias")].tolist()
    return kept


def labels(individual: Any) -> list[tuple[str, int]]:
    return [(joint.label, joint.units) for joint in joints_of(individual)]


def test_units_between_layers_are_found_in_whatever_part_and_inputs_and_outputs_are_not() -> None:
    assert labels(Genome(plain(6, 5, 4))) == [("0", 5)]
    assert labels(Genome(nn.Linear(3, 2))) == labels(Genome(nn.Flatten())) == []
    assert labels(pair()) == [("encoder.0", 3), ("encoder.2", 2), ("decoder.0", 3)]
    three = Network([Genome(nn.Flatten()), Genome(plain(6, 5, last=nn.Tanh())), Genome(plain(5, 3, 4))])
    assert labels(three) == [("1.0", 5), ("2.0", 3)]
    assert labels(list(pair())) == labels(pair())


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("0", ["2"]),
        ("0.weight", ["2"]),
        ("2.weight", []),  # it reads the units of one joint and makes those of the other
        ("4.weight", ["0"]),
        (["0.bias", "2.bias", "4"], ["0"]),  # biases alone hold nothing
        ("0.bias", ["0", "2"]),
    ],
)
def test_units_with_a_weight_that_is_not_prunable_are_none(exclude: Any, left: list[str]) -> None:
    assert [label for label, _ in labels(Genome(plain(6, 5, 4, 3), exclude=exclude))] == left


def test_of_what_is_no_plain_stack_nothing_is_known_without_an_example() -> None:
    with pytest.warns(UserWarning, match="no units can be pruned: .* is no plain stack"):
        assert joints_of(Genome(Residual())) == []


# Four units, the lowest first: 2, 0, 3, 1.
@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize(
    ("amount", "gone"),
    [
        (0.0, []),
        (0.12, []),  # round(0.48)
        (0.125, []),  # round(0.5) is 0
        (0.13, [2]),  # round(0.52)
        (0.25, [2]),
        (0.375, [0, 2]),  # round(1.5) is 2
        (0.5, [0, 2]),
        (0.75, [0, 2, 3]),
        (0.9, [0, 2, 3]),  # round(3.6) is 4, but one stays
        (1, [0, 2, 3]),
    ],
)
def test_the_lowest_of_one_layer_by_hand(scope: str, amount: float, gone: list[int]) -> None:
    genome = Genome(plain(2, 4, 3))
    assert pruned(genome, tensors([2, 8, 1, 4]), amount, scope=scope) == [gone]
    kept = [unit not in gone for unit in range(4)]
    assert genome.masks["0.weight"].tolist() == [[keep] * 2 for keep in kept]
    assert genome.masks["2.weight"].tolist() == [kept] * 3
    assert genome.masks["2.bias"].all()
    for name, mask in genome.masks.items():
        assert torch.equal(genome.module.get_parameter(name) != 0, mask)


def test_the_amount_goes_from_every_layer_or_from_all_relative_to_the_layers_mean() -> None:
    # The means are 2, 30 and 1: relative are 0.5, 1, 1.5; then 1/3, 5/3; then 0.1, 0.9, 2.
    scores = tensors([1, 2, 3], [10, 50], [2, 0.9, 0.1])
    found = {amount: pruned(pair(), scores, amount / 8, scope="global") for amount in range(9)}
    assert found == {
        0: [[], [], []],
        1: [[], [], [2]],
        2: [[], [0], [2]],
        3: [[0], [0], [2]],
        4: [[0], [0], [1, 2]],
        5: [[0, 1], [0], [1, 2]],
        6: [[0, 1], [0], [1, 2]],  # one of every layer stays
        7: [[0, 1], [0], [1, 2]],
        8: [[0, 1], [0], [1, 2]],
    }
    assert pruned(pair(), scores, 1 / 3, scope="tensor") == [[0], [0], [2]]  # round(2 / 3) is 1
    assert pruned(pair(), scores, 1 / 4, scope="tensor") == [[0], [], [2]]  # round(3 / 4) is 1, round(1 / 2) is 0


def test_a_layer_that_has_one_unit_left_does_not_stop_the_others() -> None:
    scores = tensors([1, 1, 100], [1, 1], [1, 1, 1])
    assert pruned(pair(), scores, 3 / 8, scope="global") == [[0, 1], [0], []]
    assert pruned(pair(), tensors([1, 1, 1], [1, 1], [0, 0, 100]), 5 / 8, scope="global") == [[0, 1], [0], [0, 1]]


def test_of_equal_scores_the_first_go_first() -> None:
    assert pruned(pair(), tensors([2, 2, 2], [4, 4], [1, 1, 1]), 3 / 8, scope="global") == [[0, 1], [0], []]
    assert pruned(pair(), tensors([2, 2, 2], [4, 4], [1, 1, 1]), 0.4, scope="tensor") == [[0], [0], [0]]
    assert pruned(Genome(plain(1, 5, 1)), tensors([3, 1, 3, 1, 1]), 0.6) == [[1, 3, 4]]


@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize(
    ("scores", "order"),
    [
        ([1, NAN, 3, -5], [1, 3, 0]),  # NaN is below all
        ([NAN, NAN, NAN, NAN], [0, 1, 2]),
        ([1, NAN, NAN, 0.5], [1, 2, 3]),
        ([0, 0, 0, 0], [0, 1, 2]),
        ([-1, -3, -2, -4], [3, 1, 2]),
        ([1e-30, 2e-30, 0, 3e30], [2, 0, 1]),
    ],
)
def test_the_order_of_going(scope: str, scores: list[float], order: list[int]) -> None:
    for count in range(4):
        found = pruned(Genome(plain(2, 4, 3)), tensors(scores), count / 4, scope=scope)
        assert found == [sorted(order[:count])]


def test_an_infinite_score_goes_last() -> None:
    assert pruned(Genome(plain(2, 4, 3)), tensors([INF, 2, 1, INF]), 0.75, scope="tensor") == [[0, 1, 2]]


def test_an_infinite_score_is_no_part_of_the_mean_of_its_layer() -> None:
    assert pruned(Genome(plain(2, 4, 3)), tensors([INF, 2, 1, INF]), 0.5, scope="global") == [[1, 2]]
    # Relative they are 0.67 and 1.33; 0.75 and 1.25; and 1.
    assert pruned(pair(), tensors([1, 2, INF], [3, 5], [1, 1, 1]), 3 / 8, scope="global") == [[0], [0], [0]]


def test_nan_goes_before_what_is_low_in_other_layers() -> None:
    scores = tensors([1, 1, NAN], [0.1, 2], [0, 9, 9])
    found = [pruned(pair(), scores, count / 8, scope="global") for count in (1, 2, 3)]
    assert found == [[[2], [], []], [[2], [], [0]], [[2], [0], [0]]]


@pytest.mark.parametrize("scope", ["tensor", "global"])
def test_units_that_are_dead_do_not_count_and_do_not_go_again(scope: str) -> None:
    genome = Genome(plain(2, 6, 3))
    genome.prune("0.weight", torch.arange(6).ne(0)[:, None].expand(6, 2))  # nothing makes the first
    genome.prune("2.weight", torch.arange(6).ne(1).expand(3, 6))  # and nothing reads the second
    scores = tensors([0, 0, 4, 3, 2, 1])
    assert pruned(genome, scores, 0.5, scope=scope) == [[4, 5]]
    assert genome.masks["0.bias"].tolist() == [True, True, True, True, False, False]  # as they were
    assert pruned(genome, scores, 0.5, scope=scope) == [[3]]
    assert pruned(genome, scores, 1.0, scope=scope) == [[]]
    assert genome.masks["0.weight"][2].all()


def test_the_mean_of_a_layer_is_that_of_its_living_units() -> None:
    """With the dead one the mean would be 25, and 1 would be the lowest."""
    genome = Genome(plain(2, 4, 2, 1))
    genome.prune("0.weight", torch.arange(4).ne(3)[:, None].expand(4, 2))
    assert pruned(genome, tensors([1, 1, 1, 97], [1, 1.5]), 0.2, scope="global") == [[], [0]]


@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize("measure", ["units", "weights", "macs"])
@BOTH
def test_one_unit_of_every_layer_stays_however_often_all_go(scope: str, measure: str, persistent: bool) -> None:
    individual, example = pair(), torch.rand(2, 4)
    scores = tensors([1, 3, 2], [1, NAN], [0, 0, 0])
    for _ in range(3):
        joints = joints_of(individual)
        prune_lowest_units(individual, joints, scores, 1.0, scope, persistent, measure, example)
        ways = [(genome.module.get_parameter(name) != 0).tolist() for genome in individual for name in genome.masks]
        assert ways[0] == [[False] * 4, [True] * 4, [False] * 4]
        assert ways[2] == [[False, True, False], [False, False, False]]
        assert ways[4] == [[False, False], [False, False], [True, False]]
        assert ways[6] == [[False, False, True]] * 4
        assert [ways[place] for place in (1, 3, 5, 7)] == [
            [False, True, False],
            [True, False],
            [False, False, True],
            [True] * 4,
        ]


# A unit takes 3 weights that make it, its bias and 2 that read it with it: 6 of 26.
@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize(
    ("amount", "count"),
    [(0.0, 0), (0.11, 0), (0.12, 1), (6 / 26, 1), (0.34, 1), (0.35, 2), (0.57, 2), (0.58, 3), (0.9, 3), (1.0, 3)],
)
def test_a_share_of_the_weights_ends_nearest_to_it(scope: str, amount: float, count: int) -> None:
    """A unit goes where at least half of its weights are still asked for: 0.11 * 26 is 2.86, 0.12 * 26 is 3.12."""
    genome = Genome(plain(3, 4, 2))
    found = pruned(genome, tensors([4, 3, 2, 1]), amount, scope=scope, measure="weights")
    assert found == [sorted([3, 2, 1][:count])]
    assert genome.sizes == (26 - 6 * count, 26)


def test_a_unit_whose_neighbours_are_gone_takes_fewer_weights_with_it() -> None:
    # 2-3-2-1 has 9 + 8 + 3 = 20 weights. A unit of the first layer takes 2 + 1 + 2 with it, of the second 3 + 1 + 1.
    scores, found = tensors([1, 3, 8], [2, 10]), {}
    for asked in (2, 2.5, 7, 7.5, 11.5, 12):
        genome = Genome(plain(2, 3, 2, 1))
        gone = pruned(genome, scores, asked / 20, scope="global", measure="weights")
        found[asked] = gone, genome.sizes[0]
    # All count for 5 at first. Relative to their means of 4 and 6 they go as 0.25, 0.33, 0.75; the second takes 4 then,
    # and so does the third.
    assert found == {
        2: ([[], []], 20),
        2.5: ([[0], []], 15),
        7: ([[0], [0]], 11),  # 2 of 4 are still asked for
        7.5: ([[0], [0]], 11),
        11.5: ([[0, 1], [0]], 7),
        12: ([[0, 1], [0]], 7),
    }


def test_by_rank_every_layer_loses_the_same_share_of_what_it_had() -> None:
    """The first has two of four left, so the next of it is the third quarter of its units, as of the second."""
    found = {}
    for asked in (8, 12, 15):  # of 23 weights, two biases of the dead among them
        genome = Genome(plain(1, 4, 4, 1))
        keep = torch.tensor([True, True, False, False])
        genome.prune("0.weight", keep[:, None])
        genome.prune("2.weight", keep.expand(4, 4))
        scores = tensors([1, 2, 0, 0], [4, 3, 2, 1])
        found[asked] = pruned(genome, scores, asked / 23, scope="tensor", measure="weights")
    # Two of the second with 2 + 1 + 1 each, one of the first with 1 + 1 + 2, and one more of the second with 3.
    assert found == {8: [[], [2, 3]], 12: [[0], [2, 3]], 15: [[0], [1, 2, 3]]}


@pytest.mark.parametrize(("measure", "share"), [("units", 0.1), ("weights", 11 / 39), ("macs", 10 / 28)])
def test_over_all_layers_a_score_is_relative_to_its_layer(measure: str, share: float) -> None:
    """Of 2-2-8-1 a unit of the first layer takes 2 + 1 + 8 weights with it, and 2 + 8 MACs."""
    scores = tensors([1, 3], [0.6, 1, 1, 1, 1, 1, 1, 1.4])  # relative to the means 0.5, 1.5; 0.6, 1, ...
    given = {"example": torch.zeros(1, 2), "scope": "global", "measure": measure}
    assert pruned(Genome(plain(2, 2, 8, 1)), scores, share, **given)[0] == [0]
    scores[0] += 1  # 2, 4: relative 0.67, 1.33
    assert pruned(Genome(plain(2, 2, 8, 1)), scores, 0.05, **given)[0] == []


@pytest.mark.parametrize(
    ("measure", "share"),
    [
        ("units", 3 / 8),
        ("weights", 18 / 37),
        ("macs", 15 / 28),
    ],
)
def test_a_layer_whose_scores_are_all_zero_goes_before_others(measure: str, share: float) -> None:
    """Of 2-4-4-1 a unit of the second layer takes 6 weights, and 5 MACs."""
    scores, genome = tensors([1, 1, 1, 1], [0, 0, 0, 0]), Genome(plain(2, 4, 4, 1))
    found = pruned(genome, scores, share, scope="global", measure=measure, example=torch.zeros(1, 2))
    assert found == [[], [0, 1, 2]]


def test_weights_that_are_pruned_already_do_not_go_with_a_unit() -> None:
    genome = Genome(plain(3, 4, 2))
    keep = torch.ones(4, 3, dtype=torch.bool)
    keep[0, 1:] = keep[1, 2:] = False  # 23 are left, and the units' are 4, 5, 6 and 6
    genome.prune("0.weight", keep)
    assert pruned(genome, tensors([1, 2, 3, 4]), 1.9 / 23, measure="weights") == [[]]
    assert pruned(genome, tensors([1, 2, 3, 4]), 2.1 / 23, measure="weights") == [[0]]
    assert genome.sizes[0] == 19
    assert pruned(genome, tensors([1, 2, 3, 4]), 8 / 19, measure="weights") == [[1, 2]]  # 5, and 3 of 6


def test_a_tied_weight_goes_once() -> None:
    network = TiedAutoencoder(TiedNetwork((4, 3)))  # 12 weights and 7 biases; with a unit go 4 and 1
    assert network.encoder.sizes == (19, 19)
    assert pruned(network, tensors([1, 2, 3]), 2.4 / 19, measure="weights") == [[]]
    assert pruned(network, tensors([1, 2, 3]), 2.6 / 19, measure="weights") == [[0]]
    assert network.encoder.sizes == (14, 19)


@pytest.mark.parametrize(
    ("amount", "count"), [(0.0, 0), (0.12, 0), (0.13, 1), (0.25, 1), (0.37, 1), (0.38, 2), (0.63, 3), (1.0, 3)]
)
def test_a_share_of_the_macs_ends_nearest_to_it(amount: float, count: int) -> None:
    """Of 3 * 4 + 4 * 2 a unit takes 5; biases are none."""
    genome = Genome(plain(3, 4, 2))
    found = pruned(genome, tensors([4, 3, 2, 1]), amount, measure="macs", example=torch.zeros(1, 3))
    assert found == [sorted([3, 2, 1][:count])]


def test_macs_count_positions_and_what_neighbours_left() -> None:
    """Channels of 2-3-2 with kernels of 3 x 3 on 4 x 4 positions, of which the second layer has 2 x 2."""
    scores, found = tensors([1, 2, 3], [1, 5]), {}
    # 16 * 9 * 3 + 4 * 9 * 6 + 4 * 2 * 3 = 672. A channel of the first layer takes 16 * 9 + 4 * 9 * 2 = 216 with it, one
    # of the second 4 * 9 * 3 + 4 * 3 = 120. Relative to means they go as 0.33 of the second, 0.5 and 1 of the first.
    # When that of the second is gone one of the first takes 16 * 9 + 4 * 9 = 180.
    for asked in (59, 61, 120 + 89, 120 + 91, 300 + 89, 300 + 91):
        module = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(3, 2, 3, stride=2, padding=1),
            nn.Flatten(),
            nn.Linear(8, 3),
        )
        example = torch.zeros(5, 1, 4, 4)
        found[asked] = pruned(Genome(module), scores, asked / 672, scope="global", measure="macs", example=example)
    assert found == {
        59: [[], []],
        61: [[], [0]],
        209: [[], [0]],
        211: [[0], [0]],
        389: [[0], [0]],
        391: [[0, 1], [0]],
    }


def test_zeroed_once_by_hand() -> None:
    genome = Genome(plain(3, 4, 2))
    with torch.no_grad():
        for parameter in genome.module.parameters():
            parameter.fill_(NAN)
    joints = joints_of(genome)
    for _ in range(2):  # it is a share of all: masks do not say that they are gone
        prune_lowest_units(genome, joints, tensors([4, 3, 2, 1]), 0.5, persistent=False)
        assert genome.preserved == 1.0
        assert genome.nonzero == (26 - 2 * 6) / 26
        assert genome.module.get_parameter("0.weight").count_nonzero(1).tolist() == [3, 3, 0, 0]
        assert genome.module.get_parameter("0.bias").count_nonzero() == 2
        assert genome.module.get_parameter("2.weight").count_nonzero(0).tolist() == [2, 2, 0, 0]
        assert genome.module.get_parameter("2.bias").count_nonzero() == 2


@BOTH
def test_nothing_to_take_changes_nothing_but_says_what_is_left(persistent: bool) -> None:
    genome = Genome(nn.Linear(2, 2))
    prune_lowest_units(genome, [], [], 0.5, persistent=persistent)
    assert genome.preserved == 1.0
    assert genome.nonzero == (None if persistent else 1.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"amount": 1.1}, r"amount must be a number in \[0, 1\], got 1.1"),
        ({"scope": "row"}, "unknown scope 'row'; known: tensor, global"),
        ({"persistent": 1}, "persistent must be True or False, got 1"),
        ({"measure": "weight"}, "unknown measure 'weight': did you mean 'weights'"),
        ({"measure": "macs"}, r"example must be a tensor \(samples, ...\), got None"),
    ],
)
def test_errors_come_before_any_work(given: Any, message: str) -> None:
    individual, scores = pair(), tensors([1, 2, 3], [1, 2], [1, 2, 3])
    with pytest.raises((TypeError, ValueError), match=message):
        prune_lowest_units(individual, joints_of(individual), scores, **{"amount": 0.5} | given)
    assert individual.preserved == 1.0


def everything(individual: Any) -> dict[str, list[Any]]:
    """What masks keep of every tensor along its first and its second axis, the other axes any."""
    found = {}
    for number, genome in enumerate([individual] if isinstance(individual, Genome) else individual):
        for name, mask in genome.masks.items():
            rows = mask.flatten(1).any(1) if mask.dim() > 1 else mask
            columns = mask.transpose(0, 1).flatten(1).any(1) if mask.dim() > 1 else None
            if columns is not None:  # nothing but whole rows and columns is gone
                outer = rows[:, None] & columns
                assert torch.equal(mask, outer.view(*outer.shape, *[1] * (mask.dim() - 2)).expand(mask.shape))
            found[f"{number}.{name}"] = [int(rows.sum())] + ([] if columns is None else [columns.int().tolist()])
    return found


def keep(*gone: int, of: int) -> Tensor:
    return ~torch.isin(torch.arange(of), torch.tensor(gone))


def test_channels_go_with_all_their_positions() -> None:
    module = nn.Sequential(
        nn.Conv2d(1, 3, 2),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(12, 4),
        nn.Unflatten(1, (2, 1, 2)),
        nn.ConvTranspose2d(2, 3, 2),
        nn.Conv2d(3, 1, 1),
    )
    assert module(torch.rand(2, 1, 5, 5)).shape == (2, 1, 2, 3)
    genome = Genome(module)
    joints = joints_of(genome)
    assert [joint.units for joint in joints] == [3, 2, 3]
    prune_units(genome, joints, [keep(1, of=3), keep(0, of=2), keep(0, 2, of=3)], True)
    assert everything(genome) == {
        "0.0.weight": [2, [1]],
        "0.0.bias": [2],
        "0.5.weight": [2, [1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1]],
        "0.5.bias": [2],
        "0.7.weight": [1, [0, 1, 0]],  # inputs are first in a transposed convolution
        "0.7.bias": [1],
        "0.8.weight": [1, [0, 1, 0]],
        "0.8.bias": [1],
    }
    assert genome.masks["0.bias"].tolist() == [True, False, True]
    assert genome.masks["5.bias"].tolist() == [False, False, True, True]
    assert genome.masks["7.weight"].flatten(1).any(1).tolist() == [False, True]
    assert torch.equal(module.get_parameter("1.weight"), torch.ones(3))  # a norm holds nothing that is prunable


def test_a_tied_unit_goes_both_ways() -> None:
    network = TiedAutoencoder(TiedNetwork((5, 4, 3)))
    joints = sorted(joints_of(network), key=lambda joint: joint.label)
    assert [joint.units for joint in joints] == [4, 3]
    prune_units(network, joints, [keep(0, 3, of=4), keep(1, of=3)], True)
    assert {name: mask.int().tolist() for name, mask in network.encoder.masks.items()} == {
        "encoder.0.weight": [[0] * 5, [1] * 5, [1] * 5, [0] * 5],
        "encoder.0.bias": [0, 1, 1, 0],
        "encoder.2.weight": [[0, 1, 1, 0], [0] * 4, [0, 1, 1, 0]],
        "encoder.2.bias": [1, 0, 1],
        "decoder.0.bias": [0, 1, 1, 0],
        "decoder.2.bias": [1] * 5,
    }


def test_both_heads_of_a_variational_encoder_read_and_make_the_same_units() -> None:
    pair = Autoencoder([Encoder(variational_encoder([4, 3, 2])), Decoder(nn.Linear(2, 4))])
    joints = joints_of(pair)
    assert [joint.units for joint in joints] == [3, 2]
    prune_units(pair, joints, [keep(0, of=3), keep(1, of=2)], True)
    assert everything(pair) == {
        "0.trunk.0.weight": [2, [1, 1, 1, 1]],
        "0.trunk.0.bias": [2],
        "0.mean.weight": [1, [0, 1, 1]],
        "0.mean.bias": [1],
        "0.log_variance.weight": [1, [0, 1, 1]],
        "0.log_variance.bias": [1],
        "1.weight": [4, [1, 0]],
        "1.bias": [4],
    }
    alone = Genome(variational_encoder([4, 3, 2]))
    assert [joint.units for joint in joints_of(alone)] == [3]  # the codes are its outputs


@BOTH
def test_keeping_all_changes_nothing(persistent: bool) -> None:
    individual = pair()
    before = [parameter.clone() for genome in individual for parameter in genome.module.parameters()]
    joints = joints_of(individual)
    prune_units(individual, joints, [keep(of=joint.units) for joint in joints], persistent)
    assert individual.preserved == 1.0
    after = [parameter for genome in individual for parameter in genome.module.parameters()]
    assert all(map(torch.equal, before, after))


def test_what_a_part_does_not_lose_it_is_told_of_as_well() -> None:
    """Each genome says what is left of it where zeros are set once."""
    individual = pair()  # 15 + 8, and 9 + 16 weights
    joints = joints_of(individual)
    prune_units(individual, joints, [keep(0, of=3), keep(of=2), keep(of=3)], False)
    assert [genome.nonzero for genome in individual] == [16 / 23, 1.0]


def test_values_of_layers_by_unit() -> None:
    module = nn.Sequential(nn.Linear(1, 4), nn.ReLU(), nn.Unflatten(1, (2, 2)), nn.Conv1d(2, 1, 1))
    genome = Genome(module)
    (joint,) = joints_of(genome)
    assert of_units(joint, [(genome, {"0": torch.tensor([1, 2, 3, 4])})])[0].tolist() == [[1, 2], [3, 4]]
    assert of_units(joint, [(genome, {"3": torch.tensor([1])})]) == []
    stays = any_of(joint, [(genome, {"0": torch.tensor([False, False, True, False])})])
    assert stays.tolist() == [False, True]
    assert any_of(joint, []).tolist() == [True, True]  # of which nothing is known


def test_of_several_layers_that_make_a_unit_one_is_enough() -> None:
    network = TiedAutoencoder(TiedNetwork((3, 2, 1)))
    joint = next(joint for joint in joints_of(network) if joint.units == 2)
    there, back = torch.tensor([True, False]), torch.tensor([False, False])
    assert any_of(joint, [(network.encoder, {"encoder.0": there, "decoder.0": back})]).tolist() == [True, False]
    assert any_of(joint, [(network.encoder, {"encoder.0": back, "decoder.0": back})]).tolist() == [False, False]
    assert any_of(joint, [(network.encoder, {"decoder.0": there})]).tolist() == [True, False]
