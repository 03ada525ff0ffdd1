"""Texts of the user's own as a table of their words."""

from dataclasses import dataclass, field
from typing import cast

import numpy as np
import torch
from torch import Tensor

from evoprune.benchmarks.problems.documents import measure, read_documents
from evoprune.benchmarks.problems.paths import absolute, readable
from evoprune.benchmarks.problems.problem import Problem, Splits, check_recipe, random_split, seed_of, task_of
from evoprune.files import one_line
from evoprune.memory import FLOAT

WEIGHTINGS = {
    "tfidf": "how often it occurs, less for words of many documents, rows of length 1",
    "counts": "how often it occurs, divided by the most in a training document",
    "binary": "whether it occurs",
}
"""What the value of a word in a document is."""
STOP_WORDS = {"none": None, "english": "english"}
READING = 16
"""Bytes that a byte of text takes at the peak of loading, about: its letters, the words and where they occur."""
WORD = 3
"""Bytes of the shortest word, of two letters, with what comes before the next one."""


@dataclass(frozen=True)
class TextSplits(Splits):
    """The tensors, and the word of each column."""

    words: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True)
class TextProblem(Problem):
    """Documents as bags of words, a column a word, split at random: 60 % training, 20 % validation, 20 % test.

    ``path`` is a folder of ``.txt`` files, a document a file, also in folders below; or a file with a document a line.
    Texts are utf-8; empty ones are left out. The folders right below the folder are the classes, unless a document lies
    beside them; in a file each line has to begin with its label and a tabulator.

    Words have at least two letters or digits, in lower case. Those that are kept, the most frequent ones, and their
    weights are of the training documents alone; a document without any of them is a row of zeros. All values are in
    [0, 1]: where a document holds a word more often than every training document does, its count is cut off there. Made
    by scikit-learn's ``CountVectorizer`` and ``TfidfVectorizer``.

    The recipe holds the absolute path, so workers have to see the texts there; what changes later in the same process
    is not read again.

    :raises FileNotFoundError: where nothing is at `path`.
    :raises ValueError: for an unknown weighting or task, a vocabulary below 1, a negative seed; and when the data are
        first asked for: a file that is no text in utf-8, fewer than five documents, no word, or a task of
        classification where there are no classes.
    """

    name = "text"
    path: str = field(metadata={"help": "a folder of .txt files, or a file with a document a line"})
    vocabulary: int = field(
        default=1000, metadata={"help": "words that are kept, the most frequent ones", "least": 1, "most": 10**6}
    )
    weighting: str = field(
        default="tfidf", metadata={"help": "the value of a word: " + ", ".join(WEIGHTINGS), "choices": WEIGHTINGS}
    )
    stop_words: str = field(
        default="none", metadata={"help": "words to leave out: " + ", ".join(STOP_WORDS), "choices": STOP_WORDS}
    )
    split_seed: int = seed_of("the split into train, validation and test", 0)
    task: str = task_of("reconstruction", "classification")

    def __post_init__(self) -> None:
        check_recipe(self)
        path = absolute(self.path)
        with readable(self.path):
            path.stat()
            if not path.is_file() and not path.is_dir():  # but a pipe, which would be waited for without end
                raise ValueError("it is neither a file nor a folder")
        object.__setattr__(self, "path", str(path))

    @property
    def binary(self) -> bool:
        return self.weighting == "binary"

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each column, in their alphabetical order."""
        return cast(TextSplits, self._splits).words

    @property
    def memory(self) -> float:
        count, size = measure(self.path)
        return READING * size + count * min(self.vocabulary, size / WORD) * FLOAT

    def load(self) -> TextSplits:
        documents = read_documents(self.path)
        texts, labels = documents.texts, documents.labels
        if len(texts) < 5:
            raise ValueError(f"{self.path}: a split needs at least 5 documents that are not empty, found {len(texts)}")
        if labels is None and self.task == "classification":
            raise ValueError(
                f"{self.path}: no classes to tell apart: {documents.unlabelled} has none; give a folder with a "
                "folder of .txt files for each class, or a file in which every line begins with a label and a tabulator"
            )
        classes = None if labels is None else torch.tensor(labels)
        places = random_split(torch.arange(len(texts)), self.split_seed, classes)
        (train, validation, test), words = self._tables(
            [[texts[place] for place in part.tolist()] for part in (places.train, places.validation, places.test)]
        )
        classed = (places.train_labels, places.validation_labels, places.test_labels, None, None, None)
        return TextSplits(train, validation, test, *classed, class_names=documents.classes, words=words)

    def _tables(self, parts: list[list[str]]) -> tuple[list[Tensor], tuple[str, ...]]:
        """The values of the words in the documents of each part, and the words, which are those of the first."""
        from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer  # slow to import

        kind = TfidfVectorizer if self.weighting == "tfidf" else CountVectorizer
        table = kind(max_features=self.vocabulary, stop_words=STOP_WORDS[self.stop_words], dtype=np.float32)
        try:
            found = [table.fit_transform(parts[0]), *map(table.transform, parts[1:])]
        except ValueError as error:
            raise ValueError(f"{self.path}: no word is left of the training documents: {one_line(error)}") from error
        most = float(found[0].max()) if self.weighting == "counts" else 1.0
        # The length of a row may be above 1 by a last bit, and a binary value is a count that is cut off.
        dense = [torch.from_numpy(matrix.toarray()).div_(most).clamp_(max=1) for matrix in found]
        return dense, tuple(table.get_feature_names_out().tolist())
