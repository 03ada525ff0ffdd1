"""Every public function, class and method, and for each a valid call: what the fuzzer starts from.

What is public is read from the packages and from ``docs/reference.md``, and the arguments from the signatures, so what
is added later is called as well. Only a parameter without a default needs a word here, in :data:`VALID`.
"""

import contextlib
import inspect
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from deap import base, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.activations import ActivationProbe
from evoprune.algorithms import ring
from evoprune.architecture import Architecture, Linear
from evoprune.evaluation import evaluate, reconstruction_loss
from evoprune.networks import MLP, mlp_decoder, mlp_encoder
from evoprune.operators import Fixed, ScheduledProbability, Space, mutPruneRandom
from evoprune.seeds import Stream
from evoprune.statistics import compare
from evoprune.training import train_epoch

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference.md"
PACKAGES = ("evoprune", "evoprune.operators", "evoprune.algorithms", "evoprune.training")
MODULES = ("evoprune.statistics", "evoprune.memory")
ELSEWHERE = ("evoprune.benchmarks", "evoprune.engines")  # their settings have tests of their own

DATA = torch.rand(8, 6, generator=torch.Generator().manual_seed(0))


def make_pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([6, 4, 3], "tanh")), Decoder(mlp_decoder([3, 4, 6]))])


def make_grid() -> list[Autoencoder]:
    return [make_pair() for _ in range(3)]


def make_rated() -> Autoencoder:
    pair = make_pair()
    pair.learning_rate = 0.1
    return pair


def make_toolbox(evaluation: Callable[..., Any] = reconstruction_loss) -> base.Toolbox:
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluation, data=DATA)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", train_epoch, data=DATA)
    toolbox.register("mutate", mutPruneRandom, amount=0.1)
    return toolbox


def make_architecture() -> Architecture:
    return Architecture([Linear(8)], (1, 4, 4), 2)


def make_frame() -> pd.DataFrame:
    rows = [(variant, seed, seed + len(variant) / 10) for variant in ("a", "bb", "ccc") for seed in range(4)]
    return pd.DataFrame(rows, columns=["variant", "seed", "loss"])


def make_space() -> Space:
    return Space((1, 4, 4), 2, convolutions=(0, 1), linear=(0, 2), widths=(4, 8), channels=(2, 4), kernels=(1, 3))


def masks() -> dict[str, torch.Tensor]:
    return {"0.weight": torch.ones(4, 6, dtype=torch.bool)}


VALID: dict[str, Callable[[], Any]] = {
    "C": lambda: 0.5,
    "T": lambda: 9,
    "a": make_pair,
    "activation": lambda: "relu",
    "activations": lambda: ActivationProbe(DATA),
    "age": lambda: 3,
    "amount": lambda: 0.5,
    "b": make_pair,
    "batches": lambda: [DATA],
    "bytes_": lambda: 1e6,
    "cells": lambda: 4,
    "channels": lambda: 2,
    "choices": lambda: [(make_pair().encoder, *next(iter(masks().items())))],
    "code": lambda: 2,
    "convolutions": lambda: 1,
    "data": lambda: DATA,
    "decoder": lambda: make_pair().decoder,
    "directory": lambda: "nowhere",
    "effect": lambda: 0.7,
    "encoder": lambda: make_pair().encoder,
    "evaluations": lambda: 3,
    "every": lambda: 2,
    "exclude": lambda: ["0"],
    "frame": make_frame,
    "generations": lambda: 10,
    "genome": lambda: make_pair().encoder,
    "genomes": lambda: list(make_pair()),
    "grid": make_grid,
    "halloffame": lambda: tools.HallOfFame(1),
    "individual": make_pair,
    "indpb": lambda: 0.5,
    "inputs": lambda: 6,
    "keep": lambda: torch.ones(4, 6, dtype=torch.bool),
    "keeps": masks,
    "kernel": lambda: 1,
    "keys": lambda: 1,
    "layers": lambda: [Linear(8)],
    "linear": lambda: 1,
    "loss": lambda: "l1",
    "metric": lambda: "loss",
    "module": lambda: mlp_encoder([6, 4]),
    "n_a": lambda: 5,
    "n_b": lambda: 5,
    "name": lambda: "0.weight",
    "needs": lambda: {"weights": 100.0},
    "neighbourhoods": lambda: ring(3),
    "neighbours": lambda: [[1], [0]],
    "ngen": lambda: 1,
    "number": lambda: 1,
    "offspring": list,
    "one": make_architecture,
    "operator": lambda: partial(mutPruneRandom, amount=0.1),
    "operators": lambda: partial(mutPruneRandom, amount=0.1),
    "optimizer": lambda: "sgd",
    "other": make_architecture,
    "output": lambda: DATA,
    "p": lambda: [0.01, 0.5],
    "pair": make_pair,
    "pairs": make_grid,
    "per_unit": lambda: {"0": torch.rand(4)},
    "persistent": lambda: True,
    "population": make_grid,
    "probability": lambda: ScheduledProbability(Fixed(0.5), 10),
    "radius": lambda: 1,
    "rate": lambda: 0.1,
    "row": lambda: next(compare(make_frame(), "loss").itertuples()),
    "rows": lambda: 3,
    "columns": lambda: 3,
    "samples": lambda: DATA,
    "schedule": lambda: Fixed(0.5),
    "scope": lambda: "tensor",
    "scores": lambda: [(make_pair().encoder, {"0.weight": torch.rand(4, 6)})],
    "seed": lambda: 5,
    "shape": lambda: (1, 4, 4),
    "share": lambda: 0.5,
    "sign": lambda: 1,
    "size": lambda: 3,
    "sources": lambda: [1, 2, 3],
    "space": make_space,
    "split": lambda: "train",
    "stats": lambda: tools.Statistics(len),
    "t": lambda: 3,
    "table": lambda: pd.DataFrame(DATA.numpy()),
    "target": lambda: DATA,
    "target_preserved": lambda: 0.7,
    "test": lambda: "Wilcoxon",
    "text": lambda: "arch:1x4x4;relu;linear_16_8;linear_8_2",
    "toolbox": make_toolbox,
    "threshold": lambda: 0.5,
    "values": lambda: torch.rand(5),
    "verbose": lambda: False,
    "widths": lambda: [6, 4, 3],
    "width": lambda: 4,
    "x": lambda: DATA,
}
"""A small valid value for a parameter of this name."""

