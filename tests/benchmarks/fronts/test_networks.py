"""Which networks of a run are compared, and what is said where they are not there."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.fronts import settings_of
from evoprune.benchmarks.fronts.networks import generations_of, grids
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.records import load_tensors
from tests.benchmarks.fronts.by_hand import CELLS, made, run_by_hand
from tests.benchmarks.tiny import TINY


def test_those_of_all_snapshots(tmp_path: Path):
    settings = run_by_hand(tmp_path / "r")
    assert generations_of(settings) == [0, 2, 4]
    for generation, grid in grids(tmp_path / "r", settings):
        assert list(grid) == [0, 1, 2]
        assert list(grid.values()) == [made(settings, *cell) for cell in CELLS[generation]]


def test_one_generation_is_read_at_a_time(tmp_path: Path):
    settings = run_by_hand(tmp_path / "r")
    (tmp_path / "r/snapshots/000002.pt").write_bytes(b"half")
    found = grids(tmp_path / "r", settings)
    assert next(found)[0] == 0
    with pytest.raises(ValueError, match=r"snapshots/000002\.pt: damaged or not a snapshot"):
        next(found)


def test_without_snapshots_those_of_the_last_generation(tmp_path: Path):
    result = start(make_settings(TINY), tmp_path / "r", plots=False)
    settings = settings_of(tmp_path / "r")
    assert generations_of(settings) == [6]
    ((generation, grid),) = grids(tmp_path / "r", settings)
    assert generation == 6
    assert list(grid.values()) == result.grid
    (tmp_path / "r/checkpoint.pt").unlink()
    assert dict(grids(tmp_path / "r", settings)) == {6: {result.summary["model_cell"]: result.model}}
    (tmp_path / "r/summary.json").write_text('{"model_cell": "../x"}')
    with pytest.raises(ValueError, match=r"summary\.json: .*model_cell must be a whole number"):
        list(grids(tmp_path / "r", settings))


def replaced(name: str, value: Any) -> Callable[[Path], None]:
    """A snapshot that says something else."""

    def damage(path: Path) -> None:
        stored = load_tensors(path, "snapshot")
        stored[name] = value(stored[name])
        torch.save(stored, path)

    return damage


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (Path.unlink, "there is no snapshot here"),
        (lambda path: path.write_bytes(path.read_bytes()[:500]), "damaged or not a snapshot"),
        (lambda path: shutil.copy(path.with_name("000000.pt"), path), "expected 3 .* generation 4, got 3 .*tion 0"),
        (replaced("cells", lambda cells: cells[:2]), "expected 3 networks of generation 4, got 2 of generation 4"),
        (replaced("cells", lambda cells: [{}, *cells]), "does not fit this version of evoprune: encoder is missing"),
        (replaced("format", lambda _: "another"), "not a snapshot of this version"),
    ],
    ids=["missing", "half", "another", "fewer", "empty", "format"],
)
def test_snapshots_that_are_not_those_of_the_run(damage: Callable[[Path], None], words: str, tmp_path: Path):
    settings = run_by_hand(tmp_path / "r")
    damage(tmp_path / "r/snapshots/000004.pt")
    with pytest.raises(ValueError, match=rf"snapshots/000004\.pt: {words}"):
        list(grids(tmp_path / "r", settings))


@pytest.mark.parametrize("name", sorted(EXPERIMENTS.keys() - {"run"}))
def test_runs_of_other_experiments_are_refused(name: str, tmp_path: Path):
    (tmp_path / "settings.json").write_text(json.dumps({"experiment": name}))
    words = f"a run of evoprune {name}, which keeps no grid of networks; give one of evoprune run"
    with pytest.raises(ValueError, match=words):
        settings_of(tmp_path)


def test_what_is_no_run_that_has_ended(tmp_path: Path):
    with pytest.raises(TypeError, match="run must be the path of a run directory, got 5"):
        settings_of(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="nowhere: there is no such directory; give that of a run that has ended"):
        settings_of(tmp_path / "nowhere")
    with pytest.raises(ValueError, match=r"settings\.json: there are no settings here, so this is no run directory"):
        settings_of(tmp_path)
    run_by_hand(tmp_path / "r")
    (tmp_path / "r/summary.json").unlink()
    with pytest.raises(ValueError, match="r: this run has not ended; go on with evoprune resume"):
        settings_of(tmp_path / "r")
