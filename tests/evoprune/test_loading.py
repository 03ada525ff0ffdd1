"""The network of any run, back in a script, without its data and without foreign code."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import evoprune
from evoprune import Autoencoder, Network
from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.problems.problem import splits
from evoprune.benchmarks.weights.genetic import Candidate
from evoprune.records import load_tensors
from tests.benchmarks.architectures.small import SMALL
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as TINY_WEIGHTS

LAYERS: dict[str, tuple[type, dict[str, Any]]] = {
    "run": (Autoencoder, TINY | {"generations": 2, "cells": 2}),
    "weights": (Candidate, TINY_WEIGHTS),
    "architectures": (Autoencoder, SMALL | {"compare": False, "final_epochs": 1, "generations": 1}),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A run of every experiment, and the models that they gave."""
    place, models = tmp_path_factory.mktemp("runs"), {}
    for name, (_, layer) in LAYERS.items():
        experiment = EXPERIMENTS[name]
        models[name] = experiment.start(experiment.make_settings(layer), place / name, plots=False).model
    return place, models


@pytest.mark.parametrize("name", EXPERIMENTS)
@pytest.mark.parametrize("where", ["run", "model", "elsewhere"])
def test_a_network_of_every_experiment(name: str, where: str, runs: tuple[Path, dict[str, Any]], tmp_path: Path):
    place, models = runs
    paths: dict[str, Callable[[], Path | str]] = {
        "run": lambda: place / name,
        "model": lambda: str(place / name / "model.pt"),
        "elsewhere": lambda: Path(shutil.copy(place / name / "model.pt", tmp_path / "other name")),
    }
    found = evoprune.load(paths[where]())
    assert type(found) is LAYERS[name][0]
    assert found == models[name]  # weights and masks
    assert found.preserved == models[name].preserved
    assert found.preserved < 1 or name != "run"


def test_a_network_for_classes_is_one_part(tmp_path: Path):
    experiment = EXPERIMENTS["run"]
    given = {"benchmark": "digits", "task": "classification", "network": "64-8-10", "generations": 1, "cells": 2}
    result = experiment.start(experiment.make_settings(given | {"compare": False}), tmp_path / "r", plots=False)
    found = evoprune.load(tmp_path / "r")
    assert type(found) is Network
    assert found == result.model


def test_neither_data_nor_code_are_needed(tmp_path: Path):
    np.save(tmp_path / "data.npy", np.random.default_rng(0).random((40, 24), np.float32))
    given = {"benchmark": "file", "data": str(tmp_path / "data.npy"), "network": "6-3", "generations": 1, "cells": 2}
    experiment = EXPERIMENTS["run"]
    result = experiment.start(experiment.make_settings(given | {"compare": False}), tmp_path / "r", plots=False)
    (tmp_path / "data.npy").unlink()
    splits.cache_clear()  # as in another process
    assert evoprune.load(tmp_path / "r") == result.model
    stored = load_tensors(tmp_path / "r/model.pt", "model")
    stored["settings"]["operator"] = f"{tmp_path}/not_there.py:mutNothing"
    torch.save(stored, tmp_path / "model.pt")
    assert evoprune.load(tmp_path / "model.pt") == result.model


def test_what_is_no_model(runs: tuple[Path, dict[str, Any]], tmp_path: Path):
    place, _ = runs
    hint = "; give the directory of a run that has ended, or its model.pt"
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut.pt").write_bytes((place / "run/model.pt").read_bytes()[:900])
    torch.save({"experiment": "weight", "settings": {}}, tmp_path / "unknown.pt")
    torch.save({"experiment": "weights", "settings": {}}, tmp_path / "little.pt")
    for name, words in {
        "nowhere": f"nowhere: there is no such directory or file{hint}",
        "empty": f"empty: there is no model here{hint}",
        "cut.pt": "cut.pt: damaged or not a model",
        "unknown.pt": "unknown.pt: does not fit this version of evoprune: unknown experiment 'weight': did you mean",
        "little.pt": "little.pt: damaged or not a model of evoprune (widths is missing)",
    }.items():
        with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are compared here
            evoprune.load(tmp_path / name)
        assert str(caught.value).startswith(f"{tmp_path}/{words}")
    for bad in (None, 3, ["run"], b"run"):
        with pytest.raises(TypeError, match=r"run_or_model must be the path of a run, or of its model\.pt, got"):
            evoprune.load(bad)  # type: ignore[arg-type]


def test_to_import_the_package_is_not_to_import_the_benchmarks():
    program = "import sys, evoprune; print('load' in dir(evoprune), {'evoprune.loading', 'torch'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True set()\n"
