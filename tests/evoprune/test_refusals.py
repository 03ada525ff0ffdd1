"""What does not fit is refused in one line that names both sides, at every door, before anything changes."""

import copy
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from deap import base
from torch import nn

from evoprune import Autoencoder, Decoder, Encoder, Genome
from evoprune.activations import ActivationProbe
from evoprune.algorithms import canonical_generations, complete, eaAllVsAll, eaSpatialCoevolution, ring, torus
from evoprune.architecture import Architecture
from evoprune.evaluation import draw_batch, evaluate, reconstruct, reconstruction_loss, wrong_bits
from evoprune.networks import MLP, mlp_decoder, mlp_encoder, variational_encoder
from evoprune.operators import Exponential, mutLearningRate, mutTrain
from evoprune.tied import TiedAutoencoder, TiedNetwork
from evoprune.training import Epoch, train, train_epoch
from tests.algorithms.small import make_grid, make_toolbox, run

DATA = torch.rand(8, 6)
WRONG = torch.rand(8, 5)
ENTRIES: dict[str, Callable[..., Any]] = {
    "call": lambda pair, data: pair(data),
    "evaluate": evaluate,
    "reconstruct": reconstruct,
    "wrong bits": wrong_bits,
    "loss": lambda pair, data: reconstruction_loss(pair.encoder, pair.decoder, data),
    "probe": lambda pair, data: ActivationProbe(data)(pair),
    "train": lambda pair, data: train([pair], [data]),
    "epoch": lambda pair, data: train([pair], Epoch(data, 2, [1])),
    "train_epoch": lambda pair, data: train_epoch([pair], data),
    "mutTrain": mutTrain,
}
EVERYWHERE = pytest.mark.parametrize("entry", ENTRIES)


def pair_of(encoder: nn.Module, decoder: nn.Module | None = None) -> Autoencoder:
    return Autoencoder([Encoder(encoder), Decoder(decoder or mlp_decoder([3, 6]))])


def pair() -> Autoencoder:
    return pair_of(mlp_encoder([6, 4, 3]))


@EVERYWHERE
@pytest.mark.parametrize("encoder", [mlp_encoder([6, 4, 3]), variational_encoder([6, 4, 3])], ids=["plain", "gauss"])
def test_data_of_another_width(entry, encoder):
    one = pair_of(encoder)
    before = copy.deepcopy(one)
    with pytest.raises(ValueError, match=r"^the encoder reads 6 values a sample, but the data have 5$"):
        ENTRIES[entry](one, WRONG)
    assert one == before


@EVERYWHERE
def test_data_of_another_width_for_a_tied_pair(entry):
    with pytest.raises(ValueError, match=r"^the encoder reads 6 values a sample, but the data have 5$"):
        ENTRIES[entry](TiedAutoencoder(TiedNetwork([6, 3])), WRONG)


@EVERYWHERE
def test_a_code_that_no_longer_fits(entry):
    one = pair()
    one[1] = Decoder(mlp_decoder([4, 6]))  # as a crossover would, unchecked
    with pytest.raises(ValueError, match=r"^the encoder gives 3 values a sample, but the decoder takes 4$"):
        ENTRIES[entry](one, DATA)


@pytest.mark.parametrize("entry", ["evaluate", "loss", "wrong bits", "train", "train_epoch", "mutTrain"])
def test_reconstructions_of_another_width(entry):
    with pytest.raises(ValueError, match=r"\(8, 1\)|gives 1 values a sample, but the data have 6"):
        ENTRIES[entry](pair_of(mlp_encoder([6, 3]), mlp_decoder([3, 1])), DATA)


@pytest.mark.parametrize("entry", sorted(ENTRIES.keys() - {"call"}))
@pytest.mark.parametrize("data", [torch.rand(0, 6), torch.tensor(1.0)], ids=["empty", "a number"])
def test_data_without_samples(entry, data):
    with pytest.raises(ValueError, match=r"samples|inputs"):
        ENTRIES[entry](pair(), data)


@pytest.mark.parametrize("entry", sorted(ENTRIES.keys() - {"call", "reconstruct", "wrong bits"}))
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_data_that_are_not_finite(entry, value):
    with pytest.raises(ValueError, match=r"NaN or infini"):
        ENTRIES[entry](pair(), torch.full((8, 6), value))


@EVERYWHERE
def test_data_of_whole_numbers(entry):
    with pytest.raises(TypeError, match=r"data of type torch.int64, try data.float\(\)"):
        ENTRIES[entry](pair(), torch.ones(8, 6, dtype=torch.int64))


def test_a_mistake_inside_a_module_shows_as_it_is():
    class Broken(nn.Linear):
        def forward(self, input):
            raise RuntimeError("broken")

    for entry in ("call", "evaluate", "probe"):
        with pytest.raises(RuntimeError, match=r"^broken$"):
            ENTRIES[entry](pair_of(Broken(6, 3)), DATA)


def test_a_batch_larger_than_the_data():
    for draw in (lambda: draw_batch(DATA, 9), lambda: train_epoch([pair()], DATA, 9)):
        with pytest.raises(ValueError, match="batch size 9 is larger than the 8"):
            draw()


