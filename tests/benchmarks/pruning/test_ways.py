"""The ways to a target: courses, exchange, a first pruning, rewinding, several operators, islands, ablations."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from evoprune.benchmarks.pruning.methods import METHODS
from evoprune.benchmarks.pruning.networks import first_individual, initial_grid
from evoprune.benchmarks.pruning.presets import layers_of
from evoprune.benchmarks.pruning.run import resume, start
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.engines import ThreadEngine
from tests.benchmarks.ctrl_c import interrupted
from tests.benchmarks.pruning.test_run import same
from tests.benchmarks.tiny import TINY

CUBIC = {"operator": "activation", "course": "cubic", "target_preserved": 0.4, "finetune": 0.0}
ADAPTIVE = {"operator": "activation+random", "operator_choice": "pursuit", "course": "linear", "target_preserved": 0.4}
VARIANTS: list[dict[str, Any]] = [
    CUBIC | {"regrow": "gradient", "l1": 0.1, "finetune": 0.4, "finetune_rate": 0.1},
    CUBIC | {"regrow": "random", "scope": "tensor", "initial": "erdos-renyi"},
    ADAPTIVE,
    {"operator": "activation+random", "algorithm": "mu-plus-lambda", "migrate_every": 1},
    {"operator": "movement", "migrate_every": 3, "migrate_after": 1},
    {"operator": "magnitude", "schedule": "rounds", "course": "geometric", "rewind": 1, "generations": 8},
    CUBIC | {"ablation": "shuffled"},
]


def run(*layers: dict[str, Any], **more: Any) -> Any:
    return start(make_settings(TINY, *layers, more))


def test_a_course_is_kept_to_in_every_generation():
    kept = run(CUBIC).log["preserved"].tolist()
    wanted = [1.0, *(0.4 + 0.6 * (1 - t / 5) ** 3 for t in range(6))]  # generation 1 is t = 0
    assert kept == pytest.approx(wanted, abs=2e-3)  # whole weights, of 315


def test_with_exchange_as_many_weights_are_kept_and_others():
    plain, exchanging = run(CUBIC), run(CUBIC, regrow="gradient")
    assert exchanging.log["preserved"].tolist() == pytest.approx(plain.log["preserved"].tolist(), abs=2e-3)
    masks = [[m for genome in one.grid[0] for m in genome.masks.values()] for one in (plain, exchanging)]
    assert not all(map(torch.equal, *masks))


def test_what_is_exchanged_comes_back_within_the_share(tmp_path: Path):
    result = start(
        make_settings(TINY, CUBIC, {"regrow": "random", "regrow_share": 0.5, "snapshots": 1, "cells": 1}, radius=0)
    )
    assert result.summary["preserved"] == pytest.approx(0.4, abs=2e-3)


def test_the_initial_operator_prunes_to_the_target_before_any_training():
    settings = make_settings(TINY, operator="none", initial="snip", target_preserved=0.3)
    grid = initial_grid(settings)
    assert [one.preserved for one in grid] == pytest.approx([0.3] * 4, abs=4e-3)
    assert [one.cell for one in grid] == [0, 1, 2, 3]
    fresh = first_individual(settings, 2)
    for genome, before in zip(grid[2], fresh, strict=True):
        for name, mask in genome.masks.items():
            weights = before.module.get_parameter(name)
            assert torch.equal(genome.module.get_parameter(name)[mask], weights[mask])
    log = start(settings).log
    assert log["preserved"].tolist() == pytest.approx([0.3] * 7, abs=4e-3)


def test_an_initial_network_that_is_sparse_already_keeps_as_many_weights():
    log = run(CUBIC, {"initial": "erdos-renyi", "regrow": "gradient", "scope": "tensor"}).log
    assert log["preserved"].tolist() == pytest.approx([0.4] * 7, abs=1e-2)


def test_rewinding_brings_early_weights_back():
    layers = VARIANTS[5] | {"schedule_options": {"rounds": 2}, "cells": 1, "radius": 0, "finetune": 0.0}
    settings = make_settings(TINY, layers, target_preserved=0.5, rate_sigma=0.0)
    assert [settings.timing(t, 7) for t in range(8)] == [0, 0, 0, 1, 0, 0, 0, 0]
    early, late = (start(make_settings(settings.as_dict(), rewind=r)) for r in (1, 3))
    assert early.log["preserved"][4] == late.log["preserved"][4] == pytest.approx(0.5, abs=5e-3)
    # After the event of generation 4 one goes on from the weights of generation 1, the other from those of 3.
    assert early.log["train_loss"][5] > late.log["train_loss"][5]
    assert early.log["train_loss"][4] == late.log["train_loss"][4]


def test_cells_have_operators_in_turn(monkeypatch: pytest.MonkeyPatch):
    result = run({"operator": "random+magnitude", "radius": 0, "course": "cubic", "target_preserved": 0.3, "cells": 2})
    by_magnitude = run({"operator": "magnitude", "radius": 0, "course": "cubic", "target_preserved": 0.3, "cells": 2})
    assert result.grid[1] == by_magnitude.grid[1]
    assert result.grid[0] != by_magnitude.grid[0]
    assert [one.cell for one in result.grid] == [0, 1]


def test_operators_that_take_no_amount_stand_beside_those_that_do():
    result = run(
        {"operator": "conjunctive+magnitude", "radius": 0, "target_preserved": 0.4, "cells": 2, "course": "linear"}
    )
    assert result.grid[1].preserved == pytest.approx(0.4, abs=4e-3)


def test_the_probabilities_of_operators_are_logged_and_learn():
    log = run(ADAPTIVE, generations=12).log
    assert (log["p_activation"] + log["p_random"]).tolist() == pytest.approx([1.0] * 13, abs=1e-3)
    assert log["p_activation"][0] == 0.5
    assert log["p_activation"].nunique() > 2


@pytest.mark.parametrize("variant", [VARIANTS[0], VARIANTS[2], VARIANTS[4]], ids=str)
def test_threads_do_not_change_a_bit(variant: dict[str, Any]):
    settings = make_settings(TINY, variant, chunk=1)
    with ThreadEngine(2) as engine:
        assert same(start(settings), start(settings, engine=engine))


@pytest.mark.parametrize("variant", VARIANTS, ids=str)
def test_an_interrupted_run_goes_on_to_the_same_bits(tmp_path: Path, variant: dict, monkeypatch: pytest.MonkeyPatch):
    settings = make_settings(TINY, variant)
    whole = start(settings)
    assert same(whole, resume(interrupted(settings, tmp_path / "run", monkeypatch)))


def test_islands_meet_when_they_are_to():
    settings = {"radius": 1, "migrate_every": 3, "migrate_after": 1, "generations": 8, "operator": "none"}
    cells = run(settings).cells
    met = {
        gen for gen, own, other in zip(cells["gen"], cells["cell"], cells["encoder_from"], strict=True) if own != other
    }
    assert met <= {4, 7}
    assert met


@pytest.mark.parametrize(("ablation", "same_weights"), [("shuffled", True), ("reinitialised", False)])
def test_an_ablation_trains_the_masks_of_the_end_from_the_start(ablation: str, same_weights: bool):
    layers = CUBIC | {"radius": 0, "cells": 2, "learning_rate": 1e-9, "rate_sigma": 0.0}  # weights stay what they were
    plain, again = run(layers), run(layers, ablation=ablation)
    fresh = initial_grid(make_settings(TINY, layers))
    for before, after, first in zip(plain.grid, again.grid, fresh, strict=True):
        for old, new, start_ in zip(before, after, first, strict=True):
            for name, mask in old.masks.items():
                kept = new.masks[name]
                assert kept.sum() == mask.sum()
                assert torch.equal(kept, mask) is (ablation == "reinitialised") or mask.all() or mask.numel() < 10
                found, initial = (one.module.get_parameter(name)[kept] for one in (new, start_))
                assert torch.allclose(found, initial, atol=1e-4) is same_weights
    assert again.log["preserved"].tolist() == pytest.approx([plain.summary["preserved"]] * 7)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_runs_as_one_network_and_reaches_its_target(name: str):
    layers = [{"algorithm": "canonical", "cells": 1}, *layers_of(name), TINY, {"target_preserved": 0.4}]
    if "radius" in METHODS[name][1]:
        layers[0] = {"algorithm": "spatial"}
    layers[-2] = {key: value for key, value in TINY.items() if key != "cells"} | {"generations": 10}
    result = start(make_settings(*layers, cells=1, radius=0))
    kept = 1.0 if name == "dense" else 0.4
    assert result.summary["preserved"] == pytest.approx(kept, abs=1e-2)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"regrow": "gradient"}, "regrow needs a course"),
        ({"course": "cubic", "amount": 0.1}, "course is a way to a target"),
        ({"regrow": "random", "course": "cubic", "compact_every": 2}, "compact_every takes out for good"),
        ({"operator": "units", "target_macs": 0.5, "course": "cubic", "regrow": "random"}, "count weights"),
        ({"initial": "conjunctive"}, "initial conjunctive takes no amount"),
        ({"rewind": 6}, "rewind must be below the 6 generations, got 6"),
        ({"semantics": "reference", "course": "cubic"}, "need semantics persistent"),
        ({"operator": "activation+nothing"}, "unknown operator 'nothing'"),
        ({"operator": "activation+none"}, "unknown operator 'none'"),
        ({"operator": "random+random", "operator_choice": "ucb"}, "operator_choice ucb needs each once"),
        (
            {"operator": "random+activation", "operator_choice": "ucb", "pruning_order": "before-evaluation"},
            "needs pruning_order after-evaluation",
        ),
        (
            {"ablation": "shuffled", "operator": "random+activation", "operator_choice": "ucb"},
            "ablation shuffled needs",
        ),
        ({"operator": "random+activation", "operator_options": {"balanced": True}}, "balanced"),
        ({"course": "cubical"}, "unknown course 'cubical'"),
        ({"regrow_share": 1.0}, "regrow_share must be"),
        ({"l1": -1.0}, "l1 must be"),
    ],
    ids=str,
)
def test_ways_that_lead_nowhere_are_refused(layers: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        make_settings(TINY, layers)


def test_an_option_goes_to_those_that_have_it():
    settings = make_settings(TINY, operator="random+activation", operator_options={"balance": "true"})
    assert settings.operator_options == {"balance": True}


def test_the_twin_without_pruning_has_no_first_pruning_either(tmp_path: Path):
    settings = make_settings(TINY, initial="synflow", operator="none", compare=True, target_preserved=0.5)
    start(settings, tmp_path / "run")
    summary = json.loads((tmp_path / "run/summary.json").read_text())
    assert summary["preserved"] == pytest.approx(0.5, abs=4e-3)
    assert summary["unpruned"]["preserved"] == 1.0
    assert len(pd.read_csv(tmp_path / "run/log.csv")) == 7
