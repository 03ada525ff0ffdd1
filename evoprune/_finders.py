"""Modules that are found in a way of our own: those that version 0.1 had in other places, and files of a user."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType
from urllib.parse import quote, unquote

MOVED = {
    "evoprune.batches": "evoprune.training.batches",
    "evoprune.benchmarks.images": "evoprune.benchmarks.problems.images",
    "evoprune.benchmarks.presets": "evoprune.benchmarks.pruning.presets",
    "evoprune.benchmarks.problem": "evoprune.benchmarks.problems.problem",
    "evoprune.benchmarks.run": "evoprune.benchmarks.pruning.run",
    "evoprune.benchmarks.settings": "evoprune.benchmarks.pruning.settings",
    "evoprune.benchmarks.snapshots": "evoprune.benchmarks.pruning.snapshots",
    "evoprune.launcher": "evoprune.engines.launcher",
    "evoprune.optimizers": "evoprune.training.optimizers",
}
"""Old name -> new name, of the modules that the reference names."""
FILE = "file:"


class OldNames(MetaPathFinder, Loader):
    """Finds under an old name the very module that has the new one, so that no class is there twice."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(MOVED[spec.name])
        self.kept = module.__spec__  # which importlib replaces by the one of the old name
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.kept


class Files(MetaPathFinder):
    """Finds a user's file under the name that :func:`name_of` gives it, so that workers unpickle what it defines."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not fullname.startswith(FILE):
            return None
        return spec_from_file_location(fullname, unquote(fullname.removeprefix(FILE)))


def name_of(path: str) -> str:
    """The module name of a file, in which no dot may stand."""
    return FILE + quote(path).replace(".", "%2E")


def install() -> None:
    """From now on such modules can be imported."""
    for finder in (OldNames, Files):
        if not any(isinstance(one, finder) for one in sys.meta_path):
            sys.meta_path.append(finder())
