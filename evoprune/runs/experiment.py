"""The life of a run, which is the same for every kind of experiment: start, checkpoints, comparisons, end, resume."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evoprune import records
from evoprune._version import __version__
from evoprune.checks import shown
from evoprune.engines import Engine
from evoprune.engines.lifeline import shortfall
from evoprune.files import fitting, read_json, reason, write_json
from evoprune.folders import RUN, Folder
from evoprune.interrupts import Deferred
from evoprune.legacy import known
from evoprune.memory import check_fits
from evoprune.runs import kernels
from evoprune.runs.kind import PARTS, Kind, Map, ModelT, ResultT, SettingsT, StateT
from evoprune.runs.settings import check_names
from evoprune.runs.state import RunSettings
from evoprune.runs.stored import check_any_finite, check_kinds, check_log
from evoprune.runs.terminal import progress_bar
from evoprune.training.kernel import Kernel

__all__ = ["CHECKPOINT", "DEFAULT", "FILES", "PARTS", "Experiment", "Map", "run_folder"]

DEFAULT = "run"
"""The experiment whose run directories do not name it."""

CHECKPOINT = "checkpoint.pt"
FILES = ("settings.json", "summary.json", "log.csv", CHECKPOINT, "model.pt")
"""What every run leaves."""


class Experiment(Kind[SettingsT, StateT, ResultT, ModelT]):
    """A kind of run. A subclass says what happens in one; starting and resuming are the same for all.

    A run directory gets its manifest and ``settings.json`` first. While the run goes on it gets the tables and, after
    them, so that it never runs ahead of them, ``checkpoint.pt``; at the end ``model.pt``, ``plots/`` and last of all
    ``summary.json``: where it is, the run has ended.
    """

    def start(
        self,
        settings: SettingsT,
        directory: str | Path | None = None,
        force: bool = False,
        bar: bool = False,
        engine: Engine | None = None,
        plots: bool = True,
        checked: bool = False,
        kernel: Kernel | None = None,
    ) -> ResultT:
        """Run an experiment; one that was interrupted in the same directory, with the same settings, goes on.

        :param directory: where to leave the run directory; None keeps everything in memory.
        :param force: replace another run in that directory; what evoprune did not write stays.
        :param bar: show a progress bar.
        :param engine: where the tasks of a generation are done; in this process by default. The result is the same.
        :param plots: also draw the plots, which takes about a second.
        :param checked: settings and engine have gone through :meth:`check` already.
        :param kernel: what :meth:`kernel_of` gave, perhaps on another machine; by default what it gives here.
        :raises ValueError: for data, settings, a directory or an engine that do not fit, before any work.
        :raises WriteError: where a file cannot be written; what was written before is intact.
        """
        if not checked:
            self.check(settings, engine)
        kernel = self.kernel_of(settings) if kernel is None else kernel
        if directory is None:
            return self._carry_on(self._begun(settings, kernel), None, bar, engine, plots)
        with run_folder(directory) as place:
            place.check([*FILES, *self.leaves(settings)])
            state = self._unfinished(place, settings) if place.present and not force else None
            if state is None and place.present:
                place.clear()
            if state is None:
                write_json(place.file("settings.json"), self._mark | settings.as_dict())
            return self._carry_on(state or self._begun(settings, kernel), place, bar, engine, plots)

    def resume(
        self,
        directory: str | Path,
        bar: bool = False,
        engine: Engine | None = None,
        plots: bool = True,
        kernel: str | None = None,
    ) -> ResultT:
        """Continue an interrupted run from its last checkpoint, to the same result to the bit.

        Before its first checkpoint it begins again.

        :param kernel: go on with this one instead of the run's own, whose last bits may differ; the summary says so.
        :raises ValueError: where there is no run, a checkpoint that is damaged or foreign, or a kernel that is not
            here.
        """
        self.check(self.settings_in(directory), engine)
        with run_folder(directory) as place:
            state = self._restart(place, kernel)
            place.check([*FILES, *self.leaves(state.settings)])
            return self._carry_on(state, place, bar, engine, plots)

    def _begun(self, settings: SettingsT, kernel: Kernel) -> StateT:
        """A run before its first generation, with a kernel that is here."""
        state = self.begin(settings)
        state.kernel = kernel
        return state

    def _restart(self, place: Folder, kernel: str | None = None) -> StateT:
        """The run in a directory as its checkpoint has it, or before its first generation; perhaps another kernel's."""
        if not (place.path / CHECKPOINT).exists():
            settings = self.settings_in(place.path)
            return self._begun(settings, self.kernel_of(settings, kernel))
        state = self.load(place.path)
        kernels.go_on(state, None if kernel is None else self.kernel_of(state.settings, kernel), place.path)
        return state

    def _unfinished(self, place: Folder, settings: SettingsT) -> StateT:
        """The run in a directory, where it has not ended and has these settings.

        :raises ValueError: where it has ended, or is another one.
        """
        there = None if place.has("summary.json") else self.settings_in(place.path)
        if difference := "a run that has ended" if there is None else differs(there, settings):
            raise ValueError(f"{place.path} holds {difference}: choose another directory or use --force")
        return self._restart(place)

    def check(self, settings: SettingsT, engine: Engine | None = None) -> None:
        """Load the data and see that they, the engine and the memory fit the settings, before any work.

        :raises ValueError: where they do not.
        """
        settings.check_data()
        check_fits(settings.memory, "smaller networks, or fewer of them")
        if not _shares_out(engine, settings):
            name, why = getattr(engine, "name", ""), self.why_serial.format(**settings.as_dict())
            raise ValueError(f"the {name} engine has nothing to share out: {why}; use the serial engine")

    def kernel_of(self, settings: SettingsT, asked: str | None = None) -> Kernel:
        """What the kernel of the settings comes to on this machine, before any work.

        :param asked: another one instead.
        :raises ValueError: for one that is not here, or that trains nothing of the run.
        """
        return kernels.kernel_of(settings.kernel if asked is None else asked, lambda: self.trained(settings))

    def title(self, settings: SettingsT) -> list[object]:
        """The words of which a run directory without a name gets its own."""
        return [*self._mark.values(), *(getattr(settings, name) for name in self.titles)]

    def settings_in(self, directory: str | Path) -> SettingsT:
        """The settings of a run directory; code that they name is neither run nor looked for.

        :raises ValueError: where there is no run, or its files are damaged or foreign.
        """
        if (Path(directory) / CHECKPOINT).exists():
            with _checkpoint(directory) as stored:
                return self._settings(stored.get("settings"))
        path = Path(directory) / "settings.json"
        if not path.exists():
            raise ValueError(f"{directory}: there is no run here (neither settings.json nor {CHECKPOINT})")
        values = read_json(path)
        with fitting(path):
            return self._settings({name: value for name, value in values.items() if name != "experiment"})

    def load(self, directory: str | Path) -> StateT:
        """The run that the checkpoint in a run directory holds.

        :raises ValueError: where there is no checkpoint, or one that is damaged or foreign.
        """
        with _checkpoint(directory) as stored:
            self._check_mark(stored)
            settings = self._settings(stored.get("settings"))
            common = check_log(stored, self.columns(settings))
            state = self.restored(settings, stored, **common)
            kernels.restore(state, stored)
            if state.generation > state.total:
                raise ValueError(f"generation must be at most {state.total}, got {state.generation}")
            return state

    def load_model(self, path: str | Path) -> ModelT:
        """The network that a run left in ``model.pt``, with its masks.

        :raises ValueError: for a file that is missing, damaged or something else.
        """
        return self.load_export(path)[0]

    def load_export(self, path: str | Path) -> tuple[ModelT, dict[str, Any]]:
        """The same, and all that the file holds.

        :raises ValueError: as :meth:`load_model`.
        """
        return self.exported(path, records.load_tensors(path, "model"))

    def exported(self, path: str | Path, stored: dict[str, Any]) -> tuple[ModelT, dict[str, Any]]:
        """The same of what the file at ``path`` holds.

        :raises ValueError: as :meth:`load_model`.
        """
        try:
            self._check_mark(stored)
            check_kinds(stored, {"settings": dict})
            model = self.model(stored)
            check_any_finite([[genome.module for genome in model]])
        except Exception as error:  # whatever a foreign file makes it stumble over
            raise ValueError(f"{path}: damaged or not a model of evoprune ({reason(error)})") from error
        return model, stored

    def _settings(self, values: Any) -> SettingsT:
        """What :meth:`stored_settings` makes of settings that may be anything."""
        if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
            raise ValueError(f"settings must be a dict, name -> value, got {shown(values)}")
        check_names(self.settings, values, (*self.old_names, *self.flags()))
        return self.stored_settings(values)

    def _check_mark(self, stored: Mapping[str, Any]) -> None:
        """See that a file that says which experiment left it was left by this one."""
        found = stored.get("experiment", self.name)
        if found != self.name:
            raise ValueError(f"experiment must be {self.name!r}, got {shown(found)}")

    def checkpoint(self, state: StateT, place: Folder | None) -> None:
        """Write the tables and the checkpoint into a run directory, if there is one."""
        if place is None:
            return
        for name, table in self.tables(state).items():
            records.write_csv(place.file(name), table)
        common = {name: getattr(state, name) for name in ("generation", "log", "seconds")}
        common |= {"settings": state.settings.as_dict()} | kernels.stored(state)
        records.save_checkpoint(place.file(CHECKPOINT), self._mark | common | self.stored(state))

    def _carry_on(self, state: StateT, place: Folder | None, bar: bool, engine: Engine | None, plots: bool) -> ResultT:
        """Do what is left: generations, comparisons, and what comes at the end."""
        self._evolve(state, place, bar, engine)
        for twin in self.twins(state):
            self.checkpoint(state, place)
            twin.kernel = state.kernel
            self._evolve(twin, None, bar, engine)
        self.checkpoint(state, place)
        result = self.finish(state, place.path if place else None, _map_of(engine, state.settings))
        result.summary.update(kernels.summary(state))
        if place is not None:
            about = self._mark | {"settings": state.settings.as_dict(), "version": __version__}
            about["image"] = state.settings.problem.image  # so that a reader needs no data
            result.summary.update(shortfall())
            records.save_tensors(place.file("model.pt"), self.export(result) | about)
            if plots:
                self.plot(result, place)
            write_json(place.file("summary.json"), result.summary)
        return result

    def _evolve(self, state: StateT, place: Folder | None, bar: bool, engine: Engine | None) -> None:
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


def run_folder(directory: str | Path) -> Folder:
    """The directory of a run, to be opened."""
    return Folder(directory, RUN, known(RUN))


def differs(there: RunSettings, settings: RunSettings) -> str:
    """The first setting in which a run is another one, empty where there is none; any kernel will do for ``auto``."""
    mine, theirs = settings.as_dict(), there.as_dict()
    if settings.kernel == kernels.AUTO:
        mine["kernel"] = theirs["kernel"]
    name = next((name for name in mine if mine[name] != theirs.get(name)), None)
    return "" if name is None else f"another run, which has {name} {theirs.get(name)!r} instead of {mine[name]!r}"


@contextmanager
def _checkpoint(directory: str | Path) -> Iterator[dict[str, Any]]:
    path = Path(directory) / CHECKPOINT
    stored = records.load_checkpoint(path)
    with fitting(path, "the checkpoint "):
        yield stored


def _shares_out(engine: Engine | None, settings: RunSettings) -> bool:
    return engine is None or engine.name == "serial" or settings.parallel


def _map_of(engine: Engine | None, settings: RunSettings) -> Map:
    return engine.map if engine is not None and _shares_out(engine, settings) else map
