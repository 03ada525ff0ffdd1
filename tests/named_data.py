"""The data that the pages' commands name, as small as they get: files for tests, not tests."""

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from evoprune.benchmarks.problems.user_items_sample import write_sample
from tests.benchmarks.problems.tiny import write_cifar10
from tests.benchmarks.weights.tiny import write_mnist

WORDS = ["wave", "ship", "wind", "sail", "salt", "fish", "bread", "soup", "cook", "taste", "oven", "goal"]


def write_named_data(place: Path) -> None:
    """Everything that stands behind ``--data`` on some page."""
    rng = np.random.default_rng(0)
    (place / "table.csv").write_text("1,2,3,4,5,6,7,8\n" * 10)
    iris = pd.DataFrame(rng.random((90, 4)), columns=["sepal", "petal", "stem", "leaf"])
    iris.assign(species=np.repeat(["setosa", "versicolor", "virginica"], 30)).to_csv(place / "iris.csv", index=False)
    iris.assign(price=iris.sum(axis=1)).to_csv(place / "house-prices.csv", index=False)
    np.savez(place / "prices.npz", rng.random((90, 4)).astype(np.float32))
    for k in range(80):
        folder = place / "flowers" / ("rose" if k % 2 else "tulip")
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)).save(folder / f"{k}.png")
    write_mnist(place / "mnist")
    write_cifar10(place / "cifar-10-batches-bin", batch=12)
    documents = [" ".join(rng.choice(WORDS, 9)) for _ in range(80)]
    labelled = (f"{'good' if k % 2 else 'bad'}\t{text}" for k, text in enumerate(documents))
    (place / "reviews.txt").write_text("\n".join(labelled))
    (place / "notes").mkdir()
    for k, text in enumerate(documents):
        (place / "notes" / f"{k}.txt").write_text(text)
    write_sample(place / "ml-20m", n_users=700, n_items=210)
