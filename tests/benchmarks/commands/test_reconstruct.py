"""Images of any size and kind become pictures of original and reconstruction, whatever experiment left the model."""

import json
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.benchmarks import weights
from evoprune.benchmarks.commands.reconstruct import GAP, reconstruct_images
from evoprune.benchmarks.experiments import ImageModel, load_any_model
from evoprune.benchmarks.pruning.run import start
from evoprune.benchmarks.pruning.settings import make_settings
from tests.benchmarks.tiny import TINY
from tests.benchmarks.weights.tiny import TINY as TINY_WEIGHTS


def model(channels: int, height: int, width: int) -> ImageModel:
    """Reconstructs half of each value."""
    half = nn.Linear(1, 1)
    with torch.no_grad():
        half.weight.fill_(0.5)
        half.bias.zero_()
    encoder = Encoder(nn.Sequential(nn.Unflatten(1, (-1, 1)), half, nn.Flatten()))
    return ImageModel(Autoencoder([encoder, Decoder(nn.Identity())]), (channels, height, width))


def save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


def test_an_original_beside_its_reconstruction(tmp_path: Path):
    path = save(tmp_path / "one.png", np.array([[0, 100], [200, 250]]))
    table = reconstruct_images(model(1, 2, 2), path, tmp_path / "out")
    pixels = np.asarray(Image.open(tmp_path / "out/one.png"))
    assert pixels.shape == (128, 128 + GAP + 128)
    assert pixels[::64, :128:64].tolist() == [[0, 100], [200, 250]]
    assert pixels[::64, 128 + GAP :: 64].tolist() == [[0, 50], [100, 125]]
    errors = np.array([0, 50, 100, 125]) / 255
    assert table["rmse"].tolist() == [pytest.approx(np.sqrt((errors**2).mean()))]
    assert pd.read_csv(tmp_path / "out/rmse.csv")["picture"].tolist() == ["one.png"]


def test_a_folder_of_all_kinds_of_files(tmp_path: Path):
    folder = tmp_path / "images"
    folder.mkdir()
    rng = np.random.default_rng(0)
    save(folder / "grey.png", rng.integers(0, 255, (30, 20)))
    save(folder / "colour.jpeg", rng.integers(0, 255, (300, 400, 3)))
    save(folder / "colour.png", rng.integers(0, 255, (16, 16, 3)))
    save(folder / "clear.PNG", rng.integers(0, 255, (16, 16, 4)))
    (folder / "broken.jpg").write_bytes((folder / "colour.jpeg").read_bytes()[:100])
    (folder / "notes.txt").write_text("no image")
    with pytest.warns(UserWarning, match=r"broken\.jpg"):
        table = reconstruct_images(model(3, 16, 16), folder, tmp_path / "out")
    assert sorted(table["image"]) == ["clear.PNG", "colour.jpeg", "colour.png", "grey.png"]
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == [
        "clear.png",
        "colour.jpeg.png",
        "colour.png.png",
        "grey.png",
    ]
    assert Image.open(tmp_path / "out/grey.png").mode == "RGB"


def test_what_cannot_be_reconstructed(tmp_path: Path):
    (tmp_path / "broken.png").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match=r"no image can be read: broken\.png"):
        reconstruct_images(model(1, 2, 2), tmp_path, tmp_path / "out")
    with pytest.raises(ValueError, match="no such image or folder"):
        reconstruct_images(model(1, 2, 2), tmp_path / "nowhere", tmp_path / "out")
    path = save(tmp_path / "one.png", np.zeros((2, 2)))
    with pytest.raises(ValueError, match="cannot be used as a directory"):
        reconstruct_images(model(1, 2, 2), path, tmp_path / "broken.png")


def test_neither_images_nor_runs_are_written_over(tmp_path: Path):
    (tmp_path / "images").mkdir()
    path = save(tmp_path / "images/one.png", np.zeros((2, 2)))
    before = path.read_bytes()
    (tmp_path / "run").mkdir()
    (tmp_path / "run/settings.json").write_text("{}")
    for place in ("images", "run"):
        with pytest.raises(ValueError, match="choose another directory"):
            reconstruct_images(model(1, 2, 2), tmp_path / "images", tmp_path / place)
    assert path.read_bytes() == before


def test_models_of_every_experiment_load(tmp_path: Path):
    start(make_settings(TINY | {"benchmark": "digits", "generations": 1}), tmp_path / "run", plots=False)
    weights.start(weights.make_settings(TINY_WEIGHTS), tmp_path / "weights", plots=False)
    path = save(tmp_path / "one.png", np.full((8, 8), 128))
    for name in ("run", "weights"):
        found = load_any_model(tmp_path / name)
        assert found.image == (1, 8, 8)
        images = torch.rand(3, 1, 8, 8)
        assert torch.equal(found(images).flatten(1), found.pair(images.flatten(1)))
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            reconstruct_images(found, path, tmp_path / "out")


def test_directories_without_a_model_for_images(tmp_path: Path):
    start(make_settings(TINY | {"generations": 1}), tmp_path / "run", plots=False)
    with pytest.raises(ValueError, match="trained on binary-clustering, whose samples are no images"):
        load_any_model(tmp_path / "run")
    with pytest.raises(ValueError, match="there is no model here"):
        load_any_model(tmp_path)
    (tmp_path / "run/settings.json").write_text(json.dumps({"experiment": "weight"}))
    with pytest.raises(ValueError, match="unknown experiment 'weight': did you mean 'weights'"):
        load_any_model(tmp_path / "run")
