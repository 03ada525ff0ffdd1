"""The contract of the map slot, in this process, in its threads and in worker processes."""

import itertools
import operator
import random
import sys
import time

import pytest
import torch
from deap import algorithms, base, tools

from evoprune.engines import Engine, WorkerError, make_engine


@pytest.fixture(scope="module", params=["serial", "threads", pytest.param("processes", marks=pytest.mark.processes)])
def engine(request: pytest.FixtureRequest):
    with make_engine(request.param) as engine:
        yield engine


# What tasks do. They travel by value: workers cannot import a test.


def wait_and_return(seconds: float, value: int) -> int:
    time.sleep(seconds)
    return value


def append(items: list) -> list:
    items.append(1)
    return items


def fail(value: int) -> float:
    return 1 / value


def leave(_: int) -> None:
    sys.exit("as you like")


def one_max(individual: list) -> tuple[int]:
    return (sum(individual),)


def test_results_come_in_the_order_of_the_tasks(engine: Engine):
    assert engine.map(wait_and_return, [0.3, 0.0, 0.1, 0.0], range(4)) == [0, 1, 2, 3]


def test_arguments_like_those_of_the_builtin_map(engine: Engine):
    assert engine.map(operator.add, [1, 2, 3], [10, 20]) == [11, 22]
    assert engine.map(abs, iter([-1, 2])) == [1, 2]
    assert engine.map(abs, []) == []


def test_the_callers_objects_stay_as_they_are(engine: Engine):
    mine: list = []
    both = engine.map(append, [mine, mine])
    assert (mine, both) == ([], [[1], [1]])
    weights = torch.zeros(2)
    (back,) = engine.map(torch.Tensor.add_, [weights], [1])
    assert (weights.tolist(), back.tolist()) == ([0, 0], [1, 1])
    assert not weights.is_shared()


def test_an_error_arrives_with_its_traceback(engine: Engine):
    with pytest.raises(WorkerError, match=r"(?s)in fail\n.*return 1 / value.*ZeroDivisionError: division by zero"):
        engine.map(fail, [1, 0])
    assert engine.map(fail, [2]) == [0.5]


def test_a_task_that_exits_is_an_error(engine: Engine):
    with pytest.raises(WorkerError, match="SystemExit: as you like"):
        engine.map(leave, [0])


def test_one_thread(engine: Engine):
    assert engine.map(lambda _: torch.get_num_threads(), [0]) == [1]


def test_as_completed_gives_each_item_its_value(engine: Engine):
    assert sorted(engine.as_completed(abs, iter([-1, 2, -3, 4, -5]))) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert list(engine.as_completed(abs, [])) == []


def test_as_completed_goes_on_after_an_error(engine: Engine):
    values = dict(engine.as_completed(fail, [2, 0, 4]))
    assert (values[0], values[2]) == (0.5, 0.25)
    assert isinstance(values[1], WorkerError)
    assert "in fail\n" in str(values[1])
    assert str(values[1]).endswith("ZeroDivisionError: division by zero\n")
    assert "SystemExit: as you like" in str(dict(engine.as_completed(leave, [0]))[0])


def test_as_completed_works_on_copies(engine: Engine):
    mine: list = []
    assert sorted(engine.as_completed(append, [mine, mine])) == [(0, [1]), (1, [1])]
    assert mine == []


class Reader:
    """A function of a list that promises not to change it, or says nothing."""

    def __init__(self, only_reads):
        self.only_reads = only_reads

    def __call__(self, given):
        return given


@pytest.mark.parametrize("promises", [True, False])
def test_what_only_reads_is_given_its_arguments_in_this_process_others_get_copies(promises):
    mine = [1]
    (given,) = Engine().map(Reader(promises), [mine])
    assert given == mine
    assert (given is mine) == promises


def test_a_generator_that_is_closed_leaves_a_working_engine(engine: Engine):
    ended = engine.as_completed(abs, range(-50, 0))
    assert next(ended)[1] > 0
    ended.close()
    assert list(ended) == []
    assert engine.map(abs, [-1]) == [1]


def test_the_serial_engine_computes_when_it_is_asked():
    done: list[int] = []

    def note(value: int) -> int:
        done.append(value)
        return value

    ended = Engine().as_completed(note, [5, 6])
    assert done == []
    assert next(ended) == (0, 5)
    assert done == [5]


def test_it_is_deaps_map(engine: Engine):
    random.seed(1)
    toolbox = base.Toolbox()
    toolbox.register("map", engine.map)
    toolbox.register("evaluate", one_max)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.1)
    toolbox.register("select", tools.selTournament, tournsize=3)
    population = [Bits(random.randint(0, 1) for _ in range(8)) for _ in range(10)]
    population, _ = algorithms.eaSimple(population, toolbox, 0.5, 0.2, 10, verbose=False)
    assert max(population, key=lambda bits: bits.fitness).fitness.values == (8.0,)


class Maximize(base.Fitness):
    weights = (1.0,)


class Bits(list):
    def __init__(self, bits: object = ()) -> None:
        super().__init__(bits)  # type: ignore[call-overload]
        self.fitness = Maximize()


def test_tasks_are_taken_as_workers_get_free(engine: Engine):
    """So there may be more of them than there is room for."""
    ended = engine.as_completed(abs, itertools.count())
    found = dict(itertools.islice(ended, 5))
    ended.close()
    assert all(i == value for i, value in found.items())
    assert max(found) < 5 + engine.workers + 1
