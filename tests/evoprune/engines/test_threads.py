"""Threads of this process: what runs side by side, what does not, and how they end."""

import random
import signal
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from evoprune.engines import ThreadEngine, WorkerError
from evoprune.seeds import alone, seeded, unseeded
from tests.real import HANG


@pytest.fixture
def engine() -> Iterator[ThreadEngine]:
    engine = ThreadEngine(2)
    yield engine
    engine.close()


def workers() -> int:
    return sum(thread.name.startswith("evoprune") for thread in threading.enumerate())


def draws() -> tuple[float, float, float]:
    return random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002


def test_tasks_run_side_by_side(engine: ThreadEngine):
    both = threading.Barrier(2)
    assert sorted(engine.map(lambda _: both.wait(HANG), range(2))) == [0, 1]


def test_what_is_unseeded_runs_side_by_side_and_the_draws_are_those_of_one_thread(engine: ThreadEngine):
    """Each task is in its seeded block while the other one is in its own, and both go on where they were."""
    both = threading.Barrier(2)

    def task(seed: int, together: bool) -> list[tuple[float, float, float]]:
        with seeded(seed):
            found = [draws()]
            if together:
                with unseeded():
                    both.wait(HANG)
            return [*found, draws()]

    expected = [task(0, False), task(1, False)]
    with seeded(5):
        outside = [draws(), draws()]
    with seeded(5):
        found = [draws()]
        assert engine.map(task, range(2), [True] * 2) == expected
        assert [*found, draws()] == outside


@pytest.mark.parametrize("block", [lambda: seeded(3), alone])
def test_blocks_run_one_by_one(engine: ThreadEngine, block):
    inside: list[int] = []

    def task(number: int) -> list[int]:
        with block():
            inside.append(number)
            for _ in range(2000):  # Python lets another thread go on in between
                found = list(inside)
            inside.remove(number)
            return found

    assert engine.map(task, range(8)) == [[number] for number in range(8)]


@pytest.mark.parametrize("block", [lambda: seeded(3), alone])
def test_a_map_within_a_block_lets_its_tasks_have_their_turn(engine: ThreadEngine, block):
    def task(seed: int) -> float:
        with seeded(seed):
            return random.random()

    with block():
        random.seed(1)
        before = random.getstate()
        assert engine.map(task, [7, 8, 9]) == [random.Random(seed).random() for seed in (7, 8, 9)]
        assert random.getstate() == before


def test_tasks_that_are_drawn_while_others_run_are_those_of_one_thread(engine: ThreadEngine):
    def task(value: float) -> float:
        with seeded(1):
            for _ in range(200):
                random.random()
        return value

    source = random.Random(0)
    random.seed(0)
    assert engine.map(task, (random.random() for _ in range(50))) == [source.random() for _ in range(50)]


def test_a_task_may_have_tasks_of_its_own(engine: ThreadEngine):
    both = threading.Barrier(2)

    def task(value: int) -> list[int]:
        both.wait(HANG)  # no thread is free
        return engine.map(abs, [-value, value])

    assert engine.map(task, [1, 2]) == [[1, 1], [2, 2]]


def test_one_torch_thread_in_every_worker(engine: ThreadEngine):
    both = threading.Barrier(2)

    def task(_: int) -> int:
        both.wait(HANG)
        return torch.get_num_threads()

    assert engine.map(task, range(2)) == [1, 1]


def test_what_cannot_be_pickled_is_welcome(engine: ThreadEngine):
    (lock,) = engine.map(lambda _: threading.Lock(), [0])
    assert lock.acquire(blocking=False)


def test_tasks_come_as_they_end(engine: ThreadEngine):
    go_on = threading.Event()
    ended = engine.as_completed(lambda value: value if value else go_on.wait(HANG), range(4))
    assert {next(ended)[0] for _ in range(3)} == {1, 2, 3}
    go_on.set()
    assert list(ended) == [(0, True)]


def test_closing_the_generator_waits_for_what_runs_and_starts_no_more(engine: ThreadEngine):
    begun: list[int] = []
    here, go_on = threading.Event(), threading.Event()

    def task(value: int) -> int:
        begun.append(value)
        if value:
            here.set()
            go_on.wait(HANG)
        return value

    ended = engine.as_completed(task, [0, 1, 2, 3, 4, 5])
    assert next(ended) == (0, 0)
    assert here.wait(HANG)
    threading.Timer(0.1, go_on.set).start()
    ended.close()
    assert go_on.is_set()
    assert 5 not in begun
    assert engine.map(abs, [-1]) == [1]


def test_the_first_error_ends_a_map(engine: ThreadEngine):
    begun: list[int] = []

    def task(value: int) -> float:
        begun.append(value)
        return 1 / value

    with pytest.raises(WorkerError, match=r"(?s)in task\n.*ZeroDivisionError: division by zero"):
        engine.map(task, [0, *range(1, 1000)])
    assert len(begun) < 1000


def test_threads_start_with_the_first_task_and_end_with_the_engine():
    with ThreadEngine(2) as engine:
        assert workers() == 0
        engine.map(abs, range(-9, 0))
        assert 1 <= workers() <= 2
        engine.close()
        assert workers() == 0
        assert engine.map(abs, [-1]) == [1]
    assert workers() == 0


def test_an_engine_that_is_forgotten_leaves_no_thread():
    engine = ThreadEngine(2)
    engine.map(abs, range(-9, 0))
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("evoprune")]
    del engine
    for thread in threads:
        thread.join(HANG)
    assert workers() == 0


def test_ctrl_c_ends_a_map_when_the_tasks_at_work_have_ended(engine: ThreadEngine):
    begun: list[int] = []

    def task(value: int) -> int:
        begun.append(value)
        if value == 0:
            signal.raise_signal(signal.SIGINT)  # which Python hands to the main thread
        return value

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.map(task, range(100_000))
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(begun) < 100_000
    assert engine.map(abs, [-1]) == [1]
