from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from deap import base
from hypothesis import given, strategies as st
from torch import Tensor, nn

from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, genomes
from evoprune.operators.choice import prune_lowest

NAN, INF = float("nan"), float("inf")
BOTH = pytest.mark.parametrize("scope", ["tensor", "global"])


def row(*values: float) -> Genome:
    """A genome of one tensor, "weight", with these entries."""
    layer = nn.Linear(len(values), 1, bias=False)
    layer.weight.data = torch.tensor([values], dtype=torch.float32)
    return Genome(layer)


def kept(genome: Genome, name: str = "weight") -> list[int]:
    """The places that the mask keeps."""
    return [i for i, keep in enumerate(genome.masks[name].flatten().tolist()) if keep]


def prune(genome: Genome, *scores: float, amount: float, **settings: Any) -> list[int]:
    prune_lowest([(genome, {"weight": torch.tensor([scores])})], amount, **settings)
    return kept(genome)


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        (0.0, [0, 1, 2, 3, 4]),
        (0.09, [0, 1, 2, 3, 4]),  # 0.45 of a weight is none
        (0.1, [0, 1, 2, 3, 4]),  # 0.5: Python rounds a half to the even number
        (0.2, [0, 1, 2, 4]),
        (0.3, [0, 2, 4]),  # 1.5 is two
        (0.5, [0, 2, 4]),  # 2.5 is two as well
        (0.6, [0, 2]),
        (0.8, [2]),
        (1.0, [2]),
    ],
)
@BOTH
def test_round_amount_of_the_survivors_with_the_lowest_scores_go(
    amount: float, expected: list[int], scope: str
) -> None:
    assert prune(row(1, 1, 1, 1, 1), 4, 2, 5, 1, 3, amount=amount, scope=scope) == expected


MANY: dict[str, Callable[[], Tensor]] = {
    "drawn": lambda: torch.rand(9000, dtype=torch.float64),
    "in order": lambda: torch.arange(9000.0),
    "equal ones": lambda: torch.randint(10, (9000,)),
    "all equal": lambda: torch.ones(9000),
    "the lowest nine apart": lambda: torch.arange(9000.0).where(torch.arange(9000) % 9 > 0, -1.0),
    "the highest nine apart": lambda: torch.arange(9000.0).where(torch.arange(9000) % 9 > 0, 1e9),
}


