import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer

from evoprune import memory
from evoprune.benchmarks.problems import documents
from evoprune.benchmarks.problems.documents import count_lines, measure, read_documents
from evoprune.benchmarks.problems.problem import random_split, validate
from evoprune.benchmarks.problems.text import TextProblem
from tests.traced import traced

SPLITS = ("train", "validation", "test")


def lines(place: Path, *texts: str, **more: Any) -> TextProblem:
    """A file with a document a line."""
    (place / "texts.txt").write_text("\n".join(texts), encoding="utf-8")
    return TextProblem(str(place / "texts.txt"), **more)


def folder(place: Path, texts: dict[str, str], **more: Any) -> TextProblem:
    """A folder with documents by their paths."""
    for name, text in texts.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text, encoding="utf-8")
    return TextProblem(str(place), **more)


def classes(problem: TextProblem, split: str) -> torch.Tensor:
    found = problem.targets(split)
    assert isinstance(found, torch.Tensor)
    return found


def ordered(count: int, seed: int = 0) -> list[int]:
    """The documents of the training, the validation and the test split, one after the other."""
    parts = random_split(torch.arange(count), seed)
    return torch.cat([parts.train, parts.validation, parts.test]).tolist()


def placed(texts: list[str]) -> list[str]:
    """Documents in an order in which the first 60 % of those given are for training, the last 20 % for the test."""
    found = dict(zip(ordered(len(texts)), texts, strict=True))
    return [found[place] for place in range(len(texts))]


class TestWeights:
    FIVE = ("moon sun", "sun", "sun", "Moon star moon", "star")
    """Three to train, one to choose by, one for the test."""

    def test_counts_by_hand(self, tmp_path):
        texts = ["a red red red Blue", "blue.blue", "red", "red " * 6 + "blue", "green"]
        problem = lines(tmp_path, *placed(texts), weighting="counts")
        assert problem.words == ("blue", "red")  # of the training documents, with at least two letters
        assert problem.train.tolist() == pytest.approx(np.array([[1, 3], [2, 0], [0, 1]]) / 3)
        assert problem.validation[0].tolist() == pytest.approx([1 / 3, 1])  # six would be 2
        assert problem.test[0].tolist() == [0, 0]
        assert not problem.binary

    def test_binary_by_hand(self, tmp_path):
        problem = lines(tmp_path, *placed(["red red blue", "blue", "red", "blue blue green", "green"]))
        problem = replace(problem, weighting="binary")
        assert problem.train.tolist() == [[1, 1], [1, 0], [0, 1]]
        assert problem.validation.tolist() == [[1, 0]]
        assert problem.test.tolist() == [[0, 0]]
        assert problem.binary

    def test_tfidf_by_hand(self, tmp_path):
        problem = lines(tmp_path, *placed(list(self.FIVE)))
        assert problem.words == ("moon", "sun")
        rare = math.log(4 / 2) + 1  # moon is in one document of three, and one is added to both; sun is in all
        length = math.hypot(rare, 1)
        assert problem.train.tolist() == [pytest.approx([rare / length, 1 / length]), [0, 1], [0, 1]]
        assert problem.validation.tolist() == [[1, 0]]
        assert problem.test.tolist() == [[0, 0]]

    def test_tfidf_is_scikit_learns(self, tmp_path):
        rng = np.random.default_rng(0)
        texts = [" ".join(f"w{word}" for word in rng.integers(0, 40, 20)) for _ in range(30)]
        problem = lines(tmp_path, *texts, vocabulary=15)
        order = ordered(30)
        table = TfidfVectorizer(max_features=15).fit([texts[place] for place in order[:18]])
        for split, places in zip(SPLITS, (order[:18], order[18:24], order[24:]), strict=True):
            expected = table.transform([texts[place] for place in places]).toarray()
            np.testing.assert_allclose(getattr(problem, split).numpy(), expected, atol=1e-6)

    @pytest.mark.parametrize("weighting", ["tfidf", "counts", "binary"])
    def test_every_weight_suits_a_sigmoid(self, tmp_path, weighting):
        rng = np.random.default_rng(1)
        texts = [" ".join(f"w{word}" for word in rng.geometric(0.2, 1 + k)) for k in range(40)]
        problem = lines(tmp_path, *texts, weighting=weighting)
        validate(problem, 5)
        for split in SPLITS:
            data = getattr(problem, split)
            assert data.dtype == torch.float32
            assert data.min() >= 0
            assert data.max() <= 1
        assert problem.train.max() == pytest.approx(1)
        if weighting == "tfidf":
            assert problem.train.norm(dim=1).tolist() == pytest.approx([1] * 24)

    @pytest.mark.parametrize("weighting", ["tfidf", "counts", "binary"])
    def test_the_most_frequent_words_of_the_training_documents_are_kept(self, tmp_path, weighting):
        problem = lines(tmp_path, *placed(["ten ten ten ten six", "six ten", "six", "new " * 50, "new"]))
        problem = replace(problem, weighting=weighting)
        assert replace(problem, vocabulary=1).words == ("ten",)  # five times, in fewer documents than six
        assert replace(problem, vocabulary=2).words == problem.words == ("six", "ten")

    def test_stop_words(self, tmp_path):
        problem = lines(tmp_path, *["the sun and the moon"] * 5)
        assert problem.words == ("and", "moon", "sun", "the")
        assert replace(problem, stop_words="english").words == ("moon", "sun")


