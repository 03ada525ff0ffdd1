"""Directories of version 0.1, which had no manifest: what it wrote, known by names and content."""

import csv
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from evoprune.files import read_json
from evoprune.folders import PICTURES, REPORT, RUN, STUDY, Known

PNG = b"\x89PNG\r\n\x1a\n"
PLOTS = (
    "front",
    "layers",
    "learning_rate",
    "loss",
    "masks",
    "reconstructions",
    "samples",
    "search",
    "size",
    "training",
)
HEAD = 1024  # bytes in which a file says what it is


def _json(*keys: str) -> Callable[[Path], bool]:
    def holds(path: Path) -> bool:
        return set(keys) <= read_json(path).keys()

    return holds


def _table(*columns: str) -> Callable[[Path], bool]:
    def holds(path: Path) -> bool:
        with open(path, newline="", encoding="utf-8") as file:
            return next(csv.reader(file))[: len(columns)] == list(columns)

    return holds


def _tensors(*keys: str, format: str = "") -> Callable[[Path], bool]:
    def holds(path: Path) -> bool:
        stored = torch.load(path, weights_only=True, map_location="cpu")
        return set(keys) <= stored.keys() and (not format or stored["format"] == format)

    return holds


def _drawn(path: Path) -> bool:
    head = path.read_bytes()[:HEAD]
    return head.startswith(PNG) and b"Matplotlib" in head


FILES: dict[str, dict[str, Callable[[Path], bool]]] = {
    RUN: {
        r"settings\.json": _json("seed", "generations"),
        r"summary\.json": _json("seed", "seconds", "version"),
        r"(log|cells)\.csv": _table("gen"),
        r"networks\.csv": _table("gen", "architecture", "parameters", "loss"),
        r"checkpoint\.pt": _tensors("settings", "generation", "log", format="evoprune checkpoint 1"),
        r"model\.pt": _tensors("settings", "version"),
        rf"plots/({'|'.join(PLOTS)})\.png": _drawn,
        r"snapshots/\d{6}\.pt": _tensors("cells", format="evoprune snapshot 1"),
    },
    STUDY: {
        r"study\.json": _json("format", "variants", "trials", "seed"),
        r"results\.csv": _table("variant", "trial", "seed", "status"),
        r"times\.csv": _table("variant", "trial"),
        r"\.lock": lambda path: path.stat().st_size == 0,
    },
}
"""Kind -> pattern of a name -> whether the content is what 0.1 wrote there. All but the marks may be missing."""
MARKS = {RUN: ("settings.json", "checkpoint.pt", "model.pt"), STUDY: ("study.json", ".lock")}
"""The files by one of which a directory is known for what it is."""


def known(kind: str) -> Known:
    """What finds the files of a kind that version 0.1 left in a directory; none where it does not hold that kind."""
    return {REPORT: _report, PICTURES: _pictures}.get(kind) or (lambda path: _matching(path, kind))


def _matching(directory: Path, kind: str) -> list[str]:
    patterns = FILES.get(kind, {})
    folders = {"."} | {pattern.partition("/")[0] for pattern in patterns if "/" in pattern}
    names = [
        path.relative_to(directory).as_posix() for folder in folders for path in sorted(directory.glob(f"{folder}/*"))
    ]
    found = [
        name
        for name in sorted(names)
        for pattern, holds in patterns.items()
        if re.fullmatch(pattern, name) and _is(directory / name, holds)
    ]
    return found if any(mark in found for mark in MARKS.get(kind, ())) else []


def _report(directory: Path) -> Iterator[str]:
    """The two pages, and what the Markdown links to."""
    page, text = directory / "report.html", directory / "report.md"
    if _is(page, lambda path: b'<nav aria-label="Contents">' in path.read_bytes()) and _is(text, lambda path: True):
        links = re.findall(
            r"\]\(([A-Za-z0-9][\w.-]*\.(?:csv|png))\)", text.read_text(encoding="utf-8", errors="replace")
        )
        drawings = [link.removesuffix("png") + "svg" for link in links if link.endswith("png")]
        yield from ("report.html", "report.md")
        yield from (name for name in dict.fromkeys([*links, *drawings]) if _is(directory / name, _is_part_of_a_report))


def _is_part_of_a_report(path: Path) -> bool:
    head = path.read_bytes()[:HEAD]
    return path.suffix == ".csv" or head.startswith(PNG) or b"<!DOCTYPE svg" in head


def _pictures(directory: Path) -> Iterator[str]:
    """The table of ``evoprune reconstruct`` and the pictures that it names."""
    if _is(directory / "rmse.csv", _table("image", "picture", "rmse")):
        with open(directory / "rmse.csv", newline="", encoding="utf-8") as file:
            names = [row["picture"] for row in csv.DictReader(file) if row["picture"]]
        yield "rmse.csv"
        yield from (name for name in names if Path(name).name == name and _is(directory / name, _png))


def _png(path: Path) -> bool:
    return path.read_bytes().startswith(PNG)


def _is(path: Path, holds: Callable[[Path], bool]) -> bool:
    if path.is_symlink() or path.parent.is_symlink() or not path.is_file():
        return False
    try:
        return holds(path)
    except Exception:  # whatever a file of somebody else's makes the reader stumble over
        return False
