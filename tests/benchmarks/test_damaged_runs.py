"""Run directories that are damaged: a line that names the file and the field, and nothing is changed."""

import math
import shutil
from collections.abc import Callable
from typing import Any

import pytest
import torch

from evoprune.__main__ import main
from evoprune.benchmarks.experiments import EXPERIMENTS, load_any_model
from evoprune.benchmarks.pruning.snapshots import load_snapshots
from evoprune.packing import PACKED
from tests.benchmarks.damage import (
    content,
    copied,
    damage_stored,
    damage_tensors,
    drop,
    first,
    good,
    named,
    put,
    refused,
)

__all__ = ["copied", "good"]

NAN, INF = math.nan, math.inf
GENOME = ("grid", 1, "encoder")
PAIR = ("population", 0, "genome")


def nan(tensors: dict[str, Any]) -> dict[str, Any]:
    return {name: torch.full_like(tensor, NAN) for name, tensor in tensors.items()}


def nan_grid(grid: list[Any]) -> list[Any]:
    return [{**pair, "encoder": pair["encoder"] | {"weights": nan(pair["encoder"]["weights"])}} for pair in grid]


def nan_population(population: list[Any]) -> list[Any]:
    return [{**pair, "genome": pair["genome"] | {"weights": nan(pair["genome"]["weights"])}} for pair in population]


