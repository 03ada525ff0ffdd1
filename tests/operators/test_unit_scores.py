"""What units are worth, worked out by hand; the lowest go first."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from evoprune.activations import ActivationProbe
from evoprune.genome import Decoder, Encoder, Genome
from evoprune.individuals import Autoencoder, Network
from evoprune.networks import variational_encoder
from evoprune.operators.structured import joints_of
from evoprune.operators.unit_scores import SCORES, Evidence
from evoprune.tied import TiedAutoencoder, TiedNetwork

NAN = float("nan")


def filled(module: nn.Module, **values: Any) -> nn.Module:
    """A module whose parameters have these values, by their names with _ for dots; the others are zero."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            value = torch.tensor(values.pop("p" + name.replace(".", "_"), 0.0))
            parameter.copy_(value.expand(parameter.shape) if value.dim() == 0 else value.view(parameter.shape))
    assert not values
    return module


def small() -> Genome:
    """Two units: they read (1, -2) and (3, 0), and are read with 2 and with -4."""
    module = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1))
    return Genome(
        filled(module, p0_weight=[[1.0, -2], [3, 0]], p0_bias=[0.5, -1], p2_weight=[[2.0, -4]], p2_bias=[9.0])
    )


def scores(individual: Any, name: str, **evidence: Any) -> list[list[float]]:
    found = SCORES[name](joints_of(individual), Evidence(individual, **evidence))
    assert all(score.dtype == torch.float64 for score in found)
    return [[round(value, 6) for value in score.tolist()] for score in found]


def signed(output: Tensor, target: Tensor) -> Tensor:
    """A loss that moves as the outputs do, whatever they should be."""
    return output.mean()


def test_the_norms_are_those_of_all_weights_in_and_out_without_biases() -> None:
    assert scores(small(), "l1") == [[5, 7]]  # 1 + 2 + 2 and 3 + 0 + 4
    assert scores(small(), "l2") == [[3, 5]]  # the roots of 1 + 4 + 4 and of 9 + 0 + 16


def test_activations_count_times_what_reads_them() -> None:
    activations = {"0": torch.tensor([[1.0, 3], [7, 3]]), "2": torch.tensor([[5.0], [6]])}
    assert scores(small(), "activation", activations=activations) == [[10, 12]]  # the root of 25 times 2, 3 times 4
    assert scores(small(), "variance", activations=activations) == [[6, 0]]  # they are 3 from their mean, and 0


def test_a_probe_is_asked_for_the_activations() -> None:
    # The units are ReLU(x - 2y + 0.5) and ReLU(3x - 1): 2.5 and 5 for the one sample, 0 and 2 for the other.
    probe = ActivationProbe(torch.tensor([[2.0, 0], [1, 3]]))
    assert scores(small(), "activation", activations=probe) == [
        [round(2 * (2.5**2 / 2) ** 0.5, 6), round(4 * (29 / 2) ** 0.5, 6)]
    ]
    assert scores(small(), "variance", activations=probe) == [[2.5, 6]]


def test_how_far_the_loss_moves_without_a_unit() -> None:
    """The loss is -4 ReLU(3x - 1) + 2 ReLU(x - 2y + 0.5), the mean of two samples; both units are linear there."""
    samples = torch.tensor([[1.0, 0], [3, 0]])
    given: dict[str, Any] = {"samples": samples, "targets": torch.zeros(2, 1), "loss": signed}
    # Their mean values are 2.5 and 5, which is what the loss loses of them, with their weights out.
    assert scores(small(), "gradient", **given) == [[5, 20]]
    # The first unit is off at (0, 2), and the second at (0, 0): what is off moves nothing.
    assert scores(small(), "gradient", **given | {"samples": torch.tensor([[0.0, 2]])}) == [[0, 0]]
    assert scores(small(), "gradient", **given | {"samples": torch.tensor([[0.0, 0]])}) == [[1, 0]]


def test_gradients_that_cancel_are_worth_nothing_and_signs_do_not_matter() -> None:
    genome = small()
    with torch.no_grad():
        genome.module.get_parameter("0.bias").copy_(torch.tensor([-0.5, -1]))
    # x - 2y - 0.5 is 0.5 at (1, 0): 1 for the weight of x and -0.5 for the bias, times 2.
    given: dict[str, Any] = {"samples": torch.tensor([[1.0, 0]]), "targets": torch.zeros(1, 1)}
    assert scores(genome, "gradient", loss=signed, **given) == [[1, 8]]
    assert scores(genome, "gradient", loss=lambda output, target: -signed(output, target), **given) == [[1, 8]]
    # The output is 2 * 0.5 - 4 * 2 + 9 = 2: the square's gradient is 4 times as large.
    assert scores(genome, "gradient", loss="mse", **given) == [[4, 32]]