@pytest.mark.parametrize("many", MANY)
@pytest.mark.parametrize("amount", [0.001, 0.01, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("persistent", [True, False])
def test_of_many_the_lowest_go_wherever_they_stand(many: str, amount: float, persistent: bool) -> None:
    genome, scores = row(*[1.0] * 9000), MANY[many]()
    prune_lowest([(genome, {"weight": scores[None]})], amount, persistent=persistent)
    stays = genome.module.get_parameter("weight")[0] != 0
    assert int(stays.sum()) == 9000 - round(amount * 9000)
    assert scores[~stays].max() <= scores[stays].min()


def test_which_of_equal_scores_go_is_what_torch_says() -> None:
    genome, scores = row(*[1.0] * 9000), torch.randint(100, (1, 9000)).float()
    prune_lowest([(genome, {"weight": scores})], 0.1)
    gone = scores[0].topk(900, largest=False, sorted=False).indices
    assert sorted(gone.tolist()) == (~genome.masks["weight"][0]).nonzero().flatten().tolist()


@BOTH
def test_what_is_pruned_already_neither_counts_nor_goes_again(scope: str) -> None:
    genome = row(1, 1, 1, 1, 1, 1)
    genome.prune("weight", torch.tensor([[False, True, False, True, True, True]]))
    # Two of the four survivors: those at 3 and 5, although the pruned ones have the lowest scores of all.
    assert prune(genome, -9, 8, -9, 2, 7, 3, amount=0.5, scope=scope) == [1, 4]
    # The best survivor stays although it is the smaller one, and although what is gone has a higher score.
    genome.module.get_parameter("weight").data[0, 1] = 5.0
    assert prune(genome, 9, 7, 9, 9, 8, 9, amount=1.0, scope=scope) == [4]
    assert genome.module.get_parameter("weight").tolist() == [[0, 0, 0, 0, 1, 0]]


def two() -> Autoencoder:
    encoder, decoder = nn.Linear(4, 1, bias=False), nn.Linear(1, 2)
    for parameter in (*encoder.parameters(), *decoder.parameters()):
        nn.init.ones_(parameter)
    return Autoencoder([Encoder(encoder), Decoder(decoder)])


def two_scores(pair: Autoencoder) -> Any:
    return [
        (pair.encoder, {"weight": torch.tensor([[0.4, 0.1, 0.3, 0.2]])}),
        (pair.decoder, {"weight": torch.tensor([[8.0], [7.0]]), "bias": torch.tensor([0.5, 9.0])}),
    ]


def places(pair: Autoencoder) -> list[list[int]]:
    return [kept(pair.encoder), kept(pair.decoder), kept(pair.decoder, "bias")]


def test_the_scope_tensor_takes_from_every_tensor() -> None:
    pair = two()
    prune_lowest(two_scores(pair), 0.5)
    assert places(pair) == [[0, 2], [0], [1]]


def test_the_scope_global_takes_from_the_whole_individual() -> None:
    pair = two()
    # Half of eight. The encoder has the four lowest scores, but the best of its weights stays: the next is at 0.5.
    prune_lowest(two_scores(pair), 0.5, "global")
    assert places(pair) == [[0], [0, 1], [1]]


@BOTH
def test_at_an_amount_of_1_the_best_weight_of_every_tensor_stays(scope: str) -> None:
    pair = two()
    for _ in range(2):
        prune_lowest(two_scores(pair), 1.0, scope)
        assert places(pair) == [[0], [0], [1]]


@BOTH
def test_not_persistent_counts_all_entries_and_leaves_the_masks(scope: str) -> None:
    genome = row(1, 1, 1, 1, 1)
    settings: Any = {"scope": scope, "persistent": False}
    for scores, left in [((4, 2, 5, 1, 3), [1, 0, 1, 0, 1]), ((1, 9, 2, 9, 3), [0, 0, 0, 0, 1])]:
        assert prune(genome, *scores, amount=0.4, **settings) == [0, 1, 2, 3, 4]
        assert genome.module.get_parameter("weight").tolist() == [left]
        assert genome.nonzero == sum(left) / 5
    prune(genome, 1, 2, 3, 4, 5, amount=1.0, **settings)
    assert genome.nonzero == 0.0
    assert genome.preserved == 1.0


@BOTH
def test_not_persistent_after_persistent_leaves_what_is_pruned_alone(scope: str) -> None:
    genome = row(1, 1, 1, 1)
    assert prune(genome, 1, 2, 3, 4, amount=0.25) == [1, 2, 3]
    assert prune(genome, 9, 1, 9, 9, amount=0.25, scope=scope, persistent=False) == [1, 2, 3]
    assert genome.module.get_parameter("weight").tolist() == [[0, 0, 1, 1]]


@BOTH
@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ((1, NAN, -INF, 2), [0, 3]),
        ((-1, NAN, -2, 3), [0, 3]),
        ((INF, NAN, NAN, INF), [0, 3]),
        ((INF, INF, 0, -5), [0, 1]),
    ],
)
def test_scores_may_be_infinite_and_nan_goes_first(scores: Any, expected: list[int], scope: str) -> None:
    assert prune(row(1, 1, 1, 1), *scores, amount=0.5, scope=scope) == expected
    assert prune(row(1, 1, 1, 1), *scores, amount=0.5, scope=scope, persistent=False) == [0, 1, 2, 3]


@BOTH
def test_where_all_scores_are_nan_or_equal_the_number_is_right_all_the_same(scope: str) -> None:
    for value in (NAN, INF, -INF, 0.0):
        genome = row(1, 1, 1, 1)
        genome.prune("weight", torch.tensor([[True, True, False, True]]))
        assert len(prune(genome, *[value] * 4, amount=0.34, scope=scope)) == 2
        assert len(prune(genome, *[value] * 4, amount=1.0, scope=scope)) == 1


@BOTH
@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8])
def test_scores_may_have_any_type(dtype: torch.dtype, scope: str) -> None:
    genome = row(1, 1, 1, 1)
    prune_lowest([(genome, {"weight": torch.tensor([[3, 1, 2, 4]], dtype=dtype)})], 0.5, scope)
    assert kept(genome) == [0, 3]


