"""Every example in the documentation runs, in small."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from deap import creator

from evoprune.benchmarks.pruning.parts import OPERATOR_TAKES
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import PAPER, make_settings

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
SMALL = {
    "easimple_pruning": {"generations": 3, "size": 2, "n_dim": 50},
    "new_operator": {"generations": 2, "size": 2},
    "pareto_size_loss": {"generations": 2, "mu": 4, "n_dim": 50},
    "scoop_evaluation": {"generations": 1, "mu": 4},
    "search_then_prune": {"generations": 0, "epochs": 1, "pruning": 1, "cells": 3},
    "spatial_own_module": {"generations": 2, "cells": 3},
    "tied_pruning": {"generations": 2, "size": 3},
}
EXAMPLES = sorted((DOCS / "examples").glob("*.py"))
PAGES = sorted(path for path in DOCS.glob("*.md") if "```python" in path.read_text(encoding="utf-8"))
SLOW = {"estimators.md"}


@pytest.fixture(autouse=True)
def clean_creator():
    """What an example adds to deap.creator is gone after the test."""
    before = set(vars(creator))
    yield
    for name in set(vars(creator)) - before:
        delattr(creator, name)


def load(path: Path, monkeypatch) -> ModuleType:
    """Import an example, so that what it defines can be copied and pickled."""
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_example(path, monkeypatch):
    assert load(path, monkeypatch).main(**SMALL[path.stem])


def test_the_new_operator_prunes_what_the_loss_does_not_feel(monkeypatch):
    import torch

    from evoprune import Autoencoder, Decoder, Encoder
    from evoprune.networks import mlp_decoder, mlp_encoder

    prune = load(DOCS / "examples" / "new_operator.py", monkeypatch).mutPruneSensitivity
    pair = Autoencoder([Encoder(mlp_encoder([2, 2])), Decoder(mlp_decoder([2, 2], output="identity"))])
    weight = pair.encoder.module.get_parameter("0.weight")
    with torch.no_grad():
        for genome in pair:
            for name in genome.masks:
                genome.module.get_parameter(name).fill_(0.5)
        weight[1] = -9.0  # behind the ReLU nothing of this unit is felt, however large its weights are
    data = {"samples": torch.ones(4, 2), "targets": torch.ones(4, 2), "loss": torch.nn.functional.mse_loss}
    assert prune(pair, 0.5, **data) == (pair,)
    assert pair.encoder.masks["0.weight"].tolist() == [[True, True], [False, False]]
    assert prune(pair, 0.0, **data)[0].encoder.masks["0.weight"].sum() == 2


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.name, marks=[pytest.mark.slow] * (path.name in SLOW)) for path in PAGES]
)
def test_code_blocks_of_a_page_run_in_order(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"page_{path.stem.replace('-', '_')}")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    text = path.read_text(encoding="utf-8")
    for block in re.finditer(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        lines = "\n" * text.count("\n", 0, block.start(1))  # so that errors name the line of the page
        exec(compile(lines + block[1], str(path), "exec"), vars(module))


def test_everything_in_a_run_directory_is_explained(tmp_path):
    page = (DOCS / "getting-started.md").read_text(encoding="utf-8")
    settings = make_settings({"generations": 1, "cells": 2, "n_samples": 20, "n_dim": 20, "radius": 1})
    result = start(settings, tmp_path / "run")
    names = {*result.log.columns, *result.cells.columns, *result.summary}
    names |= {path.name for path in (tmp_path / "run").iterdir() if path.is_file()}
    assert sorted(name for name in names if f"`{name}`" not in page) == []


def test_the_table_of_defaults_is_that_of_the_settings():
    page = (DOCS / "defaults.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| `([^`]+)` \|", page, re.MULTILINE)
    defaults, paper = make_settings().as_dict(), make_settings(PAPER).as_dict()
    assert len(rows) > 10
    assert rows == [(name, str(defaults[name]), str(paper[name])) for name, _, _ in rows]
    changed = {name for name in defaults if defaults[name] != paper[name]}
    assert changed <= {name for name, _, _ in rows}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="SCOOP's launcher needs a POSIX shell")
def test_with_real_scoop():
    """SCOOP's exit code is always 0, so the last line is the evidence."""
    command = [sys.executable, "-m", "scoop", "-n", "2", "docs/examples/scoop_evaluation.py"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert result.stdout.splitlines()[-1] == "done", result.stdout + result.stderr


def test_the_page_shows_the_operator_of_the_example():
    source = (DOCS / "examples" / "new_operator.py").read_text("utf-8")
    function = source[source.index("def mutPruneSensitivity(") : source.index("def main(")].strip()
    assert function in (DOCS / "extending.md").read_text("utf-8")


def test_the_page_lists_what_a_run_gives_to_an_operator():
    page = (DOCS / "extending.md").read_text("utf-8")
    assert "\n".join(f"| `{name}` | {line} |" for name, line in OPERATOR_TAKES.items()) in page


def test_the_page_of_settings_is_what_the_settings_say(monkeypatch):
    page = load(DOCS / "settings_page.py", monkeypatch).page()
    assert (DOCS / "settings.md").read_text("utf-8") == page, "run python docs/settings_page.py"
