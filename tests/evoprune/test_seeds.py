import random
import threading
import weakref
from itertools import combinations, product

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from evoprune import seeds
from evoprune.seeds import Stream, alone, derive, generator, seeded, seeding, unseeded

KEYS = st.lists(st.integers(0, 2**70), max_size=6).map(tuple)


@given(KEYS, KEYS)
def test_streams_are_reproducible_and_their_own(keys, others):
    assert 0 <= derive(*keys) < 2**63
    assert (derive(*keys) == derive(*others)) == (keys == others)


@pytest.mark.parametrize(
    ("keys", "others"),
    [((1,), (1, 0)), ((1, 0), (1, 0, 0)), ((2**32,), (0, 1)), ((1, 2), (2, 1)), ((), (0,)), ((12, 3), (1, 23))],
)
def test_streams_that_simple_mixing_confuses(keys, others):
    assert derive(*keys) != derive(*others)


def test_many_streams_are_spread_evenly():
    seeds = [derive(*keys) for keys in product(range(20), range(20), range(10))]
    assert len(set(seeds)) == 4000
    for bit in range(63):  # 0.5 and five standard errors of 0.0079
        assert abs(np.mean([seed >> bit & 1 for seed in seeds]) - 0.5) < 0.04


def test_numpy_integers_are_whole_numbers():
    assert derive(np.int64(3), np.uint8(4)) == derive(3, 4)


@pytest.mark.parametrize("keys", [(-1,), (3, -2)])
def test_negative_keys(keys):
    with pytest.raises(ValueError, match="whole numbers >= 0"):
        derive(*keys)


@pytest.mark.parametrize("key", [0.5, 1.0, "1", None])
def test_other_keys(key):
    with pytest.raises(TypeError):
        derive(key)


@pytest.mark.parametrize("owner", {stream.value[0] for stream in Stream})
def test_streams_of_one_owner_never_meet(owner):
    keys = [stream.value for stream in Stream if stream.value[0] == owner]
    for one, other in combinations(keys, 2):
        pairs = list(zip(one, other, strict=False))
        apart = any(isinstance(a, int) and isinstance(b, int) and a != b for a, b in pairs)
        assert apart or len(one) != len(other), (one, other)


def test_every_stream_has_one_number_behind_whose_it_is():
    for stream in Stream:
        owner, *rest = stream.value
        assert isinstance(owner, str)
        assert [type(part) for part in rest].count(int) == 1
    assert len({stream.value for stream in Stream}) == len(Stream.__members__)


def test_the_keys_of_a_stream_are_those_of_version_0_1():
    assert Stream.SCORE.seed(7, 3, 4) == derive(7, 3, 4, 0)
    assert Stream.TOGETHER.seed(7, 3, 4) == derive(7, 3, 4, 4)
    assert Stream.GRID.seed(7, 3) == derive(7, 3, 10)
    assert Stream.CANONICAL.seed(7, 5) == derive(7, 5, 11)
    assert Stream.EPOCHS.seed(7, 2) == derive(7, 4, 2)
    assert Stream.FITNESS.seed(7, 99, 1) == derive(7, 20, 99, 1)
    assert Stream.SAMPLES.seed(7) == derive(7, 24)
    assert Stream.REFINEMENT.seed(7, 5, 1, 0) == derive(7, 2, 5, 1, 0)


def test_a_stream_refuses_other_keys_than_its_own():
    with pytest.raises(ValueError, match=r"SCORE takes 3 keys \('run', 'cell', 'generation', 0\), got \(7, 3\)"):
        Stream.SCORE.seed(7, 3)
    with pytest.raises(ValueError, match="whole numbers >= 0"):
        Stream.GRID.seed(-1, 3)


def test_a_pair_without_a_seed_draws_one_from_torch():
    assert Stream.NOISE.of_pair(7) == Stream.NOISE.seed(7) == derive(7, 2)
    torch.manual_seed(1)
    expected = int(torch.randint(2**62, ()))
    torch.manual_seed(1)
    assert Stream.NOISE.of_pair(None) == expected


def draws(error=None):
    """A number from each; then the error."""
    numbers = random.random(), np.random.random(), torch.rand(()).item()  # noqa: NPY002
    if error is not None:
        raise error
    return numbers


