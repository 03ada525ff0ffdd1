"""Settings that fit nothing are refused before any work, in one line."""

import pytest
from PIL import Image

from evoprune.benchmarks.architectures import ArchitectureSettings, make_settings
from evoprune.benchmarks.architectures.settings import SELECTIONS
from evoprune.benchmarks.problems.images import ImageFolder, Photographs


def test_later_layers_lie_over_earlier_ones():
    settings = make_settings({"seed": 3, "code": 4}, {"code": 5})
    assert (settings.seed, settings.code, settings.method) == (3, 5, "genetic")
    assert ArchitectureSettings(**settings.as_dict()) == settings


def test_the_space_of_the_settings():
    space = make_settings({"channels": "8-4-4", "kernels": "3", "activations": "relu, tanh", "max_linear": 4}).space
    assert (space.shape, space.code) == ((1, 8, 8), 10)
    assert (space.channels, space.kernels, space.activations) == ((4, 8), (3,), ("relu", "tanh"))
    assert (space.convolutions, space.linear) == ((0, 2), (0, 4))


def test_a_folder_of_images_is_used_where_data_are_given(tmp_path):
    for k in range(5):
        Image.new("RGB", (9, 7), (k, 0, 0)).save(tmp_path / f"{k}.png")
    settings = make_settings({"data": str(tmp_path), "image_size": 6})
    assert settings.problem == ImageFolder(str(tmp_path), 6)
    assert settings.space.shape == (3, 6, 6)
    assert make_settings({"data": str(tmp_path), "resize": False}).space.shape == (3, 7, 9)
    assert make_settings({"benchmark": "photographs"}).problem == Photographs(16)
    assert make_settings({"benchmark": "photographs", "image_size": 8}).space.shape == (3, 8, 8)


def test_images_of_different_sizes_need_resizing(tmp_path):
    for k in range(5):
        Image.new("RGB", (9, 7 + k % 2)).save(tmp_path / f"{k}.png")
    with pytest.raises(ValueError, match="give a size"):
        make_settings({"data": str(tmp_path), "resize": False, "code": 3, "batch_size": 1}).check_data()
    make_settings({"data": str(tmp_path), "image_size": 6, "code": 3, "batch_size": 1}).check_data()


def test_selection_follows_the_objectives():
    assert make_settings().selection == "truncation"
    assert make_settings({"objectives": "loss-size"}).selection == "selNSGA2"
    assert make_settings({"objectives": "loss-size", "selection": "selSPEA2"}).selection == "selSPEA2"
    assert {"truncation", "selTournament", "selNSGA2"} <= set(SELECTIONS)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"methods": "random"}, "did you mean 'method'"),
        ({"method": "gentic"}, "did you mean 'genetic'"),
        ({"selection": "selRoulette"}, "unknown selection 'selRoulette'"),
        ({"population": 0}, "population must be a whole number of at least 1, got 0"),
        ({"crossover": 1.5}, r"crossover must be a number in \[0, 1\]"),
        ({"learning_rate": 0.0}, "learning_rate must be a number above 0"),
        ({"widths": "16,32"}, "widths must be whole numbers such as 4-8-16, got '16,32'"),
        ({"data": "cats", "benchmark": "digits"}, "data 'cats' belongs to benchmark images"),
        ({"data": "nowhere"}, "nowhere: no such folder"),
        ({"benchmark": "images"}, "benchmark images needs data"),
        ({"resize": False}, "resize off belongs to benchmark images"),
        ({"code": 65}, "a code of 65 is larger than the 64 values of a sample"),
        ({"min_linear": 1, "widths": "4-8"}, "no architecture for 1 x 8 x 8 values and a code of 10"),
        ({"min_convolutions": 3}, "convolutions: at least 3 and at most 2"),
        ({"min_convolutions": 1, "kernels": "9"}, "does not fit into 8 x 8"),
        ({"activations": "swish"}, "unknown activation 'swish'"),
        ({"batch_size": 5000}, "batch_size 5000 is larger than the 1197 training samples"),
    ],
)
def test_refused(given, message):
    with pytest.raises(ValueError, match=message):
        make_settings(given).check_data()
