"""The options of every command, read off its parser, each with texts that it does not take."""

import argparse
import dataclasses
import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from evoprune.__main__ import _parser
from evoprune.benchmarks.experiments import EXPERIMENTS
from evoprune.benchmarks.pruning.parts import REGISTRIES, own_options
from evoprune.checks import MOST
from evoprune.engines.limits import MOST_WORKERS
from evoprune.runs.settings import SEEDS, types_of
from tests.fuzz.values import LONG, UNKNOWN, spoilt, spoilt_toml

COMMANDS = (
    "run",
    "sweep",
    "report",
    "reproduce",
    "frontier",
    "weights",
    "architectures",
    "reconstruct",
    "shrink",
    "front",
    "list",
    "bench",
    "resume",
)
TINY = "--n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --cells 4 --generations 2 --no-compare"
LINES: dict[str, str] = {
    "run": f"run {TINY} --output r",
    "weights": "weights --layers 8-4 --population 4 --generations 1 --epochs 1 --no-compare --output r",
    "architectures": "architectures --population 1 --offspring 1 --generations 0 --epochs 1 --output r",
    "sweep": "sweep --trials 1 --output s",
    "reproduce": "reproduce --trials 1 --output s",
    "frontier": "frontier --n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --sizes 0.5 --trials 1 --budget 200 "
    "--output s",
    "report": "report {good}/study --output p",
    "reconstruct": "reconstruct {good}/model {good}/a.png --output p",
    "shrink": "shrink {good}/model --output p",
    "front": "front {good}/model --output p",
    "list": "list",
    "bench": "bench --quick",
    "resume": "resume {good}/begun",
}
"""Good command lines, small ones: an option more is what is wrong with them. ``{good}`` is a folder with good runs."""
NUMBERS = {
    "workers": {"least": 1, "most": MOST_WORKERS},
    "trials": {"least": 1, "most": 10**6},
    "budget": {"least": 1, "most": MOST},
    "most": {"least": 2, "most": MOST},
    "seed": {"least": 0, "most": SEEDS},
}
"""Bounds of the numbers that are no settings."""
KNOWN = {"paper", "thresholds", "fair", "quick", "half", "full", "serial", "processes", "scoop", *EXPERIMENTS}
# Of texts none that could be a name: Hypothesis draws some from our own source, columns of tables among them.
NAMELESS = st.text(max_size=30).filter(lambda text: not text.isidentifier())
UNKNOWNS: SearchStrategy[str] = st.one_of(st.sampled_from(UNKNOWN), NAMELESS).filter(lambda text: text not in KNOWN)
SHARDS = [
    "",
    "1",
    "/",
    "1/",
    "/2",
    "0/1",
    "2/1",
    "-1/2",
    "1/2/3",
    "a/b",
    "1.5/2",
    "²/³",
    "1/0",
    "9" * 400 + "/1",
    *LONG,
]
AXES = ["", "=", "=1", "cells", "cells=", "cells=4,4", "seed=1,2", "nothing=1", "operator.nothing=1", "cells=1,", *LONG]
SIZES = ["", ",", "x", "0", "1.5", "-0.1", "0.5,", "0.5,0.5", "0.5 0.2", "nan", "inf", "1e999", *LONG]
TEXTS: dict[str, SearchStrategy[str]] = {
    "engine": UNKNOWNS.filter(bool),
    "experiment": UNKNOWNS,
    "scale": UNKNOWNS,
    "only": UNKNOWNS,
    "baseline": UNKNOWNS.filter(bool),
    "metric": UNKNOWNS,
    "by": UNKNOWNS.filter(lambda text: text not in ("weights", "macs")),
    "shard": st.sampled_from(SHARDS),
    "grid": st.sampled_from(AXES),
    "sizes": st.sampled_from(SIZES),
    "data_set": UNKNOWNS.filter(lambda text: text[:1] != "-"),
    "section": UNKNOWNS.filter(lambda text: bool(text) and text[0] != "-"),
    "presets": UNKNOWNS.filter(lambda text: text[:1] != "-"),
    "parts": UNKNOWNS.filter(lambda text: text[:1] != "-"),
    "what": UNKNOWNS.filter(lambda text: text[:1] != "-"),
    "config": st.sampled_from(["", "missing.toml", ".", "/", "a/b/c", "x" * 300, "x" * 5000, "a\nb", "\udcff"]),
    "hostfile": st.sampled_from(["missing", ".", "x" * 300, "a\nb"]),
    "external_hostname": st.sampled_from(["x", "x" * 300]),
    "network": st.sampled_from(
        ["nothing", "-", "3-", "0", "9" * 30, "9-" * 400 + "9", "from nowhere", "from", "arch:"]
    ),
    "activations": st.sampled_from(["", "nothing", "relu nothing", ",", "relu;tanh"]),
}
"""What texts are not taken where the option itself says nothing of that."""


