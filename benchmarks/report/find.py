"""Where the studies and runs are: folders searched for the files that mark them."""

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

STUDY = "study.json"
MARKS = ("settings.json", "summary.json", "error.txt")


@dataclass(frozen=True)
class Place:
    """A folder as found, and as it is shown: without what lies above the path that was given."""

    path: Path
    shown: str


def find(paths: Sequence[str | Path]) -> tuple[list[Place], list[Place]]:
    """The study directories and the run directories outside of them, each once, sorted within each path.

    :raises ValueError: for a path that is not there or no directory, and where nothing is found.
    """
    studies: dict[Path, Place] = {}
    runs: dict[Path, Place] = {}
    given = [Path(path) for path in paths]
    for path in given:
        if not path.is_dir():
            raise ValueError(f"{path}: {'not a directory' if path.exists() else 'there is no such directory'}")
    names = Counter(path.resolve().name for path in {path.resolve(): path for path in given}.values())
    for path in given:
        top = Path(path.resolve().name)
        top = path if names[top.name] > 1 else top
        for folder, below, files in os.walk(path):
            here = Path(folder)
            place = Place(here, str(top / here.relative_to(path)))
            if STUDY in files:
                studies.setdefault(here.resolve(), place)
            elif any(mark in files for mark in MARKS):
                runs.setdefault(here.resolve(), place)
            else:
                below.sort()
                continue
            below.clear()
    if not studies and not runs:
        raise ValueError(
            f"{', '.join(map(str, paths))}: no study (study.json) and no run (settings.json) here or in a folder below"
        )
    inside = {path for path in runs if any(path.is_relative_to(study) for study in studies)}
    return list(studies.values()), [place for path, place in runs.items() if path not in inside]


def study_above(run: Path) -> Path | None:
    """The study to which a run directory ``STUDY/runs/<variant>/<trial>`` belongs."""
    above = run.resolve().parents
    return above[2] if len(above) > 2 and above[1].name == "runs" and (above[2] / STUDY).is_file() else None
