"""From the model of a run to a small network in files that need no evoprune."""

import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from operator import methodcaller
from pathlib import Path
from typing import Any

from torch import nn

from evoprune._version import __version__
from evoprune.benchmarks.experiments import StoredModel, stored_model
from evoprune.benchmarks.shrinking.difference import difference
from evoprune.benchmarks.shrinking.export import ONNX, PROGRAM, WEIGHTS, export
from evoprune.benchmarks.shrinking.finetuning import finetune as train_further, loss_of
from evoprune.benchmarks.shrinking.table import figures, units
from evoprune.checks import MOST, at_least, of_type
from evoprune.data import samples_of
from evoprune.files import write, write_json
from evoprune.folders import SHRUNK, Folder
from evoprune.runs.experiment import run_folder
from evoprune.shrinking.compacting import compacted

TABLE = "shrink.json"
FILES = (PROGRAM, ONNX, WEIGHTS, TABLE)
"""What is left, in the order in which it is written: where the table is, the rest is too."""
BELOW = "shrunk/"
"""Where it is left in the directory of a run."""


@dataclass(frozen=True)
class Shrunk:
    """A network without dead units: the module, what ``shrink.json`` says, and where the files are."""

    module: nn.Module
    table: dict[str, Any]
    directory: Path


def shrink(
    run_or_model: str | os.PathLike[str] | StoredModel,
    output: str | os.PathLike[str] | None = None,
    finetune: int = 0,
    bar: bool = False,
) -> Shrunk:
    """Take the dead units out of the network that a run left, and write what is left as files that need no evoprune.

    ``model.pt2`` is read by ``torch.export.load``, ``model.onnx`` by onnxruntime, both for any number of samples;
    ``weights.safetensors`` has the weights alone; ``shrink.json`` figures before and after. An earlier call's are
    replaced. Without the extra ``export`` there is no ``model.onnx``, and ``left_out`` in the table says so.

    :param run_or_model: the directory of a run of any experiment that has ended, its ``model.pt``, or a copy of that.
    :param output: the directory of the files; by default ``shrunk`` in that of the run.
    :param finetune: epochs by which the network is trained further before that, as the run did, masks respected.
    :param bar: show the progress of that.
    :raises ValueError: where there is no model, or one that is damaged; without ``output`` for a model that lies in no
        run; for data that are missing; for a directory that holds something else; and a network that gives NaN.
    :raises Differs: where what was made does not compute the same. Nothing is written then.
    :raises WriteError: where a file cannot be written.
    """
    at_least("finetune", finetune, 0, whole=True, most=MOST)
    found = run_or_model if isinstance(run_or_model, StoredModel) else stored_model(run_or_model)
    folder, below = _place(found, output)
    folder.look()
    settings = found.settings
    problem, loss = settings.problem, loss_of(settings)
    samples = samples_of(problem, "test")
    with folder:
        folder.check(f"{below}{name}" for name in FILES)
        individual = found.individual
        if finetune:
            individual = deepcopy(individual)
            train_further(individual, settings, finetune, bar)
        module, removed = compacted(individual)
        made = export(module, samples.inputs.shape[1:])
        table: dict[str, Any] = {
            "experiment": found.experiment.name,
            "finetune": finetune,
            "samples": len(samples.inputs),
            "difference": difference(individual, {"module": module, **made.calls}, samples),
            "loss": loss,
            "before": figures(found.individual, problem, samples, loss),
            "after": figures(module, problem, samples, loss),
            "units": units(found.individual, module),
            "reasons": removed.reasons,
            "input": list(samples.inputs.shape[1:]),
            "files": {name: len(content) for name, content in made.contents.items()},
            "left_out": made.left_out,
            "version": __version__,
        }
        _write(folder, below, made.contents, table)
    return Shrunk(module, table, folder.path / below)


def _place(found: StoredModel, output: str | os.PathLike[str] | None) -> tuple[Folder, str]:
    """Where the files go, and what comes before their names there."""
    if output is not None:
        of_type("output", output, str | os.PathLike, "the path of a directory")
        return Folder(Path(output), SHRUNK), ""
    if found.directory is None:
        raise ValueError(f"{found.path} lies in no run directory: say with output (--output) where its files go")
    return run_folder(found.directory), BELOW


def _write(folder: Folder, below: str, contents: dict[str, bytes], table: dict[str, Any]) -> None:
    """Write all, the table last; that of an earlier call goes first, so that it speaks of no other files."""
    writers: dict[str, Callable[[Path], None]] = {
        name: partial(write, writer=methodcaller("write", content)) for name, content in contents.items()
    }
    writers[TABLE] = partial(write_json, value=table)
    for name in (TABLE, *(name for name in FILES if name not in writers)):
        if folder.has(f"{below}{name}"):
            folder.at(f"{below}{name}").unlink()
    for path, writer in zip(folder.claim(f"{below}{name}" for name in writers), writers.values(), strict=True):
        writer(path)
