"""Several operators under one name: what they take together, which one prunes, and where their names end."""

import inspect
import pickle
from functools import partial
from types import SimpleNamespace

import pytest

from evoprune.benchmarks.pruning.evidence import BatchGradients
from evoprune.benchmarks.pruning.networks import initial_grid
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.several import InTurn, Several
from evoprune.operators import mutPruneActivation, mutPruneConjunctive, mutPruneMagnitude
from evoprune.plugins import label, names_in
from tests.benchmarks.tiny import TINY


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("random", ["random"]),
        ("activation+random", ["activation", "random"]),
        ("a+b.c:mutX+d", ["a", "b.c:mutX", "d"]),
        ("random+/home/x+y/my.py:mutX", ["random", "/home/x+y/my.py:mutX"]),
        ("", [""]),
        ("random+", ["random", ""]),
        ("random+/tmp/file", ["random", "/tmp/file"]),
    ],
)
def test_names_end_at_a_plus_but_paths_may_hold_one(name: str, names: list[str]):
    assert names_in(name) == names


def test_the_label_of_several_has_the_last_part_of_each():
    assert label("random+/home/x/my.py:mutX") == "random+mutX"
    assert label(None) is None


def test_several_take_what_any_of_them_takes():
    both = Several([mutPruneActivation, mutPruneConjunctive])
    names = list(inspect.signature(both).parameters)
    assert names[:4] == ["individual", "amount", "samples", "persistent"]
    assert {"balance", "activations", "threshold"} <= set(names)
    with pytest.raises(TypeError, match="a run chooses between them"):
        both(object())


def test_individuals_get_the_operator_of_their_cell():
    done: list[tuple[str, int]] = []

    def noting(name, one):
        done.append((name, one.cell))
        return (one,)

    both = InTurn((partial(noting, "a"), partial(noting, "b")))
    for cell in range(3):
        both(SimpleNamespace(cell=cell))
    assert done == [("a", 0), ("b", 1), ("a", 2)]
    assert InTurn((mutPruneMagnitude, mutPruneActivation)).__name__ == "mutPruneMagnitude+mutPruneActivation"


def test_each_operator_is_told_of_those_it_will_change():
    class Told:
        def prepare(self, population):
            self.cells = [one.cell for one in population]

    one, other = Told(), Told()
    InTurn((one, other)).prepare([SimpleNamespace(cell=cell) for cell in range(5)])  # type: ignore[arg-type]
    assert (one.cells, other.cells) == ([0, 2, 4], [1, 3])


def test_all_individuals_of_a_generation_see_the_same_batches():
    settings = make_settings(TINY)
    clock = settings.scheduled
    evidence = BatchGradients(settings.problem, settings.loss, 5, settings.seed, clock)
    first = [inputs for inputs, _ in evidence.batches()]
    assert [len(inputs) for inputs in first] == [5] * 8  # the 40 samples that there are
    again = pickle.loads(pickle.dumps(evidence))
    assert all(a.equal(b) for a, (b, _) in zip(first, again.batches(), strict=True))
    clock.seek(1)
    assert not all(a.equal(b) for a, (b, _) in zip(first, evidence.batches(), strict=True))
    grid = initial_grid(settings)
    together = BatchGradients(settings.problem, settings.loss, 5, settings.seed, clock)
    together.prepare(grid)
    for one in grid:
        (alone,) = evidence.of([one])
        for mine, theirs in zip(together(one), alone, strict=True):
            for name in mine:
                assert mine[name].square.allclose(theirs[name].square, rtol=1e-4, atol=1e-9)
