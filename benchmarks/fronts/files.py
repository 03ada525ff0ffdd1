"""The files of a front: where they go, and that they are there whole or not at all."""

import os
from collections.abc import Mapping
from operator import methodcaller
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from evoprune._version import __version__
from evoprune.benchmarks.pruning.run import PRUNING
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.checks import of_type
from evoprune.files import write, write_json
from evoprune.folders import FRONT, Folder
from evoprune.individuals import Network
from evoprune.records import save_tensors, write_csv
from evoprune.runs.experiment import run_folder
from evoprune.runs.terminal import progress_bar

TABLE, PICTURE, FACTS = FILES = ("front.csv", "front.png", "front.json")
"""What is left beside the networks, in the order in which it is written: where the last is, the rest is too."""
NETWORKS, BELOW = "networks/", "front/"
"""Where the networks are among the files, and the files in the directory of a run."""


def place_of(run: Path, output: str | os.PathLike[str] | None) -> tuple[Folder, str]:
    """Where the files go, and what comes before their names there."""
    if output is None:
        return run_folder(run), BELOW
    of_type("output", output, str | os.PathLike, "the path of a directory")
    return Folder(Path(output), FRONT), ""


def write_files(
    folder: Folder,
    below: str,
    networks: Mapping[str, Network],
    settings: Settings,
    table: pd.DataFrame,
    picture: bytes,
    facts: Mapping[str, Any],
    bar: bool,
) -> None:
    """Write all, what counts them last; that of an earlier call goes first, so that it speaks of no other files.

    :param networks: name of a file -> what it holds.
    """
    names = [f"{below}{name}" for name in (*networks, *FILES)]
    folder.check(names)
    for name in folder.present:
        if name == f"{below}{FACTS}" or (name.startswith(f"{below}{NETWORKS}") and name not in names):
            folder.at(name).unlink()
    paths = dict(zip((*networks, *FILES), folder.claim(names), strict=True))
    with progress_bar(len(networks), 0, f"saving {len(networks)}", bar) as shown:
        for name, network in networks.items():
            save_tensors(paths[name], stored(network, settings))
            shown.update(1)
    write_csv(paths[TABLE], table)
    write(paths[PICTURE], methodcaller("write", picture))
    write_json(paths[FACTS], facts)


def stored(network: Network, settings: Settings) -> dict[str, Any]:
    """What ``model.pt`` would hold, had the run ended with this network."""
    result: Any = SimpleNamespace(model=network)  # all that is read of one
    about = {"settings": settings.as_dict(), "version": __version__, "image": settings.problem.image}
    return PRUNING.export(result) | about
