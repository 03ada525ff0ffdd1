"""Plans: variants times trials, shared seeds, shards, and what a grid may say."""

from collections import Counter

import pytest

from evoprune.benchmarks.paper.comparisons import COMPARISONS, SCALES, plan_for
from evoprune.benchmarks.pruning.presets import PRESETS, layers_of
from evoprune.benchmarks.pruning.settings import Settings, make_settings
from evoprune.benchmarks.sweeps import Plan, load_plan, make_plan


def test_presets_and_axes_make_a_variant_each():
    plan = make_plan(["spatial-random-exponential", "canonical-none"], ["threshold=0.1,0.2", "n_dim=24"], trials=2)
    assert list(plan.variants) == [
        "spatial-random-exponential,threshold=0.1",
        "spatial-random-exponential,threshold=0.2",
        "canonical-none,threshold=0.1",
        "canonical-none,threshold=0.2",
    ]
    settings = plan.variants["canonical-none,threshold=0.2"]
    assert (settings["algorithm"], settings["threshold"]) == ("canonical", 0.2)
    assert settings["benchmark_options"]["n_dim"] == 24
    assert "seed" not in settings
    assert settings["compare"] is False
    assert len(plan.runs) == 8


def test_a_plan_without_words_is_the_default_experiment():
    plan = make_plan(trials=1)
    assert list(plan.variants) == ["default"]
    (run,) = plan.runs
    assert Settings(**run.settings) == make_settings({"seed": run.settings["seed"], "compare": False})


def test_trials_share_their_seed_across_variants_and_differ_from_each_other():
    plan = make_plan(grid=["operator=random,none"], trials=3)
    seeds = {(run.trial, run.settings["seed"]) for run in plan.runs}
    assert len(seeds) == 3
    assert len({seed for _, seed in seeds}) == 3
    assert make_plan(seed=1).runs[0].settings["seed"] != make_plan(seed=0).runs[0].settings["seed"]


def test_more_trials_keep_the_first_ones():
    assert make_plan(trials=5).runs[:2] == make_plan(trials=2).runs


def test_a_shard_has_trials_of_every_variant():
    """Or a part that is lost would take whole variants with it, and one machine would have the slow ones."""
    for shards in (2, 3, 4, 6):
        for i in range(shards):
            plan = make_plan(grid=["operator=random,none,variance,magnitude"], trials=12, shard=f"{i + 1}/{shards}")
            counts = Counter(run.variant for run in plan.runs)
            assert set(counts.values()) == {12 // shards}
            assert len(counts) == 4


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("comparison", COMPARISONS)
def test_every_reproduction_can_be_planned(scale: str, comparison: str):
    assert plan_for(scale, [comparison]).runs


def test_a_comparison_may_be_an_axis():
    plan = make_plan(grid=["compare=on,off"], trials=1)
    assert [run.settings["compare"] for run in plan.runs] == [True, False]


@pytest.mark.parametrize("shards", [1, 2, 3, 7, 20])
def test_shards_divide_the_runs(shards: int):
    whole = make_plan(grid=["operator=random,none,variance"], trials=3)
    parts = [
        make_plan(grid=["operator=random,none,variance"], trials=3, shard=f"{i + 1}/{shards}") for i in range(shards)
    ]
    places = [run.place for part in parts for run in part.runs]
    assert len(places) == len(set(places))
    assert set(places) == {run.place for run in whole.runs}
    assert max(len(part.runs) for part in parts) - min(len(part.runs) for part in parts) <= 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": ["operater=random"]}, "unknown setting 'operater': did you mean 'operator'"),
        ({"grid": ["operator=randon"]}, "unknown operator 'randon': did you mean 'random'"),
        ({"grid": ["operator"]}, "an axis of the grid must be NAME=VALUE,VALUE,..., got 'operator'"),
        ({"grid": ["operator="]}, "an axis of the grid must be"),
        ({"grid": ["cells=four"]}, "cells must be of type int, got 'four'"),
        ({"grid": ["noise=low"]}, "noise must be of type float, got 'low'"),
        ({"grid": ["shuffle=maybe"]}, "shuffle must be of type bool, got 'maybe'"),
        ({"grid": ["cells=4,4"]}, "cells: a value stands twice in '4,4'"),
        ({"grid": ["cells=4", "cells=5"]}, "cells stands twice in the grid"),
        ({"grid": ["seed=1,2"]}, "seed cannot be an axis of the grid"),
        ({"grid": ["cells=4"], "fixed": {"cells": 5}}, "cells is given both as an option and as an axis"),
        ({"presets": ["quick", "quick"]}, "two variants are called 'quick'"),
        ({"presets": ["spatial-randm"]}, "preset 'spatial-randm': unknown preset 'randm': did you mean 'random'"),
        ({"trials": 0}, "trials must be a whole number of at least 1, got 0"),
        ({"shard": "3/2"}, "shard must be i/n with 1 <= i <= n, got 3/2"),
        ({"shard": "0/2"}, "shard must be i/n with 1 <= i <= n, got 0/2"),
        ({"shard": "half"}, "shard must be i/n such as 2/5, got 'half'"),
        ({"experiment": "rum"}, "unknown experiment 'rum': did you mean 'run'"),
    ],
)
def test_bad_plans_are_named(options: dict, message: str):
    with pytest.raises(ValueError, match=message):
        make_plan(**options)


