"""The life of a run, which is the same for every kind of experiment: start, checkpoints, comparisons, end, resume."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pandas as pd
import torch

from evoprune import records
from evoprune._version import __version__
from evoprune.engines import Engine
from evoprune.genome import Autoencoder
from evoprune.interrupts import Deferred
from evoprune.runs.options import Flags
from evoprune.runs.state import RunResult, RunSettings, RunState, check_kinds
from evoprune.runs.terminal import progress_bar

DEFAULT = "run"
"""The experiment whose run directories do not name it."""

PARTS = ("encoder", "decoder")

Map = Callable[..., Iterable[Any]]
"""DEAP's map slot."""

SettingsT = TypeVar("SettingsT", bound=RunSettings)
StateT = TypeVar("StateT", bound=RunState)
ResultT = TypeVar("ResultT", bound=RunResult)
ModelT = TypeVar("ModelT", bound=Autoencoder)


class Experiment(ABC, Generic[SettingsT, StateT, ResultT, ModelT]):
    """A kind of run. A subclass says what happens in one; starting and resuming are the same for all.

    A run directory gets ``settings.json`` first. While the run goes on it gets the tables and, after them, so that it
    never runs ahead of them, ``checkpoint.pt``; at the end ``model.pt``, ``plots/`` and last of all ``summary.json``:
    where it is, the run has ended.
    """

    name: str
    """As ``settings.json`` has it under ``experiment``; see :data:`DEFAULT`."""
    line: str
    """What it does, for ``evoprune list`` and ``evoprune --help``."""
    description: str
    """The same in a few sentences, for the help of its command."""
    settings: type[SettingsT]
    """The settings dataclass."""
    groups: Mapping[str, str] = MappingProxyType({})
    """First setting of a group -> its title, for the help."""
    old_names: Collection[str] = ()
    """Settings of version 0.1 that may still be in settings files."""
    presets: Callable[[str], list[dict[str, Any]]] | None = None
    """Layers of settings by the name of a preset, where the experiment has presets."""
    titles: tuple[str, ...] = ("method", "benchmark", "seed")
    """The settings of which a run directory without a name gets its own."""
    why_serial = ""
    """What goes step by step where settings are not ``parallel``; holds the names of settings in braces."""

    @abstractmethod
    def make_settings(self, *layers: Mapping[str, Any]) -> SettingsT:
        """Settings from layers of overrides, later ones over earlier ones.

        :raises ValueError: for an unknown setting or a value that does not fit.
        """

    def stored_settings(self, values: Mapping[str, Any]) -> SettingsT:
        """Settings that a run left, of this version or of 0.1."""
        return self.settings(**values)

    def flags(self) -> Flags:
        """Further settings that have a flag; see :func:`evoprune.runs.options.add_options`."""
        return {}

    def code(self, settings: SettingsT) -> Mapping[str, Mapping[str, str]]:
        """The code outside of evoprune that a run needs, and its fingerprints; see :mod:`evoprune.plugins`."""
        return {}

    def remarks(self, settings: SettingsT, given: Mapping[str, Any]) -> Iterable[str]:
        """What the user is to be warned of: settings that were given and have no effect, a line each."""
        return ()

    @abstractmethod
    def begin(self, settings: SettingsT) -> StateT:
        """A run before its first generation."""

    @abstractmethod
    def generations(self, state: StateT, map_: Map, place: Path | None) -> Iterator[str]:
        """Do the generations that are left, which changes ``state``; after each it yields words for the progress bar.

        :param map_: where tasks are done.
        :param place: the run directory, for what a generation leaves beside the tables and the checkpoint.
        """

    def tables(self, state: StateT) -> dict[str, pd.DataFrame]:
        """The tables of a run directory by the names of their files."""
        return {"log.csv": records.frame(state.log)}

    @abstractmethod
    def stored(self, state: StateT) -> dict[str, Any]:
        """What a checkpoint holds beside settings, generation, log and seconds, as tensors and plain values."""

    @abstractmethod
    def restored(self, settings: SettingsT, stored: Mapping[str, Any], **common: Any) -> StateT:
        """The state from what :meth:`stored` gave; ``common`` is the generation, the log and the seconds.

        :raises Exception: of any kind, where a checkpoint holds something else.
        """

    def twins(self, state: StateT) -> Iterable[StateT]:
        """The runs that this one still has to be compared with.

        A generator: when it goes on, the run that it has yielded is evolved, and it keeps in ``state`` what came of it.
        """
        return ()

    @abstractmethod
    def finish(self, state: StateT, place: Path | None, map_: Map) -> ResultT:
        """The final figures of a run whose generations and comparisons are done."""

    def export(self, result: ResultT) -> dict[str, Any]:
        """What ``model.pt`` holds beside settings and version, as tensors and plain values."""
        states = {part: genome.state() for part, genome in zip(PARTS, result.model, strict=True)}
        weights = {part: state["weights"] for part, state in states.items()}
        return weights | {"masks": {part: state["masks"] for part, state in states.items()}}

    @abstractmethod
    def model(self, stored: dict[str, Any]) -> ModelT:
        """The model whose file holds this."""

    @abstractmethod
    def plot(self, result: ResultT, directory: Path) -> None:
        """Draw the plots of a run into a directory."""

    @abstractmethod
    def table(self, result: ResultT) -> str:
        """What a run says at its end."""

    def hint(self, result: ResultT) -> str:
        """What may be done with the result, a line with its end, or nothing."""
        return ""

    def start(
        self,
        settings: SettingsT,
        directory: str | Path | None = None,
        force: bool = False,
        bar: bool = False,
        engine: Engine | None = None,
        plots: bool = True,
        checked: bool = False,
    ) -> ResultT:
        """Run an experiment.

        :param directory: where to leave the run directory; None keeps everything in memory.
        :param force: replace another run in that directory.
        :param bar: show a progress bar.
        :param engine: where the tasks of a generation are done; in this process by default. The result is the same.
        :param plots: also draw the plots, which takes about a second.
        :param checked: settings and engine have gone through :meth:`check` already.
        :raises ValueError: for data, settings, a directory or an engine that do not fit, before any work.
        """
        if not checked:
            self.check(settings, engine)
        place = None if directory is None else records.open_directory(directory, force)
        if place is not None:
            records.write_json(place / "settings.json", self._mark | settings.as_dict())
        return self._carry_on(self.begin(settings), place, bar, engine, plots)

    def resume(
        self, directory: str | Path, bar: bool = False, engine: Engine | None = None, plots: bool = True
    ) -> ResultT:
        """Continue an interrupted run from its last checkpoint, to the same result to the bit.

        :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
        """
        state = self.load(directory)
        self.check(state.settings, engine)
        return self._carry_on(state, Path(directory), bar, engine, plots)

    def check(self, settings: SettingsT, engine: Engine | None = None) -> None:
        """Load the data and see that they and the engine fit the settings, before any work.

        :raises ValueError: where they do not.
        """
        settings.check_data()
        if not _shares_out(engine, settings):
            name, why = getattr(engine, "name", ""), self.why_serial.format(**settings.as_dict())
            raise ValueError(f"the {name} engine has nothing to share out: {why}; use the serial engine")

    def title(self, settings: SettingsT) -> list[object]:
        """The words of which a run directory without a name gets its own."""
        return [*self._mark.values(), *(getattr(settings, name) for name in self.titles)]

    def settings_in(self, directory: str | Path) -> SettingsT:
        """The settings in the checkpoint of a run directory; code that they name is neither run nor looked for.

        :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
        """
        with _checkpoint(directory) as stored:
            return self.stored_settings(stored["settings"])

    def load(self, directory: str | Path) -> StateT:
        """The run that the checkpoint in a run directory holds.

        :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
        """
        with _checkpoint(directory) as stored:
            check_kinds(stored, {"generation": int, "log": list, "seconds": float})
            if [row["gen"] for row in stored["log"]] != list(range(stored["generation"] + 1)):
                raise ValueError(f"its log does not end with generation {stored['generation']}")
            common = {name: stored[name] for name in ("generation", "log", "seconds")}
            return self.restored(self.stored_settings(stored["settings"]), stored, **common)

    def load_model(self, path: str | Path) -> ModelT:
        """The network that a run left in ``model.pt``, with its masks.

        :raises ValueError: for a file that is missing, damaged or something else.
        """
        path = Path(path)
        if not path.is_file():
            raise ValueError(f"{path}: there is no model here")
        try:
            return self.model(torch.load(path, weights_only=True, map_location="cpu"))
        except Exception as error:
            raise ValueError(f"{path}: damaged or not a model of evoprune ({type(error).__name__}: {error})") from error

    def checkpoint(self, state: StateT, place: Path | None) -> None:
        """Write the tables and the checkpoint into a run directory, if there is one."""
        if place is None:
            return
        for name, table in self.tables(state).items():
            records.write_csv(place / name, table)
        common = {name: getattr(state, name) for name in ("generation", "log", "seconds")}
        settings = {"settings": state.settings.as_dict()}
        records.save_checkpoint(place / "checkpoint.pt", self._mark | settings | common | self.stored(state))

    def _carry_on(self, state: StateT, place: Path | None, bar: bool, engine: Engine | None, plots: bool) -> ResultT:
        """Do what is left: generations, comparisons, and what comes at the end."""
        self._evolve(state, place, bar, engine)
        for twin in self.twins(state):
            self.checkpoint(state, place)
            self._evolve(twin, None, bar, engine)
        self.checkpoint(state, place)
        result = self.finish(state, place, _map_of(engine, state.settings))
        if place is not None:
            about = self._mark | {"settings": state.settings.as_dict(), "version": __version__}
            about["image"] = state.settings.problem.image  # so that a reader needs no data
            records.save_tensors(place / "model.pt", self.export(result) | about)
            if plots:
                self.plot(result, place / "plots")
            records.write_json(place / "summary.json", result.summary)
        return result

    def _evolve(self, state: StateT, place: Path | None, bar: bool, engine: Engine | None) -> None:
        """Do the generations that are left, with a checkpoint now and then and on Ctrl-C."""
        clock = time.perf_counter()
        with progress_bar(state.total, state.generation, state.label, bar) as shown, Deferred() as interrupt:
            for words in self.generations(state, _map_of(engine, state.settings), place):
                now = time.perf_counter()
                state.seconds, clock = state.seconds + now - clock, now
                shown.set_postfix_str(words, refresh=False)
                shown.update(1 if state.generation else 0)
                if interrupt.requested or (state.due and not state.ended):  # what ends is written by the caller
                    self.checkpoint(state, place)
                interrupt.stop_if_requested()

    @property
    def _mark(self) -> dict[str, Any]:
        return {} if self.name == DEFAULT else {"experiment": self.name}


@contextmanager
def _checkpoint(directory: str | Path) -> Iterator[dict[str, Any]]:
    path = Path(directory) / "checkpoint.pt"
    stored = records.load_checkpoint(path)
    with records.fitting(path, "the checkpoint "):
        yield stored


def _shares_out(engine: Engine | None, settings: RunSettings) -> bool:
    return engine is None or engine.name == "serial" or settings.parallel


def _map_of(engine: Engine | None, settings: RunSettings) -> Map:
    return engine.map if engine is not None and _shares_out(engine, settings) else map
