"""The plots of a run as files."""

from typing import Any

import pandas as pd
import pytest
import torch
from matplotlib.figure import Figure

from evoprune.benchmarks.plots import save_plots
from evoprune.benchmarks.plots.save import add_caption
from evoprune.benchmarks.weights.plots import save_plots as weights_plots
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.benchmarks.plots.drawn import MASK, Bits, fits, pair_of, table

LOG = pd.DataFrame({"gen": [0, 1, 2], "mutpb": [0.0, 0.1, 0.2]})
WHAT = {"algorithm": "spatial", "operator": "magnitude", "schedule": "fixed", "benchmark": "bits", "seed": 3}
SUMMARY = {**WHAT, "loss": "l1", "cells": 2}


def test_save_plots_writes_files_of_150_dpi(tmp_path):
    directory = tmp_path / "run" / "plots"
    varying = table(learning_rate=[1e-5, 1e-5, 2e-5, 4e-5, 3e-5, 5e-5])
    paths = save_plots(directory, LOG, varying, pair_of(), Bits(), SUMMARY, {"constant": 0.5})
    assert [path.name for path in paths] == [
        f"{name}.png" for name in ("loss", "size", "masks", "reconstructions", "learning_rate")
    ]
    assert sorted(paths) == sorted(set(directory.iterdir()) - {directory / "manifest.json"})
    header = paths[0].read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert int.from_bytes(header[16:20]) == 7.5 * 150
    again = save_plots(directory, LOG, table(), pair_of(), Bits(pixels=(2, 2)), SUMMARY, {})
    assert [path.stem for path in again] == ["loss", "size", "masks", "reconstructions"]


def test_every_figure_says_what_ran_below_all_else(tmp_path, monkeypatch):
    seen = []

    def look(figure, file, bbox_inches, **_):
        seen.append((figure, bbox_inches))

    monkeypatch.setattr(Figure, "savefig", look)
    cells = table(learning_rate=[1e-5, 1e-5, 2e-5, 4e-5, 3e-5, 5e-5])
    save_plots(tmp_path, LOG, cells, pair_of(MASK), Bits(pixels=(2, 2)), SUMMARY, {})
    assert len(seen) == 5
    for figure, page in seen:
        assert not figure.legends  # they would follow the larger page down
        caption = figure.texts[-1]
        assert caption.get_text() == "algorithm spatial, operator magnitude, schedule fixed, benchmark bits, seed 3"
        assert fits(figure)  # without the caption, which is out of the layout: all else ends at the page
        drawn = caption.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
        assert page.x0 < drawn.x0 < drawn.x1 < page.x1
        assert page.y0 < drawn.y0 < drawn.y1 <= 0.01


def test_a_long_caption_is_broken():
    figure = Figure(figsize=(3, 2))
    page = add_caption(figure, ", ".join([*["word"] * 20, "a_long_name_of_a_file/" * 3]))
    figure.draw_without_rendering()
    text = figure.texts[0]
    assert len(text.get_text().splitlines()) == 4
    drawn = text.get_window_extent().transformed(figure.dpi_scale_trans.inverted())
    assert drawn.x1 < page.x1
    assert page.y0 < drawn.y0


def test_a_write_that_fails_leaves_what_was_there(tmp_path, monkeypatch):
    arguments: Any = (tmp_path, LOG, table(), pair_of(), Bits(), SUMMARY, {})
    before = [path.read_bytes() for path in save_plots(*arguments)]

    def half(figure, file, **_):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Figure, "savefig", half)
    with pytest.raises(OSError, match="disk full"):
        save_plots(*arguments)
    names = ("loss", "size", "masks", "reconstructions")
    assert sorted(path.stem for path in tmp_path.iterdir()) == sorted([*names, "manifest"])
    assert [(tmp_path / f"{name}.png").read_bytes() for name in names] == before


def test_a_pruned_network_of_the_weights_experiment_shows_its_masks(tmp_path):
    log = pd.DataFrame({"layer": [0, 0], "updates": [0, 9], "rmse": [0.4, 0.2], "rmse_survivors": [0.4, 0.3]})
    names = {"method": "genetic", "layers": "4-2", "activation": "relu", "benchmark": "bits", "seed": 0}
    pair = TiedAutoencoder(TiedNetwork([4, 2]))
    for expected in (["training", "reconstructions"], ["training", "reconstructions", "masks"]):
        paths = weights_plots(tmp_path, log, pair, Bits(), {**names, "compared": None, "trivial_rmse": 0.5})
        assert [path.stem for path in paths] == expected
        pair.encoder.prune("encoder.0.weight", torch.eye(2, 4).bool())
