"""Made-up study folders: a few numbers a run, as a sweep would leave them."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from evoprune.benchmarks.pruning.settings import make_settings

TRIALS = 6
LEVELS = {"spatial-none": 0.15, "spatial-random-exponential": 0.1, "canonical-none": 0.27}
"""The train_l1 of the first trial; every further trial has 0.001 more."""


def settings_of(variant: str, **changes: Any) -> dict[str, Any]:
    """The paper's settings of a variant, without a seed."""
    algorithm, operator, *schedule = variant.split("-", 2)
    layer: dict[str, Any] = {"semantics": "reference", "algorithm": algorithm, "operator": operator}
    if schedule and operator != "none":
        layer["schedule"] = schedule[0]
    settings = make_settings(layer, {"compare": False}, changes).as_dict()
    del settings["seed"]
    return settings


def write_run(directory: Path, settings: dict[str, Any], loss: float, log: bool = True, **changes: Any) -> Path:
    """A run that ended: test_l1 is 0.01 above train_l1, the log has 5 generations down to it."""
    directory.mkdir(parents=True)
    kept = 1.0 if settings.get("operator") == "none" else 0.8
    summary: dict[str, Any] = {
        **{name: settings[name] for name in ("operator", "generations", "cells", "seed") if name in settings},
        **{"train_l1": loss, "test_l1": loss + 0.01, "test_loss": loss + 0.01, "test_error": loss / 2},
        **{"preserved": kept, "seconds": 2.0, "version": "1", "unpruned": None},
    }
    (directory / "settings.json").write_text(json.dumps(settings))
    (directory / "summary.json").write_text(json.dumps(summary | changes))
    if log:
        frame = pd.DataFrame({"gen": range(5), "train_loss": [None, loss * 4, loss * 3, loss * 2, loss]})
        frame["validation_l1"] = loss * (5 - frame["gen"])
        frame["preserved_encoder"] = 1 - (1 - kept) * frame["gen"] / 4
        frame["preserved_decoder"] = frame["preserved_encoder"]
        frame.to_csv(directory / "log.csv", index=False)
    return directory


def write_study(
    place: Path,
    levels: dict[str, float] | None = None,
    trials: int = TRIALS,
    shard: tuple[int, int] = (1, 1),
    seed: int = 0,
    **changes: Any,
) -> Path:
    """A study of the variants in ``levels``; a shard has every n-th run. Trial t has seed 2**62 + t."""
    levels = LEVELS if levels is None else levels
    variants = {name: settings_of(name, **changes) for name in levels}
    plan = {"format": "evoprune study 1", "experiment": "run", "seed": seed, "trials": trials, "variants": variants}
    place.mkdir(parents=True)
    (place / "study.json").write_text(json.dumps(plan | {"shard": list(shard)}))
    runs = [(trial, name) for trial in range(trials) for name in variants]
    for trial, name in runs[shard[0] - 1 :: shard[1]]:
        settings = variants[name] | {"seed": 2**62 + trial}
        write_run(place / "runs" / name / f"{trial:02d}", settings, levels[name] + 0.001 * trial)
    return place
