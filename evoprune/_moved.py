"""Modules that version 0.1 had in other places; what imports them by their old names goes on working."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

MOVED = {
    "evoprune.batches": "evoprune.training.batches",
    "evoprune.benchmarks.images": "evoprune.benchmarks.problems.images",
    "evoprune.benchmarks.problem": "evoprune.benchmarks.problems.problem",
    "evoprune.benchmarks.presets": "evoprune.benchmarks.pruning.presets",
    "evoprune.benchmarks.run": "evoprune.benchmarks.pruning.run",
    "evoprune.benchmarks.settings": "evoprune.benchmarks.pruning.settings",
    "evoprune.benchmarks.snapshots": "evoprune.benchmarks.pruning.snapshots",
    "evoprune.launcher": "evoprune.engines.launcher",
    "evoprune.optimizers": "evoprune.training.optimizers",
}
"""Old name -> new name, of the modules that the reference names."""


class _OldNames(MetaPathFinder, Loader):
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


def answer_to_old_names() -> None:
    """From now on the old names can be imported."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