def test_classes_are_targets() -> None:
    module = filled(nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 2)), p0_weight=[1.0, 1], p1_weight=[[1.0, 0], [0, 1]])
    given: dict[str, Any] = {"samples": torch.ones(1, 1), "targets": torch.tensor([1])}
    assert scores(Genome(module), "gradient", loss="cross-entropy", **given) == [[0.5, 0.5]]


def test_channels_with_all_positions() -> None:
    """Kernels of two taps on three values leave two positions, which a Linear layer reads one by one."""
    module = filled(
        nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Conv1d(1, 2, 2), nn.Flatten(), nn.Linear(4, 2)),
        p1_weight=[1.0, -3, 2, 0],
        p1_bias=[7.0, 0],
        p3_weight=[[1.0, 2, 0, -1], [-4, 0, 3, 0]],
    )
    genome = Genome(module)
    assert scores(genome, "l1") == [[4 + 7, 2 + 4]]
    assert scores(genome, "l2") == [[round((10 + 21) ** 0.5, 6), round((4 + 10) ** 0.5, 6)]]
    activations = {"1": torch.tensor([[3.0, -2], [3, 2]]), "3": torch.zeros(2, 2)}
    assert scores(genome, "activation", activations=activations) == [[21, 8]]
    assert scores(genome, "variance", activations=activations) == [[0, 8]]
    # The mean over both outputs: x gives a - 3b + 7 and b - 3c + 7, and 2a and 2b, which are read with -3/2 and 1, and
    # with 3/2 and -1/2.
    given: dict[str, Any] = {"samples": torch.tensor([[1.0, 2, 0]]), "targets": torch.zeros(1, 2), "loss": signed}
    assert scores(genome, "gradient", **given) == [[abs(-1.5 * 2 + 1 * 9), abs(1.5 * 2 - 0.5 * 4)]]


def test_a_channel_that_a_linear_layer_makes_is_its_places_together() -> None:
    module = filled(
        nn.Sequential(nn.Linear(1, 4), nn.Unflatten(1, (2, 2)), nn.ConvTranspose1d(2, 1, 1)),
        p0_weight=[1.0, 2, 3, -4],
        p2_weight=[5.0, -6],
    )
    genome = Genome(module)
    assert scores(genome, "l1") == [[1 + 2 + 5, 3 + 4 + 6]]
    assert scores(genome, "l2") == [[round(30**0.5, 6), round((25 + 36) ** 0.5, 6)]]
    activations = {"0": torch.tensor([[1.0, 3, 0, 4], [-1, 3, 0, 4]]), "2": torch.zeros(2, 1)}
    assert scores(genome, "activation", activations=activations) == [[5 * (1 + 3) / 2, 6 * (0 + 4) / 2]]
    assert scores(genome, "variance", activations=activations) == [[5 * (1 + 0) / 2, 0]]
    given: dict[str, Any] = {"samples": torch.ones(1, 1), "targets": torch.zeros(1, 1, 2), "loss": signed}
    assert scores(genome, "gradient", **given) == [[5 * 3 / 2, 6 * 1 / 2]]


def test_outputs_of_a_transposed_convolution_stand_second() -> None:
    module = filled(
        nn.Sequential(nn.ConvTranspose1d(2, 3, 1), nn.Tanh(), nn.Conv1d(3, 1, 1)),
        p0_weight=[[1.0, 2, 3], [10, 20, 30]],
        p2_weight=[100.0, 200, 300],
    )
    assert scores(Genome(module), "l1") == [[111, 222, 333]]


def coding() -> tuple[Autoencoder, dict[str, Any]]:
    heads = {"pmean_weight": [3.0, -4], "plog_variance_weight": [-10.0, 20]}
    encoder = filled(variational_encoder([1, 2, 1]), ptrunk_0_weight=[1.0, 2], **heads)
    decoder = filled(nn.Linear(1, 2), pweight=[5.0, -1])
    table = {"trunk.0": torch.tensor([[2.0, 1]]), "mean": torch.tensor([[7.0]]), "log_variance": torch.tensor([[9.0]])}
    return Autoencoder([Encoder(encoder), Decoder(decoder)]), {"encoder": table, "decoder": {"": torch.zeros(1, 2)}}


