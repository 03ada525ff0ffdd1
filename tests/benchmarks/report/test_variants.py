"""Which variants are alike, and in what: settings of every version, data sets, designs and sweeps."""

from evoprune.benchmarks.report.groups import blocks, designs, schedule_sweeps
from evoprune.benchmarks.report.variants import data_of, flat, names_of


def test_data_are_what_the_benchmark_reads():
    images = {"benchmark": "images", "data": "a", "image_size": 16, "n_dim": 5}
    assert data_of(images) == {"benchmark": "images", "data": "a", "image_size": 16}
    assert data_of(images | {"benchmark": "digits"}) == {"benchmark": "digits"}
    assert data_of({"data": None, "samples": 60, "method": "sgd"}) == {"data": None, "samples": 60}
    assert data_of({"benchmark": "my.py:Waves", "benchmark.rate": 2, "operator.rate": 3}) == {
        "benchmark": "my.py:Waves",
        "benchmark.rate": 2,
    }
    table = designs({v: {"benchmark": "digits", "n_dim": n, "operator": v} for v, n in (("none", 5), ("random", 6))})
    assert table.shape == (1, 2)


def test_settings_of_every_version_read_alike():
    old = {
        "operator": "random",
        "benchmark": "binary-clustering",
        "n_dim": 8,
        "prune": "before",
        "update": "sequential",
    }
    new = {
        **{"operator": "random", "operator_options": {}, "benchmark": "binary-clustering"},
        **{"benchmark_options": {"n_dim": 8}, "pruning_order": "before-evaluation", "update_order": "sequential"},
        "code": {},
    }
    assert flat(old) == flat(new) == flat(flat(new))
    assert flat(new)["n_dim"] == 8
    assert list(flat(new))[:3] == ["operator", "benchmark", "n_dim"]
    theirs = {"operator": "my.py:mine", "operator_options": {"steps": 3}, "code": {"my.py": "0a1b"}}
    assert flat(theirs) == {"operator": "my.py:mine", "operator.steps": 3, "code": {"my.py": "0a1b"}}
    weights = {"experiment": "weights", "update": "x", "n_dim": 3}
    assert flat(weights) == weights
    assert flat({"update": "x"}, "weights") == {"update": "x"}
    assert names_of([{"operator.steps": 1}, {"operator.steps": 2}]) == ["operator.steps=1", "operator.steps=2"]
    assert names_of([weights, weights], "alike") == ["alike", "alike"]
    assert names_of([weights]) == ["weights"]
    assert names_of([theirs, {"operator": "random"}]) == ["mine", "random"]


def test_blocks_are_complete():
    variants = {f"{op}{data}": {"operator": op, "data_seed": data} for op in "abc" for data in range(4)}
    del variants["c3"]
    grid = designs(variants)
    assert grid.shape == (4, 3)
    assert grid.loc["data_seed=1", "b"] == "b1"
    assert blocks(grid).shape == (3, 3)


def test_schedules_are_swept_where_all_else_is_alike():
    def variant(operator, schedule, **others):
        return {"operator": operator, "schedule": schedule, "probability": 0.5, "loss": "l1", **others}

    variants = {
        "a": variant("random", "fixed"),
        "b": variant("random", "increase", probability=0.1),
        "c": variant("variance", "fixed"),
        "d": variant("none", "fixed"),
        "e": variant("random", "decrease", loss="bce"),
    }
    (sweep,) = schedule_sweeps(variants)
    assert sweep.operators == {"random": {"fixed": "a", "increase": "b"}}
    assert sweep.without == "d"
    more = schedule_sweeps(variants | {"f": variant("random", "fixed", loss="bce")})
    assert [sweep.name for sweep in more] == ["l1", "bce"]
