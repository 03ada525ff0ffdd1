"""The kernels of a study: found where it begins, kept where it goes on, and the same in every worker."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from evoprune.__main__ import main
from evoprune.benchmarks.commands.sweep import default_directory
from evoprune.benchmarks.pruning import experiment as pruning
from evoprune.benchmarks.sweeps import Plan, execute, load_plan, make_plan, sweep
from evoprune.training import train_epoch
from evoprune.training.kernel import TORCH, Kernel
from tests.benchmarks.tiny import TINY
from tests.pretend import pretend

NATIVE = Kernel("native", "avx2", "fused")


@pytest.fixture(autouse=True)
def trained_by(monkeypatch: pytest.MonkeyPatch) -> set[Any]:
    """The kernels that training was given; torch does the work, as nobody knows what was built."""
    found: set[Any] = set()

    def trained(*arguments: Any, kernel: Any, **settings: Any) -> Any:
        found.add(kernel)
        return train_epoch(*arguments, kernel="torch", **settings)

    monkeypatch.setattr(pruning, "train_epoch", trained)
    pretend(monkeypatch)
    return found


def tiny(trials: int = 1, **settings: Any) -> Plan:
    return make_plan(grid=["operator=random,none"], fixed=TINY | {"generations": 2} | settings, trials=trials)


def forget(place: Path) -> None:
    """Leave a study as one was before there was a choice."""
    study = json.loads((place / "study.json").read_text())
    del study["kernels"]
    for settings in study["variants"].values():
        del settings["kernel"]
    (place / "study.json").write_text(json.dumps(study))


def test_the_origin_finds_them_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trained_by: set[Any]):
    """A worker of another variant does its runs as it can, and the tables do not tell."""
    table = sweep(tiny(), tmp_path)
    assert trained_by == {NATIVE}
    assert set(table.kernel) == {"native"}
    assert load_plan(tmp_path).kernels == {"operator=random": NATIVE, "operator=none": NATIVE}
    assert {values["kernel"] for values in load_plan(tmp_path).variants.values()} == {"auto"}
    pretend(monkeypatch, "avx512")
    table = sweep(tiny(2), tmp_path)
    assert (set(table.kernel_variant), trained_by) == ({"avx2"}, {NATIVE})


def test_each_variant_has_its_own(tmp_path: Path, trained_by: set[Any]):
    plan = make_plan(grid=["kernel=native,torch"], fixed=TINY | {"generations": 1}, trials=1)
    assert list(sweep(plan, tmp_path).kernel) == ["native", "torch"]
    assert trained_by == {NATIVE, TORCH}


@pytest.mark.parametrize("here", [{"missing": "no compiler"}, {"variant": "sse2", "arithmetic": "separate"}])
def test_without_it_a_study_goes_on_with_another(here: dict[str, str], tmp_path: Path, monkeypatch, capsys, trained_by):
    sweep(tiny(), tmp_path)
    pretend(monkeypatch, **here)
    with pytest.raises(ValueError, match=r"was begun with another kernel: kernel native \(avx2\)"):
        sweep(tiny(2), tmp_path)
    grown = dataclasses.replace(load_plan(tmp_path), trials=2)
    grown.save(tmp_path / "study.json")  # as by a sweep that was killed early on
    assert main(["resume", str(tmp_path)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith(f"; to go on all the same: evoprune resume {tmp_path} --kernel torch\n")
    trained_by.clear()
    assert main(["resume", str(tmp_path), "--kernel", "torch", "--quiet"]) == 0
    assert trained_by == {TORCH}
    assert list(pd.read_csv(tmp_path / "results.csv").kernel) == ["native", "native", "torch", "torch"]
    assert set(load_plan(tmp_path).kernels.values()) == {TORCH}


def test_a_study_of_before_there_was_a_choice_goes_on_with_torch(tmp_path: Path, trained_by: set[Any]):
    sweep(tiny(kernel="torch"), tmp_path)
    forget(tmp_path)
    trained_by.clear()
    sweep(tiny(2), tmp_path)
    assert trained_by == {TORCH}


def test_another_kernel_by_name_is_another_study(tmp_path: Path):
    sweep(tiny(), tmp_path)
    with pytest.raises(ValueError, match="operator=random has kernel 'auto', not 'torch'"):
        sweep(tiny(kernel="torch"), tmp_path)


def test_a_worker_without_it_ends_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    real = execute.whole_run

    def elsewhere(task: Any) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            pretend(patch, missing="no compiler")
            return real(task)

    monkeypatch.setattr(execute, "whole_run", elsewhere)
    with pytest.raises(ValueError, match=r"the worker on .* cannot do the runs: kernel native \(avx2\) is not here"):
        sweep(tiny(), tmp_path)
    assert pd.read_csv(tmp_path / "results.csv").empty
    monkeypatch.setattr(execute, "whole_run", real)
    assert len(sweep(tiny(), tmp_path)) == 2


def test_the_name_of_a_directory_does_not_depend_on_the_machine(tmp_path: Path):
    sweep(tiny(), tmp_path)
    assert default_directory(load_plan(tmp_path)) == default_directory(tiny())


def test_damaged_kernels(tmp_path: Path):
    sweep(tiny(), tmp_path)
    study = json.loads((tmp_path / "study.json").read_text())
    unknown = {"name": "fast", "variant": "", "arithmetic": ""}
    wrongs: list[Any] = [[], {"operator=none": unknown}, {"operator=none": "torch"}]
    for wrong in wrongs:
        (tmp_path / "study.json").write_text(json.dumps(study | {"kernels": wrong}))
        with pytest.raises(ValueError, match=r"study\.json: damaged or not a study"):
            load_plan(tmp_path)