def test_scores_may_be_expanded_views_bools_or_part_of_a_graph() -> None:
    genome = Genome(nn.Linear(2, 2, bias=False))
    prune_lowest([(genome, {"weight": torch.tensor([[1.0], [2.0]]).expand(2, 2)})], 0.5)
    assert kept(genome) == [2, 3]
    genome = row(1, 1)
    prune_lowest([(genome, {"weight": torch.tensor([[False, True]])})], 0.5)
    assert kept(genome) == [1]
    genome = row(2, 1)
    prune_lowest([(genome, {"weight": genome.module.get_parameter("weight").abs()})], 0.5)
    assert kept(genome) == [0]


@BOTH
def test_parameters_without_scores_are_left_alone(scope: str) -> None:
    pair = two()
    prune_lowest([(pair.decoder, {"bias": torch.tensor([1.0, 2.0])})], 0.5, scope)
    assert places(pair) == [[0, 1, 2, 3], [0, 1], [1]]
    prune_lowest([(pair.decoder, {})], 0.5, scope)
    prune_lowest([(Genome(nn.ReLU()), {})], 0.5, scope)
    prune_lowest([], 0.5, scope, persistent=False)
    assert places(pair) == [[0, 1, 2, 3], [0, 1], [1]]


def test_scores_that_do_not_fit_are_refused_before_anything_is_pruned() -> None:
    pair = two()
    scores = [two_scores(pair)[0], (pair.decoder, {"bias": torch.ones(3)})]
    with pytest.raises(ValueError, match=r"the scores of 'bias' have shape \(3,\), the parameter \(2,\)"):
        prune_lowest(scores, 0.5)
    scores[1] = (pair.decoder, {"0.bias": torch.ones(2)})
    with pytest.raises(ValueError, match=r"'0.bias', which is not prunable; prunable: weight, bias"):
        prune_lowest(scores, 0.5)
    assert pair.preserved == 1.0


@pytest.mark.parametrize("amount", [-0.1, 1.1, NAN, INF, True, "0.1", None])
def test_the_amount_is_a_share(amount: Any) -> None:
    with pytest.raises(ValueError, match=r"amount must be a number in \[0, 1\], got"):
        prune_lowest([], amount)


@pytest.mark.parametrize("scope", ["layer", "", None, 1])
def test_an_unknown_scope_lists_the_known(scope: Any) -> None:
    with pytest.raises(ValueError, match=r"unknown scope .*; known: tensor, global"):
        prune_lowest([], 0.5, scope)


@given(
    scores=st.lists(st.floats(width=32), min_size=2, max_size=12),
    amounts=st.lists(st.floats(0, 1), max_size=4),
    scope=st.sampled_from(["tensor", "global"]),
)
def test_masks_only_shrink_by_the_number_asked_for(scores: list[float], amounts: list[float], scope: str) -> None:
    genome = row(*[1.0] * len(scores))
    for amount in amounts:
        before = kept(genome)
        after = prune(genome, *scores, amount=amount, scope=scope)
        assert set(after) <= set(before)
        assert len(after) == max(1, len(before) - round(amount * len(before)))
        gone = [scores[i] for i in before if i not in after]
        assert all(score != score or score <= scores[i] for score in gone for i in after if scores[i] == scores[i])


# What a new operator takes: a score for every weight, here how little of its unit's input it is responsible for.
def mutPruneShare(individual: Any, amount: float, persistent: bool = True, scope: str = "tensor") -> tuple[Any]:
    """Prune the weights that are the smallest share of their unit's weights."""
    scores = [(genome, {name: share(genome, name) for name in genome.masks}) for genome in genomes(individual)]
    prune_lowest(scores, amount, scope, persistent)
    return (individual,)


def share(genome: Genome, name: str) -> Tensor:
    size = genome.module.get_parameter(name).abs()
    return size / size.sum(-1, keepdim=True)


def test_a_new_operator_is_a_new_score() -> None:
    layer = nn.Linear(3, 2, bias=False)
    layer.weight.data = torch.tensor([[1.0, 2.0, 3.0], [300.0, 100.0, -100.0]])  # shares 1/6, 2/6, 3/6; 3/5, 1/5, 1/5
    genome = Genome(layer)
    toolbox = base.Toolbox()
    toolbox.register("mutate", mutPruneShare, amount=0.5)
    before = random.getstate()
    assert toolbox.mutate(genome) == (genome,)
    assert layer.weight.tolist() == [[0, 2, 3], [300, 0, 0]]
    assert random.getstate() == before
