"""The fields of the settings of a run, from which the command line and the settings file are made."""

from collections import ChainMap
from dataclasses import dataclass
from typing import Any

from evoprune.algorithms.cells import CONCEPTS
from evoprune.algorithms.spatial import UPDATES
from evoprune.benchmarks.problems.tasks import TASKS
from evoprune.benchmarks.pruning import choices
from evoprune.benchmarks.pruning.algorithms import ALGORITHMS, ORDERS
from evoprune.benchmarks.pruning.parts import REGISTRIES
from evoprune.benchmarks.pruning.upgrade import BENCHMARK
from evoprune.losses import LOSSES
from evoprune.networks import ACTIVATIONS, OUTPUTS
from evoprune.operators import OPERATORS
from evoprune.operators.choice import SCOPES
from evoprune.runs.kernels import WHAT
from evoprune.runs.settings import RATE, SEEDS, WIDTHS, SettingsBase, option
from evoprune.training.kernel import KERNELS
from evoprune.training.optimizers import OPTIMIZERS

SUITED = TASKS["reconstruction"], TASKS["classification"]
DEFAULT_TARGET = SUITED[0].target_preserved
BY_TASK = "(default {:g}, for classes and values {:g})"
OR_NONE = ChainMap[str, Any]({"none": None}, OPERATORS)


