import warnings

import pytest
import torch
from torch import nn
from torch.nn.utils import prune
from torch.nn.utils.parametrizations import spectral_norm

from evoprune import Genome
from evoprune.layers import check_chain, plain_steps, prunable_layers, prunable_parameters

WAYS = ("ih", "hh")


class Tied(nn.Module):
    """An embedding and a layer share a weight; a layer stands in two places."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(3, 2)
        self.block = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
        self.head = nn.Linear(2, 3)
        self.head.weight = self.words.weight
        self.again = self.block[0]


LAYERS = {
    "linear": nn.Linear(2, 3),
    "conv1d": nn.Conv1d(2, 3, 2),
    "conv2d": nn.Conv2d(2, 3, 2),
    "conv3d": nn.Conv3d(2, 3, 2),
    "up1d": nn.ConvTranspose1d(2, 3, 2),
    "up2d": nn.ConvTranspose2d(2, 3, 2),
    "up3d": nn.ConvTranspose3d(2, 3, 2),
}


@pytest.mark.parametrize("kind", LAYERS)
def test_weights_and_biases_of_linear_and_conv_layers_are_prunable(kind):
    layer = LAYERS[kind]
    assert list(prunable_parameters(layer)) == ["weight", "bias"]
    assert list(prunable_parameters(nn.Sequential(nn.ReLU(), layer))) == ["1.weight", "1.bias"]
    assert [name for name, _ in prunable_layers(nn.Sequential(nn.ReLU(), layer))] == ["1"]


def test_other_parameters_are_not():
    module = nn.Sequential(nn.BatchNorm1d(2), nn.LayerNorm(2), nn.PReLU(), nn.Embedding(2, 2), nn.Bilinear(2, 2, 2))
    assert prunable_parameters(module, exclude=["3", "4"]) == {}


class Scaled(nn.Module):
    """Parameters that nobody prunes: a vector, a row of one head, and one without a shape."""

    def __init__(self):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(7))
        self.token = nn.Parameter(torch.ones(1, 1, 7))
        self.norm = nn.Sequential(nn.LayerNorm((3, 7)), nn.BatchNorm2d(3), nn.LazyBatchNorm1d(), nn.PReLU(3))
        self.head = nn.Linear(7, 2)


class Raw(nn.Module):
    """A layer made by hand."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 3))
        self.bias = nn.Parameter(torch.ones(2))


def pruned_by_torch():
    module = nn.Sequential(nn.Linear(3, 2), nn.Linear(2, 3))
    prune.random_unstructured(module[0], "bias", 0.5)
    prune.ln_structured(module[1], "weight", 0.5, n=2, dim=0)
    return module


LEFT_OUT = {
    "embedding": (lambda: nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2)), ["0.weight"]),
    "lstm": (lambda: nn.LSTM(2, 3, bidirectional=True), [f"weight_{k}_l0{r}" for r in ("", "_reverse") for k in WAYS]),
    "gru": (lambda: nn.Sequential(nn.GRU(2, 3)), ["0.weight_ih_l0", "0.weight_hh_l0"]),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8), ["self_attn.in_proj_weight"]),
    "by hand": (lambda: nn.Sequential(Raw(), nn.Linear(2, 2)), ["0.weight"]),
    "parametrized": (lambda: spectral_norm(nn.Linear(3, 2)), ["parametrizations.weight.original"]),
    "torch's own pruning": (pruned_by_torch, ["0.bias_orig", "1.weight_orig"]),
}


@pytest.mark.parametrize("kind", LEFT_OUT)
def test_one_warning_names_the_weights_that_are_left_out_until_they_are_excluded(kind):
    make, names = LEFT_OUT[kind]
    module = make()
    with pytest.warns(UserWarning, match="trained but never pruned, name them in exclude to silence this: ") as caught:
        genome = Genome(module)
    (warning,) = caught
    text, _, hint = str(warning.message).partition("; ")
    assert text.split(": ")[1].split(", ") == names
    assert ("prune.remove(layer, name)" in hint) == (kind == "torch's own pruning")
    assert warning.filename == __file__  # the line that made the genome
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Genome(module, exclude=names).masks.keys() == genome.masks.keys()
        assert Genome(module, exclude=[""]).masks == {}


def test_small_things_are_not_warned_of_and_neither_is_what_torch_no_longer_masks():
    module = pruned_by_torch()
    prune.remove(module[0], "bias")
    prune.remove(module[1], "weight")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(Genome(module).masks) == ["0.weight", "0.bias", "1.bias", "1.weight"]
        assert list(Genome(Scaled()).masks) == ["head.weight", "head.bias"]
        assert len(Genome(Tied()).masks) == 4  # the embedding is prunable: a Linear layer uses it


