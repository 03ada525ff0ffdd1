"""The front of a run: worked out by hand, whole in its files, and read back."""

import json
from importlib import import_module
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import evoprune
from evoprune.benchmarks.fronts import front
from evoprune.benchmarks.problems.problem import splits
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.shrinking import shrink
from evoprune.evaluation import evaluate
from evoprune.files import WriteError, write
from evoprune.folders import holds
from evoprune.records import load_tensors
from tests.benchmarks.damage import content
from tests.benchmarks.fronts.by_hand import BY_MACS, BY_WEIGHTS, CELLS, WEIGHTS, made, run_by_hand, undrawn
from tests.benchmarks.shrinking.quick import quick
from tests.benchmarks.tiny import TINY

__all__ = ["quick", "undrawn"]

pytestmark = pytest.mark.usefixtures("undrawn")
MODULE, FILES = (import_module(f"evoprune.benchmarks.fronts.{name}") for name in ("front", "files"))
LEFT = ["front.csv", "front.json", "front.png"]


def places(table: pd.DataFrame) -> list[tuple[int, int]]:
    return list(zip(table["generation"], table["cell"], strict=True))


def names(place: Path) -> list[str]:
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


@pytest.mark.parametrize(("by", "expected"), [("weights", BY_WEIGHTS), ("macs", BY_MACS)])
def test_a_front_worked_out_by_hand(by: str, expected: list[tuple[int, int]], tmp_path: Path):
    settings = run_by_hand(tmp_path / "r")
    found = front(tmp_path / "r", by=by)
    assert found.directory == tmp_path / "r/front"
    assert places(found.table) == expected
    assert set(places(found.candidates[found.candidates["front"]])) == set(expected)
    assert places(found.candidates) == list(product(CELLS, range(3)))
    rows: list[Any] = found.table.to_dict("records")
    for row in rows:
        loss, kept, nonzero = CELLS[row["generation"]][row["cell"]]
        assert (row["kept"], row["preserved"], row["effective_macs"]) == (kept, kept / WEIGHTS, nonzero)
        columns = ["validation_loss", "validation_l1", "test_loss", "test_l1"]
        assert [row[column] for column in columns] == pytest.approx([loss] * 4)
        network = evoprune.load(found.directory / row["file"])
        assert network == made(settings, loss, kept, nonzero)
        assert evaluate(network, settings.problem, "l1") == pytest.approx((row["validation_loss"],))
    assert list(found.table["file"]) == [f"networks/{generation:06d}-{cell}.pt" for generation, cell in expected]
    assert names(found.directory) == sorted([*LEFT, *found.table["file"]])
    facts = json.loads((found.directory / "front.json").read_text())
    counts = ("candidates", "nonfinite", "front", "duplicates")
    assert [facts[name] for name in counts] == [9, 1, 3, 1 if by == "weights" else 0]
    assert [facts["by"], facts["most"], facts["loss"]] == [by, 20, "l1"]
    assert facts["networks"] == rows
    pd.testing.assert_frame_equal(pd.read_csv(found.directory / "front.csv"), found.table)


def test_at_most_so_many_are_saved_and_all_are_counted(tmp_path: Path):
    run_by_hand(tmp_path / "r")
    found = front(tmp_path / "r", most=2)
    assert places(found.table) == [BY_WEIGHTS[0], BY_WEIGHTS[2]]
    assert len(names(found.directory / "networks")) == 2
    assert int(found.candidates["front"].sum()) == 3
    assert json.loads((found.directory / "front.json").read_text())["front"] == 3


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("runs")
    start(make_settings(TINY | {"snapshots": 1}), place / "spatial", plots=False)
    given = {"algorithm": "nsga2", "cells": 8, "operator": "random"}
    start(make_settings(TINY | given), place / "nsga2", plots=False)
    given = {"benchmark": "digits", "task": "classification", "generations": 2, "cells": 2, "snapshots": 1}
    start(make_settings({"network": "64-6-10", "compare": False} | given), place / "classes", plots=False)
    return place


