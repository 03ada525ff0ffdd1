"""Random streams: run -> cell -> generation.

Every stream is derived from whole numbers by :func:`derive`, never from the state that another stream has reached. So a
cell draws the same numbers whoever computes it and in whatever order, and a resumed run needs no saved generator state.

DEAP's own operators draw from Python's global ``random``. :func:`seeded` is the one place where the global generators
are seeded; they are put back as they were on leaving. All threads of a process share them, so only one at a time has
its turn with them: :func:`seeded` and :func:`alone` wait for it, :func:`unseeded` lets it go for a while.
"""

import hashlib
import operator
import random
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum, unique
from numbers import Integral
from typing import Any, SupportsIndex

import numpy as np
import torch

from evoprune.checks import at_least, shown
from evoprune.devices import check_device

MOST = 2**64 - 1
"""The largest seed that torch takes."""
Rng = random.Random | np.random.Generator | torch.Generator | None
States = tuple[Any, Any, torch.Tensor]
"""Of the global generators of ``random``, NumPy and torch."""


def derive(*keys: SupportsIndex) -> int:
    """A 63-bit seed for the stream named by ``keys``, for example ``derive(run, cell, generation)``.

    :param keys: whole numbers >= 0 of any size; other keys, or the same in another order, give an independent stream.
    :raises TypeError: for a key that is not a whole number.
    :raises ValueError: for a negative key.
    """
    try:
        numbers = [operator.index(key) for key in keys]
    except TypeError:
        raise TypeError(f"the keys of a seed are whole numbers >= 0, got {shown(keys)}") from None
    if any(number < 0 for number in numbers):
        raise ValueError(f"seeds are whole numbers >= 0, got {shown(keys)}")
    # Not numpy's SeedSequence: to it (1,), (1, 0) and (1, 0, 0) are the same entropy, and so are (2**32,) and (0, 1).
    digest = hashlib.blake2b(repr(numbers).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


@unique
class Stream(Enum):
    """Every stream, by the keys that :func:`derive` gets for it; the number among them is the stream's own.

    The first key is a seed and says whose the stream is. Streams of one owner never meet: their keys differ in length
    or in a number at the same place. Owners share numbers, which are those of version 0.1, and never meet either: a run
    that prunes and the searches are no parts of each other, and a pair's seed is itself derived from theirs.
    """

    # A cell in a generation, one for each part of it, so that no part shifts another. ORDER is the order in which a
    # sequential update visits the cells, TOGETHER what a train slot finds in the global generators.
    SCORE = "run", "cell", "generation", 0
    TRAIN = "run", "cell", "generation", 1
    FINISH = "run", "cell", "generation", 2
    ORDER = "run", "cell", "generation", 3
    TOGETHER = "run", "cell", "generation", 4
    # A run: the networks that its cells begin with, what DEAP's eaSimple draws, what is pruned before any training, the
    # batches whose gradients operators are given, and the training of the best network afterwards.
    GRID = "run", "cell", 10
    CANONICAL = "run", "generation", 11
    INITIAL = "run", "cell", 12
    EVIDENCE = "run", "generation", 13
    POLISH = "run", "round", "epoch", 14
    # A pair while it trains, beside its batches, whose seed is the pair's own: who stands in for the part that does not
    # learn, a variational encoder's noise on given batches, layers such as dropout, and mutTrain's later epochs.
    OPPONENTS = "pair", 1
    NOISE = "pair", 2
    LAYERS = "pair", 3
    EPOCHS = "pair", 4, "epoch"
    # A search for architectures: networks while they are compared and when one is trained in full, the children and the
    # survivors of a generation, and the codes that the plots draw.
    FITNESS = "search", 20, "architecture", "attempt"
    FINAL = "search", 21, "architecture", "attempt"
    CHILDREN = "search", "generation", 22
    SURVIVAL = "search", "generation", 23
    SAMPLES = "search", 24
    # A search for weights: a layer's new networks, the refinement of a survivor, and the offspring.
    NETWORKS = "weights", 1, "layer", "place"
    REFINEMENT = "weights", 2, "generation", "place", "epoch"
    OFFSPRING = "weights", 3, "generation"

    def seed(self, *keys: SupportsIndex) -> int:
        """The seed of this stream, for its keys in their order, without the stream's number.

        :raises ValueError: for another number of keys, or a negative one.
        """
        if len(keys) != len(self.value) - 1:
            raise ValueError(f"{self.name} takes {len(self.value) - 1} keys {self.value}, got {shown(keys)}")
        rest = iter(keys)
        return derive(*(next(rest) if isinstance(part, str) else part for part in self.value))

    def of_pair(self, seed: int | None) -> int:
        """The same for a pair's ``seed``; where the pair has none, a seed from torch's global generator."""
        return int(torch.randint(2**62, ())) if seed is None else self.seed(seed)


class _Blocks(threading.local):
    """The blocks of :func:`seeded` and :func:`alone` that a thread is in, outermost first, by what they put back."""

    def __init__(self) -> None:
        self.outside: list[States | None] = []


_turn = threading.RLock()
_blocks = _Blocks()
_threads = weakref.WeakSet[threading.Thread]()
"""Those that have been in such a block."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Within the block the global generators of ``random``, NumPy and torch (on the CPU) start from ``seed``.

    No other thread is in such a block, or in one of :func:`alone`, at the same time.
    """
    with seeding() as start:
        start(seed)
        yield


@contextmanager
def seeding() -> Iterator[Callable[[int], None]]:
    """The same for many seeds in turn, in a quarter of the time: a function that starts the generators from one."""
    _threads.add(threading.current_thread())
    with _turn:
        _blocks.outside.append(_states())
        try:
            yield _start
        finally:
            _put_back(_blocks.outside.pop())


@contextmanager
def alone() -> Iterator[None]:
    """Within the block no other thread is in such a block or in one of :func:`seeded`; the generators stay as they are.

    For work that other threads must not come between, since what it uses belongs to all of them.
    """
    _threads.add(threading.current_thread())
    with _turn:
        _blocks.outside.append(None)
        try:
            yield
        finally:
            _blocks.outside.pop()


@contextmanager
def unseeded() -> Iterator[None]:
    """Step out of all blocks of :func:`seeded` and :func:`alone` for work that draws from no global generator.

    Other threads have their turn meanwhile. Afterwards the thread waits for its own, and the generators go on where
    they were. It does nothing outside of such blocks, and while no other thread that lives has been in one.
    """
    if len(_threads) < 2:
        yield
        return
    mine = _blocks.outside
    outermost = next((i for i, states in enumerate(mine) if states is not None), None)
    inside = None if outermost is None else _states()
    _put_back(None if outermost is None else mine[outermost])
    _blocks.outside = []
    for _ in mine:
        _turn.release()
    try:
        yield
    finally:
        for _ in mine:
            _turn.acquire()
        _blocks.outside = mine
        if outermost is not None:
            mine[outermost] = _states()  # the program may have drawn meanwhile
        _put_back(inside)


def _states() -> States:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002


def _put_back(states: States | None) -> None:
    """Put the global generators into these states; without any they stay as they are."""
    if states is not None:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002
        torch.set_rng_state(states[2])


def _start(seed: int) -> None:
    at_least("seed", seed, 0, whole=True, most=MOST)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.default_generator.manual_seed(seed)


def generator(rng: Any = None, device: str | torch.device = "cpu") -> torch.Generator:
    """A torch generator started by one draw from ``rng``, so that a whole tensor can be drawn at once.

    :param rng: ``random.Random`` or the module ``random``, ``numpy.random.Generator``, a ``torch.Generator`` (returned
        as it is), a whole number (used as the seed), or None for Python's global ``random``, which DEAP's own operators
        draw from.
    :raises TypeError: for anything else.
    """
    if isinstance(rng, torch.Generator):
        return rng
    if rng is None:
        seed = random.getrandbits(63)
    elif isinstance(rng, Integral):
        at_least("rng, as a seed,", rng, -(2**63), whole=True, most=MOST)
        seed = int(rng)
    elif hasattr(rng, "getrandbits") and not isinstance(rng, type):
        seed = rng.getrandbits(63)
    elif isinstance(rng, np.random.Generator):
        seed = int(rng.integers(2**63))
    else:
        known = "random.Random, numpy or torch Generator, a whole number or None"
        raise TypeError(f"rng must be {known}, got {shown(rng)}")
    check_device(device)
    return torch.Generator(device).manual_seed(seed)
