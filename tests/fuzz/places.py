"""Files and directories that are wrong by construction: damaged data, foreign run directories, places of the user's."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

from hypothesis import strategies as st

from tests.damaged import CIFAR10, DAMAGED, IDX, IMAGES, JSON, RETRIEVAL, TABLES, TEXT, TOML
from tests.fuzz.options import LINES

Line = tuple[list[str], list[str]]
"""A command line, and the texts of which the message has to have one."""
Make = Callable[[Path, Path], Line]
"""Writes into an empty folder, beside a folder of good runs, and returns the line."""
LONG_NAMES = ["x" * 300, "x" * 5000, "a/" * 3000]
FILLING = (
    *("run", "weights", "architectures", "sweep", "reproduce", "frontier"),
    *("report", "reconstruct", "shrink", "front"),
)
"""The commands that fill a directory of one's choice."""
OUTPUTS = {command: [*line.split(" --output ")[0].split(), "--output"] for command, line in LINES.items()}


def _is_object(content: bytes) -> bool:
    try:
        return isinstance(json.loads(content), dict)
    except (ValueError, RecursionError):
        return False


def _user(folder: Path) -> Path:
    (folder / "mine").mkdir()
    (folder / "mine" / "holiday.png").write_bytes(b"a picture")
    return folder / "mine"


def _file(folder: Path) -> Path:
    (folder / "file").write_text("mine")
    return folder / "file"


def _link_to(target: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "link").symlink_to(target(folder))
        return folder / "link"

    return make


def _spelt(name: str) -> Callable[[Path], Path]:
    """A directory of the user's with a name that is hard to show."""

    def make(folder: Path) -> Path:
        (folder / name).mkdir()
        (folder / name / "mine.txt").write_text("mine")
        return folder / name

    return make


def _foreign(kind: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "other").mkdir()
        text = f'{{"format": "evoprune manifest 1", "kind": "{kind}", "files": []}}'
        (folder / "other" / "manifest.json").write_text(text)
        return folder / "other"

    return make


def _manifest(content: bytes) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / "damaged").mkdir()
        (folder / "damaged" / "manifest.json").write_bytes(content)
        return folder / "damaged"

    return make


TAKEN: dict[str, Callable[[Path], Path]] = {
    "a file": _file,
    "below a file": lambda folder: _file(folder) / "below",
    "far below a file": lambda folder: _file(folder) / "far" / "below",
    "the user's": _user,
    "a link to a file": _link_to(_file),
    "a link to the user's": _link_to(_user),
    "a link to nothing": _link_to(lambda folder: folder / "nothing"),
    "a link to itself": _link_to(lambda folder: folder / "link"),
    "below a link to a file": lambda folder: _link_to(_file)(folder) / "below",
    "a name of two lines": _spelt("a\nb"),
    "a name of signs": _spelt("a\x1b[31m\u202e"),
    "a long name": _spelt("x" * 255),
    "something else": _foreign("nothing of these"),
    **{f"a manifest: {name}": _manifest(content) for name, content in JSON.items()},
}
"""What no command fills, by a function that makes it."""


def _output(command: str, make: Callable[[Path], Path], whole: bool) -> Make:
    def made(folder: Path, good: Path) -> Line:
        place = make(folder)
        text = str(place if whole else place.relative_to(folder))
        return [*(part.format(good=good) for part in OUTPUTS[command]), text], _names(text)

    return made


def _long(command: str, name: str) -> Make:
    def made(folder: Path, good: Path) -> Line:
        return [*(part.format(good=good) for part in OUTPUTS[command]), name], _names(name)

    return made


def _names(text: str) -> list[str]:
    return [text, repr(text)[1:-1], text[:30], repr(text)[1:25], Path(text).parent.name or text]


def _data(words: list[str], name: str) -> Make:
    def made(folder: Path, good: Path) -> Line:
        (folder / "data").mkdir()
        place = DAMAGED[name](folder / "data")
        return [*words, "--data", str(place), "--output", "r"], [str(place), place.name, repr(place.name)[1:-1]]

    return made


def _config(content: bytes) -> Make:
    def made(folder: Path, good: Path) -> Line:
        (folder / "wrong.toml").write_bytes(content)
        return ["run", "--config", "wrong.toml", "--output", "r"], ["wrong.toml", " must be "]

    return made