@pytest.mark.parametrize("name", ["spatial", "nsga2", "classes"])
@pytest.mark.parametrize("by", ["weights", "macs"])
def test_no_other_network_is_as_small_and_as_good(name: str, by: str, runs: Path, tmp_path: Path):
    found = front(runs / name, tmp_path / "out", by)
    size = {"weights": "kept", "macs": "effective_macs"}[by]
    points = found.candidates[[size, "validation_loss"]].to_numpy()
    beaten = [any((p <= q).all() and (p < q).any() for p in points) for q in points]
    first = ~found.candidates[[size, "validation_loss"]].duplicated()
    assert list(found.candidates["front"]) == list(first & ~np.array(beaten))
    assert found.table[size].is_monotonic_increasing
    assert found.table["validation_loss"].is_monotonic_decreasing


def test_columns_are_those_of_the_task(runs: Path, tmp_path: Path):
    table = front(runs / "classes", tmp_path / "out").table
    start_of = ["generation", "cell", "preserved", "kept", "effective_macs", "validation_loss", "validation_accuracy"]
    assert list(table) == [*start_of, "test_loss", "test_accuracy", "test_error", "file"]


def test_a_network_is_stored_as_the_model_of_the_run(runs: Path, tmp_path: Path):
    """The best cell of the last generation, which is on a front of that generation alone."""
    found = front(runs / "nsga2", tmp_path / "out")
    best = json.loads((runs / "nsga2/summary.json").read_text())["model_cell"]
    file = tmp_path / "out" / str(found.table[found.table["cell"] == best].iloc[0]["file"])
    stored, model = load_tensors(file, "model"), load_tensors(runs / "nsga2/model.pt", "model")
    assert list(stored) == list(model)
    assert repr(stored) == repr(model)
    assert evoprune.load(file) == evoprune.load(runs / "nsga2")


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_network_can_be_shrunk(runs: Path, tmp_path: Path):
    row = front(runs / "spatial", tmp_path / "out").table.iloc[0]
    before = shrink(tmp_path / "out" / str(row["file"]), tmp_path / "small").table["before"]
    assert before["test_loss"] == pytest.approx(row["test_loss"])
    assert before["effective_macs"] == row["effective_macs"]


def test_in_the_run_the_manifest_has_them_and_elsewhere_one_of_their_own(tmp_path: Path):
    run_by_hand(tmp_path / "r")
    before = content(tmp_path / "r")
    found = front(tmp_path / "r", tmp_path / "deep/out")
    assert content(tmp_path / "r") == before
    assert names(tmp_path / "deep/out") == sorted([*LEFT, *found.table["file"], "manifest.json"])
    assert holds(tmp_path / "deep/out", "front")
    front(tmp_path / "r")
    listed = json.loads((tmp_path / "r/manifest.json").read_text())["files"]
    assert listed[-3:] == ["front/front.csv", "front/front.png", "front/front.json"]
    inside, outside = content(tmp_path / "r/front"), content(tmp_path / "deep/out")
    assert inside == {name: outside[name] for name in inside}


def test_a_second_call_replaces_the_first_and_nothing_else(tmp_path: Path):
    run_by_hand(tmp_path / "r")
    front(tmp_path / "r")
    (tmp_path / "r/front/networks/000009-9.pt").write_text("mine")
    found = front(tmp_path / "r", by="macs", most=2)
    assert names(tmp_path / "r/front/networks") == ["000000-0.pt", "000000-1.pt", "000009-9.pt"]
    assert json.loads((tmp_path / "r/front/front.json").read_text())["by"] == "macs"
    assert places(found.table) == [(0, 0), (0, 1)]


