"""Users and items that are made up, in memory or as the files of :mod:`evoprune.benchmarks.problems.user_items`."""

from functools import partial
from pathlib import Path

import numpy as np

from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.sparse_rows import SparseRows, ones_at
from evoprune.benchmarks.problems.user_items import FILES, HEADER, UserItems
from evoprune.checks import at_least
from evoprune.files import write
from evoprune.memory import check_fits

LEAST_USERS = 10
"""One of them is for validation and one for the test."""
LEAST_ITEMS = 10
FEWEST = 5
"""Items that a user takes at least: one of them is held out."""
TASTES = 6
STEEPNESS = 1.2
"""The k-th most popular item is taken in proportion to k to the power of minus this, as in a law of Zipf."""
COMMON = 0.1
"""What of a taste is everybody's."""
USUAL = 50
"""Items beyond the fewest that a user takes on average at most; of few items it is every twelfth."""
_STREAM = 0x5A1E  # keeps the data apart from the streams of a run that was given the same seed


def sample_memory(n_users: int, n_items: int) -> float:
    """Bytes that :func:`sample` takes at its peak, about."""
    return n_users * (FEWEST + min(n_items / 12, USUAL)) * 40 + n_users * 300 + n_items * (TASTES + 4) * 16


def sample(n_users: int, n_items: int, seed: int) -> UserItems:
    """Users who each have one of a few tastes: an order of popularity of all the items, of which they take some.

    So whoever tells the taste by the items shown finds more of the others than who names the most popular ones. Of
    the users 80 % are for training, 10 % for validation and 10 % for the test; of the items of the latter 20 %, at
    random and rounded down, are held out (Liang et al. 2018, section 4.1).

    :raises ValueError: for fewer than ten users or items, more than fit into memory, or a negative seed.
    """
    at_least("n_users", n_users, LEAST_USERS, whole=True)
    at_least("n_items", n_items, LEAST_ITEMS, whole=True)
    at_least("seed", seed, 0, whole=True)
    check_fits({f"the data of {n_users} users and {n_items} items": sample_memory(n_users, n_items)}, "take fewer")
    rng = np.random.default_rng([_STREAM, seed])
    popularity = np.arange(1.0, n_items + 1) ** -STEEPNESS
    tastes = np.stack([(1 - COMMON) * rng.permutation(popularity) + COMMON * popularity for _ in range(TASTES)])
    tastes /= tastes.sum(1, keepdims=True)
    usual = max(min(n_items / 12, USUAL), 1)
    counts = np.minimum(FEWEST - 1 + rng.geometric(1 / usual, n_users), n_items // 2)
    wants = rng.integers(TASTES, size=n_users)
    taken = [
        rng.choice(n_items, count, replace=False, p=tastes[taste]) for count, taste in zip(counts, wants, strict=True)
    ]
    tenth = n_users // 10
    tables = [_table(taken[: n_users - 2 * tenth], n_items)]
    for part in (taken[n_users - 2 * tenth : n_users - tenth], taken[n_users - tenth :]):
        mixed = [rng.permutation(items) for items in part]
        tables.append(_table([items[len(items) // 5 :] for items in mixed], n_items))
        tables.append(_table([items[: len(items) // 5] for items in mixed], n_items))
    return UserItems(*tables)


def write_sample(directory: str | Path, n_users: int = 600, n_items: int = 200, seed: int = 1) -> Path:
    """Write what :func:`sample` makes as the six files of Liang et al., to try out or to show what they look like.

    :param directory: where they go; it is made where there is none.
    :returns: the directory, for ``Retrieval(path)``.
    :raises ValueError: as :func:`sample`, for a directory that cannot be made, and where one of the files is there
        already, which is left alone.
    :raises evoprune.files.WriteError: naming the file that cannot be written.
    """
    made = sample(n_users, n_items, seed)
    place = absolute(str(directory))
    with readable(place, "cannot be made"):
        place.mkdir(parents=True, exist_ok=True)
        there = [name for name in FILES if (place / name).exists()]
    if there:
        raise ValueError(f"{place}: {there[0]} is there already; give another directory")
    names = "".join(f"item-{number}\n" for number in range(n_items))
    write(place / FILES[0], lambda file: file.write(names.encode()))
    tables = (made.train, made.validation, made.validation_targets, made.test, made.test_targets)
    second, third = len(made.train), len(made.train) + len(made.validation)
    firsts = (0, second, second, third, third)  # users are numbered through all splits
    for name, table, first in zip(FILES[1:], tables, firsts, strict=True):
        users, items = table.matrix.nonzero()
        rows = np.stack([first + users, items], axis=1)
        write(place / name, partial(np.savetxt, X=rows, fmt="%d", delimiter=",", header=HEADER, comments=""))
    return place


def _table(taken: list[np.ndarray], n_items: int) -> SparseRows:
    users = np.repeat(np.arange(len(taken)), [len(items) for items in taken])
    return ones_at(users, np.concatenate(taken), (len(taken), n_items))