@dataclass(frozen=True)
class Option:
    """An option of a command, by its flag, which a positional argument has none of."""

    command: str
    flag: str
    dest: str
    wrong: SearchStrategy[str]


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of a command."""
    (parsers,) = [action for action in _parser([command])._actions if isinstance(action.choices, dict)]
    found: argparse.ArgumentParser = parsers.choices[command]  # type: ignore[index]
    return found


@functools.cache
def options_of(command: str) -> list[Option]:
    """Every option of a command for which something wrong can be said."""
    found = []
    for action in parser_of(command)._actions:
        wrong = _wrong(command, action)
        if wrong is not None:
            flag = action.option_strings[0] if action.option_strings else ""
            found.append(Option(command, flag, action.dest, wrong))
    return found


def _wrong(command: str, action: argparse.Action) -> SearchStrategy[str] | None:
    if action.nargs == 0:
        return st.sampled_from(["5", "on", "no", "x" * 300, "a\nb"])
    known = settings_of(command)
    if action.dest in TEXTS:
        more = [spoilt(*known[action.dest])] if action.dest in known else []
        return st.one_of(TEXTS[action.dest], *more)
    if action.dest in known:
        kind, more_ = known[action.dest]
        return (
            st.sampled_from(["", "=", "=1", "name", "nothing=1", *LONG]) if "dict" in str(kind) else spoilt(kind, more_)
        )
    if action.dest in NUMBERS or getattr(action.type, "args", (action.type,)) == (int,):
        return spoilt(int, NUMBERS.get(action.dest, {}))
    return None  # a place: tests.fuzz.places has those


@functools.cache
def settings_of(command: str) -> dict[str, tuple[Any, Mapping[str, Any]]]:
    """The settings of a command, those of problems among them: name -> type and metadata."""
    experiment = EXPERIMENTS.get({"sweep": "run", "frontier": "run"}.get(command, command))
    if experiment is None:
        return {}
    types = types_of(experiment.settings)
    shown = [field for field in dataclasses.fields(experiment.settings) if not field.metadata.get("hidden")]
    own = {field.name: (types[field.name], field.metadata) for field in shown}
    flags = {name: next(iter(owners.values())) for name, owners in experiment.flags().items()}
    return own | {name: (option.type, _widest(experiment.flags()[name])) for name, option in flags.items()}


def _widest(owners: Mapping[str, Any]) -> dict[str, Any]:
    """The bounds that hold for whichever problem takes the option."""
    both = [option.more for option in owners.values()]
    made = {name: value for more in both for name, value in more.items()}
    for name, choose in (("least", min), ("most", max)):
        if all(name in more for more in both):
            made[name] = choose(more[name] for more in both)
        else:
            made.pop(name, None)
    return made


@st.composite
def options_wrong(draw: st.DrawFn, command: str = "") -> tuple[list[str], list[str]]:
    """A command line with one wrong value, and the texts of which the message has to have one."""
    option = draw(st.sampled_from(options_of(command or draw(st.sampled_from([c for c in COMMANDS if options_of(c)])))))
    return line_with(option, draw(st.one_of(option.wrong, st.just("--")) if option.flag else option.wrong))


def line_with(option: Option, value: str) -> tuple[list[str], list[str]]:
    """The good line of a command with this value too, and what the message may name it by."""
    line = LINES[option.command].split()
    if option.dest == "workers" and "engine" in {each.dest for each in options_of(option.command)}:
        line += ["--engine", "processes"]
    if not option.flag:
        return [*line, value], [option.dest, option.dest[:-1], *names(value)]
    return [*line, f"{option.flag}={value}"], [
        option.flag,
        option.dest,
        option.dest.replace("_", " "),
        "comparison",
        "unknown setting",
        *names(value),
    ]


def spellings(name: str) -> list[str]:
    """How a message may spell a name."""
    return [name, name.replace("_", " "), name.replace("_", "-")]


def names(value: str) -> list[str]:
    """What a message may show of a value."""
    parts = [value, *re.split(r"[=\s]+", value)]
    return [shown for part in parts for shown in (part[:40], repr(part)[1:20].rstrip("'")) if shown.strip()]


def owners() -> Iterator[tuple[str, str, str, Any]]:
    """Kind, name, option, and how it is, of everything in the registries that has options."""
    for kind, registry in REGISTRIES.items():
        for name, item in registry.items():
            for option, known in own_options(kind, item).items():
                yield kind, name, option, known


@st.composite
def assignments_wrong(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """``--operator-option NAME=VALUE`` and its kin with a name or a value that is wrong."""
    kind, name, option, known = draw(st.sampled_from([each for each in owners() if each[3].type is not Any]))
    value = draw(spoilt(known.type, known.more))
    text = draw(st.sampled_from([f"{option}={value}", f"{option}x=1", f"={value}", option, f"{option}={value}"]))
    line = [
        "run",
        "--network",
        "6-3",
        "--generations",
        "2",
        f"--{kind}",
        name,
        f"--{kind}-option={text}",
        "--output",
        "r",
    ]
    return line, [f"{kind}-option", option, f"{kind} {name}", *names(value)]


@st.composite
def toml_wrong(draw: st.DrawFn) -> tuple[list[str], list[str], bytes]:
    """A command line with ``--config FILE``, what the message may name, and the content of the file."""
    command = draw(st.sampled_from(["run", "weights", "architectures", "sweep"]))
    name, (kind, more) = draw(st.sampled_from(sorted(settings_of(command).items(), key=lambda each: each[0])))
    value = draw(spoilt_toml(kind, more))
    spelt = draw(st.sampled_from([name, name.replace("_", "-")]))
    line = [command, "--config", "wrong.toml", "--output", "r"]
    return (
        line,
        [name, name.replace("_", " "), "has no options", "unknown option of", "wrong.toml", *names(value.strip('"'))],
        f"{spelt} = {value}\n".encode(),
    )


@st.composite
def axes_wrong(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """``--grid NAME=VALUES`` with a wrong value among them."""
    known = {name: item for name, item in settings_of("sweep").items() if "dict" not in str(item[0])}
    name = draw(st.sampled_from(sorted(known)))
    value = draw(spoilt(*known[name]))
    axis = draw(st.sampled_from([f"{name}={value}", f"{name.replace('_', '-')}={value}", f"{name}={value},{value}"]))
    return ["sweep", f"--grid={axis}", "--output", "s"], [
        name,
        name.replace("_", " "),
        name.replace("_", "-"),
        *names(value),
    ]
