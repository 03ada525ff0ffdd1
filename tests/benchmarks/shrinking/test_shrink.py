"""From a run of any experiment to its small network: which files, where, and that they are whole and the same."""

import json
import shutil
from collections.abc import Callable
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import evoprune
from evoprune.benchmarks.experiments import EXPERIMENTS, stored_model
from evoprune.benchmarks.problems.problem import splits
from evoprune.benchmarks.shrinking import Differs, Shrunk, shrink
from evoprune.evaluation import outputs_of
from evoprune.files import WriteError, write
from evoprune.folders import SHRUNK, holds
from evoprune.records import load_tensors, save_tensors
from tests.benchmarks.architectures.small import SMALL
from tests.benchmarks.shrinking.quick import quick
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as TINY_WEIGHTS

__all__ = ["quick"]

pytestmark = pytest.mark.usefixtures("quick")
MODULE = import_module("evoprune.benchmarks.shrinking.shrink")
LAYERS: dict[str, dict[str, Any]] = {
    "run": TINY | {"operator": "none", "generations": 1, "cells": 2},
    "weights": TINY_WEIGHTS,
    "architectures": SMALL | {"compare": False, "final_epochs": 1, "generations": 1},
}
FILES = ["model.pt2", "weights.safetensors", "shrink.json"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of every experiment; in that of ``run`` nothing leads into a hidden unit of the encoder."""
    place = tmp_path_factory.mktemp("runs")
    for name, experiment in EXPERIMENTS.items():
        experiment.start(experiment.make_settings(LAYERS[name]), place / name, plots=False)
    stored = load_tensors(place / "run/model.pt", "model")
    stored["encoder"]["0.weight"][4] = 0
    save_tensors(place / "run/model.pt", stored)
    return place


@pytest.fixture
def copied(runs: Path, tmp_path: Path) -> Callable[[str], Path]:
    return lambda name: Path(shutil.copytree(runs / name, tmp_path / name))


def names(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def listed(place: Path) -> list[str]:
    found: list[str] = json.loads((place / "manifest.json").read_text())["files"]
    return found


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_experiment(name: str, copied: Callable[[str], Path]):
    place = copied(name)
    before = names(place)
    shrunk = shrink(place)
    assert shrunk.directory == place / "shrunk"
    assert set(names(place)) - set(before) == {f"shrunk/{file}" for file in FILES}
    assert listed(place)[-3:] == [f"shrunk/{file}" for file in FILES]
    table = json.loads((place / "shrunk/shrink.json").read_text())
    assert table["experiment"] == name
    assert table["before"]["test_loss"] == pytest.approx(table["after"]["test_loss"])
    assert max(table["difference"].values()) <= 1e-5
    assert table["files"] == {file: (place / "shrunk" / file).stat().st_size for file in FILES[:2]}
    individual, program = evoprune.load(place), torch.export.load(place / "shrunk/model.pt2").module()
    for count in (1, 3):
        x = torch.rand(count, *table["input"])
        torch.testing.assert_close(program(x), outputs_of(individual, x))


def test_dead_units_are_gone(copied: Callable[[str], Path]):
    place = copied("run")
    table = shrink(place).table
    assert table["units"] == {
        "encoder": {"before": [24, 6, 3], "after": [24, 5, 3]},
        "decoder": {"before": [3, 6, 24], "after": [3, 6, 24]},
    }
    assert table["before"]["parameters"] == (24 + 1) * 6 + (6 + 1) * 3 + (3 + 1) * 6 + (6 + 1) * 24
    assert table["after"]["parameters"] == (24 + 1) * 5 + (5 + 1) * 3 + (3 + 1) * 6 + (6 + 1) * 24
    assert (table["samples"], table["loss"], table["finetune"]) == (40, "bce", 0)
    assert table["reasons"] == []
    assert {name: tuple(tensor.shape) for name, tensor in load_file(place / "shrunk/weights.safetensors").items()} == {
        "encoder.0.weight": (5, 24),
        "encoder.0.bias": (5,),
        "encoder.2.weight": (3, 5),
        "encoder.2.bias": (3,),
        "decoder.0.weight": (6, 3),
        "decoder.0.bias": (6,),
        "decoder.2.weight": (24, 6),
        "decoder.2.bias": (24,),
    }


def test_the_model_of_a_run_is_the_run(copied: Callable[[str], Path]):
    place = copied("run")
    shrink(place / "model.pt")
    assert (place / "shrunk/shrink.json").is_file()


def test_a_model_from_elsewhere_needs_a_place(runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    shutil.copy(runs / "run/model.pt", tmp_path / "model.pt")
    with monkeypatch.context() as patch:
        patch.setattr(MODULE, "samples_of", lambda *_: pytest.fail("worked before it was refused"))
        with pytest.raises(ValueError, match=r"model\.pt lies in no run directory: say with output"):
            shrink(tmp_path / "model.pt")
    for _ in range(2):  # its own are replaced
        shrunk = shrink(tmp_path / "model.pt", tmp_path / "deep/out")
        assert shrunk.directory == tmp_path / "deep/out"
        assert names(tmp_path) == sorted(["model.pt", *(f"deep/out/{file}" for file in (*FILES, "manifest.json"))])
        assert holds(tmp_path / "deep/out", SHRUNK)


def test_the_module_is_that_of_the_files(copied: Callable[[str], Path]):
    place = copied("run")
    shrunk = shrink(place)
    assert isinstance(shrunk, Shrunk)
    program = torch.export.load(place / "shrunk/model.pt2").module()
    x = torch.rand(2, 24)
    assert torch.equal(program(x), shrunk.module(x))


def test_a_second_call_replaces_the_first(copied: Callable[[str], Path]):
    place = copied("run")
    shrink(place)
    stale = place / "shrunk/model.onnx"
    stale.write_text("of an earlier call, with onnx")
    manifest = json.loads((place / "manifest.json").read_text())
    (place / "manifest.json").write_text(json.dumps(manifest | {"files": [*manifest["files"], "shrunk/model.onnx"]}))
    again = shrink(place, finetune=2).table
    assert not stale.exists()
    assert json.loads((place / "shrunk/shrink.json").read_text()) == again
    assert again["finetune"] == 2


def test_files_of_the_users_stay(copied: Callable[[str], Path], tmp_path: Path):
    place = copied("run")
    (place / "shrunk").mkdir()
    (place / "shrunk/model.onnx").write_text("mine")
    before = names(place)
    with pytest.raises(ValueError, match=r"shrunk/model\.onnx was not written by evoprune"):
        shrink(place)
    assert names(place) == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/model.pt2").write_text("mine")
    for output in ("mine", "run"):
        with pytest.raises(ValueError, match="choose another directory"):
            shrink(place, tmp_path / output)
    assert (tmp_path / "mine/model.pt2").read_text() == "mine"
    assert names(place) == before


def test_fine_tuning_learns_and_keeps_what_is_pruned(copied: Callable[[str], Path]):
    place = copied("run")
    shrunk = shrink(place, finetune=4)
    table = shrunk.table
    assert table["after"]["test_loss"] < table["before"]["test_loss"]
    assert table["units"]["encoder"]["after"] == [24, 5, 3]
    assert table["difference"]["module"] <= 1e-5  # to the fine-tuned network
    same = shrink(place, finetune=4).module.state_dict()
    assert all(torch.equal(tensor, same[name]) for name, tensor in shrunk.module.state_dict().items())


def test_what_differs_is_not_written(copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch):
    place = copied("run")
    right = MODULE.compacted

    def wrong(individual: Any) -> Any:
        module, removed = right(individual)
        with torch.no_grad():
            module.decoder[0].bias += 0.01
        return module, removed

    with monkeypatch.context() as patch:
        patch.setattr(MODULE, "compacted", wrong)
        with pytest.raises(Differs, match="module differs from the network by"):
            shrink(place)
    assert not (place / "shrunk").exists()
    shrink(place)
    before = (place / "shrunk/shrink.json").read_bytes()
    monkeypatch.setattr(MODULE, "compacted", wrong)
    with pytest.raises(Differs):
        shrink(place)
    assert (place / "shrunk/shrink.json").read_bytes() == before


@pytest.mark.parametrize("full", ["model.pt2", "weights.safetensors", "shrink.json"])
def test_on_a_full_disk_no_table_speaks_of_other_files(
    full: str, copied: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
):
    place = copied("run")
    shrink(place)

    def some(path: Path, writer: Any) -> None:
        if path.name == full:
            raise WriteError(28, "No space left on device", str(path))
        write(path, writer)

    with monkeypatch.context() as patch:
        patch.setattr(MODULE, "write", some)
        patch.setattr(MODULE, "write_json", lambda path, value: some(path, lambda file: file.write(b"{}")))
        with pytest.raises(WriteError):
            shrink(place, finetune=1)
    assert not (place / "shrunk/shrink.json").exists()
    assert set(names(place / "shrunk")) == {"model.pt2", "weights.safetensors"}
    assert shrink(place).table["finetune"] == 0


def test_zeros_of_reference_semantics_are_dead_without_masks(tmp_path: Path):
    experiment = EXPERIMENTS["run"]
    given = {"semantics": "reference", "operator": "random", "loss": "l1", "target_preserved": None, "amount": 0.1}
    experiment.start(experiment.make_settings(LAYERS["run"] | given), tmp_path / "r", plots=False)
    stored = load_tensors(tmp_path / "r/model.pt", "model")
    assert all(bool(mask.all()) for masks in stored["masks"].values() for mask in masks.values())
    stored["encoder"]["2.weight"][:, 1:3] = 0
    save_tensors(tmp_path / "r/model.pt", stored)
    for epochs in (0, 3):
        table = shrink(tmp_path / "r", finetune=epochs).table
        assert table["units"]["encoder"] == {"before": [24, 6, 3], "after": [24, 4, 3]}


def test_it_says_which_data_are_missing(tmp_path: Path):
    np.save(tmp_path / "data.npy", np.random.default_rng(0).random((40, 24), np.float32))
    given = {"benchmark": "file", "data": str(tmp_path / "data.npy"), "network": "6-3", "generations": 1, "cells": 2}
    experiment = EXPERIMENTS["run"]
    experiment.start(experiment.make_settings(given | {"compare": False}), tmp_path / "r", plots=False)
    (tmp_path / "data.npy").unlink()
    splits.cache_clear()  # as in another process
    before = names(tmp_path)
    with pytest.raises((ValueError, FileNotFoundError), match=r"data\.npy"):
        shrink(tmp_path / "r")
    assert names(tmp_path) == before
    assert evoprune.load(tmp_path / "r").preserved > 0


@pytest.mark.parametrize("epochs", [-1, 1.5, True, "2", None])
def test_epochs_are_counted(epochs: Any, runs: Path):
    with pytest.raises(ValueError, match="finetune must be a whole number of at least 0, got"):
        shrink(runs / "run", finetune=epochs)


def test_a_network_that_gives_no_numbers(copied: Callable[[str], Path]):
    place = copied("run")
    stored = load_tensors(place / "model.pt", "model")
    for part in ("encoder", "decoder"):
        for tensor in stored[part].values():
            tensor.fill_(1e38)
    stored["settings"]["output_activation"] = "identity"
    save_tensors(place / "model.pt", stored)
    with pytest.raises(ValueError, match="NaN or infinity on the held-out data"):
        shrink(place)
    assert not (place / "shrunk").exists()


def test_the_stored_model_is_left_alone(copied: Callable[[str], Path]):
    place = copied("weights")
    before = (place / "model.pt").read_bytes()
    found = stored_model(place)
    individual = deepcopy(found.individual)
    shrink(found, finetune=1)
    assert found.individual == individual
    assert (place / "model.pt").read_bytes() == before