COMMON: list[tuple[Callable[[Any], Any], str]] = [
    (lambda state: [], "not a checkpoint"),
    (lambda state: {}, "expected .evoprune checkpoint 1"),
    (drop("settings"), "settings must be a dict"),
    (put("settings", value=[1]), "settings must be a dict"),
    (put("settings", value={1: 2}), "settings must be a dict"),
    (put("settings", "banana", value=1), "unknown setting 'banana'"),
    (put("settings", "generations", value=-1), "generations must be"),
    (put("settings", "seed", value=[]), "seed must be"),
    (put("settings", "seed", value=10**5000), "seed must be|damaged"),
    (put("settings", "seed", value=NAN), "seed must be"),
    (put("experiment", value="other"), "experiment must be"),
    (put("generation", value="x"), "generation must be a whole number"),
    (put("generation", value=-5), "generation must be a whole number"),
    (put("generation", value=True), "generation must be a whole number"),
    (put("generation", value=10**30), "generation must be a whole number"),
    (put("generation", value=10**9), "log must have 1000000001 rows"),
    (put("seconds", value=[]), "seconds must be a number"),
    (put("seconds", value=NAN), "seconds must be a finite number"),
    (put("seconds", value=-1.0), "seconds must be a finite number"),
    (drop("seconds"), "seconds is missing"),
    (put("log", value=5), "log must be a list"),
    (put("log", value=[]), "log must have"),
    (put("log", value=lambda log: [{} for _ in log]), "log, row 0: gen is missing"),
    (put("log", value=lambda log: ["x" for _ in log]), "log, row 0: expected a dict"),
    (put("log", 1, "gen", value="x"), "log, row 1: gen must be a whole number"),
    (put("log", 1, "gen", value=7), "log must have the generations"),
    (put("log", 1, "more", value=7), "log, row 1: .*more"),
]
SPECIAL: dict[str, list[tuple[Callable[[Any], Any], str]]] = {
    "run": [
        (put("settings", "cells", value=-1), "cells must be"),
        (put("settings", "cells", value=100), "grid must have 100 networks"),
        (put("settings", "benchmark_options", value=[]), "benchmark_options must be"),
        (put("log", 0, "loss", value="x"), "log, row 0: loss must be a number"),
        (put("cells", value=[]), "cells must have"),
        (put("cells", value=None), "cells must be a list"),
        (put("cells", 2, "loss", value=None), "cells, row 2: loss must be a number"),
        (put("cells", 2, "cell", value=0), "cells must have every cell"),
        (put("unpruned", value=[]), "unpruned must be"),
        (put("unpruned", value={}), "test_loss is missing"),
        (put("grid", value="x"), "grid must be a list"),
        (put("grid", 1, value=[]), "grid, cell 1: expected a dict"),
        (drop("grid", 0), "grid must have 3 networks"),
        (put("grid", 1, "learning_rate", value="x"), "learning_rate must be a number"),
        (put("grid", 1, "learning_rate", value=INF), "learning_rate must be a finite"),
        (put("grid", 1, "learning_rate", value=None), "learning_rate must be a finite"),
        (put("grid", 1, "fitness", value=[1.0, 2.0]), "fitness must be"),
        (put("grid", 1, "fitness", value=[NAN]), "fitness must be"),
        (drop("grid", 1, "decoder"), "grid, cell 1: decoder is missing"),
        (drop(*GENOME, "weights"), "cell 1: encoder: weights is missing"),
        (put(*GENOME, "weights", value={"a": 1}), "weights must be those of"),
        (put(*GENOME, "weights", first, value=torch.zeros(2)), "weights: .* must be float32 of shape"),
        (put(*GENOME, "weights", first, value=lambda old: old.double()), "weights: .* got float64"),
        (put(*GENOME, "weights", first, value=lambda old: old.to_sparse()), "weights: "),
        (put(*GENOME, "masks", first, value=lambda old: old.float()), "masks: .* must be bool"),
        (put(*GENOME, "masks", value=[]), "masks must be a dict"),
        (put(*GENOME, "moments", first, value=lambda old: old[:1]), "moments of .* must be 2 tensors"),
        (put(*GENOME, "moments", first, value=lambda old: [old[0], torch.zeros(1)]), "moments: "),
        (put(*GENOME, "steps", value=NAN), "steps"),
        (put(*GENOME, "age", value=-1), "age must be"),
        (put(*GENOME, "nonzero", value=2.0), "nonzero must be"),
        (put(*GENOME, "fitness", value=["x"]), "fitness must be"),
        (put(*GENOME, "attributes", value={"module": 1}), "attributes must be"),
        (put(*GENOME, "attributes", value=[1]), "attributes must be"),
        (put("grid", value=nan_grid), "finite in at least one"),
    ],
    "weights": [
        (put("population", value=None), "population must be"),
        (put("population", value=[]), "population must have 6"),
        (put("population", 0, value=5), "population, individual 0: expected"),
        (put("population", 0, "born", value="x"), "born must be"),
        (put("population", 0, "fitness", value=[]), "fitness must be"),
        (put(*PAIR, "masks", first, value=torch.ones(3)), "individual 0: masks"),
        (put(*PAIR, "weights", value={}), "individual 0: weights"),
        (put("best", value=[]), "best must be"),
        (put("best", "genome", value={}), "best: weights is missing"),
        (put("compared", value=[]), "compared must be"),
        (put("compared", value={"x": {}}), "unknown method 'x'"),
        (put("compared", value={"sgd": {}}), "rmse_train is missing"),
        (put("population", value=nan_population), "finite in at least one"),
    ],
    "architectures": [
        (put("population", value=[]), "population must have"),
        (put("population", 0, value=5), "trained must have all"),
        (put("population", 0, value=[]), "unhashable|trained"),
        (put("trained", value=[]), "trained must be"),
        (put("trained", first, value=[]), "expected a dict"),
        (put("trained", first, "loss", value="x"), "loss must be a number"),
        (put("trained", first, "loss", value=NAN), "loss must be finite"),
        (put("trained", "banana", value={}), "banana"),
        (put("exhausted", value=0), "exhausted must be True or False"),
        (put("weights", first, value={}), "text is missing"),
        (put("weights", first, "encoder", value={}), "."),
        (put("log", 0, "best", value=5), "best must be a text"),
    ],
}
CHECKPOINTS = [(name, *case) for name in EXPERIMENTS for case in (*COMMON, *SPECIAL[name])]


@pytest.mark.parametrize(("name", "damage", "message"), CHECKPOINTS, ids=named)
def test_a_damaged_checkpoint_is_refused(copied, capsys, name: str, damage, message: str):
    place = copied(f"{name}-interrupted")
    damage_tensors(place / "checkpoint.pt", damage)
    before = content(place)
    line = refused(capsys, "resume", place, "--quiet")
    assert f"{place}/checkpoint.pt: " in line
    with pytest.raises(ValueError, match=message):
        EXPERIMENTS[name].load(place)
    assert content(place) == before


