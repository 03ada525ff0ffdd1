"""What a sweep will run: variants times trials, with a seed a trial that all variants share."""

import dataclasses
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evoprune.benchmarks.experiments import DEFAULT, EXPERIMENTS, AnyExperiment
from evoprune.checks import lookup, shown
from evoprune.files import read_json, reason, write_json
from evoprune.plugins import label
from evoprune.runs.kernels import from_stored
from evoprune.runs.settings import SEEDS, check_type, check_value, parse, types_of
from evoprune.runs.stored import check_kinds
from evoprune.seeds import derive
from evoprune.training.kernel import Kernel

FORMAT = "evoprune study 1"
MOST = 10**6
"""Runs of a plan at most."""
PER_RUN = ("seed",)  # settings that a trial sets


@dataclass(frozen=True)
class Run:
    """One run of a plan."""

    variant: str
    trial: int
    settings: dict[str, Any]
    kernel: Kernel | None = None

    @property
    def name(self) -> dict[str, Any]:
        """What tells it from the others, as the first columns of a row."""
        return {"variant": self.variant, "trial": self.trial, "seed": self.settings["seed"]}

    @property
    def place(self) -> Path:
        """Where its directory is, below that of the study."""
        return Path("runs") / self.variant / f"{self.trial:02d}"


