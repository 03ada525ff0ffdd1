"""The kinds of experiments by name: what a sweep repeats, and what ``evoprune resume`` continues."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from evoprune.checks import lookup
from evoprune.records import load_checkpoint

DEFAULT = "run"


@dataclass(frozen=True)
class Experiment:
    """Where a kind of experiment lives; its modules are imported when they are asked for."""

    line: str
    settings_module: str
    settings_class: str
    run_module: str
    table_module: str

    @property
    def settings(self) -> type:
        """The settings dataclass."""
        return self._of(self.settings_module, self.settings_class)

    @property
    def make_settings(self) -> Callable[..., Any]:
        """Layers of overrides -> settings."""
        return self._of(self.settings_module, "make_settings")

    @property
    def start(self) -> Callable[..., Any]:
        """``start(settings, directory, force, bar, engine)``, as :func:`evoprune.benchmarks.pruning.run.start`."""
        return self._of(self.run_module, "start")

    @property
    def resume(self) -> Callable[..., Any]:
        """``resume(directory, bar, engine)``, as :func:`evoprune.benchmarks.pruning.run.resume`."""
        return self._of(self.run_module, "resume")

    @property
    def load_model(self) -> Callable[..., Any]:
        """``load_model(path)``: the pair in a ``model.pt``."""
        return self._of(self.run_module, "load_model")

    @property
    def table(self) -> Callable[[Any], str]:
        """What a result says at the end of a run."""
        return self._of(self.table_module, "table")

    def checkpointed(self, directory: str | Path) -> Any:
        """The settings of an interrupted run.

        :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
        """
        path = Path(directory) / "checkpoint.pt"
        try:
            return self.settings(**load_checkpoint(path)["settings"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"{path}: the checkpoint does not fit this version of evoprune: {error}") from error

    def _of(self, module: str, name: str) -> Any:
        return getattr(import_module(f"evoprune.benchmarks.{module}"), name)


EXPERIMENTS: dict[str, Experiment] = {
    DEFAULT: Experiment(
        "evolve and prune autoencoders", "pruning.settings", "Settings", "pruning.run", "pruning.tables"
    ),
    "weights": Experiment(
        "train the weights of a tied autoencoder by a genetic algorithm",
        *("weights.settings", "WeightsSettings", "weights.run", "commands.weights"),
    ),
    "architectures": Experiment(
        "search for the architecture of an autoencoder",
        *("architectures.settings", "ArchitectureSettings", "architectures.run", "commands.architectures"),
    ),
}
"""Name -> where it is. ``settings.json`` carries the name under ``experiment``, save for the default."""


def experiment_of(directory: str | Path) -> str:
    """The kind of experiment that left a run directory.

    :raises ValueError: where no settings are, or they cannot be read, or name an experiment that does not exist.
    """
    path = Path(directory) / "settings.json"
    try:
        settings = json.loads(path.read_text())
    except FileNotFoundError:
        return DEFAULT  # the experiment itself says what it misses
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot read the settings ({error})") from error
    name = settings.get("experiment", DEFAULT)
    lookup("experiment", name, EXPERIMENTS)
    return str(name)