SPECIAL: dict[str, Callable[[], Any]] = {
    "a12.a": lambda: [1.0, 2.0],
    "a12.b": lambda: [1.0, 2.0],
    "canonical_generations.toolbox": partial(make_toolbox, evaluate),
    "check_loss.output": lambda: "sigmoid",
    "eaAllVsAll.verbose": lambda: False,
    "eaSpatialCoevolution.verbose": lambda: False,
    "Architecture.build.output": lambda: "sigmoid",
    "Blueprint.output": lambda: "sigmoid",
    "Blueprint.build.inputs": lambda: 16,
    "Blueprint.check.inputs": lambda: 16,
    "compare.pairs": lambda: [("a", "bb")],
    "derive.keys": lambda: 1,
    "Decoder.module": lambda: mlp_decoder([6, 4]),
    "gated.probability": lambda: 0.5,
    "Genome.guard.optimizer": lambda: torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=0.1),
    "Genome.load_state.state": lambda: make_pair().encoder.state(),
    "interval.values": lambda: [1.0, 2.0, 4.0],
    "lookup.name": lambda: "l1",
    "mean_loss.name": lambda: "l1",
    "MLP.output": lambda: "sigmoid",
    "mlp_decoder.output": lambda: "sigmoid",
    "paired.a": lambda: pd.Series([1.0, 2.0, 3.0]),
    "paired.b": lambda: pd.Series([1.5, 2.0, 4.0]),
    "Space.linear": lambda: (0, 2),
    "Space.convolutions": lambda: (0, 1),
    "Space.channels": lambda: (2, 4),
    "unpaired.a": lambda: pd.Series([1.0, 2.0, 3.0]),
    "unpaired.b": lambda: pd.Series([1.5, 2.0, 4.0]),
    "mutLearningRate.individual": make_rated,
    "MinimizeLoss.values": lambda: (1.0,),
    "similar.b": make_pair,
}
"""Where a name means something else: ``function.parameter`` or ``Class.method.parameter``."""

OF_MODULE: dict[str, dict[str, Callable[[], Any]]] = {
    "evoprune.operators.architecture": {"individual": make_architecture},
}

OBJECTS: dict[str, Callable[[], Any]] = {
    "Genome": lambda: make_pair().encoder,
    "Encoder": lambda: make_pair().encoder,
    "Decoder": lambda: Decoder(mlp_encoder([6, 4, 3])),
    "Autoencoder": make_pair,
    "Stream": lambda: Stream.GRID,
    "Schedule": lambda: Fixed(0.5),
    "Space": make_space,
    "MLP": lambda: MLP(hidden=(4,), latent=2),
}
"""What methods are called on, where a valid call of the class is not it."""

PASSES_ON = {
    "mutTrain": "train_epoch",
    "train_epoch": "train",
    "eaSpatialCoevolution": "spatial_generations",
    "eaAllVsAll": "all_vs_all_generations",
}
"""Where further keywords go."""

