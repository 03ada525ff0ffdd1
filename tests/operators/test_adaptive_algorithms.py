"""The adaptive operator in the algorithms of DEAP and in our own: the same operators are found, on every engine."""

from __future__ import annotations

import pickle
import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from deap import algorithms, base, tools
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.algorithms import canonical_generations, eaAllVsAll, eaSpatialCoevolution, ring
from evoprune.algorithms.spatial import spatial_generations
from evoprune.algorithms.stock import stock_generations
from evoprune.engines import ENGINES
from evoprune.fitness import MaximizeScore
from evoprune.operators.adaptive import AdaptiveOperator
from evoprune.operators.combine import gated
from evoprune.records import load_checkpoint, save_checkpoint
from tests.chances import chances

COSTS = torch.tensor([1.0] * 15 + [10.0] * 15)
"""What it costs to lose a weight of a genome."""
NGEN = 6


class Bits(list[int]):
    """A list individual."""

    def __init__(self, *bits: int) -> None:
        super().__init__(bits)
        self.fitness = MaximizeScore()


def mutDrop(pair: Autoencoder, first: int, count: int = 1) -> tuple[Autoencoder]:
    """Remove so many of the fifteen weights from the first one on, in each genome."""
    places = torch.arange(30)
    for genome in pair:
        mask = genome.masks["weight"]
        left = mask.flatten() & (places >= first) & (places < first + 15)
        keep = torch.ones(30, dtype=torch.bool)
        keep[left.nonzero().flatten()[:count]] = False
        genome.prune("weight", keep.view(mask.shape))
    return (pair,)


def mutNothing(pair: Autoencoder) -> tuple[Autoencoder]:
    return (pair,)


OPERATORS: list[Any] = [
    ("dear", partial(mutDrop, first=15, count=2)),
    ("cheap", partial(mutDrop, first=0)),
    ("nothing", mutNothing),
]


def cost(encoder: Any, decoder: Any) -> tuple[float]:
    return (sum(float(COSTS[~genome.masks["weight"].flatten()].sum()) for genome in (encoder, decoder)),)


def whole(pair: Autoencoder) -> tuple[float]:
    return cost(*pair)


def no_training(pairs: Any) -> None:
    """An epoch in which nothing happens."""


def make_pair() -> Autoencoder:
    return Autoencoder([Encoder(nn.Linear(30, 1, bias=False)), Decoder(nn.Linear(1, 30, bias=False))])


def toolbox_for(adaptive: Any, evaluate: Any = whole) -> base.Toolbox:
    toolbox = base.Toolbox()
    toolbox.register("evaluate", evaluate)
    toolbox.register("mate", tools.cxOnePoint)
    toolbox.register("mutate", adaptive)
    toolbox.register("select", tools.selTournament, tournsize=2)
    toolbox.register("train", no_training)
    return toolbox


def stats_for(adaptive: AdaptiveOperator) -> tools.Statistics:
    stats = tools.Statistics()
    stats.register("operators", adaptive.observe)
    return stats


def generated(toolbox: base.Toolbox, stats: tools.Statistics, ngen: int) -> tools.Logbook:
    parents = [make_pair() for _ in range(6)]
    for pair in parents:
        pair.fitness.values = whole(pair)

    def generate() -> list[Autoencoder]:
        offspring = [toolbox.clone(pair) for pair in parents]
        for pair in offspring:
            toolbox.mutate(pair)
            del pair.fitness.values
        return offspring

    def update(offspring: list[Autoencoder]) -> None:
        parents[:] = toolbox.select(offspring, len(parents))

    toolbox.register("generate", generate)
    toolbox.register("update", update)
    return algorithms.eaGenerateUpdate(toolbox, ngen=ngen, stats=stats, verbose=False)[1]


def stock(name: str, toolbox: base.Toolbox, stats: tools.Statistics, ngen: int) -> tools.Logbook:
    common = {"cxpb": 0.2, "mutpb": 0.8, "ngen": ngen, "stats": stats, "verbose": False}
    sizes = {} if name == "eaSimple" else {"mu": 6, "lambda_": 8}
    return getattr(algorithms, name)([make_pair() for _ in range(6)], toolbox, **sizes, **common)[1]


def spatial(toolbox: base.Toolbox, stats: tools.Statistics, ngen: int) -> tools.Logbook:
    toolbox.register("evaluate", cost)
    grid = [make_pair() for _ in range(6)]
    return eaSpatialCoevolution(grid, toolbox, ngen, ring(6), stats, verbose=False)[1]


