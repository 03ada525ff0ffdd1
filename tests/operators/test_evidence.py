"""Tables of evidence: what fits is handed on, and what does not is said before anything is pruned."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.genome import Genome
from evoprune.operators import mutPruneFisher, mutPruneMovement, mutPruneSNIP, mutPruneTaylor
from evoprune.operators.evidence import scored, tables_of
from evoprune.training.gradients import GradientMoments
from tests.parts import two


def tensors(individual: Any) -> list[dict[str, Any]]:
    return [{name: p.detach() + 1 for name, p in genome.module.named_parameters()} for genome in individual]


def moments(individual: Any) -> list[dict[str, Any]]:
    return [{name: GradientMoments(t, t, t) for name, t in table.items()} for table in tensors(individual)]


def test_tables_and_functions_of_the_individual() -> None:
    individual = two()
    for given in (tensors(individual), tuple(tensors(individual)), tensors):
        for found, wanted in zip(tables_of("gradients", individual, given), tensors(individual), strict=True):
            assert found.keys() == wanted.keys()
            assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    assert isinstance(tables_of("gradients", individual, moments)[0]["0.weight"], GradientMoments)


def test_only_what_is_prunable_and_what_does_not_learn_may_be_missing() -> None:
    genome = Genome(nn.Sequential(nn.Linear(3, 2), nn.LayerNorm(2), nn.Linear(2, 2)), exclude=["0.bias"])
    genome.module.get_parameter("2.bias").requires_grad_(False)
    table = tensors([genome])[0]
    assert list(tables_of("gradients", genome, [table])[0]) == ["0.weight", "2.weight", "2.bias"]
    del table["2.bias"]
    before = genome.module.get_parameter("2.bias").clone()
    assert list(tables_of("gradients", genome, [table])[0]) == ["0.weight", "2.weight"]
    mutPruneSNIP(genome, 1.0, [table])
    assert torch.equal(genome.module.get_parameter("2.bias"), before)
    del table["2.weight"]
    with pytest.raises(ValueError, match=r"gradients of the network lack '2.weight'; they hold '0.weight', '0"):
        tables_of("gradients", genome, [table])


def test_scores_of_weights_by_what_is_known_of_them() -> None:
    individual = two()
    scores = scored(individual, tensors(individual), lambda weight, found: found - weight)
    assert [genome for genome, _ in scores] == list(individual)
    assert all(torch.allclose(score, torch.ones(())) for _, table in scores for score in table.values())
    assert not any(score.requires_grad for _, table in scores for score in table.values())


def wrong(value: Any) -> Any:
    return lambda individual: [tables | ({"0.bias": value}) for tables in tensors(individual)]


@pytest.mark.parametrize("operator", [mutPruneFisher, mutPruneTaylor, mutPruneSNIP, mutPruneMovement])
@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (None, TypeError, "gradients must be for each genome a table by the names of parameters"),
        ("text", TypeError, "gradients must be for each genome"),
        (3, TypeError, "gradients must be for each genome"),
        ({"0.weight": torch.ones(5, 6)}, TypeError, "gradients must be for each genome"),
        (Genome, TypeError, "gradients must be for each genome"),
        (nn.ReLU(), TypeError, "gradients must be for each genome"),
        (lambda individual: [{}], ValueError, "gradients must be 2 tables, one for each genome, got 1"),
        (lambda individual: [{}, {}], ValueError, "gradients of part 0 lack '0.weight'; they hold nothing"),
        (wrong(None), TypeError, "gradients of part 0, '0.weight', must be GradientMoments|, '0.bias', must be Tensor"),
    ],
)
def test_what_is_no_evidence_is_refused_before_any_change(
    operator: Any, given: Any, error: type[Exception], match: str
) -> None:
    individual = two()
    before = copy.deepcopy(individual)
    with pytest.raises(error, match=match):
        operator(individual, 0.5, given)
    assert individual == before
    assert not hasattr(individual[0], "movement")


def test_tensors_of_another_shape_are_refused() -> None:
    for value in (torch.ones(4), GradientMoments(torch.ones(5), torch.ones(5), torch.ones(4))):
        with pytest.raises(ValueError, match=r"of part 0, '0.bias', have shape \(4,\), the parameter \(5,\)"):
            tables_of("gradients", two(), wrong(value))
    with pytest.raises(TypeError, match=r"batch_gradients of part 0, '0.weight', must be GradientMoments, got"):
        tables_of("batch_gradients", two(), tensors, GradientMoments)
    with pytest.raises(TypeError, match=r"gradients of part 0, '0.weight', must be Tensor, got"):
        tables_of("gradients", two(), moments, Tensor)