NOT_CALLED = {
    "Rows": "a protocol",
    "Stream": "an enum: its members are there",
    "Schedule": "abstract",
    "Adam.bind": "called by train with tensors of its own",
    "AdamAnew.bind": "called by train with tensors of its own",
    "SGD.bind": "called by train with tensors of its own",
    "Epoch.take": "called by train with tensors of its own",
    "GaussianEncoder.forward": "called by torch",
    "Genome.__call__": "the module itself",
    "MinimizeLoss": "the constructor is DEAP's own",
    "trace": "of layers that fault has seen",
    "l1": "elementwise, in the innermost loop: mean_loss and train have seen the tensors",
    "mse": "as l1",
    "bce": "as l1",
}


@dataclass(frozen=True)
class Target:
    """Something to call: its name, how to get at it, and its parameters."""

    name: str
    get: Callable[[], Callable[..., Any]]
    home: str
    parameters: dict[str, inspect.Parameter]
    documented: frozenset[str]

    def arguments(self) -> dict[str, Any]:
        """A valid value for each parameter that is given."""
        return {name: value for name, value in self._arguments() if value is not inspect.Parameter.empty}

    def _arguments(self) -> Iterator[tuple[str, Any]]:
        for name, parameter in self.parameters.items():
            make = SPECIAL.get(f"{self.name}.{name}") or OF_MODULE.get(self.home, {}).get(name)
            if make is None and parameter.default is inspect.Parameter.empty:
                if name not in VALID:
                    raise AssertionError(f"{self.name}: no valid value for the parameter {name!r}: add one to VALID")
                make = VALID[name]
            yield name, parameter.default if make is None else make()

    def call(self, arguments: dict[str, Any]) -> Any:
        """The result, what it yields worked off as far as a user would see."""
        given = dict(arguments)
        positional = [
            given.pop(name) for name, one in self.parameters.items() if one.kind is one.VAR_POSITIONAL and name in given
        ]
        result = self.get()(*positional, **given)
        if isinstance(result, contextlib.AbstractContextManager) and inspect.isfunction(self.get()):
            with result:
                return None
        return list(islice(result, 3)) if isinstance(result, Iterator) else result


def targets() -> dict[str, Target]:
    """Everything public that can be called, by name."""
    found: dict[str, Target] = {}
    for thing in _things():
        name = thing.__name__
        if name not in NOT_CALLED:
            found[name] = _target(name, partial(_itself, thing), thing)
        if inspect.isclass(thing) and not getattr(thing, "_is_protocol", False):
            for method, function in inspect.getmembers(thing, inspect.isfunction):
                full = f"{name}.{method}"
                public = not method.startswith("_") or method == "__call__"
                if public and method in vars(thing) and method != "at" and full not in NOT_CALLED:
                    found[full] = _target(full, partial(_bound, name, method, thing), function)
    return found


def _itself(thing: Any) -> Any:
    return thing


def _bound(name: str, method: str, kind: type) -> Callable[..., Any]:
    make = OBJECTS.get(name)
    return getattr(make() if make else kind(**_target(name, lambda: kind, kind).arguments()), method)


def _target(name: str, get: Callable[[], Any], thing: Any) -> Target:
    parameters = _parameters(thing)
    documented = set(re.findall(r":raises (\w+):", inspect.getdoc(thing) or ""))
    return Target(name, get, thing.__module__, parameters, frozenset(documented))


def _parameters(thing: Any) -> dict[str, inspect.Parameter]:
    found = {name: one for name, one in inspect.signature(thing).parameters.items() if name != "self"}
    for name, one in list(found.items()):
        if one.kind is one.VAR_KEYWORD:
            del found[name]
            (further,) = [each for each in _things() if each.__name__ == PASSES_ON.get(thing.__name__)] or [None]
            if further is None:
                raise AssertionError(f"{thing.__name__}: say in PASSES_ON where its further keywords go")
            found |= {key: each for key, each in _parameters(further).items() if each.default is not each.empty} | found
    return found


def _things() -> list[Any]:
    found: dict[int, Any] = {}
    for module, names in _names():
        for name in names:
            thing = getattr(import_module(module), name)
            if callable(thing) and getattr(thing, "__module__", "").startswith("evoprune"):
                found.setdefault(id(thing), thing)
    return list(found.values())


def _names() -> Iterator[tuple[str, list[str]]]:
    for package in PACKAGES:
        yield package, list(import_module(package).__all__)
    page = REFERENCE.read_text(encoding="utf-8")
    for module, members in re.findall(r"automodule:: (\S+)\n   :members: ([^\n]+)", page):
        if not module.startswith(ELSEWHERE):
            yield module, [name.strip() for name in members.split(",")]
    for name in MODULES:
        module = import_module(name)
        own = [key for key, value in vars(module).items() if getattr(value, "__module__", None) == name]
        yield name, [key for key in own if not key.startswith("_")]


def start() -> None:
    """The same random streams before every call."""
    random.seed(0)
    torch.manual_seed(0)
