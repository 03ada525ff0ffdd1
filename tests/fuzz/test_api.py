"""One wrong argument in a valid call of anything public: it works, or says in one line what it was about."""

import copy
import linecache
import os
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings, strategies as st

import evoprune
from evoprune import Autoencoder, Genome
from evoprune.architecture import Architecture
from evoprune.checks import shown
from tests.fuzz.strategies import bad, public

TARGETS = public.targets()
PLACES = [(name, parameter) for name, target in TARGETS.items() for parameter in target.parameters]
FOLDERS = tuple(str(Path(evoprune.__file__).resolve().parents[k]) for k in (0, 1))
LENGTH = 500

OTHER_WORDS = {
    "batches": ("a batch", "data"),
    "columns": ("cells",),
    "data": ("samples",),
    "example": ("data", "sample"),
    "directory": ("search",),
    "genomes": ("autoencoder", "Genome"),
    "inputs": ("widths",),
    "name": ("not prunable",),
    "neighbours": ("graph",),
    "outputs": ("widths",),
    "rows": ("cells",),
    "shape": ("features",),
    "sides": ("genomes",),
    "text": ("network", "architecture"),
    "x": ("data",),
}
"""By what else a message may call a parameter."""
CALLED = ("schedule", "learning_rate", "operator", "operators", "samples", "activations", "loss", "algorithm")
"""Functions of the user's: what they raise is theirs."""

places = st.sampled_from(PLACES)


@pytest.mark.parametrize("name", TARGETS)
def test_the_valid_call_is_valid(name: str) -> None:
    target = TARGETS[name]
    try:
        target.call(target.arguments())
    except ValueError as error:
        assert name in ("found_in", "load"), error  # noqa: PT017 - there is no such directory


@settings(max_examples=500)
@given(places, bad.values)
def test_a_wrong_argument(place: tuple[str, str], value: Any) -> None:
    found = complaint(*place, value)
    assert found is None, found


@pytest.mark.slow
@seed(int(os.environ.get("EVOPRUNE_FUZZ_SEED", "1")))
@settings(
    max_examples=int(os.environ.get("EVOPRUNE_FUZZ_CASES", "2000")),
    derandomize=False,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(places, bad.values)
def test_many_wrong_arguments(place: tuple[str, str], value: Any) -> None:
    found = complaint(*place, value)
    assert found is None, found


def complaint(name: str, parameter: str, value: Any) -> str | None:
    """What is wrong with how a call takes a value, or None."""
    target = TARGETS[name]
    if parameter in CALLED and callable(value):
        return None
    public.start()
    arguments = target.arguments()
    arguments[parameter] = value
    before = copy.deepcopy({key: each for key, each in arguments.items() if _is_individual(each)})
    what = f"{name}({parameter}={shown(value)})"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            target.call(arguments)
    except Exception as error:
        found = unclear(error, target.documented, parameter, value)
        if found:
            text = "".join(traceback.format_exception(error)[-6:])
            return f"{what} {found}: {type(error).__name__}: {str(error)[:600]}\n{text}"
        for key, old in before.items():
            if arguments[key] != old:
                return f"{what} was refused after {key} had been changed: {error}"
    return None


def unclear(error: Exception, documented: frozenset[str], parameter: str, value: Any) -> str | None:
    """Why an error is not clear, or None: raised on purpose, in one line that names the value or the parameter."""
    if not isinstance(error, ValueError | TypeError) and type(error).__name__ not in documented:
        return "raises what is not documented"
    last = traceback.extract_tb(error.__traceback__)[-1]
    if not str(Path(last.filename).resolve()).startswith(FOLDERS):
        return "fails in somebody else's code"
    if not linecache.getline(last.filename, last.lineno or 0).strip().startswith("raise"):
        return "fails where nothing was checked"
    text = str(error)
    if "\n" in text or len(text) > LENGTH:
        return f"says it in {len(text)} characters and {text.count(chr(10)) + 1} lines"
    if not any(token in text for token in tokens(parameter, value)):
        return "names neither the value nor the parameter"
    return None


def tokens(parameter: str, value: Any) -> set[str]:
    """What a message may call the value by."""
    words = {word.rstrip("s_") for word in (parameter, parameter.replace("_", " "), *parameter.split("_"))}
    items = list(value) if isinstance(value, list | tuple | dict) else []
    words |= set(OTHER_WORDS.get(parameter, ()))
    names = {shown(each) for each in (value, *items)} | {type(value).__name__}
    if isinstance(value, torch.Tensor | np.ndarray):
        names |= {str(tuple(value.shape)), str(value.dtype), "NaN"}
    return {token for token in words | names if token}


def _is_individual(value: Any) -> bool:
    if isinstance(value, list) and value and type(value) is list:
        return all(map(_is_individual, value))
    return isinstance(value, Genome | Autoencoder | Architecture)
