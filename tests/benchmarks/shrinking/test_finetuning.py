"""Fine-tuning trains as the run did, and nothing that is zero comes back."""

from typing import Any

import pytest
import torch

from evoprune import Autoencoder
from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.pruning.networks import first_individual
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.shrinking import finetuning
from evoprune.benchmarks.shrinking.finetuning import finetune, loss_of
from evoprune.evaluation import evaluate
from evoprune.operators import mutPruneMagnitude
from tests.benchmarks.tiny import TINY

SETTINGS = make_settings(TINY | {"generations": 1})


def pruned(persistent: bool) -> Any:
    pair = first_individual(SETTINGS)
    mutPruneMagnitude(pair, 0.6, scope="global", persistent=persistent)
    return pair


def zeros(pair: Any) -> dict[str, Any]:
    return {f"{part}.{n}": p.detach() == 0 for part, g in zip(pair.names, pair, strict=True) for n, p in named(g)}


def named(genome: Any) -> Any:
    return genome.module.named_parameters()


@pytest.mark.parametrize("persistent", [True, False], ids=["masks", "zeros-without-masks"])
def test_it_learns_and_what_is_zero_stays_zero(persistent: bool):
    pair = pruned(persistent)
    with torch.no_grad():  # a tensor of which nothing is left
        pair[0].module[0].bias.zero_()
    before, loss = zeros(pair), evaluate(pair, SETTINGS.problem, SETTINGS.loss)
    finetune(pair, SETTINGS, 3)
    assert evaluate(pair, SETTINGS.problem, SETTINGS.loss) < loss
    assert pair.age == 3
    after = zeros(pair)
    assert sum(int(each.sum()) for each in before.values()) > 0.5 * sum(each.numel() for each in before.values())
    assert all(bool(after[name][was].all()) for name, was in before.items())


def test_it_is_the_same_each_time_and_leaves_other_streams_alone():
    pairs: list[Autoencoder] = [pruned(True) for _ in range(2)]
    finetune(pairs[0], SETTINGS, 2)
    expected = torch.rand(1)
    torch.manual_seed(0)
    finetune(pairs[1], SETTINGS, 2)
    assert torch.equal(torch.rand(1), expected)
    assert pairs[0] == pairs[1]
    other = pruned(True)
    finetune(other, make_settings(TINY | {"generations": 1, "seed": 1}), 2)
    assert other != pairs[0]


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        (
            "run",
            {**TINY, "loss": "l1", "optimizer": "sgd", "batch_size": 7, "corruption": 0.25, "shuffle": False},
            {
                **{"loss": "l1", "optimizer": "sgd", "batch_size": 7, "learning_rate": 0.01, "corruption": 0.25},
                **{"shuffle": False, "mirror": None, "device": "cpu", "kernel": "auto"},
            },
        ),
        (
            "run",
            {"benchmark": "digits", "network": "6-3", "horizontal_flip": True, "kernel": "torch"},
            {
                **{"loss": "bce", "optimizer": "adam", "batch_size": 5, "learning_rate": 1e-3, "corruption": 0.0},
                **{"shuffle": True, "mirror": (1, 8, 8), "device": "cpu", "kernel": "torch"},
            },
        ),
        (
            "weights",
            {"activation": "tanh", "batch_size": 10, "samples": 40},
            {"loss": "mse", "optimizer": "adam", "batch_size": 10, "learning_rate": 0.02, "kernel": "auto"},
        ),
        (
            "architectures",
            {"loss": "l1", "horizontal_flip": True},
            {
                **{"loss": "l1", "optimizer": "adam", "batch_size": 64, "learning_rate": 5e-3, "kernel": "auto"},
                **{"mirror": (1, 8, 8), "device": "cpu"},
            },
        ),
    ],
    ids=["run", "images", "weights", "architectures"],
)
def test_it_trains_as_the_run_did(name: str, given: Any, expected: Any, monkeypatch: pytest.MonkeyPatch):
    taken: list[dict[str, Any]] = []

    def note(individual: Any, **how: Any) -> None:
        taken.append(how)
        individual.train_loss = 1.0

    monkeypatch.setattr(finetuning, "mutTrain", note)
    settings = EXPERIMENTS[name].make_settings(given)
    finetune(pruned(True), settings, 2)
    data = [how.pop("data") for how in taken]
    assert taken == [expected, expected]
    assert loss_of(settings) == expected["loss"]
    if name == "weights":
        assert [tensor.shape for tensor in data] == [(40, 64)] * 2
    else:
        assert data == [settings.problem] * 2