@pytest.mark.parametrize(
    "algorithm",
    [lambda grid: run(grid, neighbourhoods=ring(2)), lambda grid: eaAllVsAll(grid, make_toolbox(), 1, verbose=False)],
)
@pytest.mark.parametrize(
    ("grid", "error", "message"),
    [
        (lambda: [1, 2, 3], TypeError, "place 0 of the (grid|population) must be a Genome, an Auto.* got 1"),
        (lambda: [], ValueError, "size of the (grid|population) must be a whole number of at least 1, got 0"),
        (lambda: [*make_grid(1), Genome(nn.Linear(2, 2))], ValueError, r"same number of parts, got \[1, 2\]"),
        (lambda: make_grid(1) * 2, ValueError, "places 0 and 1 of the (grid|population) hold the same genome"),
        (lambda: make_grid(1)[0], TypeError, "must be a list of individuals, got Autoencoder"),
    ],
)
def test_grids(algorithm, grid, error, message):
    with pytest.raises(error, match=message):
        algorithm(grid())


def test_pairs_that_meet_have_one_code():
    other = Autoencoder([Encoder(mlp_encoder([12, 2])), Decoder(mlp_decoder([2, 12]))])
    with pytest.raises(ValueError, match=r"places 0 and 1 of the grid meet: a part that gives 3 values, .* takes 2"):
        run([*make_grid(1), other])
    with pytest.raises(ValueError, match=r"places 0 and 1 of the population meet"):
        eaAllVsAll([*make_grid(1), other], make_toolbox(), 1)
    run([*make_grid(1), other], ngen=1, neighbourhoods=[[0], [1]])  # islands


@pytest.mark.parametrize("ngen", [-1, 1.5, True, "3", None, 10**30, math.nan])
def test_generations(ngen):
    for loop in (
        lambda: eaSpatialCoevolution(make_grid(2), make_toolbox(), ngen, ring(2)),
        lambda: eaAllVsAll(make_grid(2), make_toolbox(), ngen),
        lambda: canonical_generations(make_grid(1), make_toolbox(), ngen),
    ):
        with pytest.raises(ValueError, match="ngen must be"):
            loop()


def test_slots_that_are_missing():
    toolbox = base.Toolbox()
    with pytest.raises(ValueError, match="lacks evaluate, select, train: register evaluate, select and train"):
        run(toolbox=toolbox)
    with pytest.raises(ValueError, match="lacks evaluate, select, mutate: register evaluate, select and mutate"):
        canonical_generations(make_grid(1), toolbox, 1)


@pytest.mark.parametrize("name", ["stats", "halloffame"])
def test_books_that_cannot_be_kept(name):
    with pytest.raises(TypeError, match=f"{name} must be a tools"):
        run(**{name: object()})


@pytest.mark.parametrize("value", [math.inf, math.nan, -1.0, True, "0.1", 10**400])
def test_numbers_that_are_no_rates(value):
    one = pair()
    one.learning_rate = 0.1
    with pytest.raises(ValueError, match=r"^sigma must be"):
        mutLearningRate(one, sigma=value)
    with pytest.raises(ValueError, match=r"^learning_rate must be"):
        mutTrain(pair(), DATA, learning_rate=value)
    with pytest.raises(ValueError, match=r"^rate_sigma must be"):
        run(rate_sigma=value)
    assert one.learning_rate == 0.1


@pytest.mark.parametrize("huge", [10**12, 10**30, 10**400])
def test_what_no_memory_holds_is_refused_before_it_is_made(huge):
    for make in (
        lambda: mlp_encoder([huge, huge]),
        lambda: MLP(latent=huge).build(huge),
        lambda: Architecture([], (1, 1, huge), huge).build(),
        lambda: ring(huge),
        lambda: torus(huge, 2),
        lambda: complete(huge),
    ):
        with pytest.raises(ValueError, match=r"this needs about .* of memory"):
            make()


@pytest.mark.parametrize(("t", "T"), [(5, 4), (-1, 4), (math.nan, 4), (0, -1), ("1", 4), (1, None), (0, 10**30)])
def test_generations_that_no_schedule_has(t, T):
    with pytest.raises(ValueError, match=r"generation t must be in 0\.\.T, got t="):
        Exponential(0.5)(t, T)
    assert Exponential(0.5)(0, 0) == pytest.approx(0.4323, abs=1e-4)


@pytest.mark.parametrize("keep", [None, torch.ones(4, 6), torch.ones(6, 4, dtype=torch.bool), [True]])
def test_masks_that_do_not_fit(keep):
    genome = Genome(mlp_encoder([6, 4]))
    before = copy.deepcopy(genome)
    with pytest.raises(ValueError, match=r"keep of '0.weight' must be a bool tensor of shape \(4, 6\), got"):
        genome.prune("0.weight", keep)
    with pytest.raises(KeyError, match=r"'9\.weight' is not prunable; prunable: 0.weight, 0.bias"):
        genome.prune("9.weight", keep)
    assert genome == before