def test_both_heads_of_a_variational_encoder_count() -> None:
    pair, activations = coding()
    # A hidden unit is read by both heads; the code is made by both, and read by the decoder with 5 + 1.
    assert scores(pair, "l1") == [[1 + 3 + 10, 2 + 4 + 20], [3 + 4 + 10 + 20 + 5 + 1]]
    assert scores(pair, "activation", activations=activations) == [[2 * 13, 1 * 24], [(7 + 9) * 6]]
    given: dict[str, Any] = {"samples": torch.ones(1, 1), "targets": torch.zeros(1, 2), "loss": signed}
    # The mean code is 3 * 1 - 4 * 2, and the outputs' mean is twice the code; the log variance has no part in it.
    assert scores(pair, "gradient", **given) == [[6, 16], [10]]


def test_a_tied_unit_counts_both_ways() -> None:
    network = TiedAutoencoder(TiedNetwork((2, 2), "identity", "identity"))
    filled(network.network, pencoder_0_weight=[[1.0, 2], [-3, 1]])
    (norms,) = scores(network, "l1")
    assert norms[1] / norms[0] == pytest.approx(4 / 3)
    activations = {"encoder": {"encoder.0": torch.tensor([[2.0, 1]]), "decoder.0": torch.zeros(1, 2)}, "decoder": {}}
    assert scores(network, "activation", activations=activations) == [[2 * 3, 1 * 4]]
    # The outputs' mean is sum(w) / 2 times the unit, w x: of a unit its weight moves both, so twice that in all.
    given: dict[str, Any] = {"samples": torch.tensor([[1.0, 1]]), "targets": torch.zeros(1, 2), "loss": signed}
    assert scores(network, "gradient", **given) == [[2 * 3 * 3 / 2, 2 * 2 * 2 / 2]]


def test_three_parts_and_layers_that_both_read_and_are_read() -> None:
    parts = [
        filled(nn.Linear(1, 2, bias=False), pweight=[1.0, 2]),
        filled(nn.Sequential(nn.ReLU(), nn.Linear(2, 2)), p1_weight=[[10.0, 20], [30, 40]]),
        filled(nn.Linear(2, 1), pweight=[100.0, 200]),
    ]
    assert scores(Network([Genome(part) for part in parts]), "l1") == [[41, 62], [130, 270]]


def test_weights_that_are_nan_make_a_score_that_is() -> None:
    genome = small()
    with torch.no_grad():
        genome.module.get_parameter("2.weight")[0, 1] = NAN
    for name in ("l1", "l2"):
        first, second = scores(genome, name)[0]
        assert first > 0
        assert second != second
    found = scores(small(), "activation", activations={"0": torch.tensor([[1.0, NAN]])})[0]
    assert found[0] == 2
    assert found[1] != found[1]


def test_a_layer_whose_activations_nobody_knows_is_worth_nothing() -> None:
    assert scores(small(), "activation", activations={"2": torch.ones(3, 1)}) == [[0, 0]]


def test_half_precision_and_bfloat16_are_read() -> None:
    for kind in (torch.float64, torch.bfloat16):
        genome = small()
        genome.module.to(kind)
        assert scores(genome, "l1") == [[5, 7]]


def test_a_layer_that_is_called_twice() -> None:
    layer = nn.Linear(2, 2)
    genome = Genome(nn.Sequential(nn.Linear(2, 2), layer, nn.Identity(), layer, nn.Linear(2, 2)))
    given: dict[str, Any] = {"samples": torch.rand(3, 2), "targets": torch.rand(3, 2), "loss": "mse"}
    assert len(scores(genome, "gradient", **given)) == 1  # reads what it makes


@pytest.mark.parametrize("name", ["activation", "variance"])
def test_activations_are_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match="need activations, an ActivationProbe or what it returned; got None"):
        scores(small(), name)
    with pytest.raises(TypeError, match="activations must be a probe or a mapping as a probe returns, got 3"):
        scores(small(), name, activations=3)
    with pytest.raises(ValueError, match=r"of layer '0' must be a tensor \(samples, 2 units\), got \(1, 3\)"):
        scores(small(), name, activations={"0": torch.zeros(1, 3)})


@pytest.mark.parametrize("missing", ["samples", "targets", "loss"])
def test_what_gradients_need_is_asked_for(missing: str) -> None:
    given = {"samples": torch.zeros(1, 2), "targets": torch.zeros(1, 1), "loss": "mse", missing: None}
    with pytest.raises(ValueError, match=f"scores of gradients need samples, targets and loss, got no {missing}"):
        scores(small(), "gradient", **given)
