"""Budgets by hand, and against what runs count."""

from typing import Any

import pytest

from evoprune.benchmarks.frontier.budget import generations_of, steps_at_end, steps_of, total_of
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from tests.benchmarks.tiny import TINY

CANONICAL = {"algorithm": "canonical", "cells": 1}


@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        (CANONICAL, 8),  # 40 samples, 5 a step
        (CANONICAL | {"n_samples": 42}, 9),  # the last step has two
        (CANONICAL | {"batch_size": 40}, 1),
        ({"cells": 4, "radius": 0}, 32),
        ({"cells": 4, "opponents": "random"}, 64),  # encoders and decoders each train with another
        ({"algorithm": "mu-plus-lambda", "cells": 4, "offspring": 6}, 48),
        ({"algorithm": "mu-comma-lambda", "cells": 4}, 64),  # twice as many children as parents
    ],
)
def test_the_steps_of_a_generation(settings: dict[str, Any], steps: int):
    made = make_settings(TINY, settings)
    assert steps_of(made) == steps
    assert generations_of(10 * steps - 1, made) == 9
    assert generations_of(10 * steps, made) == 10
    assert generations_of(steps - 1, made) == 0


def test_polishing_counts():
    made = make_settings(TINY, CANONICAL, {"polish": 2, "polish_epochs": 3})
    assert steps_at_end(made) == 8 * 6
    assert (generations_of(48 + 80, made), generations_of(48 + 79, made)) == (10, 9)
    assert generations_of(40, made) == 0
    assert total_of(make_settings(TINY, CANONICAL, {"polish": 2, "polish_epochs": 3, "generations": 10})) == 128


POLISHED = {"cells": 2, "radius": 0, "polish": 2, "polish_epochs": 3}


@pytest.mark.parametrize("settings", [CANONICAL, {"cells": 3}, {"cells": 2, "opponents": "random"}, POLISHED])
def test_a_run_counts_as_many(settings: dict[str, Any], tmp_path):
    made = make_settings(TINY, settings, {"generations": 2})
    assert start(made, tmp_path / "run", plots=False).summary["updates"] == total_of(made)
