"""Operators, schedules and problems of a user's own, through the command line."""

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from evoprune import plugins
from evoprune.__main__ import main
from evoprune.benchmarks.pruning.settings import Settings, make_settings
from evoprune.benchmarks.sweeps import make_plan
from evoprune.operators import OPERATORS, mutPruneMagnitude

TOY = """
from dataclasses import dataclass, field

import torch

from evoprune.benchmarks import Problem, Splits
from evoprune.individuals import genomes
from evoprune.operators import Schedule
from evoprune.operators.choice import prune_lowest


def mutPruneTaylor(individual, amount, samples, targets, loss, gradients, power: float = 1.0, flip: bool = False):
    \"\"\"Prune what changes the loss least.\"\"\"
    assert loss(individual(samples), targets).dim() == 0 and str(loss) == "bce"
    sign = -1 if flip else 1
    prune_lowest(
        [
            (g, {n: sign * (g.module.get_parameter(n).detach() * table[n]).abs() ** power for n in g.masks})
            for g, table in zip(genomes(individual), gradients, strict=True)
        ],
        amount,
    )
    return (individual,)


@dataclass(frozen=True)
class Cubic(Schedule):
    order: int = 3

    def at(self, u):
        return self.C * (1 - (1 - u) ** self.order)


def late(t, T, share: float = 0.5):
    return float(t >= share * T)


@dataclass(frozen=True)
class Waves(Problem):
    points: int = field(default=16, metadata={"help": "values a sample"})
    seed: int = 1

    @property
    def name(self):
        return "waves"

    def load(self):
        source = torch.Generator().manual_seed(self.seed)
        return Splits(*torch.rand(3, 20, self.points, generator=source))


def mutNeedy(individual, moonlight):
    return (individual,)
"""
SMALL = ["--network", "5-3", "--generations", "4", "--cells", "4", "--chunk", "2", "--no-compare", "--quiet"]


@pytest.fixture
def toy(tmp_path: Path, monkeypatch) -> str:
    """A file outside of the package; what earlier tests allowed is forgotten."""
    monkeypatch.setattr(plugins, "_allowed", set())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "toy.py").write_text(TOY)
    return str(tmp_path / "toy.py")


def options(file: str, schedule: str = "Cubic") -> list[str]:
    own = ["--operator-option", "power=2", "--schedule-option", "order=2", "--benchmark-option", "points=12"]
    names = ["--operator", f"{file}:mutPruneTaylor", "--schedule", f"{file}:{schedule}", "--benchmark", f"{file}:Waves"]
    return [*names, *(own if schedule == "Cubic" else own[:2] + own[4:]), *SMALL]


@pytest.mark.processes
def test_a_toy_runs_through_the_command_line_serial_and_with_processes(toy, tmp_path):
    assert main(["run", *options("toy.py"), "--output", "serial"]) == 0
    assert main(["run", *options(toy), "--output", "processes", "--engine", "processes", "--workers", "2"]) == 0
    settings, summary = (json.loads((tmp_path / "serial" / f"{n}.json").read_text()) for n in ("settings", "summary"))
    assert settings["operator"] == f"{toy}:mutPruneTaylor"
    assert settings["operator_options"] == {"power": 2.0, "flip": False}
    assert settings["schedule_options"] == {"order": 2}
    assert settings["benchmark_options"] == {"points": 12}
    assert set(settings["code"]) == {f"{toy}:{name}" for name in ("mutPruneTaylor", "Cubic", "Waves")}
    assert summary["preserved"] < 0.3
    assert (tmp_path / "serial" / "log.csv").read_bytes() == (tmp_path / "processes" / "log.csv").read_bytes()


def test_an_operators_option_changes_what_it_does(toy, tmp_path):
    assert main(["run", *options(toy), "--output", "low"]) == 0
    assert main(["run", *options(toy), "--operator-option", "flip=on", "--output", "high"]) == 0
    assert (tmp_path / "low" / "log.csv").read_text() != (tmp_path / "high" / "log.csv").read_text()


def test_a_function_of_t_and_T_is_a_schedule(toy, tmp_path):
    assert main(["run", *options(toy, "late"), "--schedule-option", "share=0.25", "--output", "r"]) == 0
    assert json.loads((tmp_path / "r" / "settings.json").read_text())["schedule_options"] == {"share": 0.25}