def test_values_of_an_axis_have_the_type_of_their_setting():
    plan = make_plan(grid=["shuffle=on,false", "target_preserved=none,0.3", "noise=0.1"], trials=1)
    values = [(s["shuffle"], s["target_preserved"], s["benchmark_options"]["noise"]) for s in plan.variants.values()]
    # None leaves the default target in place.
    assert values == [(True, 0.2, 0.1), (True, 0.3, 0.1), (False, 0.2, 0.1), (False, 0.3, 0.1)]


def test_a_plan_survives_its_file(tmp_path):
    plan = make_plan(["spatial-none", "canonical-none"], trials=3, seed=4, shard="2/3")
    plan.save(tmp_path / "study.json")
    assert load_plan(tmp_path) == plan


@pytest.mark.parametrize("text", ["", "{}", '{"format": "evoprune study 9"}', "[1]", '{"format": "evoprune study 1"}'])
def test_a_damaged_plan_is_an_error(tmp_path, text: str):
    (tmp_path / "study.json").write_text(text)
    with pytest.raises(ValueError, match="damaged or not a study"):
        load_plan(tmp_path)


def test_no_plan_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="there is no study here"):
        load_plan(tmp_path)


def test_a_plan_needs_variants():
    with pytest.raises(ValueError, match="at least one variant"):
        Plan({}, 1)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_settings(name: str):
    make_settings(*layers_of(name))


@pytest.mark.parametrize("algorithm", ["spatial", "canonical"])
@pytest.mark.parametrize("operator", ["none", "random", "variance", "conjunctive"])
@pytest.mark.parametrize(
    "schedule", ["fixed", "increase", "decrease", "population", "exponential", "final-n", "prune-after"]
)
def test_operators_and_schedules_compose(algorithm: str, operator: str, schedule: str):
    settings = make_settings(*layers_of(f"{algorithm}-{operator}-{schedule}"))
    assert (settings.algorithm, settings.operator, settings.schedule) == (algorithm, operator, schedule)
    assert (settings.semantics, settings.generations, settings.loss, settings.amount) == ("reference", 400, "l1", 0.1)


def test_the_longest_preset_wins():
    assert make_settings(*layers_of("spatial-variance-population")).probability == 0.1
    assert make_settings(*layers_of("spatial-variance-increase")).probability == 0.5


def test_the_fair_presets_take_one_difference_away():
    canonical, walk = (make_settings(*layers_of(name)) for name in ("canonical", "canonical-walk"))
    different = {k for k, v in walk.as_dict().items() if v != canonical.as_dict()[k]}
    assert different == {"rate_decay", "optimizer"}
    spatial, isolated = (make_settings(*layers_of(name)) for name in ("spatial", "spatial-isolated"))
    assert {k for k, v in isolated.as_dict().items() if v != spatial.as_dict()[k]} == {"radius"}
    persistent = make_settings(*layers_of("spatial-random-exponential-persistent"))
    assert (persistent.semantics, persistent.target_preserved, persistent.loss) == ("persistent", 0.2, "l1")
