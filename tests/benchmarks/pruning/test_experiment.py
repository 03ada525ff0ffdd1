"""How settings become a toolbox: the rows of the reference semantics that live outside the operators."""

import pytest
import torch
from deap import tools

from evoprune.benchmarks.pruning.experiment import device_of, generations, make_toolbox
from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.sizes import sizes
from evoprune.training.optimizers import OPTIMIZERS, Adam, AdamAnew
from tests.benchmarks.tiny import TINY

REFERENCE = TINY | {"semantics": "reference", "generations": 8}


def make(overrides: dict):
    settings = make_settings(overrides)
    probability = settings.scheduled
    return settings, probability, make_toolbox(settings, probability)


@pytest.mark.parametrize(("semantics", "split"), [("reference", "test"), ("persistent", "validation")])
def test_row_conjunctive_which_samples_are_probed(semantics: str, split: str):
    settings, _, toolbox = make(TINY | {"semantics": semantics, "operator": "conjunctive", "n_samples": 120})
    probe = toolbox.mutate.func.operator.values["activations"]
    assert torch.equal(probe.samples(), getattr(settings.problem, split))
    assert (probe.limit, probe.semantics) == (100, semantics)


def test_row_optimizer_the_step_is_that_of_a_new_adam():
    settings, _, toolbox = make(REFERENCE | {"operator": "none", "shuffle": False, "batch_size": 40})
    assert OPTIMIZERS[settings.optimizer] == AdamAnew()
    (pair, *_) = initial_grid(settings)
    before = {n: p.detach().clone() for n, p in pair.encoder.module.named_parameters()}
    x = settings.problem.train
    loss = (pair(x) - x).abs().mean()
    grads = torch.autograd.grad(loss, list(pair.encoder.module.parameters()))
    toolbox.train([pair])
    for (name, after), grad in zip(pair.encoder.module.named_parameters(), grads, strict=True):
        step = settings.learning_rate * grad / (grad.abs() + 1e-8)
        torch.testing.assert_close(after.detach(), before[name] - step, rtol=0, atol=1e-7)


def test_row_canonical_adam_is_kept_and_the_rate_falls_by_quarters():
    settings, _, toolbox = make(
        {k: v for k, v in REFERENCE.items() if k != "cells"} | {"algorithm": "canonical", "operator": "none"}
    )
    assert OPTIMIZERS[settings.optimizer] == Adam(betas=(0.5, 0.999))
    rate = toolbox.mutate.keywords["learning_rate"]
    assert [rate(age) / settings.learning_rate for age in range(8)] == pytest.approx(
        [1, 1, 0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    )
    grid = initial_grid(settings)
    list(generations(settings, grid, toolbox, 0))
    assert grid[0].encoder.steps == 8 * 8  # generations x batches: the moments were never thrown away


@pytest.mark.parametrize(("algorithm", "last"), [("spatial", 7), ("canonical", 8)])
def test_row_T_is_one_more_in_the_references_canonical_loop(algorithm: str, last: int):
    overrides = {k: v for k, v in REFERENCE.items() if k != "cells"} | {"algorithm": algorithm}
    assert make_settings(overrides).scheduled.generations - 1 == last
    assert make_settings({**overrides, "semantics": "persistent"}).scheduled.generations - 1 == 7


@pytest.mark.parametrize(("semantics", "fires"), [("reference", False), ("persistent", True)])
def test_row_prune_after_never_fires_in_the_references_canonical_loop(semantics: str, fires: bool):
    overrides = {k: v for k, v in REFERENCE.items() if k != "cells"}
    result = start(
        make_settings(
            overrides
            | {"algorithm": "canonical", "semantics": semantics, "operator": "random", "schedule": "prune-after"}
            | {"probability": 1.0, "amount": 0.5, "finetune": 0.0}
        )
    )
    assert bool(result.log["mutpb"].iloc[-1] == 1.0) is fires
    assert (result.summary["preserved"] < 0.75) is fires


def test_row_preserved_counts_what_was_not_zero_after_the_last_pruning():
    result = start(
        make_settings(REFERENCE | {"operator": "random", "schedule": "prune-after", "probability": 1.0, "amount": 0.5})
    )
    pair = result.grid[0]
    assert pair.preserved == 1.0  # the masks know nothing of it
    nonzero = sum(int(p.count_nonzero()) for g in pair for p in g.module.parameters())
    total = sum(p.numel() for g in pair for p in g.module.parameters())
    assert sizes(pair, "reference")["preserved"] == pytest.approx(nonzero / total)
    assert result.summary["preserved"] == pytest.approx(0.5, abs=0.01)


def test_row_after_pruning_weights_grow_again():
    result = start(
        make_settings(REFERENCE | {"operator": "random", "schedule": "fixed", "probability": 1.0, "prune": "before"})
    )
    pruned = [int((p == 0).sum()) for p in result.model.encoder.module.parameters()]
    masks = [bool(mask.all()) for mask in result.model.encoder.masks.values()]
    assert sum(pruned) > 0
    assert all(masks)
    _, _, toolbox = make(REFERENCE)
    result.model.learning_rate = 0.01
    toolbox.train([result.model])
    assert sum(int((p == 0).sum()) for p in result.model.encoder.module.parameters()) < sum(pruned)


def test_row_final_network_is_cell_0_in_reference_semantics():
    result = start(make_settings(REFERENCE | {"operator": "none"}))
    assert result.summary["model_cell"] == 0
    assert result.model is result.grid[0]


def test_the_canonical_baseline_is_deaps_own_loop(monkeypatch: pytest.MonkeyPatch):
    from deap import algorithms

    calls = []
    real = algorithms.eaSimple

    def spy(*args, **kwargs):
        calls.append(kwargs)
        return real(*args, **kwargs)

    monkeypatch.setattr(algorithms, "eaSimple", spy)
    settings, _, toolbox = make({k: v for k, v in TINY.items() if k != "cells"} | {"algorithm": "canonical"})
    list(generations(settings, initial_grid(settings), toolbox, 0))
    assert [call["ngen"] for call in calls] == [1] * 6
    assert {(call["cxpb"], call["mutpb"]) for call in calls} == {(0, 1)}


def test_a_cell_starts_alike_in_a_grid_of_any_size():
    few, many = (initial_grid(make_settings(TINY | {"cells": cells})) for cells in (2, 5))
    assert few == many[:2]
    assert few[0] != few[1]


def test_the_probability_follows_the_schedule_generation_by_generation():
    settings = make_settings(TINY | {"schedule": "increase", "probability": 1.0, "finetune": 0.0, "operator": "random"})
    result = start(settings)
    assert result.log["mutpb"].tolist() == pytest.approx([0.0, 0.0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_cuda_without_a_card_is_an_error():
    if torch.cuda.is_available():
        assert device_of("auto") == "cuda"
    else:
        assert device_of("auto") == "cpu"
        with pytest.raises(ValueError, match="no CUDA device"):
            device_of("cuda")


def test_selection_is_deaps_tournament_of_two():
    _, _, toolbox = make(TINY)
    assert toolbox.select.func is tools.selTournament
    assert toolbox.select.keywords == {"tournsize": 2}
