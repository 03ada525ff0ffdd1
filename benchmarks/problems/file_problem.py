"""A user's own data, read from a file."""

from dataclasses import dataclass, field, replace

from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, random_split, seed_of, task_of
from evoprune.benchmarks.problems.tables import read_table, table_memory

KINDS = (".npy", ".npz", ".csv")


@dataclass(frozen=True)
class FileProblem(Problem):
    """A table of numbers, a sample a row, split at random into 60 % training, 20 % validation and 20 % test.

    Reads `.npy`, `.npz` (one array, or the one called "data" or, beside "y", "x") and comma-separated `.csv` (a first
    line without any number is taken as a header, and one that has the name of the target). Values are not scaled. The
    recipe holds the absolute path, so workers have to see the file there; a file that changes later in the same process
    is not read again.

    `target_column` is no input. In classification it holds the classes: numbers, or in a `.csv` any texts; they are
    numbered from 0 in their order. In regression it holds the values to predict, one a sample. Without it, an archive's
    array "y" beside "x", or "target" beside "data", holds the classes (samples,) or the values (samples, outputs).

    :raises FileNotFoundError: where nothing is at `path`.
    :raises ValueError: for another kind of file, a negative seed, an unknown task; and when the data are first asked
        for: a damaged file, a table that is not two-dimensional, fewer than five rows, no columns, or a value that is
        not a finite number (the message has its place); no such target, a place in it that is empty, fewer than two
        classes, more than 1,000 or than half as many as samples.
    """

    name = "file"
    path: str = field(metadata={"help": "a .npy, .npz or .csv file, a sample a row"})
    split_seed: int = seed_of("the split into train, validation and test", 0)
    target_column: str | None = field(
        default=None,
        metadata={
            "help": "which column holds the target: its name in the header of a .csv, or its number from 0, negative "
            "from the end"
        },
    )
    task: str = task_of("reconstruction", "classification", "regression")

    def __post_init__(self) -> None:
        check_recipe(self)
        path = absolute(self.path)
        if path.suffix.lower() not in KINDS:
            raise ValueError(f"{self.path}: data must be one of {', '.join(KINDS)}")
        with readable(self.path):
            path.stat()
            if not path.is_file():  # but a folder, or a pipe, which would be waited for without end
                raise ValueError("it is no regular file")
        object.__setattr__(self, "path", str(path))

    @property
    def binary(self) -> bool:
        return all(bool(((part == 0) | (part == 1)).all()) for part in (self.train, self.validation, self.test))

    @property
    def memory(self) -> float:
        return table_memory(self.path, self.target_column, self.task)

    def load(self) -> Splits:
        table = read_table(self.path, self.target_column, self.task)
        parts = random_split(table.inputs, self.split_seed, table.labels, table.values)
        return replace(parts, class_names=table.class_names)
