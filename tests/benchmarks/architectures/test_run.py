"""A search leaves what it promises, and an interrupted one goes on to the same result, on every engine."""

import argparse
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from evoprune.architecture import found_in, parse_architecture
from evoprune.benchmarks.architectures import load_model, make_settings, plots, resume, start
from evoprune.benchmarks.architectures.plots import sample
from evoprune.benchmarks.architectures.run import table
from evoprune.benchmarks.commands.start import add_parser
from evoprune.benchmarks.pruning.settings import make_settings as run_settings
from evoprune.engines import ProcessEngine
from evoprune.evaluation import evaluate, reconstruct
from evoprune.runs import experiment
from tests.benchmarks.architectures.small import SETTINGS, SMALL
from tests.benchmarks.ctrl_c import CtrlC

FILES = {"manifest.json", "settings.json", "summary.json", "log.csv", "networks.csv", "checkpoint.pt", "model.pt"}
PLOTS = {f"plots/{name}.png" for name in ("search", "front", "reconstructions", "samples")}


def same(one, other) -> bool:
    timeless = [{k: v for k, v in result.summary.items() if k != "seconds"} for result in (one, other)]
    weights = [[p for genome in result.model for p in genome.module.parameters()] for result in (one, other)]
    return (
        timeless[0] == timeless[1]
        and one.log.equals(other.log)
        and one.networks.equals(other.networks)
        and all(torch.equal(a, b) for a, b in zip(*weights, strict=True))
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A search with everything; what starts from it must not change it."""
    return start(make_settings(SMALL | {"compare": True}), tmp_path_factory.mktemp("search") / "run")


def test_what_a_search_leaves(whole):
    place = whole.directory
    assert {p.relative_to(place).as_posix() for p in place.rglob("*") if p.is_file()} == FILES | PLOTS
    settings, summary = (json.loads((place / f"{name}.json").read_text()) for name in ("settings", "summary"))
    assert settings == {"experiment": "architectures", **whole.settings.as_dict()}
    assert summary == json.loads(json.dumps(whole.summary))
    log, networks = pd.read_csv(place / "log.csv"), pd.read_csv(place / "networks.csv")
    assert log["gen"].tolist() == [0, 1, 2, 3]
    assert len(networks) == summary["trained"] == log["trained"].iloc[-1] == 3 + 3 * 2
    assert networks["architecture"].is_unique
    assert networks.sort_values("loss")["architecture"].iloc[0] == summary["architecture"]
    assert [row["architecture"] for row in summary["front"]] == (
        networks[networks["front"]].sort_values("parameters")["architecture"].tolist()
    )
    assert summary["random"]["trained"] == summary["trained"]
    assert summary["search_loss"] == log["best_loss"].iloc[-1]


def test_the_figures_are_those_of_the_model(whole):
    data = whole.settings.problem
    assert whole.summary["test_loss"] == evaluate(whole.model, data.test, "mse")[0]
    assert whole.summary["validation_loss"] == evaluate(whole.model, data.validation, "mse")[0]
    assert whole.summary["parameters"] == parse_architecture(whole.summary["architecture"]).parameters
    loaded = load_model(whole.directory / "model.pt")
    assert torch.equal(reconstruct(loaded, data.test), reconstruct(whole.model, data.test))


def test_the_front(whole):
    rows = whole.networks
    for _, row in rows.iterrows():
        beaten = ((rows["parameters"] <= row["parameters"]) & (rows["loss"] < row["loss"])).any()
        beaten |= ((rows["parameters"] < row["parameters"]) & (rows["loss"] <= row["loss"])).any()
        assert row["front"] == (not beaten)


def test_what_was_found_can_be_pruned(whole):
    settings = run_settings({"benchmark": "digits", "network": f"from {whole.directory}"})
    assert settings.network == whole.summary["architecture"]
    assert settings.activation == found_in(whole.directory).activation
    settings.check_data()


@pytest.mark.parametrize("extra", [{}, {"inherit": True, "objectives": "loss-size", "tries": 2}])
def test_resumed_to_the_same_bits(extra, tmp_path, monkeypatch):
    settings = make_settings(SMALL | extra)
    expected = start(settings)

    monkeypatch.setattr(plots, "save_plots", lambda *_: [])  # which other tests look at
    with monkeypatch.context() as patch:
        patch.setattr(experiment, "progress_bar", lambda *_: CtrlC(after=1))
        with pytest.raises(KeyboardInterrupt):
            start(settings, tmp_path / "run")
    assert not (tmp_path / "run/summary.json").exists()
    torch.load(tmp_path / "run/checkpoint.pt", weights_only=True)
    assert same(resume(tmp_path / "run"), expected)


def test_the_random_search_is_the_one_that_runs_alone(whole):
    alone = start(make_settings(SMALL | {"method": "random"}))
    found = {k: v for k, v in alone.summary.items() if k in whole.summary["random"]}
    assert found == whole.summary["random"]


@pytest.mark.slow
def test_the_same_on_another_engine(whole):
    with ProcessEngine(2) as engine:
        assert same(start(whole.settings, engine=engine), whole)


def test_foreign_and_damaged_files(tmp_path, whole):
    with pytest.raises(ValueError, match="there is no run here"):
        resume(tmp_path)
    with pytest.raises(ValueError, match="no model here"):
        load_model(tmp_path / "model.pt")
    (tmp_path / "model.pt").write_bytes(b"no model")
    with pytest.raises(ValueError, match="damaged or not a model"):
        load_model(tmp_path / "model.pt")
    state = torch.load(whole.directory / "checkpoint.pt", weights_only=True)
    del state["population"]
    torch.save(state, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="does not fit this version"):
        resume(tmp_path)
    with pytest.raises(ValueError, match="holds a run that has ended"):
        start(SETTINGS, whole.directory)


def test_samples_stay_within_the_codes(whole):
    problem = whole.settings.problem
    images = sample(whole.model, problem, seed=1)
    assert images.shape == (30, 64)
    assert 0 <= images.min() <= images.max() <= 1
    assert torch.equal(images, sample(whole.model, problem, seed=1))
    assert not torch.equal(images, sample(whole.model, problem, seed=2))


def test_the_table(whole):
    lines = table(whole).splitlines()
    assert [re.split(r"  +", line)[0] for line in lines[1:4]] == [
        "best found (genetic)", "best of 9 random ones", "the best constant image",
    ]  # fmt: skip
    assert f"{whole.summary['test_loss']:.5f}" in lines[1]
    assert whole.summary["architecture"] in lines[-2]


def parse(*arguments: str) -> argparse.Namespace:
    parser, parents = argparse.ArgumentParser(), [argparse.ArgumentParser(add_help=False) for _ in range(2)]
    for name in ("--quiet", "--json"):
        parents[0].add_argument(name, action="store_true")
    for name in ("--engine", "--hostfile", "--external-hostname"):
        parents[1].add_argument(name)
    parents[1].add_argument("--workers", type=int)
    add_parser(parser.add_subparsers(), "architectures", *parents)
    return parser.parse_args(["architectures", *arguments])


def test_the_command_on_a_folder_of_images(tmp_path, capsys):
    rng = np.random.default_rng(0)
    for k in range(20):
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(tmp_path / f"{k}.png")
    small = [f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items() if name != "batch_size"]
    options = parse(
        "--data", str(tmp_path), "--image-size", "6", "--batch-size", "4", "--output", str(tmp_path / "run"), *small
    )
    assert options.command(options) == 0
    said = capsys.readouterr().out
    assert "best found (genetic)" in said
    assert f'--benchmark images --data {tmp_path} --image-size 6 --data-seed 0 --network "from {tmp_path}/run"' in said
    assert parse_architecture(found_in(tmp_path / "run").text).shape == (3, 6, 6)
    assert {f"plots/{path.name}" for path in Path(tmp_path / "run/plots").iterdir()} == PLOTS
    options = parse("--code", "65")
    with pytest.raises(ValueError, match="a code of 65 is larger"):
        options.command(options)
