from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.activations import ActivationProbe
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder
from evoprune.networks import mlp_decoder, mlp_encoder
from evoprune.operators.units import count_units, minmax, spread, unit_activations

NAN = float("nan")


def pair() -> Autoencoder:
    return Autoencoder([Encoder(mlp_encoder([4, 3, 2])), Decoder(mlp_decoder([2, 3, 4]))])


def found() -> dict[str, dict[str, Tensor]]:
    return {
        "encoder": {"0": torch.zeros(5, 3), "2": torch.zeros(5, 2)},
        "decoder": {"0": torch.zeros(5, 3), "2": torch.zeros(5, 4)},
    }


def test_a_pair_takes_nested_activations_and_a_genome_flat_ones() -> None:
    individual = pair()
    for activations in (found(), lambda asked: found() if asked is individual else None):
        (one, encoder), (other, decoder) = unit_activations(individual, activations)
        assert one is individual.encoder
        assert other is individual.decoder
        assert {name: values.shape for name, values in encoder.items()} == {"0": (5, 3), "2": (5, 2)}
        assert {name: values.shape for name, values in decoder.items()} == {"0": (5, 3), "2": (5, 4)}
    ((genome, layers),) = unit_activations(individual.encoder, found()["encoder"])
    assert genome is individual.encoder
    assert sorted(layers) == ["0", "2"]


def test_a_probe_serves_both() -> None:
    individual, probe = pair(), ActivationProbe(torch.rand(6, 4))
    assert [sorted(layers) for _, layers in unit_activations(individual, probe)] == [["0", "2"], ["0", "2"]]
    assert [sorted(layers) for _, layers in unit_activations(individual.encoder, probe)] == [["0", "2"]]
    root = Genome(nn.Linear(4, 2))
    assert unit_activations(root, probe)[0][1][""].shape == (6, 2)


def test_a_layer_that_the_forward_pass_does_not_use_may_be_missing() -> None:
    activations = found()
    del activations["decoder"]["0"]
    assert list(unit_activations(pair(), activations)[1][1]) == ["2"]


def test_values_become_single_floats_without_a_graph() -> None:
    activations = {"": torch.ones(3, 2, dtype=torch.float64, requires_grad=True)}
    ((_, layers),) = unit_activations(Genome(nn.Linear(1, 2)), activations)
    assert layers[""].dtype == torch.float32
    assert not layers[""].requires_grad


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_a_missing_part_is_named(part: str) -> None:
    activations = found()
    del activations[part]
    with pytest.raises(ValueError, match=f"activations lack '{part}'; they hold '(en|de)coder'"):
        unit_activations(pair(), activations)
    with pytest.raises(ValueError, match="activations lack 'encoder'; they hold '0', '2'"):
        unit_activations(pair(), found()["encoder"])
    with pytest.raises(ValueError, match="activations lack 'encoder'; they hold nothing"):
        unit_activations(pair(), {})


def test_activations_of_another_network_are_refused() -> None:
    activations: dict[str, Any] = found()
    with pytest.raises(ValueError, match="activations must be those of the layers '0', '2', got 'encoder', 'decoder'"):
        unit_activations(pair().encoder, activations)
    activations["decoder"]["4"] = torch.zeros(5, 4)
    with pytest.raises(ValueError, match="of the decoder must be those of the layers '0', '2', got '0', '2', '4'"):
        unit_activations(pair(), activations)
    activations["decoder"] = {}
    with pytest.raises(ValueError, match="of the decoder must be those of the layers '0', '2', got nothing"):
        unit_activations(pair(), activations)
    activations["decoder"] = None
    with pytest.raises(TypeError, match="of the decoder must be a probe or a mapping as a probe returns, got None"):
        unit_activations(pair(), activations)


@pytest.mark.parametrize("wrong", [torch.zeros(5, 4), torch.zeros(3), torch.zeros(0, 3), torch.zeros(5, 3, 2), None])
def test_the_shape_is_samples_by_units(wrong: Any) -> None:
    activations: Any = found()
    activations["encoder"]["0"] = wrong
    with pytest.raises(ValueError, match=r"of layer '0' must be a tensor \(samples, 3 units\), got"):
        unit_activations(pair(), activations)


