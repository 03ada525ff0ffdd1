"""The cells of a generation in threads: training may run side by side, and nothing else comes between."""

import random
import threading
from functools import partial

import pytest
import torch

from evoprune.engines import ThreadEngine
from evoprune.operators import mutPruneRandom
from evoprune.seeds import unseeded
from evoprune.training import train_epoch
from tests.algorithms.small import DATA, full, make_grid, make_toolbox, run
from tests.real import HANG


def train_drawing(pairs):
    """A train slot of a user's own, which draws from the global generators."""
    for pair in pairs:
        for parameter in pair.encoder.module.parameters():
            with torch.no_grad():
                parameter.add_(0.1 * random.random() * torch.rand(parameter.shape))
    return [random.random() for _ in pairs]


def train_together(both: threading.Barrier, pairs):
    """A train slot that draws from none, and goes on when the other task is there too."""
    with unseeded():
        both.wait(HANG)
        losses = train_epoch(pairs, DATA)
    return losses + random.random()


class Counting:
    """A mutation that gets ready for a task's pairs, and refuses what it has not been told of."""

    def prepare(self, pairs):
        self.waiting = list(pairs)

    def __call__(self, pair):
        random.random()
        if not any(pair is one for one in self.waiting):
            raise ValueError("another task came between")
        return mutPruneRandom(pair, 0.1)


SLOTS = {"default": {}, "drawing": {"train": train_drawing}, "prepared": {"mutate": Counting()}}


@pytest.mark.parametrize("slots", SLOTS.values(), ids=SLOTS)
@pytest.mark.parametrize("opponents", ["selected", "random"])
def test_threads_give_the_same_bits(slots, opponents):
    if "train" in slots and opponents == "random":
        slots = {"train": lambda pairs, **_: train_drawing(pairs)}
    with ThreadEngine(2) as engine:
        maps = {"map": map}, {"map": engine.map}
        serial, threads = (run(toolbox=make_toolbox(**slots, **one), chunk=1, opponents=opponents) for one in maps)
    assert full(serial[0]) == full(threads[0])
    assert serial[1] == threads[1]


def test_training_that_steps_out_runs_side_by_side_to_the_same_bits():
    both, nobody = threading.Barrier(2), threading.Barrier(1)
    with ThreadEngine(2) as engine:
        serial, threads = (
            run(ngen=10, toolbox=make_toolbox(train=partial(train_together, at), mutate=Counting(), map=map_), chunk=2)
            for at, map_ in ((nobody, map), (both, engine.map))
        )
    assert full(serial[0]) == full(threads[0])


def test_a_thread_flushes_small_numbers_while_it_trains_and_is_then_as_before():
    tiny = torch.tensor(1e-39)

    def task(pairs):
        before = bool(tiny * 1)
        train_epoch(pairs, DATA)
        return before, bool(tiny * 1)

    with ThreadEngine(1) as engine:
        assert engine.map(task, [make_grid(1)]) == [(True, True)]