class TestClasses:
    def test_of_a_folder(self, tmp_path):
        texts = {f"{kind}/{k}.txt": f"{kind} of number{k}" for kind in ("sports", "arts") for k in range(5)}
        texts |= {"sports/old/deep.TXT": "sports of old", "arts/empty.txt": " \n", "arts/notes.md": "no text"}
        problem = folder(tmp_path, texts, task="classification")
        validate(problem, 5)
        assert problem.class_names == ("arts", "sports")
        assert (problem.classes, problem.outputs, problem.loss) == (2, 2, "cross-entropy")
        assert [len(classes(problem, split)) for split in SPLITS] == [7, 2, 2]
        for split in SPLITS:  # the word itself says what it is
            column = getattr(problem, split)[:, problem.words.index("sports")] > 0
            assert torch.equal(classes(problem, split), column.long())

    def test_of_a_document_beside_the_folders(self, tmp_path):
        texts = {f"{kind}/{k}.txt": "some words" for kind in "ab" for k in range(5)}
        problem = folder(tmp_path, {**texts, "z.txt": "more words"})
        assert (problem.class_names, problem.train_labels) == ((), None)
        message = r"'z\.txt' has none; give a folder with a folder of \.txt files for each class, or a file in which"
        with pytest.raises(ValueError, match=message):
            replace(problem, task="classification").targets("train")

    def test_of_lines(self, tmp_path):
        texts = [f"{kind}\t{kind} number{k}" for kind in ("sports", "arts", "fine arts") for k in range(4)]
        problem = lines(tmp_path, *texts, "", "  ", "empty\t ", task="classification")
        validate(problem, 5)
        assert problem.class_names == ("arts", "fine arts", "sports")
        assert "empty" not in problem.words
        total = torch.cat([classes(problem, split) for split in SPLITS])
        assert torch.bincount(total).tolist() == [4, 4, 4]
        for split in SPLITS:
            column = getattr(problem, split)[:, problem.words.index("sports")] > 0
            assert torch.equal(classes(problem, split) == 2, column)

    @pytest.mark.parametrize("line", ["no label", "\tno label", " \tno label"])
    def test_a_line_without_a_label_makes_all_of_them_text(self, tmp_path, line):
        problem = lines(tmp_path, *["word\tmore words"] * 5, "", line)
        assert (problem.class_names, problem.train_labels) == ((), None)
        assert "word" in problem.words
        with pytest.raises(ValueError, match="no classes to tell apart: line 7 has none; give a folder"):
            replace(problem, task="classification").train  # noqa: B018

    def test_a_single_class(self, tmp_path):
        problem = lines(tmp_path, *["one\tof words"] * 6)
        validate(problem, 1)
        with pytest.raises(ValueError, match="classification needs at least two classes, got 1 in TextProblem"):
            validate(replace(problem, task="classification"), 1)

    def test_what_follows_a_second_tabulator_is_text(self, tmp_path):
        lines(tmp_path, *["label\ttwo\twords"] * 5)
        assert read_documents(tmp_path / "texts.txt").texts[0] == "two\twords\n"


class TestSplit:
    def test_of_documents(self, tmp_path):
        problem = lines(tmp_path, *[f"document number{k}" for k in range(11)], weighting="binary", vocabulary=12)
        assert [len(getattr(problem, split)) for split in SPLITS] == [7, 2, 2]
        assert problem.words == ("document", *sorted(f"number{k}" for k in ordered(11)[:7]))
        assert problem.inputs == 8
        other = replace(problem, split_seed=1)
        assert other.words != problem.words
        assert torch.equal(problem.load().train, problem.train)

    def test_a_folder_is_read_by_names_and_a_file_by_lines(self, tmp_path):
        texts = [f"document number{k}" for k in range(10)]
        of_lines = lines(tmp_path, *texts)
        of_folder = folder(tmp_path / "folder", {f"{k}.txt": text for k, text in reversed(list(enumerate(texts)))})
        for split in SPLITS:
            assert torch.equal(getattr(of_lines, split), getattr(of_folder, split))

    def test_the_path_is_absolute(self, tmp_path, monkeypatch):
        problem = lines(tmp_path, *["some words"] * 5)
        monkeypatch.chdir(tmp_path)
        assert TextProblem("texts.txt") == problem