def all_vs_all(toolbox: base.Toolbox, stats: tools.Statistics, ngen: int) -> tools.Logbook:
    toolbox.register("evaluate", cost)
    return eaAllVsAll([make_pair() for _ in range(6)], toolbox, ngen, stats, verbose=False)[1]


def canonical(toolbox: base.Toolbox, stats: tools.Statistics, ngen: int) -> tools.Logbook:
    population, log = [make_pair() for _ in range(6)], tools.Logbook()
    for _ in canonical_generations(population, toolbox, ngen):
        log.record(**stats.compile(population))
    return log


ALGORITHMS: dict[str, Callable[[base.Toolbox, tools.Statistics, int], tools.Logbook]] = {
    **{name: partial(stock, name) for name in ("eaSimple", "eaMuPlusLambda", "eaMuCommaLambda")},
    "eaGenerateUpdate": generated,
    "eaSpatialCoevolution": spatial,
    "eaAllVsAll": all_vs_all,
    "canonical": canonical,
}


@pytest.mark.parametrize("rule", ["pursuit", "matching", "ucb"])
@pytest.mark.parametrize("run", ALGORITHMS.values(), ids=ALGORITHMS)
def test_the_operator_that_costs_least_is_found(run: Callable[..., tools.Logbook], rule: str) -> None:
    adaptive = AdaptiveOperator(OPERATORS, rule)
    log = run(toolbox_for(adaptive), stats_for(adaptive), NGEN)
    rows = log.select("operators")
    assert rows[0] == (0.3333, 0.3333, 0.3333)
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in rows)
    qualities = adaptive.state()["qualities"]
    assert qualities[1] > 0.6 > 0.4 > max(qualities[0], qualities[2])
    if rule != "ucb":  # which also goes where it knows little
        assert adaptive.names[adaptive.probabilities.index(max(adaptive.probabilities))] == "cheap"


@pytest.mark.parametrize("rule", ["pursuit", "ucb"])
def test_one_whose_children_never_survive_does_not_stay_untried(rule: str) -> None:
    # With mu + lambda and a loss that can only rise nobody's children do, and the population is that of the beginning.
    adaptive = AdaptiveOperator(OPERATORS[:2], rule)
    toolbox = toolbox_for(adaptive)
    toolbox.register("select", tools.selBest)
    population = [make_pair() for _ in range(4)]
    options = {"mu": 4, "lambda_": 8, "cxpb": 0, "mutpb": 1, "ngen": 3, "verbose": False}
    algorithms.eaMuPlusLambda(population, toolbox, stats=stats_for(adaptive), **options)
    assert all(pair.preserved == 1 for pair in population)
    assert {number for number, _ in adaptive.state()["history"]} == {0, 1}
    assert len(adaptive.state()["history"]) == 24


def partly(pair: Autoencoder) -> tuple[float]:
    """A loss to which the first fifteen weights do not matter."""
    return (float((~pair.encoder.masks["weight"][0, 15:]).sum()),)


@pytest.mark.parametrize("run", [partial(stock, "eaSimple"), partial(stock, "eaMuPlusLambda"), generated])
def test_what_can_be_removed_for_nothing_is_found(run: Callable[..., tools.Logbook]) -> None:
    adaptive = AdaptiveOperator(OPERATORS)
    run(toolbox_for(adaptive, evaluate=partly), stats_for(adaptive), NGEN)
    assert 0.0 in [gain for number, gain in adaptive.state()["history"] if number == 1]
    assert chances(adaptive)["cheap"] > 0.6


def mutFlip(bits: Bits, place: int) -> tuple[Bits]:
    bits[place] = 1
    return (bits,)


@pytest.mark.parametrize("name", ["eaSimple", "eaMuPlusLambda", "eaMuCommaLambda"])
def test_individuals_without_weights_are_credited_for_each_call(name: str) -> None:
    adaptive = AdaptiveOperator([("first", partial(mutFlip, place=0)), ("second", partial(mutFlip, place=1))])
    toolbox = toolbox_for(adaptive, evaluate=lambda bits: (3.0 * bits[0] + bits[1],))
    sizes = {} if name == "eaSimple" else {"mu": 8, "lambda_": 8}
    run = partial(getattr(algorithms, name), **sizes, cxpb=0.0, mutpb=1.0, ngen=1, verbose=False)
    run([Bits(0, 0) for _ in range(8)], toolbox, stats=stats_for(adaptive))
    assert {(number, gain) for number, gain in adaptive.state()["history"]} == {(0, 3.0), (1, 1.0)}
    assert chances(adaptive)["first"] > chances(adaptive)["second"]


def travelling(function: Any, tasks: Any) -> list[Any]:
    """A map whose tasks and results are sent, as those of worker processes are."""
    sent = [pickle.loads(pickle.dumps((function, task))) for task in tasks]
    return [pickle.loads(pickle.dumps(each(task))) for each, task in sent]