def _settings(line: str, name: str, content: bytes, other: str = "") -> Make:
    """A directory in which one file is damaged, and perhaps another is good."""

    def made(folder: Path, good: Path) -> Line:
        (folder / "d").mkdir()
        (folder / "d" / name).write_bytes(content)
        if other:
            shutil.copy(good / "model" / other, folder / "d")
        words = [part.format(good=good) for part in line.split(" ")]
        return [word.replace("_", " ", 1) if word.startswith("from_") else word for word in words], [
            "d/",
            "d ",
            "d:",
            name,
        ]

    return made


def _broken(line: str, name: str, seed: int, ended: bool = False) -> Make:
    """A directory of a run in which the tensors are no file of tensors."""

    def made(folder: Path, good: Path) -> Line:
        shutil.copytree(good / "model", folder / "d")
        rng, whole = random.Random(seed), (good / "model" / name).read_bytes()
        (folder / "d" / name).write_bytes(rng.choice([whole[: rng.randrange(len(whole))], rng.randbytes(300), b""]))
        if not ended:
            (folder / "d" / "summary.json").unlink()
        return [part.format(good=good) for part in line.split()], ["d/", "d ", "d:", name]

    return made


def _nowhere(line: str, name: str) -> Make:
    def made(folder: Path, good: Path) -> Line:
        _file(folder)
        (folder / "empty").mkdir()
        words = [name if part == "@" else part.format(good=good) for part in line.split()]
        return words, [*_names(name), f"{name or '.'}:", "/report"]

    return made


NO_OBJECT = {name: content for name, content in JSON.items() if not _is_object(content)}
PIPES = {name for name in DAMAGED if "pipe" in name}  # a damaged program would wait there without end
READ = {  # the lines that read data, and what may be wrong with these
    "run --benchmark file": TABLES,
    "run --benchmark idx": IDX,
    "run --benchmark cifar10 --task classification": CIFAR10,
    "run --benchmark images": IMAGES,
    "run --benchmark text": TEXT,
    "run --benchmark retrieval": RETRIEVAL,
    "weights": IDX,
    "architectures --benchmark images": IMAGES,
}
LINES_OF_JSON = [
    ("resume d", "settings.json"),
    ("resume d", "study.json"),
    ("report d --output p", "settings.json"),
    ("report d --output p", "study.json"),
    ("report d", "summary.json"),
    ("run --network from_d --output r", "summary.json"),
    ("reconstruct d {good}/a.png --output p", "settings.json"),
    ("front d --output p", "settings.json"),
]
READERS = [
    "resume @",
    "report @ --output p",
    "report @",
    "reconstruct @ {good}/a.png --output p",
    "reconstruct {good}/model @ --output p",
    "shrink @ --output p",
    "shrink @",
    "front @ --output p",
    "front @",
]
PLACES = ["", "missing", "file", "file/below", "empty", "a\nb", "\x1b[31m", "\udcff", "²", *LONG_NAMES]


def places() -> dict[str, Make]:
    """Every wrong place, by what it is."""
    made: dict[str, Make] = {}
    for command in FILLING:
        for name, make in TAKEN.items():
            made[f"{command} --output: {name}"] = _output(command, make, whole=len(name) % 2 == 0)
        for name in LONG_NAMES:
            made[f"{command} --output: {name[:5]} {len(name)}"] = _long(command, name)
    for line, kinds in READ.items():
        made |= {f"{line} --data: {name}": _data(line.split(), name) for name in kinds.keys() - PIPES}
    made |= {f"--config: {name}": _config(content) for name, content in TOML.items()}
    for line, file in LINES_OF_JSON:
        other = "model.pt" if line.startswith("reconstruct") else ""
        damaged = NO_OBJECT if other else JSON  # with a model the settings of an object are not asked for
        made |= {f"{line} {file}: {name}": _settings(line, file, damaged[name], other) for name in damaged}
    for line in READERS:
        made |= {f"{line}: {name[:9]!r} {len(name)}": _nowhere(line, name) for name in PLACES}
    for seed in range(20):
        made[f"resume a broken checkpoint {seed}"] = _broken("resume d", "checkpoint.pt", seed)
        made[f"reconstruct by a broken model {seed}"] = _broken(
            "reconstruct d {good}/a.png --output p", "model.pt", seed
        )
        made[f"shrink a broken model {seed}"] = _broken("shrink d --output p", "model.pt", seed)
        made[f"front of a broken grid {seed}"] = _broken("front d --quiet --output p", "checkpoint.pt", seed, True)
    return dict(sorted(made.items()))


WRONG = places()
places_wrong = st.sampled_from(list(WRONG))