def test_a_layer_that_is_not_prunable_can_be_excluded_as_a_whole():
    module = nn.Sequential(nn.LSTM(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert list(Genome(module, exclude=["0", "1", "2.bias"]).masks) == ["2.weight"]


def test_a_layer_without_a_bias():
    assert list(prunable_parameters(nn.Linear(2, 3, bias=False))) == ["weight"]


def test_tied_parameters_count_once_under_their_first_name():
    assert list(prunable_parameters(Tied())) == ["words.weight", "block.0.weight", "block.0.bias", "head.bias"]


@pytest.mark.parametrize(
    ("exclude", "left"),
    [
        ("head.bias", ["words.weight", "block.0.weight", "block.0.bias"]),
        (["words.weight", "block"], ["head.bias"]),
        (["head"], ["block.0.weight", "block.0.bias"]),  # its weight is words.weight
        (["head.weight"], ["block.0.weight", "block.0.bias", "head.bias"]),
        (["again"], ["words.weight", "head.bias"]),  # another name of block.0
        (("block.0.weight",), ["words.weight", "block.0.bias", "head.bias"]),
        ([""], []),
    ],
)
def test_exclude_by_parameter_layer_or_block_under_any_name(exclude, left):
    assert list(prunable_parameters(Tied(), exclude)) == left


@pytest.mark.parametrize("name", ["bias", "block.1", "head.weigh", "blo", "nope"])
def test_an_unknown_name_is_an_error_that_lists_the_known_ones(name):
    with pytest.raises(ValueError, match=rf"cannot exclude \['{name}'\]: .*'again.bias', .*'words.weight'"):
        prunable_parameters(Tied(), ["head", name])


def test_codes_that_do_not_fit():
    encoder = nn.Sequential(nn.Linear(20, 10), nn.ReLU(), nn.Dropout(0.1))
    for decoder in (nn.Linear(8, 20), nn.Sequential(nn.Identity(), nn.Sequential(nn.Linear(8, 20)), nn.Sigmoid())):
        with pytest.raises(ValueError, match="the encoder gives 10 values a sample, but the decoder takes 8"):
            check_chain({"encoder": encoder, "decoder": decoder})


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        (nn.Linear(20, 8), nn.Sequential(nn.Linear(8, 20))),
        (nn.Sequential(nn.Linear(20, 16), nn.GLU()), nn.Linear(8, 20)),  # a GLU halves the width
        (nn.Sequential(nn.Linear(20, 12), nn.Unflatten(1, (3, 4)), nn.MaxPool1d(2), nn.Flatten()), nn.Linear(6, 20)),
        (nn.Linear(20, 16), nn.Sequential(nn.AvgPool1d(2), nn.Linear(8, 20))),
        (nn.Conv1d(1, 4, 3), nn.ConvTranspose1d(5, 1, 3)),  # not for us to tell
        (Tied(), nn.Linear(8, 20)),
        (nn.Identity(), nn.Identity()),
    ],
)
def test_what_fits_or_cannot_be_told_passes(encoder, decoder):
    check_chain({"encoder": encoder, "decoder": decoder})


def test_plain_stacks_are_computed_step_by_step():
    stack = nn.Sequential(nn.Linear(4, 3), nn.Sequential(nn.ReLU(inplace=True), nn.Linear(3, 2)), nn.Sigmoid())
    data = torch.rand(5, 4)
    values = data
    for step in plain_steps(stack):
        values = step(values)
    assert torch.equal(values, stack(data))
    assert len(plain_steps(nn.Linear(2, 2))) == 1


class Doubled(nn.Linear):
    """A Linear layer that computes something else."""

    def forward(self, values):
        return 2 * super().forward(values)


def hooked(layer):
    layer.register_forward_hook(lambda *_: None)
    return layer


def patched(layer):
    layer.forward = abs
    return layer


@pytest.mark.parametrize(
    "make",
    [
        nn.Sequential,
        nn.ReLU,
        lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(2, 2)),  # changes its input
        lambda: nn.Sequential(nn.Linear(2, 2), nn.Dropout()),
        lambda: nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)),
        lambda: Doubled(2, 2),
        lambda: spectral_norm(nn.Linear(2, 2)),
        lambda: nn.Sequential(hooked(nn.Linear(2, 2))),
        lambda: hooked(nn.Sequential(nn.Linear(2, 2))),
        lambda: patched(nn.Sequential(nn.Linear(2, 2))),
    ],
)
def test_other_networks_have_no_plain_steps(make):
    assert plain_steps(make()) == []