@pytest.mark.parametrize("name", ["front.csv", "networks/000002-1.pt"])
def test_files_of_the_users_stay(name: str, tmp_path: Path):
    run_by_hand(tmp_path / "r")
    (tmp_path / "r/front" / name).parent.mkdir(parents=True)
    (tmp_path / "r/front" / name).write_text("mine")
    before = content(tmp_path / "r")
    with pytest.raises(ValueError, match=f"front/{name} was not written by evoprune"):
        front(tmp_path / "r")
    assert content(tmp_path / "r") == before


def test_a_place_that_is_taken_is_refused_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run_by_hand(tmp_path / "r")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/front.csv").write_text("mine")
    monkeypatch.setattr(MODULE, "grids", lambda *_: pytest.fail("worked before it was refused"))
    for output in ("mine", "r"):
        with pytest.raises(ValueError, match="choose another directory"):
            front(tmp_path / "r", tmp_path / output)
    with pytest.raises(TypeError, match="output must be the path of a directory, got 5"):
        front(tmp_path / "r", 5)  # type: ignore[arg-type]


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"half")], ids=["missing", "half"])
def test_a_snapshot_that_cannot_be_read_changes_nothing(damage: Any, again: bool, tmp_path: Path):
    run_by_hand(tmp_path / "r")
    if again:
        front(tmp_path / "r")
    damage(tmp_path / "r/snapshots/000004.pt")
    before = content(tmp_path / "r")
    for output in (None, tmp_path / "out"):
        with pytest.raises(ValueError, match=r"snapshots/000004\.pt: (there is no|damaged or not a) snapshot"):
            front(tmp_path / "r", output)
    assert content(tmp_path / "r") == before
    assert (tmp_path / "r/front").exists() is again
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("full", ["000002-1.pt", "front.json"])
def test_on_a_full_disk_no_count_speaks_of_other_files(full: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    run_by_hand(tmp_path / "r")
    front(tmp_path / "r", by="macs")

    def some(path: Path, *_: Any, **__: Any) -> None:
        if path.name == full:
            raise WriteError(28, "No space left on device", str(path))
        write(path, lambda file: file.write(b"new"))

    with monkeypatch.context() as patch:
        for name in ("write", "write_csv", "write_json", "save_tensors"):
            patch.setattr(FILES, name, some)
        with pytest.raises(WriteError):
            front(tmp_path / "r")
    assert not (tmp_path / "r/front/front.json").exists()
    assert places(front(tmp_path / "r").table) == BY_WEIGHTS


def test_networks_that_all_diverged(tmp_path: Path):
    run_by_hand(tmp_path / "r", {0: [(3e38, 48, 1)], 1: [(3e38, 48, 1)]}, cells=1, radius=0, generations=1)
    before = content(tmp_path / "r")
    with pytest.raises(ValueError, match="none of its 2 networks has a finite loss on the validation split"):
        front(tmp_path / "r")
    assert content(tmp_path / "r") == before


def test_data_that_are_missing_are_named(tmp_path: Path):
    np.save(tmp_path / "data.npy", np.random.default_rng(0).random((40, 24), np.float32))
    given = {"benchmark": "file", "data": str(tmp_path / "data.npy"), "network": "6-3", "generations": 1, "cells": 2}
    start(make_settings(given | {"compare": False, "snapshots": 1}), tmp_path / "r", plots=False)
    (tmp_path / "data.npy").unlink()
    splits.cache_clear()  # as in another process
    with pytest.raises((ValueError, FileNotFoundError), match=r"data\.npy"):
        front(tmp_path / "r")
    assert not (tmp_path / "r/front").exists()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"by": "banana"}, "unknown size to go by 'banana'; known: macs, weights"),
        ({"most": 1}, "most must be a whole number of at least 2, got 1"),
        ({"most": 2.5}, "most must be a whole number of at least 2, got 2.5"),
    ],
)
def test_what_is_asked_for_is_checked_first(given: dict[str, Any], words: str):
    with pytest.raises(ValueError, match=words):
        front("nowhere", **given)
