"""The plan of a frontier: which variants there are, what each may cost, and what is refused."""

from pathlib import Path
from typing import Any

import pytest

from evoprune.benchmarks.frontier import DATA_SETS, grown, plan, plan_for
from evoprune.benchmarks.frontier.budget import steps_of, total_of
from evoprune.benchmarks.frontier.plan import BASELINE, BUDGET, RECIPE
from evoprune.benchmarks.frontier.points import Point, point_of
from evoprune.benchmarks.pruning.methods import METHODS
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.sweeps import Plan, make_plan
from tests.benchmarks.frontier.made import SMALL

HERE = Path("studies/here")


def test_every_method_at_every_size():
    made = plan_for(budget=10_000, given=SMALL)
    sizes = DATA_SETS["binary-clustering"].sizes
    expected = [
        Point("binary-clustering", method, size)
        for method in METHODS
        for size in ((1.0,) if method == "dense" else sizes)
    ]
    assert [point_of(variant) for variant in made.variants] == expected
    assert (made.trials, made.seed) == (5, 0)
    goals = {point_of(variant): values["target_preserved"] for variant, values in made.variants.items()}
    assert all(goals[point] == point.size for point in expected if point.method != "dense")
    assert not any(values["compare"] for values in made.variants.values())


def test_no_run_takes_more_than_the_budget_and_none_could_take_a_generation_more():
    for data in DATA_SETS:
        for values in plan_for(["agp", "restarts"], [data], [0.2]).variants.values():
            settings = Settings.stored(values)
            assert total_of(settings) <= BUDGET < total_of(settings) + steps_of(settings)


def test_restarts_count():
    made = plan_for(["frontier", "restarts"], sizes=[0.1])
    one, many = made.variants.values()
    assert (one["algorithm"], one["cells"], one["generations"]) == ("canonical", 1, 200)  # 200 steps an epoch
    assert (many["cells"] > 1, many["radius"]) == (True, 0)
    assert many["generations"] == 200 // many["cells"]


def test_of_all_methods_those_stay_that_the_budget_reaches_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(plan, "METHODS", {name: METHODS[name] for name in ("restarts", "agp")})
    few: dict[str, Any] = {"sizes": [0.1], "budget": 79, "given": SMALL}
    with pytest.warns(UserWarning, match="a method is left out: budget 79 is too small for restarts"):
        assert list(plan_for(**few).variants) == ["binary-clustering,agp,0.1"]
    with pytest.raises(ValueError, match="budget 79 is too small for restarts"):
        plan_for(["restarts", "agp"], **few)


def test_trials_share_their_seeds():
    made = plan_for(["agp", "dense"], sizes=[0.1], trials=2, seed=3)
    seeds = {(run.variant, run.trial): run.settings["seed"] for run in made.runs}
    first = [seed for (_, trial), seed in seeds.items() if trial == 0]
    assert len(seeds) == 4
    assert len(set(first)) == 1
    assert len(set(seeds.values())) == 2


def test_what_is_given_holds_for_all():
    made = plan_for(["agp", "frontier"], sizes=[0.2], budget=80, given={"l1": 0.5, **SMALL})
    assert [(v["l1"], v["generations"], v["network"]) for v in made.variants.values()] == [(0.5, 10, "6-3")] * 2


@pytest.mark.parametrize("name", DATA_SETS)
def test_every_data_set_takes_the_recipe(name: str):
    made = plan_for([BASELINE, RECIPE], [name], budget=2000)
    assert len(made.variants) == 2 * len(DATA_SETS[name].sizes)
    assert list(DATA_SETS[name].sizes) == sorted(DATA_SETS[name].sizes, reverse=True)
    Settings.stored(next(iter(made.variants.values()))).check_data()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"budget": 7}, "budget 7 is too small for dense on binary-clustering: a generation takes 8 updates"),
        (
            {"budget": 88, "methods": ["agp"], "given": {"polish": 4, "polish_epochs": 3}},
            "too small for agp on binary-clustering: a generation takes 8 updates, and its end 96",
        ),
        ({"budget": 79, "methods": ["restarts"]}, "restarts on binary-clustering: a generation takes 80 updates"),
        (
            {"budget": 8, "methods": ["lottery-ticket"], "sizes": [0.2]},
            "budget 8, which is generations 1 of lottery-ticket on binary-clustering, size 0.2: rewind must be below",
        ),
        ({"budget": 0}, "budget must be a whole number of at least 1, got 0"),
        ({"budget": 10**10}, "budget must be at most"),
        ({"methods": ["nothing"]}, "unknown preset 'nothing'"),
        ({"methods": ["agp", "agp"]}, "two variants are called 'binary-clustering,agp,0.5'"),
        ({"data": ["digit"]}, "unknown data set 'digit': did you mean 'digits'?"),
        ({"sizes": [0.1, 1.5]}, r"sizes must be shares of the weights in \(0, 1\], got 1.5"),
        ({"sizes": [float("nan")]}, "sizes must be shares"),
        ({"sizes": [0.1, 0.1]}, "two variants are called 'binary-clustering,random-pruning,0.1'"),
        ({"given": {"generations": 3}}, "generations 3 cannot be given to a frontier: the budget says it"),
        ({"given": {"operator": "random"}}, "operator 'random' cannot be given to a frontier: the method says it"),
        ({"given": {"nothing": 3}}, "unknown setting 'nothing'"),
        ({"trials": 0, "methods": ["agp"]}, "trials must be"),
        ({"shard": "3/2", "methods": ["agp"]}, "shard must be"),
    ],
)
def test_what_cannot_be_asked_for(asked: dict[str, Any], message: str):
    given = SMALL | asked.pop("given", {})
    with pytest.raises(ValueError, match=message):
        plan_for(**({"budget": 80, "given": given} | asked))


def test_a_study_grows():
    old = plan_for(["agp"], sizes=[0.2], budget=80, trials=3, given=SMALL)
    new = plan_for(["random-pruning"], sizes=[0.2], budget=80, trials=2, given=SMALL)
    both = grown(new, old, 80, HERE)
    assert [*both.variants] == [*old.variants, *new.variants]
    assert both.trials == 3


def test_a_study_of_another_budget_does_not_grow():
    old = plan_for(["agp"], sizes=[0.2], budget=80, given=SMALL)
    message = "studies/here holds a frontier of another budget: binary-clustering,agp,0.2 takes 80 updates"
    with pytest.raises(ValueError, match=message):
        grown(old, old, 88, HERE)
    assert grown(old, old, 87, HERE).variants == old.variants  # which comes to the same generations
    other: Plan = make_plan(["agp"], fixed=SMALL)
    with pytest.raises(ValueError, match="studies/here holds another study: its variant agp is none of a frontier"):
        grown(old, other, 80, HERE)


@pytest.mark.parametrize("name", ["agp", "a,b", "a,b,c", "a,b,c,0.1", ""])
def test_other_names_are_no_points(name: str):
    assert point_of(name) is None


def test_a_point_has_a_name():
    assert Point("digits", "agp", 0.05).name == "digits,agp,0.05"
    assert Point("digits", "dense", 1.0).name == "digits,dense,1"
    assert point_of("digits,dense,1") == Point("digits", "dense", 1.0)
