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
    "evoprune.benchmarks.report.statistics": "evoprune.statistics",
    "evoprune.benchmarks.run": "evoprune.benchmarks.pruning.run",
    "evoprune.benchmarks.settings": "evoprune.benchmarks.pruning.settings",
    "evoprune.benchmarks.snapshots": "evoprune.benchmarks.pruning.snapshots",
    "evoprune.launcher": "evoprune.engines.launcher",
    "evoprune.optimizers": "evoprune.training.optimizers",
}
"""Old name -> new name, of the modules that the reference names."""
FILE = "file:"


def name_of(path: str) -> str:
    """The module name of a user's file, in which no dot may stand: workers unpickle what it defines by this name."""
    return FILE + quote(path).replace(".", "%2E")


class Finder(MetaPathFinder, Loader):
    """Finds the files, and under an old name the very module that has the new one, so that no class is there twice."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.startswith(FILE):
            return spec_from_file_location(fullname, unquote(fullname.removeprefix(FILE)))
        return ModuleSpec(fullname, self) if fullname in MOVED else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(MOVED[spec.name])
        self.kept = module.__spec__  # which importlib replaces by the one of the old name
        return module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.kept


def install() -> None:
    """From now on such modules can be imported."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.append(Finder())