@dataclass(frozen=True)
class Plan:
    """Variants (name -> settings without a seed), how many trials of each, and the seed that theirs derive from.

    :param shard: ``(i, n)``: the i-th of n parts, counted from 1. A variant's trials are dealt out over all parts.
    :param kernels: what does the gradient steps of each variant; empty until a sweep begins.
    :raises ValueError: for trials below 1, a shard out of range, or no variants.
    """

    variants: dict[str, dict[str, Any]]
    trials: int
    seed: int = 0
    experiment: str = DEFAULT
    shard: tuple[int, int] = (1, 1)
    kernels: dict[str, Kernel] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lookup("experiment", self.experiment, EXPERIMENTS)
        check_type("trials", self.trials, int)
        check_type("seed", self.seed, int)
        check_value("trials", self.trials, {"least": 1, "most": MOST // max(len(self.variants), 1)})
        check_value("seed", self.seed, {"least": 0, "most": SEEDS})
        if not self.variants:
            raise ValueError("a sweep needs at least one variant")
        for name, settings in self.variants.items():
            if not isinstance(settings, dict):
                raise ValueError(f"variants: {shown(name)} must be settings, name -> value, got {shown(settings)}")
            if not name.isprintable() or "/" in name or name in ("", ".", ".."):
                raise ValueError(f"variants: {shown(name)} cannot be the name of a folder")
        i, n = self.shard
        if not 1 <= i <= n:
            raise ValueError(f"shard must be i/n with 1 <= i <= n, got {i}/{n}")

    @property
    def runs(self) -> list[Run]:
        """The runs of this shard, a trial of every variant after the other, so that an early look has all variants."""
        i, n = self.shard
        count = len(self.variants)
        again = n // math.gcd(count, n)  # after so many trials a variant would meet the same parts once more
        return [
            Run(name, trial, settings | {"seed": derive(self.seed, trial) % 2**31}, self.kernels.get(name))
            for trial in range(self.trials)
            for number, (name, settings) in enumerate(self.variants.items())
            if (trial * count + number + trial // again) % n == i - 1
        ]

    def as_dict(self) -> dict[str, Any]:
        """The plan as plain values."""
        return {"format": FORMAT} | dataclasses.asdict(self)

    def save(self, path: Path) -> None:
        """Leave the plan as a file, ``study.json``."""
        write_json(path, self.as_dict())


def load_plan(directory: str | Path) -> Plan:
    """The plan of a study directory.

    :raises ValueError: where none is, or a damaged one.
    """
    path = Path(directory) / "study.json"
    if not path.exists():
        raise ValueError(f"{path}: there is no study here")
    try:
        values = read_json(path)
        check_stored(values)
        del values["format"]
        experiment = lookup("experiment", values["experiment"], EXPERIMENTS)
        stored = {name: experiment.stored_settings(kept) for name, kept in values["variants"].items()}
        variants = {name: _of_all_trials(settings) for name, settings in stored.items()}
        kernels = {name: from_stored(kept) for name, kept in values.pop("kernels", {}).items()}
        shard = tuple(values.get("shard") or (1, 1))
        return Plan(**values | {"variants": variants, "shard": shard, "kernels": kernels})
    except Exception as error:  # whatever a foreign file makes it stumble over
        problem = "damaged or not a study, or it does not fit this version of evoprune"
        why = reason(error).removeprefix(f"{path}: ")
        raise ValueError(f"{path}: {problem} ({why})") from error


def check_stored(values: Mapping[str, Any]) -> None:
    """See that ``study.json`` has the format of this version, and dicts of variants and of kernels.

    :raises ValueError: naming the field that has not.
    """
    found, variants = values.get("format"), values.get("variants")
    if found != FORMAT:
        raise ValueError(f"expected format {FORMAT!r}, got {shown(found)}")
    if not isinstance(variants, dict) or not all(isinstance(settings, dict) for settings in variants.values()):
        raise ValueError(f"variants must be names with settings, got {shown(variants)}")
    shard = values.get("shard") or (1, 1)  # version 0.1 left it out
    check_kinds({"kernels": {}, **values}, {"kernels": dict})  # those of before there was a choice have none
    if not isinstance(shard, (list, tuple)) or [type(number) for number in shard] != [int, int]:
        raise ValueError(f"shard must be two whole numbers, got {shown(shard)}")


def make_plan(
    presets: Sequence[str] = (),
    grid: Sequence[str] = (),
    fixed: Mapping[str, Any] | None = None,
    trials: int = 10,
    seed: int = 0,
    experiment: str = DEFAULT,
    shard: str = "1/1",
) -> Plan:
    """A plan from words: every preset with every point of the grid.

    :param presets: names of presets, each a variant; the defaults where none is given.
    :param grid: axes such as ``"operator=random,variance"``.
    :param fixed: settings that all variants share. Comparisons without pruning are off unless asked for here.
    :param shard: ``"i/n"``.
    :raises ValueError: for an unknown setting or value, or variants of the same name, before anything runs.
    """
    kind = lookup("experiment", experiment, EXPERIMENTS)
    if presets and kind.presets is None:
        raise ValueError(f"presets belong to experiment {DEFAULT}, not {experiment}: use --grid")
    types = _types(kind)
    axes = _axes(grid, types)
    for name in fixed or {}:
        if name in axes:
            raise ValueError(f"{name} is given both as an option and as an axis of the grid")
    points = math.prod(map(len, axes.values())) * max(len(presets), 1)
    if points > MOST:
        raise ValueError(f"the grid has {points} points, at most {MOST} were expected")
    shared = ({"compare": False} if "compare" in types else {}) | dict(fixed or {})
    variants: dict[str, dict[str, Any]] = {}
    names: Sequence[str | None] = presets or [None]
    for preset, point in itertools.product(names, itertools.product(*axes.values())):
        chosen = dict(zip(axes, point, strict=True))
        layers = kind.presets(preset) if kind.presets and preset is not None else []
        settings = kind.make_settings(*layers, shared, *(_layer(*each) for each in chosen.items()))
        spelt = {key: str(v).lower() if isinstance(v, bool) else label(v) for key, v in chosen.items()}
        several = [f"{name}={value}" for name, value in spelt.items() if len(axes[name]) > 1]
        name = re.sub(r"[^\w.,=+-]", "_", ",".join([*filter(None, [preset]), *several]) or "default")
        if name in variants:
            raise ValueError(f"two variants are called {name!r}: name each once")
        variants[name] = _of_all_trials(settings)
    found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", shard)
    if not found:
        raise ValueError(f"shard must be i/n such as 2/5, got {shown(shard)}")
    return Plan(variants, trials, seed, experiment, (int(found[1]), int(found[2])))


def _of_all_trials(settings: Any) -> dict[str, Any]:
    return {name: value for name, value in settings.as_dict().items() if name not in PER_RUN}


def _types(experiment: AnyExperiment) -> dict[str, Any]:
    """Setting -> its type, options of problems among them, and for those of any operator ``operator.``."""
    hints = types_of(experiment.settings)
    fields = [field for field in dataclasses.fields(experiment.settings) if not field.metadata.get("hidden")]
    types = {field.name: hints[field.name] for field in fields}
    dicts = {name: name.removesuffix("_options") + "." for name in types if name.endswith("_options")}
    flags = {name: next(iter(owners.values())).type for name, owners in experiment.flags().items()}
    return {dicts.get(name, name): kind for name, kind in types.items()} | flags


def _layer(name: str, value: Any) -> dict[str, Any]:
    kind, dot, option = name.partition(".")
    return {f"{kind}_options": {option: value}} if dot else {name: value}


def _axes(grid: Iterable[str], types: Mapping[str, Any]) -> dict[str, list[Any]]:
    axes: dict[str, list[Any]] = {}
    for axis in grid:
        if not isinstance(axis, str):
            raise ValueError(f"an axis of the grid must be a text NAME=VALUE,VALUE,..., got {shown(axis)}")
        name, equals, values = axis.partition("=")
        name = name.replace("-", "_")
        if not equals or not values:
            raise ValueError(f"an axis of the grid must be NAME=VALUE,VALUE,..., got {shown(axis)}")
        prefix = name[: name.find(".") + 1]
        kind = lookup("setting", prefix if prefix in types else name, types)
        if name in PER_RUN:
            raise ValueError(f"{name} cannot be an axis of the grid: every trial has its own; use --trials and --seed")
        if name in axes:
            raise ValueError(f"{name} stands twice in the grid")
        # What type an option of an operator has, the operator knows.
        axes[name] = [text if prefix in types else parse(name, text, kind) for text in values.split(",")]
        if len(set(axes[name])) < len(axes[name]):
            raise ValueError(f"{name}: a value stands twice in {values!r}")
    return axes
