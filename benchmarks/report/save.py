"""A report as files: the same sections give the same bytes."""

import io
import re
from collections import Counter
from operator import methodcaller
from pathlib import Path

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure

from evoprune.benchmarks.plots.save import DPI
from evoprune.benchmarks.report.hover import titled
from evoprune.benchmarks.report.page import markdown, page
from evoprune.benchmarks.report.section import Picture, Section, Table
from evoprune.files import write
from evoprune.folders import REPORT, Folder
from evoprune.legacy import known

LARGE = 400_000  # bytes from which a page shows the PNG of a figure: many lines make a heavy SVG
NAME = re.compile(r"[A-Za-z0-9][\w.-]*")


def save(sections: list[Section], directory: str | Path, title: str = "Report") -> list[Path]:
    """Write ``report.md``, ``report.html``, every table as CSV and every figure as PNG (150 dpi) and SVG.

    The page holds its figures and needs no other file. What an earlier report left in the directory is replaced; a
    directory that holds something else is refused.

    :returns: the paths, ``report.html`` last: where it is new, all is.
    :raises ValueError: for two tables or two pictures of the same name, a name that is no file name, and a directory
        that holds something else than a report, or cannot be written.
    :raises WriteError: where the disk is full; the files that are there are whole.
    """
    place = Path(directory)
    _check(sections)
    with report_folder(place) as folder:
        return _write(sections, folder, title)


def report_folder(directory: str | Path) -> Folder:
    """The directory of a report, to be opened."""
    return Folder(directory, REPORT, known(REPORT))


def _check(sections: list[Section]) -> None:
    for kind in (Table, Picture):
        names = Counter(part.name for section in sections for part in section.parts if isinstance(part, kind))
        for name, count in names.items():
            if count > 1:
                raise ValueError(f"{count} parts of the report are called {name!r}; expected names that differ")
            if not NAME.fullmatch(name):
                raise ValueError(f"{name!r} cannot be the name of a file: letters, digits, -, _ and . only")


def _write(sections: list[Section], place: Folder, title: str) -> list[Path]:
    written: dict[str, bytes] = {}
    images: dict[str, tuple[str, bytes]] = {}
    for part in (part for section in sections for part in section.parts):
        if isinstance(part, Table):
            written[f"{part.name}.csv"] = part.frame.to_csv(index=False).encode()
        elif isinstance(part, Picture):
            png, svg = (draw(part.figure, kind) for kind in ("png", "svg"))
            svg = titled(svg, part.titles)
            written |= {f"{part.name}.png": png, f"{part.name}.svg": svg}
            images[part.name] = ("image/svg+xml", svg) if len(svg) <= LARGE or part.titles else ("image/png", png)
    written["report.md"] = markdown(sections, title).encode()
    written["report.html"] = page(sections, title, images).encode()
    paths = place.claim(written)
    for path, content in zip(paths, written.values(), strict=True):
        write(path, methodcaller("write", content))
    return paths


def draw(figure: Figure, kind: str) -> bytes:
    """A figure as PNG or SVG, without a date or a version in it."""
    file = io.BytesIO()
    metadata = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
    with matplotlib.style.context("default"), matplotlib.rc_context({"svg.hashsalt": "evoprune"}):
        figure.savefig(file, format=kind, dpi=DPI, metadata=metadata)
    return file.getvalue()
