"""One life for every experiment: what is written when, what is checked how often, and checkpoints of version 0.1."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from evoprune.__main__ import main
from evoprune.benchmarks.experiments import DEFAULT, EXPERIMENTS, AnyExperiment, experiment_of
from evoprune.runs import experiment as lifecycle
from tests.benchmarks.architectures.small import SMALL
from tests.benchmarks.ctrl_c import CtrlC
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as TINY_WEIGHTS

LAYERS: dict[str, dict[str, Any]] = {
    "run": TINY | {"compare": True},
    "weights": TINY_WEIGHTS | {"compare": True},
    "architectures": SMALL | {"compare": True},
}
SHARED = {"settings", "generation", "log", "seconds"}
KEYS = {
    "run": SHARED | {"grid", "cells", "unpruned"},
    "weights": SHARED | {"experiment", "population", "best", "compared"},
    "architectures": SHARED | {"population", "trained", "weights", "exhausted"},
}
"""What a checkpoint of version 0.1 holds beside its format."""
TABLES = {"run": ["log.csv", "cells.csv"], "weights": ["log.csv"], "architectures": ["log.csv", "networks.csv"]}
every_experiment = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))


def timeless(result: Any) -> dict[str, Any]:
    return {name: value for name, value in result.summary.items() if name != "seconds"}


def interrupted(experiment: AnyExperiment, place: Path, monkeypatch: pytest.MonkeyPatch, after: int = 2) -> Any:
    settings = experiment.make_settings(LAYERS[experiment.name])
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "progress_bar", lambda *_: CtrlC(after=after))
        with pytest.raises(KeyboardInterrupt):
            experiment.start(settings, place)
    return settings


@every_experiment
def test_files_are_written_in_order(experiment: AnyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    written: list[str] = []
    real = os.replace

    def replace(old: Any, new: Any) -> None:
        written.append(Path(new).name)
        real(old, new)

    monkeypatch.setattr(os, "replace", replace)
    experiment.start(experiment.make_settings(LAYERS[experiment.name]), tmp_path / "run", plots=False)
    first, *rest = [name for name in written if name != "manifest.json"]
    assert written[0] == "manifest.json"
    assert first == "settings.json"
    assert rest[-2:] == ["model.pt", "summary.json"]
    steps = [*TABLES[experiment.name], "checkpoint.pt"]
    assert rest[:-2] == steps * ((len(rest) - 2) // len(steps))


@every_experiment
def test_a_checkpoint_of_version_0_1_goes_on_to_the_same_bits(
    experiment: AnyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(LAYERS[experiment.name], "kernel", "torch")  # the only one that there was
    settings = interrupted(experiment, tmp_path / "run", monkeypatch)
    whole = experiment.start(settings)
    state = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    values = state["settings"]
    del values["kernel"]
    if experiment.name == DEFAULT:  # options of the problem stood by themselves, and two settings had other names
        values |= values.pop("benchmark_options")
        values |= {"update": values.pop("update_order"), "prune": values.pop("pruning_order").split("-")[0]}
        values = {k: v for k, v in values.items() if k not in ("code", "operator_options", "schedule_options")}
    old = {name: state[name] for name in KEYS[experiment.name]} | {"settings": values}
    torch.save({"format": "evoprune checkpoint 1", **old}, tmp_path / "run/checkpoint.pt")
    mark = {} if experiment.name == DEFAULT else {"experiment": experiment.name}
    (tmp_path / "run/settings.json").write_text(json.dumps(mark | values))
    assert experiment_of(tmp_path / "run") is experiment
    resumed = experiment.resume(tmp_path / "run", plots=False)
    assert timeless(resumed) == timeless(whole)
    assert resumed.log.equals(whole.log)
    assert resumed.model == whole.model


@every_experiment
def test_a_log_of_other_generations_is_refused(experiment: AnyExperiment, tmp_path: Path, monkeypatch):
    interrupted(experiment, tmp_path / "run", monkeypatch)
    state = torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    wrongs: list[dict[str, Any]] = [{"generation": 1}, {"log": [{}]}, {"seconds": None}]
    for wrong in wrongs:
        torch.save(state | wrong, tmp_path / "run/checkpoint.pt")
        with pytest.raises(ValueError, match=r"checkpoint\.pt: the checkpoint does not fit this version of evoprune: "):
            experiment.load(tmp_path / "run")


@every_experiment
def test_data_are_checked_once(experiment: AnyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    checked: list[Any] = []
    real = experiment.settings.check_data

    def check_data(self: Any) -> None:
        checked.append(self)
        real(self)

    monkeypatch.setattr(experiment.settings, "check_data", check_data)
    place = str(tmp_path / "run")
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in LAYERS[experiment.name].items()]
    flags = [flag for flag in flags if not flag.startswith("--compare")]
    assert main([experiment.name, *flags, "--no-compare", "--output", place, "--quiet"]) == 0
    assert len(checked) == 1
    (tmp_path / "run/summary.json").unlink()
    assert main(["resume", place, "--quiet"]) == 0
    assert len(checked) == 2


def test_code_of_the_users_own_runs_on_where_it_is_allowed(tmp_path: Path, monkeypatch, capsys):
    (tmp_path / "mine.py").write_text(
        "from evoprune.operators import mutPruneMagnitude\n\n\ndef gentle(individual, amount):\n"
        "    return mutPruneMagnitude(individual, amount)\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("evoprune.plugins._allowed", set())
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in TINY.items() if name != "compare"]
    assert main(["run", "--operator", "mine.py:gentle", *flags, "--no-compare", "--quiet"]) == 0
    (place,) = Path("runs").iterdir()
    assert place.name.startswith("spatial-gentle-binary-clustering-0-")
    (place / "summary.json").unlink()
    assert main(["resume", str(place)]) == 2
    assert "allow it with --allow-code" in capsys.readouterr().err
    assert main(["resume", str(place), "--allow-code", "--quiet"]) == 0
    (place / "summary.json").unlink()
    with open("mine.py", "a") as file:
        file.write("# changed\n")
    assert main(["resume", str(place), "--allow-code"]) == 2
    assert "has changed since the run began" in capsys.readouterr().err
