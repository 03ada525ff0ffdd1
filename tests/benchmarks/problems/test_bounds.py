"""The bounds of a problem stand once, in its fields: they hold for whoever makes it, and for the command line."""

import json
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evoprune.benchmarks.problems import BENCHMARKS
from evoprune.benchmarks.problems.binary_clustering import BinaryClustering
from evoprune.benchmarks.problems.digits import Digits
from evoprune.benchmarks.problems.images import ImageFolder, Photographs
from evoprune.benchmarks.problems.problem import validate
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.runs.settings import SEEDS, bounds

KINDS: list[Any] = [*BENCHMARKS.values()]


def made(kind: Any, folder: Path) -> Any:
    """A problem of that kind; where it needs data, there are some."""
    np.save(folder / "x.npy", np.zeros((5, 2)))
    needs = {field.name for field in fields(kind)} & {"path", "directory"}
    place = folder / "x.npy" if kind is BENCHMARKS["file"] else folder
    return kind(**dict.fromkeys(needs, str(place)))


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_number_has_bounds_and_they_hold(kind, tmp_path):
    problem = made(kind, tmp_path)
    for field in fields(kind):
        value = getattr(problem, field.name)
        if isinstance(value, str | None):
            wrong: list[Any] = [5, b"bytes", "a\nb", "a\0b", "x" * 5000, [], True]
            wrong += [] if field.default is None else [None]
        else:
            assert {"least", "most"} <= set(field.metadata) or field.metadata.get("share")
            least, most = bounds(field.metadata)
            wrong = [least - 1, most + 1, True, np.True_, None, "1", "x", [], 1j, float("nan"), float("inf"), 10**30]
            wrong += [-(10**30), np.array([1]), np.float64("nan"), np.int64(-1)]
        for each in wrong:
            with pytest.raises(ValueError, match=f"^{field.name} must be ") as caught:
                replace(problem, **{field.name: each})
            assert len(str(caught.value).splitlines()) == 1
            assert len(str(caught.value)) < 250


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_numbers_of_numpy_and_paths_become_plain(kind, tmp_path):
    problem = made(kind, tmp_path)
    plain = {int: np.int32, float: np.float64, str: Path}
    given = {name: plain[type(value)](value) for name, value in asdict(problem).items() if value is not None}
    again = kind(**given)
    assert again == problem
    assert json.loads(json.dumps(asdict(again))) == asdict(problem)


def test_the_bounds_themselves_are_welcome():
    assert Digits(SEEDS).split_seed == SEEDS
    assert BinaryClustering(noise=0.5, p_one=1, n_clusters=1, n_samples=1, n_dim=1, seed=0).load().train.shape == (1, 1)
    assert Photographs(200, 0).load().train.shape[1] == 3 * 200 * 200
    validate(Photographs(200), 1)
    validate(Photographs(1), 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"n_dim": 0}, "n_dim of benchmark binary-clustering must be a whole number of at least 1, got 0"),
        ({"noise": 0.6}, "noise of benchmark binary-clustering must be a number of at most 0.5, got 0.6"),
        ({"p_one": -1}, r"p_one of benchmark binary-clustering must be a number in \[0, 1\], got -1"),
        ({"benchmark": "photographs", "image_size": 0}, "image_size of benchmark photographs must be .* at least 1"),
        ({"benchmark": "images", "image_size": 5000}, "image_size of benchmark images must be .* at most 4096"),
        ({"data_seed": -1}, "seed must be a whole number of at least 0, got -1"),
    ],
)
def test_settings_read_them(settings, message):
    with pytest.raises(ValueError, match=message):
        make_settings(settings).problem  # noqa: B018


def test_a_folder_may_keep_its_sizes(tmp_path):
    assert ImageFolder(str(tmp_path), size=0).size == 0
    assert ImageFolder(str(tmp_path), size=4096).size == 4096