def test_what_editors_add_is_no_word(tmp_path):
    (tmp_path / "texts.txt").write_bytes("straße\r\n\r\nstraße\rstraße\nstraße\u2028straße\nstraße".encode("utf-8-sig"))
    assert read_documents(tmp_path / "texts.txt").texts == [*["straße\n"] * 3, "straße\u2028straße\n", "straße"]
    assert TextProblem(str(tmp_path / "texts.txt")).words == ("straße",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\ntwo\n\n \nthree\nfour\n", "a split needs at least 5 documents that are not empty, found 4"),
        ("a b\n" * 5, "no word is left of the training documents: empty vocabulary"),
        ("one\0two\n" * 5, "not a text in utf-8: it holds a NUL"),
    ],
)
def test_bad_texts(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"texts\.txt: {message}"):
        lines(tmp_path, text).train  # noqa: B018


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("weighting", "tfdif", "unknown weighting 'tfdif': did you mean 'tfidf'"),
        ("stop_words", "german", "unknown stop_words 'german'; known: english, none"),
        ("task", "regression", "unknown task 'regression'"),
        ("vocabulary", 0, "vocabulary must be a whole number of at least 1, got 0"),
    ],
)
def test_bad_settings(tmp_path, field, value, message):
    with pytest.raises(ValueError, match=message):
        lines(tmp_path, **{field: value})


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt: no such file"):
        TextProblem(str(tmp_path / "nowhere.txt"))
    problem = lines(tmp_path, *["some words"] * 5, split_seed=99)
    (tmp_path / "texts.txt").unlink()
    with pytest.raises(FileNotFoundError, match=r"texts\.txt"):
        problem.train  # noqa: B018


class TestMemory:
    @staticmethod
    def made(place: Path, kind: str) -> TextProblem:
        rng = np.random.default_rng(0)
        texts = [" ".join(f"w{word}" for word in rng.integers(0, 300, 60)) for _ in range(200)]
        if kind == "lines":
            return lines(place, *texts, vocabulary=200)
        return folder(place / "folder", {f"{k}.txt": text for k, text in enumerate(texts)}, vocabulary=200)

    @pytest.mark.parametrize("kind", ["lines", "folder"])
    def test_the_estimate_is_more_than_the_peak_and_not_much_more(self, tmp_path, kind):
        problem = self.made(tmp_path, kind)
        problem.load()  # imports what it needs
        with traced() as memory:
            problem.load()
        assert memory.peak < problem.memory < 5 * memory.peak

    @pytest.mark.parametrize("kind", ["lines", "folder"])
    def test_what_does_not_fit_is_not_loaded(self, tmp_path, kind, monkeypatch):
        problem = self.made(tmp_path, kind)
        needed = problem.memory
        monkeypatch.setattr(memory, "available", lambda: needed - 1)
        monkeypatch.setattr(TextProblem, "load", lambda self: pytest.fail("it was loaded"))
        with pytest.raises(ValueError, match=rf"this needs about .* of memory .*{tmp_path}") as caught:
            problem.train  # noqa: B018
        assert len(str(caught.value).splitlines()) == 1

    def test_it_is_measured_without_reading_it_at_once(self, tmp_path, monkeypatch):
        problem = lines(tmp_path, "one two", "", " \t", "three")
        assert measure(problem.path) == (2, len("one two\n\n \t\nthree"))
        monkeypatch.setattr(documents, "BLOCK", 3)  # lines are counted the same, block by block
        (tmp_path / "short.txt").write_text("a\n\nb\r\nc")
        assert count_lines(tmp_path / "short.txt") == 3
        folder(tmp_path / "folder", {"a.txt": "12345", "b/c.txt": "", "b/d.md": "123"})
        assert measure(tmp_path / "folder") == (2, 5)

    def test_a_small_file_has_no_large_vocabulary(self, tmp_path):
        problem = lines(tmp_path, *["some words"] * 5, vocabulary=10**6)
        assert problem.memory < 5000
