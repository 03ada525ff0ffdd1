"""What a kind of run says of itself: its settings, what happens in a generation, and what it leaves."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import pandas as pd

from evoprune import records
from evoprune.folders import Folder
from evoprune.individuals import Network, names_of
from evoprune.runs.kernels import BEFORE, Trained
from evoprune.runs.options import Flags
from evoprune.runs.state import RunResult, RunSettings, RunState
from evoprune.runs.stored import Columns

PARTS = ("encoder", "decoder")

Map = Callable[..., Iterable[Any]]
"""DEAP's map slot."""

SettingsT = TypeVar("SettingsT", bound=RunSettings)
StateT = TypeVar("StateT", bound=RunState)
ResultT = TypeVar("ResultT", bound=RunResult)
ModelT = TypeVar("ModelT", bound=Network)


class Kind(ABC, Generic[SettingsT, StateT, ResultT, ModelT]):
    """What tells one kind of run from the others."""

    name: str
    """As ``settings.json`` has it under ``experiment``; see :data:`evoprune.runs.experiment.DEFAULT`."""
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
    log: Columns = MappingProxyType({})
    """The columns of ``log.csv``, in any order, where they do not depend on the settings: see :meth:`columns`."""
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
        return self.settings(**{**BEFORE, **values})

    def flags(self) -> Flags:
        """Further settings that have a flag; see :func:`evoprune.runs.options.add_options`."""
        return {}

    def code(self, settings: SettingsT) -> Mapping[str, Mapping[str, str]]:
        """The code outside of evoprune that a run needs, and its fingerprints; see :mod:`evoprune.plugins`."""
        return {}

    def remarks(self, settings: SettingsT, given: Mapping[str, Any]) -> Iterable[str]:
        """What the user is to be warned of: settings that were given and have no effect, a line each."""
        return ()

    def columns(self, settings: SettingsT) -> Columns:
        """The columns of ``log.csv`` in a run with these settings."""
        return self.log

    @abstractmethod
    def trained(self, settings: SettingsT) -> Trained:
        """An individual such as a run trains; of different ones the simplest."""

    @abstractmethod
    def begin(self, settings: SettingsT) -> StateT:
        """A run before its first generation."""

    @abstractmethod
    def generations(self, state: StateT, map_: Map, place: Folder | None) -> Iterator[str]:
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
    def finish(self, state: StateT, directory: Path | None, map_: Map) -> ResultT:
        """The final figures of a run whose generations and comparisons are done."""

    def export(self, result: ResultT) -> dict[str, Any]:
        """What ``model.pt`` holds beside settings and version, as tensors and plain values."""
        states = {part: genome.state() for part, genome in zip(names_of(result.model), result.model, strict=True)}
        weights = {part: state["weights"] for part, state in states.items()}
        return weights | {"masks": {part: state["masks"] for part, state in states.items()}}

    @abstractmethod
    def model(self, stored: dict[str, Any]) -> ModelT:
        """The model whose file holds this."""

    @abstractmethod
    def plot(self, result: ResultT, place: Folder) -> None:
        """Draw the plots of a run into its directory, below ``plots``."""

    @abstractmethod
    def leaves(self, settings: SettingsT) -> Iterable[str]:
        """The files that a run may leave beside those of :data:`FILES`."""

    @abstractmethod
    def table(self, result: ResultT) -> str:
        """What a run says at its end."""

    def hint(self, result: ResultT) -> str:
        """What may be done with the result, a line with its end, or nothing."""
        return ""