def in_the_grid(engine: str | None, rule: str, **options: Any) -> tuple[Any, ...]:
    random.seed(1)
    adaptive = AdaptiveOperator(OPERATORS, rule)
    toolbox = toolbox_for(gated(adaptive, 0.7), evaluate=cost)
    toolbox.register("map", travelling if engine is None else ENGINES[engine](1).map)
    stats = stats_for(adaptive)
    grid = [make_pair() for _ in range(5)]
    _, log = eaSpatialCoevolution(grid, toolbox, NGEN, ring(5), stats, seed=3, verbose=False, **options)
    return log, adaptive.state(), [(pair.encoder.masks, vars(pair).get("trials")) for pair in grid]


@pytest.mark.parametrize("rule", ["pursuit", "ucb"])
@pytest.mark.parametrize("engine", ["serial", "threads"])
@pytest.mark.parametrize("options", [{}, {"chunk": 1}, {"chunk": 2, "prune": "before"}], ids=str)
def test_it_is_the_same_on_every_engine(engine: str, rule: str, options: dict[str, Any]) -> None:
    here, there = in_the_grid(engine, rule, **options), in_the_grid(None, rule, **options)
    assert repr(here) == repr(there)
    assert len(here[1]["history"]) > 4 or "prune" in options


@pytest.mark.parametrize("stop", [2, 4])
def test_a_run_in_two_parts_is_the_run_in_one(stop: int, tmp_path: Any) -> None:
    def part(adaptive: AdaptiveOperator, grid: list[Autoencoder], start: int, end: int) -> list[Any]:
        toolbox = toolbox_for(adaptive, evaluate=cost)
        course = spatial_generations(grid, toolbox, end, ring(4), seed=5, start=start)
        return [adaptive.observe(grid) for _ in course]

    torch.manual_seed(1)
    at_once, grid = AdaptiveOperator(OPERATORS), [make_pair() for _ in range(4)]
    rows = part(at_once, grid, 0, NGEN)
    torch.manual_seed(1)
    first, grid = AdaptiveOperator(OPERATORS), [make_pair() for _ in range(4)]
    begun = part(first, grid, 0, stop)
    kept = [
        {
            "genomes": [genome.state() for genome in pair],
            "fitness": pair.fitness.values,
            "trials": getattr(pair, "trials", {}),
        }
        for pair in grid
    ]
    save_checkpoint(tmp_path / "x.pt", {"grid": kept, "operators": first.state()})
    stored = load_checkpoint(tmp_path / "x.pt")
    second, grid = AdaptiveOperator(OPERATORS), [make_pair() for _ in range(4)]
    second.load_state(stored["operators"])
    for pair, state in zip(grid, stored["grid"], strict=True):
        for genome, values in zip(pair, state["genomes"], strict=True):
            genome.load_state(values)
        pair.fitness.values = state["fitness"]
        vars(pair)["trials"] = state["trials"]
    assert any(state["trials"] for state in kept)
    assert [*begun, *part(second, grid, stop, NGEN)] == rows
    assert second.state() == at_once.state()


def test_duplicates_that_our_loop_over_stock_algorithms_clones_count_once() -> None:
    adaptive = AdaptiveOperator(OPERATORS[:2])
    toolbox = toolbox_for(adaptive)
    toolbox.register("select", lambda population, k: [population[-1]] * k)  # the same offspring in all places
    population, sizes = [make_pair() for _ in range(4)], {"mu": 4, "lambda_": 4, "cxpb": 0, "mutpb": 1}
    for generation in stock_generations(algorithms.eaMuCommaLambda, population, toolbox, 1, **sizes):
        adaptive.observe(population)
        assert len(adaptive.state()["history"]) == 4 * generation.number


def test_a_statistics_with_a_key_is_told_what_it_needs() -> None:
    stats = tools.Statistics(lambda pair: pair.fitness.values)
    stats.register("operators", AdaptiveOperator(OPERATORS).observe)
    with pytest.raises(
        TypeError, match=r"observe needs the individuals of a population, got \(\); register it in a Statistics without"
    ):
        stats.compile([make_pair()])


def test_in_one_member_of_a_multistatistics() -> None:
    adaptive = AdaptiveOperator(OPERATORS)
    stats = tools.MultiStatistics(loss=tools.Statistics(whole), chosen=stats_for(adaptive))
    log = stock("eaSimple", toolbox_for(adaptive), stats, 2)
    assert len(log.chapters["chosen"].select("operators")) == 3
    assert adaptive.state()["history"]