@pytest.mark.parametrize("wrong", [None, 3, torch.zeros(5, 3), [1]])
def test_what_is_no_probe_or_no_individual_is_refused(wrong: Any) -> None:
    with pytest.raises(TypeError, match="activations must be a probe or a mapping as a probe returns, got"):
        unit_activations(pair(), wrong)
    with pytest.raises(TypeError, match="expected a Genome or a Network of genomes, got"):
        unit_activations(wrong, ActivationProbe(torch.rand(2, 4)))


def test_a_linear_unit_owns_its_row_and_its_bias() -> None:
    genome = Genome(nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 1)))
    spreaded = {name: values.tolist() for name, values in spread(genome, {"0": torch.tensor([7.0, 8.0])})}
    assert spreaded == {"0.weight": [[7, 7, 7], [8, 8, 8]], "0.bias": [7, 8]}


def test_what_is_excluded_gets_no_value() -> None:
    genome = Genome(nn.Sequential(nn.Linear(3, 2)), exclude=["0.bias"])
    assert [name for name, _ in spread(genome, {"0": torch.tensor([7.0, 8.0])})] == ["0.weight"]


def test_a_transposed_convolution_in_groups_by_hand() -> None:
    layer = nn.ConvTranspose1d(4, 6, 2, groups=2)  # the weight is (4 inputs, 3 outputs of a group, 2 positions)
    ((_, weight), (_, bias)) = spread(Genome(layer), {"": torch.arange(6.0)})
    assert weight[:, :, 0].tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]]
    assert weight[:, :, 1].tolist() == weight[:, :, 0].tolist()
    assert bias.tolist() == [0, 1, 2, 3, 4, 5]


LAYERS = [
    (nn.Linear(3, 4), (3,)),
    (nn.Conv1d(4, 6, 3), (4, 5)),
    (nn.Conv2d(4, 6, 3, groups=2), (4, 5, 5)),
    (nn.Conv2d(3, 3, 2, groups=3), (3, 4, 4)),
    (nn.Conv3d(2, 3, 2), (2, 3, 3, 3)),
    (nn.ConvTranspose1d(4, 2, 3), (4, 5)),
    (nn.ConvTranspose2d(4, 6, 2, groups=2), (4, 3, 3)),
    (nn.ConvTranspose3d(2, 4, 2, groups=2, bias=False), (2, 2, 2, 2)),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=lambda value: str(value))
def test_zeroing_what_leads_into_a_unit_silences_that_unit_and_no_other(layer: Any, shape: tuple[int, ...]) -> None:
    x = torch.rand(2, *shape)
    before = layer(x)
    for unit in range(count_units(layer)):
        genome = Genome(nn.Sequential(layer)).__deepcopy__({})
        alive = torch.ones(count_units(layer), dtype=torch.bool)
        alive[unit] = False
        genome.zero(dict(spread(genome, {"0": alive})))
        after = genome(x)
        assert after[:, unit].abs().max() == 0
        assert torch.equal(after[:, alive], before[:, alive])


def test_minmax_by_hand() -> None:
    scaled, constant = minmax(torch.tensor([[1.0, 3.0, 2.0], [-5.0, -5.0, -5.0], [0.0, NAN, 1.0], [0.0, -4.0, -1.0]]))
    assert scaled.tolist() == [[0, 1, 0.5], [0, 0, 0], [0, 0, 0], [1, 0, 0.75]]
    assert constant.tolist() == [[False], [True], [True], [False]]
    scaled, constant = minmax(torch.tensor([2.0]))
    assert (scaled.tolist(), constant.tolist()) == ([0], [True])


def test_complex_activations_are_refused() -> None:
    genome = Genome(nn.Linear(3, 2))
    with pytest.raises(ValueError, match=r"activations of layer '' must be real numbers, got torch.complex64"):
        unit_activations(genome, {"": torch.ones(4, 2, dtype=torch.complex64)})