@dataclass(frozen=True)
class Fields(SettingsBase):
    """Everything that makes a run."""

    algorithm: str = option("spatial", "the evolutionary algorithm", ALGORITHMS)
    operator: str = option(
        "magnitude",
        "the pruning operator, or several, such as activation+magnitude+random",
        OR_NONE,
        code=True,
        many=True,
    )
    operator_options: dict[str, Any] = option({}, "the operator's own parameters")
    operator_choice: str = option("cells", "which of several operators prunes", choices.CHOICES)
    schedule: str = option("fixed", "when to prune: the course of the probability", REGISTRIES["schedule"], code=True)
    schedule_options: dict[str, Any] = option({}, "the schedule's own parameters")
    probability: float = option(1.0, "C, the largest probability of the schedule", share=True)
    target_preserved: float | None = option(
        None,
        "share of weights to keep at the end, for operators that take an amount, persistent; or what the schedule can "
        "reach " + BY_TASK.format(*(task.target_preserved for task in SUITED)),
        share=True,
    )
    target_macs: float | None = option(
        None,
        "instead: share of the multiply-accumulates to keep, without dead units, for operators that take whole units",
        share=True,
    )
    amount: float | None = option(
        None, "share of the survivors that each pruning removes, instead of a target", share=True
    )
    course: str = option("expected", "how the share kept comes down to the target", choices.PATHS)
    regrow: str = option("none", "weights that come back after each pruning, for others", choices.REGROWTH)
    regrow_share: float = option(
        0.3, "share of the weights kept that is exchanged so at first; it falls to 0", least=0, most=0.99
    )
    initial: str = option("none", "an operator that prunes to the target before any training", OR_NONE)
    rewind: int = option(
        0, "generation to whose weights those that are kept go back after each pruning; 0 for none", least=0
    )
    scope: str = option("global", "take the amount from every tensor or from the whole pair", SCOPES)
    threshold: float = option(
        0.1, "activation below which a unit counts as inactive, for operators with a threshold", share=True
    )
    finetune: float = option(0.2, "share of the generations, at the end, without pruning", share=True)
    compact_every: int = option(
        0, "generations between removals of dead units, which makes training cheaper; 0 for none", least=0
    )
    semantics: str = option("persistent", "whether pruned weights stay pruned", choices.SEMANTICS)
    benchmark: str = option(BENCHMARK, "the problem", REGISTRIES["benchmark"], code=True)
    benchmark_options: dict[str, Any] = option({}, "the problem's own parameters")
    task: str = option(
        None, "what a network makes of a sample (default: what the problem is for)", TASKS, suited="task"
    )
    data: str | None = option(
        None,
        "file: a .npy, .npz or .csv with a sample a row; images: a folder; idx, cifar10, retrieval: the folder of "
        "their files; text: a file with a document a line, or a folder",
    )
    data_seed: int = option(1, "seed of the data or of their split", least=0, most=SEEDS)
    network: str = option(
        "default",
        'a network by name, the encoder\'s widths after the inputs, such as 30-10, or "from DIR", what evoprune '
        "architectures found; for classes and values all widths, such as 64-100-10",
    )
    decoder: str | None = option(
        None,
        "the decoder's widths before the outputs, such as 10-30; mirrored by default",
        form=WIDTHS,
        such="widths such as 10-30, the code first",
    )
    activation: str = option("relu", "nonlinearity between the layers", ACTIVATIONS)
    output_activation: str = option(None, "nonlinearity of the output (default: by task)", OUTPUTS, suited="output")
    loss: str = option(None, "the training loss and the fitness (default: by task)", LOSSES, suited="loss")
    optimizer: str = option("adam", "the optimizer", OPTIMIZERS)
    learning_rate: float = option(
        None,
        "learning rate, in cells the one they start with " + BY_TASK.format(*(task.learning_rate for task in SUITED)),
        positive=True,
        most=RATE,
        suited="learning_rate",
    )
    l1: float = option(0.0, "L1 proximal step, in learning rates; none while fine-tuning", least=0, most=1000)
    finetune_rate: float = option(
        1.0, "factor that the learning rate falls to, linearly, while fine-tuning", share=True
    )
    polish: int = option(
        0, "rounds after the last generation: the best network chooses its output weights anew and trains on", least=0
    )
    polish_epochs: int = option(25, "epochs of each of these rounds", least=1)
    rate_sigma: float = option(1e-5, "standard deviation of the rate's step a generation, in cells and a walk", least=0)
    rate_decay: str = option("constant", "the course of the learning rate, for an algorithm of DEAP's", choices.ENDINGS)
    batch_size: int = option(
        None,
        "samples a gradient step, and in the batches that fitness is measured on "
        + BY_TASK.format(*(task.batch_size for task in SUITED)),
        least=1,
        suited="batch_size",
    )
    corruption: float = option(0.0, "denoising: probability that an input is set to zero in training", share=True)
    shuffle: bool = option(True, "draw the samples in a new order every epoch")
    horizontal_flip: bool = option(False, "mirror each image from left to right with probability 0.5 in training")
    generations: int = option(200, "generations; in each a selected pair trains for one epoch", least=1, most=10**6)
    cells: int = option(10, "cells of the grid, or individuals of the population (mu)", least=1, most=10**6)
    offspring: int | None = option(
        None, "children a generation (lambda), for mu-... and nsga2; default as many as cells, or twice", least=1
    )
    crossover: float = option(0.0, "share of these children that come from a crossover of two, untrained", share=True)
    topology: str = option("ring", "the grid", choices.TOPOLOGIES)
    radius: int = option(1, "how far a neighbourhood reaches", least=0)
    migrate_every: int = option(1, "generations between those in which cells read their neighbours", least=1)
    migrate_after: int = option(0, "generations at first in which they do not", least=0)
    concept: str = option("minimum", "an encoder's loss over its neighbours' decoders", CONCEPTS)
    update_order: str = option("synchronous", "cells read the last generation, or what is there at their turn", UPDATES)
    pruning_order: str = option("after-evaluation", "when an offspring is pruned", ORDERS)
    opponents: str = option(
        "selected",
        "selected: a selected pair trains together; random: Lipi-AE's random opponents",
        ("selected", "random"),
    )
    seed: int = option(0, "seed of the run", least=0, most=SEEDS)
    device: str = option("cpu", "where training happens", choices.DEVICES)
    kernel: str = option("auto", WHAT, KERNELS)
    ablation: str = option("none", "what to do with the masks that the run comes to", choices.ABLATIONS)
    chunk: int | None = option(
        None, "cells a parallel task, at least 5 and about 8 tasks by default; the same for every engine", least=1
    )
    compare: bool = option(True, "also run without pruning, for the comparison at the end")
    checkpoint_every: int = option(20, "generations between checkpoints", least=1)
    snapshots: int = option(0, "generations between snapshots of all cells, for their analysis; 0 for none", least=0)
    code: dict[str, Any] = option({}, "file and hash of what comes from outside of evoprune", hidden=True)
