"""What cannot be trained is refused."""

import copy
from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder
from evoprune.training import Epoch, train, train_epoch
from tests.evoprune.training.pairs import DATA, make_pair


def test_a_genome_or_a_parameter_in_two_places_is_an_error():
    one, other = make_pair(1), make_pair(2)
    other.encoder = one.encoder
    with pytest.raises(ValueError, match="stands twice in the pairs to train: clone it first"):
        train_epoch([one, other], DATA)
    with pytest.raises(ValueError, match="stands twice"):
        train_epoch([one, one], DATA)
    train_epoch([one, other], DATA, parts=("decoder",))  # nothing wrong with a shared part that stays
    other.encoder = Encoder(one.encoder.module)
    with pytest.raises(ValueError, match="stands twice"):
        train_epoch([one, other], DATA)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": "l2"}, "unknown loss 'l2'"),
        ({"learning_rate": -1}, "learning_rate must be a number of at least 0, got -1"),
        ({"learning_rate": float("nan")}, "learning_rate must be a number of at least 0, got nan"),
        ({"learning_rate": float("inf"), "optimizer": "sgd"}, "learning_rate must be finite, got inf"),
        ({"device": "abacus"}, "device 'abacus' cannot be used here; there is cpu"),
        ({"optimizer": "adamm"}, "unknown optimizer 'adamm': did you mean 'adam'"),
        ({"parts": ()}, "parts must be some of"),
        ({"parts": ("encoder", "code")}, "parts must be some of"),
        ({"batch_size": 24}, "batch size 24 is larger than the 23 training samples"),
        ({"opponents": [[make_pair().decoder]]}, "opponents need networks of two parts, one of which learns"),
        ({"parts": ("encoder",), "opponents": []}, "opponents need networks of two parts"),
        ({"parts": ("encoder",), "opponents": [[]]}, "at least one opponent for each of them"),
        ({"parts": ("encoder",), "opponents": [[make_pair(1, 7).decoder]]}, "another structure than the part"),
    ],
)
def test_settings_that_make_no_sense_are_refused_before_any_work(settings, message):
    pair = make_pair()
    before = copy.deepcopy(pair)
    with pytest.raises(ValueError, match=message):
        train_epoch([pair], DATA, **settings)
    assert pair == before
    assert pair.age == 0


def test_batches_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="no batches to train on"):
        train([make_pair()], iter([]))
    with pytest.raises(ValueError, match="1 sources of randomness for 2 individuals"):
        train([make_pair(), make_pair()], Epoch(DATA, 5, [1]))
    with pytest.raises(ValueError, match="a batch must be"):
        train([make_pair(), make_pair()], [torch.rand(3, 5, 12)])


def test_a_decoder_of_the_wrong_width_is_an_error_not_a_broadcast():
    for last in (nn.Sigmoid(), nn.Softplus()):
        decoder = Decoder(nn.Sequential(nn.Linear(4, 1), last))
        with pytest.raises(ValueError, match="the decoder gives"):
            train_epoch([Autoencoder([make_pair().encoder, decoder])], DATA)


def test_nothing_to_learn_is_an_error():
    pair = make_pair()
    pair.encoder.module.requires_grad_(False)
    with pytest.raises(ValueError, match="nothing learns: no encoder has a parameter"):
        train_epoch([pair], DATA, parts=("encoder",))


@pytest.mark.parametrize("optimizer", ["adam", "adam-anew", "sgd"])
@pytest.mark.parametrize(
    ("rate", "message"), [(-1, "at least 0, got -1"), (float("nan"), "got nan"), (float("inf"), "finite, got inf")]
)
def test_a_rate_of_a_pair_is_checked(optimizer, rate, message):
    pairs = [make_pair(1), make_pair(2)]
    pairs[1].learning_rate = rate
    before = copy.deepcopy(pairs)
    with pytest.raises(ValueError, match=f"the learning_rate of individual 1 must be .*{message}"):
        train_epoch(pairs, DATA, optimizer=optimizer)
    assert pairs == before


@pytest.mark.parametrize("wrong", [make_pair(), [[*make_pair()]], make_pair().encoder, iter([make_pair()]), None])
def test_individuals_are_a_list_of_individuals(wrong: Any):
    for call in (lambda: train(wrong, [DATA]), lambda: train_epoch(wrong, DATA)):
        with pytest.raises(TypeError, match="pairs must be a list of genomes"):
            call()


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_where_there_is_none():
    with pytest.raises(ValueError, match="device 'cuda' cannot be used here; there is cpu"):
        train([make_pair()], [DATA], device="cuda")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("module", [None, nn.Sequential(nn.Linear(12, 4), nn.BatchNorm1d(4))])
def test_data_that_are_not_finite_change_nothing(value, module):
    data = DATA.clone()
    data[7, 3] = value
    pair = make_pair(1, 6, module)
    before = copy.deepcopy(pair)
    for call in (lambda: train_epoch([pair], data), lambda: train([pair], data.split(5))):
        with pytest.raises(ValueError, match="the data to train on hold NaN or infinity"):
            call()
    assert pair == before
    assert pair.age == pair.encoder.steps == 0


@pytest.mark.parametrize("kind", [torch.int64, torch.bool])
def test_data_of_a_type_that_the_network_refuses(kind):
    pair = make_pair()
    before = copy.deepcopy(pair)
    with pytest.raises(TypeError, match=rf"refuses data of type {kind}, try data\.float\(\)"):
        train_epoch([pair], DATA.to(kind))
    assert pair == before
