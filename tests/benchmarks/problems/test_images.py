"""Images as problems: the user's folder, with what can be wrong in it, and the photographs' patches."""

import pickle
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from evoprune.benchmarks.problems.images import ImageFolder, Photographs, read_image
from evoprune.benchmarks.pruning.settings import make_settings


@pytest.fixture
def folder(tmp_path):
    """Six small images in colour; each is one shade of red all over."""
    for k in range(6):
        Image.new("RGB", (6, 4), (40 * k, 0, 255)).save(tmp_path / f"{k}.{'PNG' if k % 2 else 'png'}")
    return tmp_path


def test_a_folder_becomes_flat_samples_channel_by_channel(folder):
    problem = ImageFolder(str(folder), size=2)
    assert (problem.image, problem.inputs, problem.shape) == ((3, 2, 2), 12, (6, 2))
    assert [len(part) for part in (problem.train, problem.validation, problem.test)] == [4, 1, 1]
    everything = torch.cat([problem.train, problem.validation, problem.test])
    reds = sorted(everything[:, 0].mul(255).round().int().tolist())
    assert reds == [0, 40, 80, 120, 160, 200]
    assert torch.equal(everything[:, :4], everything[:, :1].expand(6, 4))  # four pixels of red
    assert torch.equal(everything[:, 4:8], torch.zeros(6, 4))
    assert torch.equal(everything[:, 8:], torch.ones(6, 4))


def test_the_middle_square_is_kept(tmp_path):
    pixels = np.zeros((2, 6), np.uint8)
    pixels[:, 2:4] = 200
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    assert read_image(tmp_path / "wide.png", 2, colour=False).tolist() == [[[200, 200], [200, 200]]]
    assert read_image(tmp_path / "wide.png", (4, 2), colour=False).tolist() == [[[0, 200, 200, 0]] * 2]
    assert read_image(tmp_path / "wide.png").shape == (3, 2, 6)


def test_jpeg_grey_and_folders_in_it(tmp_path):
    (tmp_path / "cats").mkdir()
    for k in range(5):
        Image.new("L", (8, 8), 50 * k).save(tmp_path / "cats" / f"{k}.jpeg")
    problem = ImageFolder(str(tmp_path), size=0)
    assert problem.image == (1, 8, 8)
    assert problem.train.shape == (3, 64)
    assert pickle.loads(pickle.dumps(problem)) == problem


def test_what_cannot_be_read_is_named_and_left_out(folder):
    whole = (folder / "0.png").read_bytes()
    (folder / "cut.png").write_bytes(whole[: len(whole) // 2])
    (folder / "text.jpg").write_text("no image")
    (folder / "notes.txt").write_text("never looked at")
    problem = ImageFolder(str(folder), size=3)
    with pytest.warns(UserWarning, match=r"2 files left out: cut\.png .*, text\.jpg \(UnidentifiedImageError\)"):
        assert len(problem.train) == 4
    assert [name.split()[0] for name in problem.unreadable] == ["cut.png", "text.jpg"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(problem.test) == 1  # said once


def test_clear_errors(folder, tmp_path_factory):
    with pytest.raises(ValueError, match="no such folder"):
        ImageFolder(str(folder / "0.png"))
    empty = tmp_path_factory.mktemp("empty")
    (empty / "bad.png").write_text("no image")
    with pytest.raises(ValueError, match=r"at least 5 PNG or JPEG images, found 0; 1 could not be read: bad\.png"):
        ImageFolder(str(empty)).load()
    Image.new("RGB", (5, 5)).save(folder / "other.png")
    assert ImageFolder(str(folder), size=4).image == (3, 4, 4)
    with pytest.raises(ValueError, match=r"different sizes \(.*give a size to resize them to"):
        ImageFolder(str(folder), size=0).load()
    with pytest.raises(ValueError, match="size must be a whole number of at least 0, got -1"):
        ImageFolder(str(folder), size=-1)


def test_photographs_share_no_pixel_between_splits():
    problem = Photographs(patch=100)
    assert problem.image == (3, 100, 100)
    # 427 // 100 rows and 640 // 100 columns of two photographs
    assert [len(part) for part in (problem.train, problem.validation, problem.test)] == [30, 9, 9]
    everything = torch.cat([problem.train, problem.validation, problem.test])
    assert 0 <= everything.min() < everything.max() <= 1
    assert len({sample.numpy().tobytes() for sample in everything}) == 48
    from sklearn.datasets import load_sample_images

    corner = torch.tensor(load_sample_images().images[1][:100, 100:200]).permute(2, 0, 1).flatten() / 255
    assert (everything == corner).all(1).any()
    with pytest.raises(ValueError, match="patch must be a whole number of at most 200"):
        Photographs(patch=300)


def test_runs_take_them(folder):
    settings = make_settings({"benchmark": "images", "data": str(folder), "image_size": 4, "data_seed": 3})
    assert settings.problem == ImageFolder(str(folder), 4, 3)
    assert make_settings({"benchmark": "images", "data": str(folder)}).problem == ImageFolder(str(folder), 32, 1)
    assert make_settings({"benchmark": "photographs"}).problem == Photographs(16, 1)
    with pytest.raises(ValueError, match="benchmark images needs data"):
        make_settings({"benchmark": "images"}).check_data()
