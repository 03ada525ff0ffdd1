"""From names and options to the parts of a run: problem, schedule, networks, and what an operator takes."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, cast

from evoprune.architecture import Blueprint
from evoprune.benchmarks.problems import BENCHMARKS
from evoprune.benchmarks.problems.problem import Problem
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning.several import Several
from evoprune.checks import lookup, shown
from evoprune.convolutional import Convolutional
from evoprune.feedforward import FeedForward, parse_feed_forward
from evoprune.networks import MLP, parse_network
from evoprune.operators import OPERATORS, SCHEDULES
from evoprune.plugins import find, is_allowed, names_in
from evoprune.runs.takes import Option, chosen, options, parameters

Recipe = MLP | Convolutional | Blueprint | FeedForward
"""What builds the networks of a run."""

REGISTRIES: dict[str, Mapping[str, Any]] = {"operator": OPERATORS, "schedule": SCHEDULES, "benchmark": BENCHMARKS}

OPERATOR_TAKES = {
    "amount": "share of the survivors to prune now, as `--amount` says or on the way to `--target-preserved`",
    "scope": '`"tensor"` or `"global"`, of `--scope`',
    "persistent": "whether a pruned weight stays pruned, of `--semantics`",
    "rng": "Python's `random`, seeded for the cell and the generation",
    "activations": "an `ActivationProbe` on 100 validation samples (reference semantics: test samples)",
    "samples": "the validation inputs, (samples, inputs)",
    "targets": "what they should become: for an autoencoder the same, else classes or values",
    "loss": "the run's loss: its name, which can be called as `loss(output, target)` and gives a scalar tensor",
    "gradients": "for each genome, parameter name -> gradient of the loss on the validation samples",
    "batch_gradients": "for each genome, parameter name -> the gradient's mean, mean magnitude and mean square over "
    "batches of training samples",
    "threshold": "a number in [0, 1), of `--threshold`",
    "limit": "200, the number of samples that are enough to know how large activations are",
    "measure": 'what the amount is a share of: `"units"` of `--amount`, `"weights"` on the way to '
    '`--target-preserved`, `"macs"` to `--target-macs`',
}
"""What a run gives to a pruning operator by the name of its parameter, beside the individual."""
SCHEDULE_TAKES = {
    "C": "`--probability`",
    "n": "the size of a neighbourhood",
    "reference": "whether `--semantics` is `reference`",
}
PROBLEM_TAKES = {"seed": "data_seed", "split_seed": "data_seed", "path": "data", "directory": "data", "task": "task"}
"""Field of a problem -> the setting that fills it."""


def known(kind: str, name: str) -> Any:
    """The operator, schedule or problem of a name; None for ``none``, and for code that nobody allowed.

    :raises ValueError: for an unknown name.
    """
    names = names_of(kind, name)
    if name == "none" or not all(map(is_allowed, names)):
        return None
    found = [find(kind, each, REGISTRIES[kind]) for each in names]
    return found[0] if len(found) == 1 else Several(found)


def names_of(kind: str, name: str) -> list[str]:
    """The names that a setting has: of operators there may be several."""
    return names_in(name) if kind == "operator" else [name]


def skipped(kind: str, taker: Callable[..., Any]) -> int:
    """How many first parameters are given by place: the individual, or the t and T of a schedule that is a function."""
    return 1 if kind == "operator" else 2 if kind == "schedule" and not inspect.isclass(taker) else 0


def own_options(kind: str, taker: Callable[..., Any]) -> dict[str, Option]:
    """The options of an operator, a schedule or a problem, by the names that users give them.

    :raises ValueError: for a parameter that has no default and that nobody provides.
    """
    if isinstance(taker, Several):
        each = [own_options(kind, one) for one in reversed(taker.operators)]
        return {name: option for found in each for name, option in found.items()}
    if kind == "operator" and (inspect.isclass(taker) or not callable(taker)):
        raise ValueError(f"an operator is a function of an individual and its parameters, got {taker!r}")
    provided = {"operator": OPERATOR_TAKES, "schedule": SCHEDULE_TAKES, "benchmark": PROBLEM_TAKES}[kind]
    name = getattr(taker, "__name__", repr(taker))
    found = options(f"{kind} {name}", taker, provided, skipped(kind, taker))
    return {spelling(taker, name): option for name, option in found.items()}


def spelling(taker: Callable[..., Any], name: str) -> str:
    """What users call a parameter: its name, unless the field of a dataclass says otherwise."""
    fields = getattr(taker, "__dataclass_fields__", {})
    return str(fields[name].metadata.get("option", name)) if name in fields else name


def problem_options() -> dict[str, dict[str, Option]]:
    """Option -> the registered problems that have it, and how."""
    found: dict[str, dict[str, Option]] = {}
    for name, kind in BENCHMARKS.items():
        for spelt, option in own_options("benchmark", kind).items():
            found.setdefault(spelt, {})[name] = option
    return found


def check_loose(values: Mapping[str, Any], benchmark: str) -> None:
    """See that options of other problems that stand among settings are values that one of these would take.

    :raises ValueError: naming the option and its value, although it would have no effect.
    """
    for name, owners in problem_options().items():
        if values.get(name) is not None and benchmark not in owners:
            errors = [error for owner, option in owners.items() if (error := _error(owner, name, values[name], option))]
            if len(errors) == len(owners):
                raise errors[0]


def _error(owner: str, name: str, value: Any, option: Option) -> ValueError | None:
    try:
        chosen(f"benchmark {owner}", {name: value}, {name: option})
    except ValueError as error:
        return error
    return None


def suited(name: str, what: str, task: str | None) -> Any:
    """What a problem says itself, or else its task, where a setting is left to it.

    :param what: ``"task"``, ``"loss"``, ``"output"``, or another of a task's attributes.
    :param task: of the run, where that is known.
    """
    own = inspect.getattr_static(known("benchmark", name), what, None)
    if isinstance(own, str):
        return own
    return "reconstruction" if what == "task" else getattr(lookup("task", task or "", TASKS), what)


def problem_of(name: str, task: str, data: str | None, data_seed: int, given: Mapping[str, Any]) -> Problem:
    """A problem, a recipe.

    :param given: values of its options.
    :raises ValueError: where it needs ``data`` and there are none, for a task that it has not, and what the problem
        itself refuses.
    """
    kind = find("benchmark", name, BENCHMARKS)
    settings = {"data": data, "data_seed": data_seed, "task": task}
    values = {}
    for parameter in parameters(kind).values():
        if parameter.name not in PROBLEM_TAKES:
            values[parameter.name] = given[spelling(kind, parameter.name)]
        elif settings[PROBLEM_TAKES[parameter.name]] is not None:
            values[parameter.name] = settings[PROBLEM_TAKES[parameter.name]]
        elif parameter.default is parameter.empty:
            fields = {field.name: field.metadata.get("help", "a path") for field in dataclasses.fields(kind)}
            raise ValueError(f"benchmark {name} needs data: {fields[parameter.name]}")
    made: Problem = kind(**values)
    if getattr(made, "task", task) != task:
        raise ValueError(f"benchmark {name} has no task {task}: its task is {made.task}")
    return made


def schedule_of(name: str, provided: Mapping[str, Any], given: Mapping[str, Any]) -> Callable[[int, int], float]:
    """A schedule: an object of a class, or a function of t and T with its options.

    :param provided: a value for each of :data:`SCHEDULE_TAKES`.
    """
    kind = find("schedule", name, SCHEDULES)
    takes = parameters(kind, skipped("schedule", kind))
    values = {key: value for key, value in provided.items() if key in takes} | dict(given)
    made: Any = kind(**values) if inspect.isclass(kind) else partial(kind, **values)
    return cast(Callable[[int, int], float], made)


def architecture_of(task: str, network: str, decoder: str | None, activation: str, output: str) -> Recipe:
    """The recipe of the networks.

    :raises ValueError: for widths that do not match, and a decoder or activation that contradicts the network.
    """
    if TASKS[task].targets:
        if decoder is not None:
            raise ValueError(f"decoder {shown(decoder)}: a network for {task} has none; network names all its widths")
        return dataclasses.replace(parse_feed_forward(network), activation=activation, output=output)
    recipe = parse_network(network)
    changes: dict[str, Any] = {"output": output}
    if not isinstance(recipe, Blueprint):
        changes["activation"] = activation
    elif activation != recipe.activation:
        raise ValueError(f"activation {activation} contradicts that of {recipe.text}")
    if decoder is not None:
        if not isinstance(recipe, MLP):
            raise ValueError(f"decoder {decoder!r}: the decoder of {network} mirrors its encoder")
        changes["decoder_hidden"] = _decoder_hidden(decoder, recipe.latent)
    return dataclasses.replace(recipe, **changes)


def _decoder_hidden(text: str, latent: int) -> tuple[int, ...]:
    try:
        first, *hidden = (int(width) for width in text.split("-"))
    except ValueError:
        raise ValueError(f"decoder must be widths such as 10-30, the code first; got {text!r}") from None
    if first != latent:
        raise ValueError(f"the encoder's code has {latent} units, but the decoder takes {first}: widths don't match")
    return tuple(hidden)
