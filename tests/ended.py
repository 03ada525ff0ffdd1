"""What a command left, to be compared with what it leaves where nothing happens: all but what took how long."""

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from tests import forked

TIMES = ("times.csv", "seconds")
"""What differs from one execution to the next: a table, and the names of values."""
LINES = {
    "run": "run --n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --cells 4 --generations 3 --snapshots 2 "
    "--learning-rate 0.01 --no-compare --checkpoint-every 1 --output d --quiet",
    "sweep": "sweep --grid operator=random,none --trials 2 --n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 "
    "--cells 2 --generations 2 --learning-rate 0.01 --output d --quiet",
    "weights": "weights --layers 8-4 --population 4 --generations 2 --epochs 1 --samples 100 --classifier-samples 50 "
    "--no-compare --checkpoint-every 1 --output d --quiet",
    "architectures": "architectures --population 2 --offspring 2 --generations 2 --epochs 1 --final-epochs 1 "
    "--widths 4-8 --max-convolutions 0 --code 3 --output d --quiet",
    "report": "report {good}/study --output d --quiet",
    "reconstruct": "reconstruct {good}/model {good}/images --output d",
}
"""Small command lines that leave the directory ``d``; ``{good}`` is a folder that :func:`good` fills."""
GOOD = (
    "sweep --grid operator=random,none --trials 1 --n-dim 24 --n-samples 40 --n-clusters 4 --network 6-3 --cells 2 "
    "--generations 2 --output study --quiet",
    "run --benchmark digits --network 6-3 --cells 2 --generations 1 --no-compare --output model --quiet",
)
"""What makes the folder of good runs, beside its images."""


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of good runs; all that the commands import is imported then."""
    place = tmp_path_factory.mktemp("good")
    (place / "images").mkdir()
    for seed, name in enumerate(("a", "b")):
        Image.frombytes("L", (8, 8), random.Random(seed).randbytes(64)).save(place / "images" / f"{name}.png")
    lines = [line.replace("{good}", ".").replace("--output d", f"--output {name}") for name, line in LINES.items()]
    forked.warm(place, *(line.split() for line in (*GOOD, *lines)))
    return place


def files(place: Path, without: tuple[str, ...] = ()) -> dict[str, Any]:
    """Every file below a directory and a hash of it: of tensors their values, of others their bytes; times aside."""
    found = {}
    for path in sorted(place.rglob("*")):
        name = path.relative_to(place).as_posix()
        if path.is_file() and name not in without and path.name not in TIMES:
            found[name] = _known(path)
    return found


def _known(path: Path) -> Any:
    if path.suffix == ".pt":
        return _plain(torch.load(path, weights_only=True))
    if path.name == "manifest.json":
        manifest = json.loads(path.read_text())
        return manifest | {"files": sorted(manifest["files"])}  # in the order of their first writing
    if path.suffix == ".json":
        return _plain(json.loads(path.read_text()))
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        content = value.contiguous().numpy().tobytes()
        return f"{value.dtype} {tuple(value.shape)} {hashlib.sha256(content).hexdigest()}"
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items() if key not in TIMES}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else repr(value)


def litter(place: Path) -> list[Path]:
    """Files that are half-written, and folders of work that is not going on."""
    return [path for path in place.rglob(".*") if path.suffix == ".part" or path.name.startswith(".scratch-")]
