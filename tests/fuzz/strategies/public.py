"""Every public function, class and method, and for each a valid call: what the fuzzer starts from.

What is public is read from the packages and from ``docs/reference.md``, and the arguments from the signatures, so what
is added later is called as well. Only a parameter without a default needs a word, in
:mod:`tests.fuzz.strategies.valid`.
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

import torch

from tests.fuzz.strategies.valid import OBJECTS, OF_MODULE, SPECIAL, VALID

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference.md"
PACKAGES = ("evoprune", "evoprune.operators", "evoprune.algorithms", "evoprune.training")
MODULES = ("evoprune.statistics", "evoprune.memory")
ELSEWHERE = ("evoprune.benchmarks", "evoprune.engines")  # their settings have tests of their own

PASSES_ON = {
    "mutTrain": "train_epoch",
    "train_epoch": "train",
    "eaSpatialCoevolution": "spatial_generations",
    "eaAllVsAll": "all_vs_all_generations",
    "stock_generations": "",
    "AdaptiveOperator": "",
    "__call__": "",
}
"""Where further arguments go; nowhere of ours, if to a function that the user gives, or to a rule by its name."""

NOT_CALLED = {
    "Rows": "a protocol",
    "Stream": "an enum: its members are there",
    "Schedule": "abstract",
    "Adam.bind": "called by train with tensors of its own",
    "AdamAnew.bind": "called by train with tensors of its own",
    "SGD.bind": "called by train with tensors of its own",
    "Epoch.take": "called by train with tensors of its own",
    "Epoch.of_cells": "as Epoch.take",
    "GaussianEncoder.forward": "called by torch",
    "Genome.__call__": "the module itself",
    "MinimizeLoss": "the constructor is DEAP's own",
    "trace": "of layers that fault has seen",
    "l1": "elementwise, in the innermost loop: mean_loss and train have seen the tensors",
    "mse": "as l1",
    "bce": "as l1",
    "cross_entropy": "as l1",
    "hinge": "as l1",
    "Metric": "what a metric is; outputs that it reads have been seen",
    "hits": "as Metric",
    "explained": "as Metric",
    "recalled": "as Metric",
    "discounted": "as Metric",
    "Cost": "what cost has measured",
    "Latency": "as Cost",
    "GradientMoments": "what batch_gradients gives",
    "Samples": "what samples_of has seen",
    "Samples.chunks": "as Samples",
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
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL) and PASSES_ON.get(thing.__name__) == "":
            del found[name]
        elif one.kind is one.VAR_KEYWORD:
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
