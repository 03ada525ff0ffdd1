"""Held-out samples beside what a pair makes of them."""

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from matplotlib.text import Annotation
from torch import nn

from evoprune.benchmarks.plots import plot_reconstructions
from evoprune.benchmarks.plots.reconstructions import near_square, picture, samples
from evoprune.benchmarks.problems.digits import Digits
from evoprune.genome import Decoder, Encoder
from evoprune.individuals import Autoencoder
from tests.benchmarks.plots.drawn import NAN, Bits, fits, images, pair_of


def test_reconstructions_mark_wrong_bits():
    decoder = nn.Linear(4, 4)
    with torch.no_grad():
        decoder.weight.copy_(torch.eye(4))
        decoder.bias.copy_(torch.tensor([0.6, 0.2, 0.0, 0.0]))
    figure = plot_reconstructions(pair_of(decoder=decoder), Bits())
    rows = figure.axes[:3]
    original, made, (errors, marks, *_) = map(images, rows)
    assert [len(original), len(made)] == [2, 2]
    assert original[0].tolist() == [[0, 0], [1, 1]]
    assert made[0].ravel().tolist() == pytest.approx([0.6, 0.2, 1, 1])
    assert errors.ravel().tolist() == pytest.approx([0.6, 0.2, 0, 0])
    np.testing.assert_array_equal(marks, [[1, NAN], [NAN, NAN]])
    assert to_hex(rows[2].images[1].get_cmap()(1.0)) == "#d55e00"
    assert [text.get_text() for text in rows[2].texts] == ["25.0%", "0.0%"]  # the bit that is 1 anyway became 1.6
    assert [axes.get_title("left") for axes in rows] == ["original", "reconstruction", "difference"]


def test_pictures_stand_side_by_side_and_the_caption_of_each_below_it():
    lower = plot_reconstructions(pair_of(), Bits()).axes[2]
    (left, right, *_), (next_left, next_right, *_) = (image.get_extent() for image in lower.images[::2])
    assert left < right < next_left < next_right
    middles = [(left + right) / 2, (next_left + next_right) / 2]
    assert [text.xy[0] for text in lower.texts if isinstance(text, Annotation)] == middles
    assert lower.get_xlim() == (left, next_right)


def test_reconstructions_of_images_and_of_broken_networks():
    diverged = nn.Linear(4, 4)
    with torch.no_grad():
        diverged.bias.fill_(NAN)
    broken = pair_of(decoder=diverged)
    for problem in (Bits(), Bits(pixels=(1, 4))):
        figure = plot_reconstructions(broken, problem)
        assert images(figure.axes[0])[0].shape == (problem.shape or (2, 2))
        assert fits(figure)
    digits = Digits()
    pair = Autoencoder([Encoder(nn.Linear(64, 3)), Decoder(nn.Linear(3, 64))])
    figure = plot_reconstructions(pair, digits)
    shown = np.stack(images(figure.axes[0]))
    assert digits.test_labels is not None
    rows = [digits.test_labels.tolist().index(digit) for digit in range(8)]
    np.testing.assert_array_equal(shown.reshape(8, 64), digits.test[rows])
    error = (pair(digits.test[rows[0]]) - digits.test[rows[0]]).abs().mean().item()
    assert figure.axes[2].texts[0].get_text() == f"{error:.3f}"


def test_samples_are_of_different_classes():
    assert samples(Bits(), 8) == [0, 1]
    assert samples(Bits(), 1) == [0]
    assert samples(Bits(labels=(5, 2)), 8) == [1, 0]
    assert samples(Bits(labels=(2, 2)), 8) == [0, 1]


def test_near_square():
    assert near_square(1000) == (40, 25)
    assert near_square(16) == (4, 4)
    assert near_square(1) == (1, 1)
    assert near_square(13) == (5, 3)
    np.testing.assert_array_equal(picture(torch.tensor([1.0, 2.0, 3.0]), (2, 2)), [[1, 2], [3, NAN]])
