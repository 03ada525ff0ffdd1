"""The figures before and after, and how they are shown."""

from typing import Any

import pytest
import torch
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome, Network
from evoprune.benchmarks.pruning.networks import first_individual
from evoprune.benchmarks.pruning.settings import make_settings
from evoprune.benchmarks.shrinking.table import CALLS, figures, text, units
from evoprune.convolutional import Convolutional
from evoprune.data import Samples, samples_of
from evoprune.metrics import L1, WRONG_BITS
from evoprune.networks import mlp_decoder, mlp_encoder, variational_encoder
from evoprune.shrinking.compacting import compacted
from evoprune.tied import TiedAutoencoder, TiedNetwork
from tests.benchmarks.shrinking.quick import quick
from tests.benchmarks.tiny import TINY

__all__ = ["quick"]


def without_first_unit(weight: torch.Tensor) -> None:
    """Nothing leads into the first unit of a layer."""
    with torch.no_grad():
        weight[0] = 0


def test_units_of_every_kind_of_network():
    plain: Any = Autoencoder([Encoder(mlp_encoder([8, 6, 3])), Decoder(mlp_decoder([3, 6, 8]))])
    without_first_unit(plain.encoder.module[0].weight)
    assert units(plain, compacted(plain)[0]) == {
        "encoder": {"before": [8, 6, 3], "after": [8, 5, 3]},
        "decoder": {"before": [3, 6, 8], "after": [3, 6, 8]},
    }
    variational = Autoencoder([Encoder(variational_encoder([8, 6, 3])), Decoder(mlp_decoder([3, 6, 8]))])
    assert units(variational, compacted(variational)[0])["encoder"] == {"before": [8, 6, 3], "after": [8, 6, 3]}
    tied: Any = TiedAutoencoder(TiedNetwork([8, 6, 3]))
    with torch.no_grad():
        tied.network.encoder[0].weight[:2] = 0
        tied.network.encoder[2].weight[:, :2] = 0
    assert units(tied, compacted(tied)[0]) == {
        "encoder": {"before": [8, 6, 3], "after": [8, 4, 3]},
        "decoder": {"before": [3, 6, 8], "after": [3, 4, 8]},
    }
    encoder, decoder = Convolutional((4, 2)).build(64)
    maps = Autoencoder([Encoder(encoder), Decoder(decoder)])
    convolution: Any = encoder[1]
    with torch.no_grad():
        convolution.weight[0], convolution.bias[0] = 0, 0
    assert units(maps, compacted(maps)[0])["encoder"] == {"before": [1, 4, 2], "after": [1, 3, 2]}
    one = Network([Genome(nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2)))])
    assert units(one, compacted(one)[0]) == {"network": {"before": [4, 5, 2], "after": [4, 5, 2]}}


@pytest.mark.usefixtures("quick")
def test_figures_are_those_of_a_summary_and_of_what_it_costs():
    settings = make_settings(TINY)
    pair, problem = first_individual(settings), settings.problem
    with torch.no_grad():  # always 0.75, of which the mean error is 0.25 where a bit is 1 and 0.75 where it is 0
        last: Any = pair[1].module.get_submodule("2")
        last.weight.zero_()
        last.bias.fill_(torch.logit(torch.tensor(0.75)))
    samples = samples_of(problem, "test")
    found = figures(pair, problem, samples, "l1")
    ones = float(problem.test.mean())
    assert found["test_loss"] == found["test_l1"] == pytest.approx(0.25 * ones + 0.75 * (1 - ones))
    assert found["test_error"] == pytest.approx(1 - ones)
    assert found["parameters"] == 24 * 6 + 6 + 6 * 3 + 3 + 3 * 6 + 6 + 6 * 24 + 24
    assert found["macs"] == 24 * 6 + 6 * 3 + 3 * 6 + 6 * 24
    assert found["effective_macs"] == 24 * 6 + 6 * 3 + 3 * 6
    assert [each["batch"] for each in found["latency"]] == [1, 256]
    module = figures(compacted(pair)[0], problem, samples, "l1")  # a unit of each layer stays
    assert module["test_l1"] == pytest.approx(found["test_l1"])
    assert module["parameters"] == 24 + 1 + 1 + 1 + 1 + 1 + 24 + 24


@pytest.mark.usefixtures("quick")
def test_samples_may_be_rows_that_are_no_tensor():
    class Rows:
        shape = (400, 24)

        def __len__(self) -> int:
            return 400

        def __getitem__(self, index: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(index), 24)

    settings = make_settings(TINY)
    rows = Rows()
    found = figures(first_individual(settings), settings.problem, Samples(rows, rows), "l1")
    assert 0 < found["test_l1"] < 1


def test_the_text_for_people():
    before = {
        **{"parameters": 61670, "nonzero": 12334, "macs": 60600, "effective_macs": 12039.5, "bytes": 246680},
        **{"sparse_bytes": 57047, "activation_bytes": 900, "test_loss": 0.25, "test_l1": 0.125, "test_error": 0.05},
        "latency": [{"batch": 1, "median": 4e-5, "low": 3e-5, "high": 6e-5, "runs": 9}],
    }
    after = before | {"parameters": 1000, "bytes": 4000, "test_error": 0.0625}
    table = {
        **{"before": before, "after": after, "loss": "bce", "samples": 1000, "finetune": 0},
        "difference": {"module": 1e-7, "model.pt2": 2e-7},
        "units": {
            "encoder": {"before": [1000, 30, 10], "after": [1000, 8, 10]},
            "decoder": {"before": [10, 30], "after": [10, 30]},
        },
        "reasons": ["0 (Softmax) may mix units: those of 1 stay"],
    }
    lines = text(table, [L1, WRONG_BITS]).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        "before after",
        "parameters 61,670 1,000",
        "parameters that are not zero 12,334 12,334",
        "multiply-accumulates a sample 60,600 60,600",
        "the same of weights that are not zero 12,040 12,040",
        "weights on disk 247 kB 4 kB",
        "the same without zeros 57 kB 57 kB",
        "activations of a sample, at most 900 bytes 900 bytes",
        "latency of a batch of 1 40 us (30 to 60) 40 us (30 to 60)",
        "held-out bce 0.250000 0.250000",
        "held-out L1 0.125000 0.125000",
        "held-out wrong bits 5.00% 6.25%",
        "",
        "encoder 1000-30-10 -> 1000-8-10",
        "decoder 10-30, all units stay",
        "0 (Softmax) may mix units: those of 1 stay",
        CALLS,
        "On 1,000 held-out samples outputs differ from the original by 2.0e-07 of the largest, at most.",
    ]
    assert "from the fine-tuned network" in text(table | {"finetune": 2}, [L1])
