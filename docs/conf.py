"""Sphinx configuration: the guide in Markdown, the reference from docstrings. Needs no network."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the checkout, also where it is not installed

from evoprune._version import __version__

project = "evoprune"
author = "evoprune contributors"
project_copyright = author
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
default_role = "code"  # docstrings write `name`, as Markdown does
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
autodoc_inherit_docstrings = False
napoleon_numpy_docstring = False

html_theme = "furo"
html_title = f"evoprune {release}"
html_copy_source = False


def mark_code(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Make a code block of what is indented below a plain paragraph, as Markdown does."""
    marked: list[str] = []
    for line in lines:
        starts = line.startswith("    ") and len(marked) > 1 and not marked[-1]
        above = next((text for text in reversed(marked) if text), "")
        if starts and not above.startswith((" ", ":", "..")) and not above.endswith("::"):
            marked += ["::", ""]
        marked.append(line)
    lines[:] = marked


def setup(app: Any) -> None:
    app.connect("autodoc-process-docstring", mark_code)
