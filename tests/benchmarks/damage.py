"""Good tiny run directories to be damaged, and what a command may make of them."""

import copy
import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from evoprune import packing
from evoprune.__main__ import main
from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.sweeps import make_plan, sweep
from evoprune.records import load_checkpoint, load_tensors
from evoprune.runs import experiment as lifecycle
from evoprune.runs.experiment import CHECKPOINT
from tests.benchmarks.architectures.small import SMALL
from tests.benchmarks.ctrl_c import CtrlC
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as TINY_WEIGHTS

LAYERS: dict[str, dict[str, Any]] = {
    "run": TINY | {"cells": 3, "generations": 3, "target_preserved": 0.9},
    "weights": TINY_WEIGHTS,
    "architectures": SMALL | {"compare": False, "inherit": True, "final_epochs": 1},
}


def make_all(place: Path) -> None:
    """For every experiment a run that was interrupted and one that ended, and a study; tensors packed as large ones."""
    with pytest.MonkeyPatch.context() as small:
        small.setattr(packing, "WORTH", 0)
        for name, experiment in EXPERIMENTS.items():
            settings = experiment.make_settings(LAYERS[name])
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(lifecycle, "progress_bar", lambda *_: CtrlC(after=2))
                with pytest.raises(KeyboardInterrupt):
                    experiment.start(settings, place / f"{name}-interrupted", plots=False)
            experiment.start(settings, place / f"{name}-ended", plots=False)
        small.setattr("evoprune.benchmarks.sweeps.plan.derive", lambda seed, trial: trial)
        sweep(make_plan(grid=["operator=none,random"], fixed=LAYERS["run"], trials=2), place / "study")


def named(value: Any) -> str:
    """What a case is called: its words, where it has some."""
    return value if isinstance(value, str) else ""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of good directories."""
    place = tmp_path_factory.mktemp("good")
    make_all(place)
    return place


@pytest.fixture
def copied(good: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy of one of them, to be damaged."""
    return lambda name: Path(shutil.copytree(good / name, tmp_path / name))


def content(place: Path) -> dict[str, bytes]:
    """The files of a directory, as bytes."""
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


def refused(capsys: Any, *arguments: object) -> str:
    """The line with which a command refuses."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("evoprune: error: ")
    assert len(err) < 1200
    return str(err)


def at(state: Any, *keys: Any) -> tuple[Any, Any]:
    """The container and the key of what lies at a path; a key that is a callable picks one."""
    *way, last = keys
    for key in way:
        state = state[key(state) if callable(key) else key]
    return state, last(state) if callable(last) else last


def put(*keys: Any, value: Any) -> Callable[[Any], Any]:
    """A damage: another value at a path."""

    def damage(state: Any) -> Any:
        holder, key = at(state, *keys)
        holder[key] = value(holder[key]) if callable(value) else value
        return state

    return damage


def drop(*keys: Any) -> Callable[[Any], Any]:
    """A damage: nothing at a path."""

    def damage(state: Any) -> Any:
        holder, key = at(state, *keys)
        del holder[key]
        return state

    return damage


def first(container: Any) -> Any:
    """The first key of a dict."""
    return next(iter(container))


def damage_tensors(path: Path, damage: Callable[[Any], Any]) -> None:
    """Damage what a file of tensors holds; none of them packed and tables row by row, as 0.1 wrote them."""
    read = load_checkpoint if path.name == CHECKPOINT else partial(load_tensors, what="model")
    torch.save(damage(copy.deepcopy(read(path))), path)


def damage_stored(path: Path, damage: Callable[[Any], Any]) -> None:
    """Damage a file of tensors as it is stored."""
    torch.save(damage(torch.load(path, weights_only=True)), path)


def damage_json(path: Path, damage: Callable[[Any], Any]) -> None:
    """Damage what a JSON file holds."""
    path.write_text(json.dumps(damage(json.loads(path.read_text()))))
