"""The kernel of a run: found once, kept, recorded, and another one only where that is asked for."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch

from evoprune.__main__ import main
from evoprune.benchmarks.architectures import training as architectures
from evoprune.benchmarks.experiments import EXPERIMENTS, AnyExperiment
from evoprune.benchmarks.pruning import experiment as pruning
from evoprune.benchmarks.weights import genetic as weights
from evoprune.individuals import genomes
from evoprune.operators import train as mutation
from evoprune.runs import experiment as lifecycle
from evoprune.training import train_epoch
from evoprune.training.kernel import TORCH, Kernel
from tests.benchmarks.architectures.small import SMALL
from tests.benchmarks.ctrl_c import CtrlC
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as TINY_WEIGHTS
from tests.pretend import pretend

LAYERS: dict[str, dict[str, Any]] = {
    "run": TINY | {"compare": True, "checkpoint_every": 1},
    "weights": TINY_WEIGHTS | {"compare": True, "checkpoint_every": 1},
    "architectures": SMALL | {"compare": True},
}
NATIVE = Kernel("native", "avx2", "fused")
every_experiment = pytest.mark.parametrize("experiment", EXPERIMENTS.values(), ids=list(EXPERIMENTS))


@pytest.fixture(autouse=True)
def trained_by(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """The kernels that training was given; torch does the work, as nobody knows what was built."""
    found: set[Any] = set()

    def trained(*arguments: Any, kernel: Any = "missing", **settings: Any) -> torch.Tensor:
        found.add(kernel)
        return train_epoch(*arguments, kernel="torch", **settings)

    for module in (pruning, weights, architectures):
        monkeypatch.setattr(module, "train_epoch", trained)
    pretend(monkeypatch)
    return found


def interrupted(experiment: AnyExperiment, place: Path, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    """The settings of a run that Ctrl-C has ended after two generations."""
    made = experiment.make_settings(LAYERS[experiment.name], settings)
    with monkeypatch.context() as patch:
        patch.setattr(lifecycle, "progress_bar", lambda *_: CtrlC(after=2))
        with pytest.raises(KeyboardInterrupt):
            experiment.start(made, place)
    return made


def stored(place: Path) -> dict[str, Any]:
    found: dict[str, Any] = torch.load(place / "checkpoint.pt", weights_only=True)
    return found


@every_experiment
def test_it_is_found_once_and_goes_with_every_task(experiment: AnyExperiment, tmp_path: Path, trained_by: set[Any]):
    result = experiment.start(experiment.make_settings(LAYERS[experiment.name]), tmp_path / "r", plots=False)
    assert trained_by == {NATIVE}
    assert result.settings.kernel == "auto"
    assert (result.summary["kernel"], result.summary["kernel_variant"]) == ("native", "avx2")
    assert "earlier_kernels" not in result.summary
    assert stored(tmp_path / "r")["kernel"] == {"name": "native", "variant": "avx2", "arithmetic": "fused"}
    assert stored(tmp_path / "r")["settings"]["kernel"] == "auto"
    trained_by.clear()
    result = experiment.start(experiment.make_settings(LAYERS[experiment.name], {"kernel": "torch"}))
    assert trained_by == {TORCH}
    assert (result.summary["kernel"], result.summary["kernel_variant"]) == ("torch", None)


def test_deaps_own_algorithms_train_with_it(trained_by: set[Any], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mutation, "train_epoch", pruning.train_epoch)
    experiment = EXPERIMENTS["run"]
    experiment.start(experiment.make_settings(TINY, {"algorithm": "canonical", "cells": 1}))
    assert trained_by == {NATIVE}


@every_experiment
def test_a_run_goes_on_with_its_own(
    experiment: AnyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_by: set[Any]
):
    """Of another variant, where it has the same arithmetic."""
    settings = interrupted(experiment, tmp_path / "r", monkeypatch)
    pretend(monkeypatch, "avx512")
    summary = experiment.start(settings, tmp_path / "r", plots=False).summary
    assert trained_by == {NATIVE}
    assert summary["kernel_variant"] == "avx2"
    pretend(monkeypatch, missing="no compiler")
    interrupted(experiment, tmp_path / "t", monkeypatch)
    pretend(monkeypatch)
    trained_by.clear()
    assert experiment.resume(tmp_path / "t", plots=False).summary["kernel"] == "torch"
    assert trained_by == {TORCH}


@pytest.mark.parametrize(
    ("here", "reason"),
    [
        ({"missing": "no compiler"}, "kernel native (avx2) is not here: no compiler"),
        ({"variant": "sse2", "arithmetic": "separate"}, "kernel native (avx2) rounds otherwise than this machine's"),
    ],
)
@every_experiment
def test_without_its_own_a_run_says_so_and_goes_on_with_another(
    experiment: AnyExperiment, here: dict[str, str], reason: str, tmp_path: Path, monkeypatch, capsys, trained_by
):
    place = tmp_path / "r"
    settings = interrupted(experiment, place, monkeypatch)
    before, generation = {path: path.read_bytes() for path in place.iterdir()}, stored(place)["generation"]
    pretend(monkeypatch, **here)
    with pytest.raises(ValueError, match="was begun with another kernel"):
        experiment.start(settings, place)
    assert main(["resume", str(place)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"{place} was begun with another kernel: {reason}" in err
    assert err.endswith(f"; to go on all the same: evoprune resume {place} --kernel torch\n")
    assert {path: path.read_bytes() for path in place.iterdir()} == before
    trained_by.clear()
    assert main(["resume", str(place), "--kernel", "torch", "--quiet"]) == 0
    assert trained_by == {TORCH}
    summary = json.loads((place / "summary.json").read_text())
    assert (summary["kernel"], summary["kernel_variant"]) == ("torch", None)
    assert summary["earlier_kernels"] == [f"native (avx2) to generation {generation}"]


def test_the_other_kernel_may_be_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experiment = EXPERIMENTS["weights"]
    interrupted(experiment, tmp_path / "r", monkeypatch)
    assert "earlier_kernels" not in experiment.resume(tmp_path / "r", plots=False, kernel="auto").summary


def test_another_one_is_checked_before_any_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    interrupted(EXPERIMENTS["weights"], tmp_path / "r", monkeypatch)
    assert main(["resume", str(tmp_path / "r"), "--kernel", "nativ"]) == 2
    assert "unknown kernel 'nativ': did you mean 'native'" in capsys.readouterr().err
    pretend(monkeypatch, missing="no compiler")
    assert main(["resume", str(tmp_path / "r"), "--kernel", "native"]) == 2
    assert "kernel native is not here: no compiler" in capsys.readouterr().err
    assert not (tmp_path / "r" / "summary.json").exists()


@every_experiment
def test_what_was_begun_without_a_choice_goes_on_with_torch(
    experiment: AnyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_by: set[Any]
):
    """By the same command, from a checkpoint and from before it."""
    for name, checkpoint in {"some": True, "none": False}.items():
        place = tmp_path / name
        interrupted(experiment, place, monkeypatch, kernel="torch")
        state = {key: value for key, value in stored(place).items() if "kernel" not in key}
        del state["settings"]["kernel"]
        torch.save(state, place / "checkpoint.pt")
        values = json.loads((place / "settings.json").read_text())
        del values["kernel"]
        (place / "settings.json").write_text(json.dumps(values))
        if not checkpoint:
            (place / "checkpoint.pt").unlink()
        trained_by.clear()
        settings = experiment.make_settings(LAYERS[experiment.name])
        assert settings.kernel == "auto"
        assert experiment.start(settings, place, plots=False).summary["kernel"] == "torch"
        assert trained_by == {TORCH}


def test_another_kernel_by_name_is_another_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experiment = EXPERIMENTS["weights"]
    interrupted(experiment, tmp_path / "r", monkeypatch)
    settings = experiment.make_settings(LAYERS["weights"], {"kernel": "torch"})
    with pytest.raises(ValueError, match="another run, which has kernel 'auto' instead of 'torch'"):
        experiment.start(settings, tmp_path / "r")


@every_experiment
def test_what_the_native_kernel_refuses(
    experiment: AnyExperiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_by: set[Any]
):
    pretend(monkeypatch, refuses="for a reason")
    layers = LAYERS[experiment.name]
    with pytest.raises(ValueError, match=r"^kernel native cannot train this: for a reason; use auto or torch$"):
        experiment.start(experiment.make_settings(layers, {"kernel": "native"}), tmp_path / "r")
    assert not (tmp_path / "r").exists()
    assert experiment.start(experiment.make_settings(layers)).summary["kernel"] == "torch"
    assert trained_by == {TORCH}


@pytest.mark.parametrize("command", EXPERIMENTS)
def test_native_where_there_is_none_is_refused(command: str, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pretend(monkeypatch, missing="no compiler")
    assert main([command, "--kernel", "native", "--quiet"]) == 2
    assert capsys.readouterr().err == ("evoprune: error: kernel native is not here: no compiler; use auto or torch\n")
    assert not list(tmp_path.iterdir())


@every_experiment
def test_to_ask_the_native_kernel_draws_nothing(experiment: AnyExperiment):
    before = torch.get_rng_state(), random.getstate()
    assert experiment.kernel_of(experiment.make_settings(LAYERS[experiment.name])) == NATIVE
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]


def test_what_a_search_shows_to_a_kernel_has_as_few_convolutions_as_may_be():
    experiment = EXPERIMENTS["architectures"]
    for fewest, kinds in {0: set(), 1: {"Conv2d"}}.items():
        settings = experiment.make_settings(SMALL, {"min_convolutions": fewest, "max_convolutions": 2})
        modules = genomes(experiment.trained(settings).individual)[0].module.modules()
        assert {type(module).__name__ for module in modules} & {"Conv2d"} == kinds


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kernel": "native"}, "expected a dict with name, variant, arithmetic"),
        ({"kernel": {"name": "native", "variant": "avx2"}}, "arithmetic is missing"),
        ({"kernel": {"name": "auto", "variant": "", "arithmetic": ""}}, "unknown kernel 'auto'"),
        ({"earlier_kernels": [1]}, "earlier_kernels must be texts"),
    ],
)
def test_a_damaged_checkpoint(wrong: dict[str, Any], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    experiment = EXPERIMENTS["weights"]
    interrupted(experiment, tmp_path / "r", monkeypatch)
    torch.save(stored(tmp_path / "r") | wrong, tmp_path / "r" / "checkpoint.pt")
    with pytest.raises(ValueError, match=rf"(?s)checkpoint\.pt: the checkpoint .*{message}"):
        experiment.resume(tmp_path / "r")