def test_seeded_starts_all_three_generators():
    with seeded(5):
        first = draws()
    with seeded(5):
        assert draws() == first
    with seeded(6):
        assert all(a != b for a, b in zip(draws(), first, strict=True))


@pytest.mark.parametrize("seed", [0, 1, 2**32, 2**63 - 1])
def test_seeded_takes_any_derived_seed(seed):
    with seeded(seed):
        assert len(draws()) == 3


def test_seeded_puts_them_back_even_after_an_error():
    with seeded(1):
        expected = draws(), draws()
    with seeded(1):
        before = draws()
        with pytest.raises(KeyError), seeded(2):
            draws(KeyError)
        with seeded(3), seeded(4):
            draws()
        assert (before, draws()) == expected


@pytest.fixture
def another_thread():
    """A thread that has been in a block, and lives until the end of the test."""
    been, done = threading.Event(), threading.Event()

    def work():
        with alone():
            been.set()
        done.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    assert been.wait(60)
    yield
    done.set()
    thread.join(60)


def test_a_program_of_one_thread_has_nobody_to_let_in(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(seeds, "_threads", weakref.WeakSet())
    with seeded(2):
        expected = random.random(), random.random()
    with seeded(2):
        first = random.random()
        with unseeded():
            assert (first, random.random()) == expected


@pytest.mark.usefixtures("another_thread")
def test_unseeded_is_outside_of_all_blocks():
    with seeded(1):
        outside = draws(), draws(), draws()
    with seeded(2):
        inside = draws(), draws()
    with seeded(1):
        found = [draws()]
        with seeded(3), alone(), seeded(2):
            within = [draws()]
            with pytest.raises(KeyError), unseeded():
                draws(KeyError)
            within.append(draws())
        found.append(draws())
    assert tuple(within) == inside
    assert found == [outside[0], outside[1]]


@pytest.mark.usefixtures("another_thread")
def test_what_the_program_draws_while_a_block_is_left_counts():
    random.seed(1)
    expected = random.random(), random.random()
    random.seed(1)
    with alone(), seeded(2):
        with unseeded(), unseeded():  # the second one has nothing to leave
            first = random.random()
        random.random()
    assert (first, random.random()) == expected


@pytest.mark.usefixtures("another_thread")
def test_alone_leaves_the_generators_as_they_are():
    random.seed(1)
    expected = random.random(), random.random()
    random.seed(1)
    with alone():
        first = random.random()
        with unseeded():
            pass
    assert (first, random.random()) == expected


def test_a_generator_from_every_source():
    def number(rng):
        return torch.rand((), generator=generator(rng)).item()

    assert number(7) == number(7) == number(np.int64(7))
    assert number(random.Random(1)) == number(random.Random(1)) != number(random.Random(2))
    assert number(np.random.default_rng(1)) == number(np.random.default_rng(1)) != number(np.random.default_rng(2))
    own = torch.Generator().manual_seed(3)
    assert generator(own) is own


def test_one_source_gives_a_new_generator_each_time():
    rng = random.Random(1)
    assert generator(rng).initial_seed() != generator(rng).initial_seed()


def test_by_default_it_draws_from_the_global_random():
    random.seed(1)
    first = generator().initial_seed()
    assert generator(None).initial_seed() != first
    random.seed(1)
    torch.manual_seed(99)
    assert generator(None).initial_seed() == first
    random.seed(1)
    assert generator(random).initial_seed() == first


def test_the_global_torch_generator_is_left_alone():
    state = torch.get_rng_state()
    generator(5)
    generator(None)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("rng", ["1", 1.5, np.random.RandomState(1), random.Random])
def test_other_sources_are_refused(rng):
    with pytest.raises(TypeError, match=r"random\.Random, numpy or torch Generator, a whole number or None, got"):
        generator(rng)


def test_seeding_starts_as_seeded_does_and_puts_back():
    def draw():
        return random.random(), np.random.normal(), torch.rand(()).item()  # noqa: NPY002

    expected = []
    for seed in (5, 6, 5):
        with seeded(seed):
            expected.append(draw())
    with seeded(1):
        draw()  # a normal number more waits in NumPy
        after = draw()
    with seeded(1):
        draw()
        with seeding() as start:
            found = []
            for seed in (5, 6, 5):
                start(seed)
                found.append(draw())
        assert draw() == after
    assert found == expected