@pytest.mark.processes
def test_a_toy_is_swept_with_processes(toy, tmp_path):
    axes = ["--grid", f"operator={toy}:mutPruneTaylor,magnitude", "--trials", "2", "--output", "study"]
    rest = options(toy)[2:]
    del rest[rest.index("--operator-option") : rest.index("--operator-option") + 2], rest[rest.index("--no-compare")]
    assert main(["sweep", *axes, *rest, "--engine", "processes", "--workers", "2"]) == 0
    names = sorted(path.name for path in (tmp_path / "study" / "runs").iterdir())
    assert names == ["operator=magnitude", "operator=mutPruneTaylor"]
    assert main(["report", "study", "--quiet"]) == 0


@pytest.mark.parametrize("given", [["--amount", "0.3"], []])
def test_what_is_registered_runs(given, toy, tmp_path, monkeypatch):
    monkeypatch.setitem(OPERATORS, "mine", lambda individual, amount: mutPruneMagnitude(individual, amount))
    small = ["--n-dim", "24", "--n-samples", "40", "--n-clusters", "4", *SMALL]
    assert main(["run", "--operator", "mine", *given, *small, "--output", "r"]) == 0
    assert json.loads((tmp_path / "r" / "summary.json").read_text())["preserved"] < 0.5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy.py:nothing", "has no 'nothing'; it defines mutPruneTaylor, Cubic, late, Waves, mutNeedy"),
        ("none.py:x", "there is no file"),
        ("no.such.module:x", "cannot import no.such.module (ModuleNotFoundError: No module named 'no'); for a file"),
        ("toy.py:mutNeedy", "needs moonlight, which has no default and is nothing that a run provides (act"),
        ("toy.py:Waves", "an operator is a function"),
        ("magnitud", "did you mean 'magnitude'"),
    ],
)
def test_what_cannot_be_used_is_one_line_before_any_work(name, message, toy, tmp_path, capsys):
    assert main(["run", "--operator", name, *SMALL, "--output", "r"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("operator", ["conjunctive", "magnitude"])
def test_an_option_that_the_schedule_refuses_is_found_before_any_work(operator, toy, tmp_path, capsys):
    arguments = ["--operator", operator, "--schedule", "final-n", "--schedule-option", "fraction=2", "--output", "r"]
    assert main(["run", *arguments]) == 2
    assert "fraction must be a number in [0, 1], got 2.0" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_a_file_that_fails_to_import_is_named(toy, tmp_path, capsys):
    (tmp_path / "broken.py").write_text("import nowhere\n")
    assert main(["run", "--operator", "broken.py:x", *SMALL]) == 2
    assert "cannot import" in (line := capsys.readouterr().err)
    assert "No module named 'nowhere'" in line


def test_a_module_is_found_by_its_name(toy, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = make_settings({"operator": "toy:mutPruneTaylor"})
    assert settings.operator == "toy:mutPruneTaylor"
    assert settings.code["toy:mutPruneTaylor"]["path"] == toy
    del sys.modules["toy"]


def test_what_an_installed_package_offers_has_a_name(toy, monkeypatch, capsys):
    offered = EntryPoint("gentle", "evoprune.operators:mutPruneMagnitude", plugins.GROUPS["operator"])
    monkeypatch.setattr(plugins, "entry_points", lambda group: [offered] if group == offered.group else [])
    assert make_settings({"operator": "gentle", "amount": 0.1}).takes("amount")
    assert main(["list", "operators"]) == 0
    assert "gentle" in capsys.readouterr().out


def test_stored_settings_run_no_code(toy, tmp_path):
    stored = make_settings({"operator": f"{toy}:mutPruneTaylor", "benchmark": f"{toy}:Waves"}).as_dict()
    plugins._allowed.clear()
    Path(toy).write_text("raise SystemExit('the code ran')\n")
    settings = Settings.stored(stored)
    assert settings.as_dict() == stored
    with pytest.raises(ValueError, match="runs only where it is allowed"):
        settings.check_data()


def test_labels_hold_no_slashes(toy):
    plan = make_plan(grid=[f"operator={toy}:mutPruneTaylor,magnitude"], fixed={"generations": 4}, trials=1)
    assert list(plan.variants) == ["operator=mutPruneTaylor", "operator=magnitude"]