PACKED_MASK = (*GENOME, "masks", first, PACKED)
PACKED_TENSORS = [
    (put(*PACKED_MASK, value=None), "must have shape, strides, bits, values, got None"),
    (drop(*PACKED_MASK, "bits"), "must have shape, strides, bits, values"),
    (put(*PACKED_MASK, "shape", value=(10**9, 10**9)), "strides .* must fit the shape"),
    (put(*PACKED_MASK, "strides", value=(0, 0)), "strides .* must fit the shape"),
    (put(*PACKED_MASK, "bits", value=lambda bits: bits[1:]), "bits .* must be 18 bytes"),
    (put(*PACKED_MASK, "values", value=torch.zeros(5)), "a value for each of its .* bits, got 5"),
    (put(*PACKED_MASK, value=lambda fields: fields | {"shape": (24, 6), "strides": (6, 1)}), "must be bool of shape"),
]


@pytest.mark.parametrize(("damage", "message"), PACKED_TENSORS, ids=named)
def test_a_damaged_packed_tensor_is_refused(copied, capsys, damage, message: str):
    place = copied("run-interrupted")
    damage_stored(place / "checkpoint.pt", damage)
    before = content(place)
    line = refused(capsys, "resume", place, "--quiet")
    assert f"{place}/checkpoint.pt: " in line
    with pytest.raises(ValueError, match=message):
        EXPERIMENTS["run"].load(place)
    assert content(place) == before


@pytest.mark.parametrize("name", ["run", "weights"])
def test_a_checkpoint_of_another_experiment_is_refused(copied, capsys, name: str):
    place, other = copied(f"{name}-interrupted"), copied("architectures-interrupted")
    shutil.copy(other / "checkpoint.pt", place)
    assert "checkpoint.pt: " in refused(capsys, "resume", place)


def test_one_pair_that_is_finite_goes_on(copied):
    place = copied("run-interrupted")
    damage_tensors(
        place / "checkpoint.pt", lambda state: state | {"grid": nan_grid(state["grid"])[:2] + state["grid"][2:]}
    )
    assert main(["resume", str(place), "--quiet"]) == 0


MODELS = [
    ("run", lambda state: [], "not a model"),
    ("run", drop("settings"), "settings is missing"),
    ("run", put("settings", value=[]), "settings must be"),
    ("run", drop("masks", "encoder"), "masks, encoder"),
    ("run", put("masks", "encoder", first, value=lambda mask: mask.float()), "must be bool"),
    ("run", put("encoder", first, value=torch.zeros(2)), "encoder: .*must be float32"),
    ("run", put("encoder", value=nan), "finite in at least one"),
    ("run", put("decoder", value={}), "decoder"),
    ("weights", put("widths", value="x"), "widths must be"),
    ("weights", put("weights", value={}), "weights must be"),
    ("weights", put("masks", value=5), "masks must be"),
    ("weights", put("image", value=[1, 2]), "image must be"),
    ("weights", put("image", value=[1, 2, 3]), "."),
    ("architectures", put("text", value=5), "text must be"),
    ("architectures", put("encoder", value={}), "encoder must be"),
    ("architectures", put("image", value="abc"), "image must be"),
    ("architectures", put("experiment", value="weights"), "experiment must be"),
]


@pytest.mark.parametrize(("name", "damage", "message"), MODELS, ids=named)
def test_a_damaged_model_is_refused(copied, capsys, tmp_path, name: str, damage, message: str):
    place = copied(f"{name}-ended")
    damage_tensors(place / "model.pt", damage)
    line = refused(capsys, "reconstruct", place, tmp_path / "x.png", "--output", tmp_path / "out")
    assert f"{place}/model.pt: " in line
    with pytest.raises(ValueError, match=message):
        load_any_model(place)
    assert not (tmp_path / "out").exists()


def test_damaged_networks_of_a_run(copied):
    place = copied("run-interrupted")
    assert load_snapshots(place)
    for damage, message in (
        (drop("generation"), "generation is missing"),
        (put("grid", value=[{}] * 3), "encoder is missing"),
        (put("grid", 0, "encoder", "masks", first, value=5), "masks"),
        (put("grid", value=nan_grid), "finite"),
    ):
        shutil.copy(place / "checkpoint.pt", place / "kept")
        damage_tensors(place / "checkpoint.pt", damage)
        with pytest.raises(ValueError, match=rf"checkpoint\.pt: .*{message}"):
            load_snapshots(place)
        shutil.move(place / "kept", place / "checkpoint.pt")
