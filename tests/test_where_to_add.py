"""Every row of the README's table "Where to add X" is true: what is added there runs on the command line."""

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from evoprune.__main__ import main
from evoprune.algorithms import canonical_generations
from evoprune.benchmarks import BENCHMARKS, BinaryClustering
from evoprune.benchmarks.plots.save import PLOTS
from evoprune.benchmarks.pruning.algorithms import ALGORITHMS
from evoprune.benchmarks.pruning.presets import PRESETS
from evoprune.individuals import genomes
from evoprune.losses import LOSSES
from evoprune.networks import MLP, NETWORKS
from evoprune.operators import OPERATORS, SCHEDULES, Fixed
from evoprune.operators.choice import prune_lowest
from evoprune.training.optimizers import OPTIMIZERS, SGD

README = Path(__file__).resolve().parents[1] / "README.md"
SMALL = ["--n-samples", "20", "--n-dim", "12", "--n-clusters", "2"]
SHORT = ["--generations", "3", "--cells", "3", "--no-compare", "--quiet"]
NETWORK = ["--network", "5-3"]


def mutPruneLast(individual, amount):
    """A score: the later, the more it deserves to go."""
    scores = [(g, {n: -m.flatten().cumsum(0).view(m.shape) for n, m in g.masks.items()}) for g in genomes(individual)]
    prune_lowest(scores, amount, "global")
    return (individual,)


class Halves(Fixed):
    """A schedule: half of the probability."""

    def at(self, u: float) -> float:
        return self.C / 2


@dataclasses.dataclass(frozen=True)
class Few(BinaryClustering):
    """A problem of few bits."""

    n_dim: int = 12
    n_samples: int = 20
    n_clusters: int = 2


def seen(row: str) -> Callable[[dict, Path], bool]:
    """What shows that the run used what was added."""
    return {
        "pruning operator": lambda summary, place: summary["operator"] == "mine" and summary["preserved"] < 0.5,
        "schedule": lambda summary, place: "0.5" in (place / "log.csv").read_text(),
        "problem": lambda summary, place: summary["benchmark"] == "mine",
        "algorithm": lambda summary, place: summary["algorithm"] == "mine",
        "network": lambda summary, place: "mine" in (place / "settings.json").read_text(),
        "loss": lambda summary, place: summary["loss"] == "mine" and summary["test_loss"] < summary["test_l1"],
        "optimizer": lambda summary, place: "mine" in (place / "settings.json").read_text(),
        "plot": lambda summary, place: (place / "plots" / "mine.png").stat().st_size > 1000,
        "preset": lambda summary, place: summary["seed"] == 77,
    }[row]


ADDED: dict[str, tuple[dict, object, list[str]]] = {
    "pruning operator": (OPERATORS, mutPruneLast, ["--operator", "mine"]),
    "schedule": (SCHEDULES, Halves, ["--schedule", "mine", "--finetune", "0"]),
    "problem": (BENCHMARKS, Few, ["--benchmark", "mine"]),
    "algorithm": (
        ALGORITHMS,
        dataclasses.replace(
            ALGORITHMS["canonical"],
            line="the loop again",
            generations=lambda s, grid, toolbox, start: canonical_generations(
                grid, toolbox, s.generations, seed=s.seed, start=start
            ),
        ),
        ["--algorithm", "mine", "--cells", "1"],
    ),
    "network": (NETWORKS, MLP(hidden=(4,), latent=2), ["--network", "mine"]),
    "loss": (LOSSES, lambda output, target: (output - target).pow(4), ["--loss", "mine"]),
    "optimizer": (OPTIMIZERS, SGD(momentum=0.5), ["--optimizer", "mine"]),
    "plot": (PLOTS, lambda run: Figure(), []),
    "preset": (PRESETS, ("a seed", {"seed": 77}), ["mine"]),
}


def test_the_table_has_these_rows():
    (table,) = re.findall(
        r"## Where to add X\n\n\| X \| where \|\n\|---\|---\|\n((?:\|.*\n)+)", README.read_text("utf-8")
    )
    assert {line.split("|")[1].strip() for line in table.splitlines()} == set(ADDED)


@pytest.mark.parametrize("row", ADDED)
def test_what_is_added_runs(row, tmp_path, monkeypatch):
    registry, item, arguments = ADDED[row]
    monkeypatch.setitem(registry, "mine", item)
    place = tmp_path / "r"
    small = SMALL * (row != "problem")
    network = NETWORK if row != "network" else []
    presets = arguments if row == "preset" else []
    options = arguments if row != "preset" else []
    assert main(["run", *presets, *small, *SHORT, *network, *options, "--output", str(place)]) == 0
    assert seen(row)(json.loads((place / "summary.json").read_text()), place)
