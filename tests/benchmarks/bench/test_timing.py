"""Times against noise; no test looks at how long anything took."""

from evoprune.benchmarks.bench import timing


def test_tasks_take_turns():
    calls: list[str] = []
    clock = iter(range(100))

    def task(name: str, units: float):
        def run() -> float:
            calls.append(name)
            return units

        return run

    costs = timing.in_turn({"a": task("a", 1), "b": task("b", 2)}, 3, clock=lambda: next(clock))
    assert calls == ["a", "b"] * 4  # once to warm up
    assert {name: list(each) for name, each in costs.items()} == {"a": [1.0] * 3, "b": [0.5] * 3}
    calls.clear()
    timing.in_turn({"a": task("a", 1)}, 2, warm_up=False)
    assert calls == ["a", "a"]


def test_spread_and_target():
    assert timing.spread([3.0, 1.0, 2.0, 2.5]) == {"median": 2.25, "low": 1.0, "high": 3.0, "repeats": 4}
    assert timing.target("most", 4, 4)["met"]
    assert not timing.target("least", 4, 5, least=True)["met"]
