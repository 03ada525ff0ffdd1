"""What the panel of the validation error is compared with belongs to the same samples."""

import pytest

from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.pruning.summary import baselines
from tests.benchmarks.tiny import TINY


def test_lines_are_of_the_samples_of_the_curve():
    settings = make_settings(TINY | {"compare": True})
    result = start(settings)
    summary, problem = result.summary, settings.problem
    assert summary["validation_l1"] == pytest.approx(result.log["validation_l1"].iloc[-1])
    twin = start(make_settings(TINY | {"operator": "none"}))
    lines = baselines(summary, problem)
    assert lines == {
        "constant": pytest.approx(float((problem.validation[:100] != problem.train.median()).float().mean())),
        "noise floor": problem.noise_floor,
        "without pruning": pytest.approx(twin.log["validation_l1"].iloc[-1]),
    }
    assert lines["without pruning"] != summary["unpruned"]["test_l1"]
    del summary["unpruned"]["validation_l1"]  # as version 0.1 left it
    assert baselines(summary, problem).keys() == {"constant", "noise floor"}
    assert baselines(summary | {"unpruned": None, "noise_floor": None}, problem).keys() == {"constant"}
