"""Writes docs/settings.md, the page with every setting: python docs/settings_page.py."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evoprune.benchmarks.architectures.settings import ArchitectureSettings
from evoprune.benchmarks.pruning.choices import GROUPS
from evoprune.benchmarks.pruning.parts import problem_options
from evoprune.benchmarks.pruning.settings import Settings
from evoprune.benchmarks.weights.settings import WeightsSettings
from evoprune.runs.settings import bounds, type_name, types_of

HEAD = """# Settings

Every setting of `evoprune run`, `evoprune weights` and `evoprune architectures`: on the command line `--operator`, in a
settings file `operator`, in a script `make_settings({"operator": ...})`. Options of an operator, a schedule or a
problem are given as `--operator-option NAME=VALUE` and so on, in a settings file as a table `[operator_options]`; those
of evoprune's own problems also by themselves, such as `--n-samples`.
"""
TABLE = "| setting | default | type and bounds, or choices | what it does |\n|---|---|---|---|"


def page() -> str:
    """The whole page."""
    parts = [HEAD, "## evoprune run", *_tables(Settings, GROUPS), "### Options of the problems", TABLE]
    for name, owners in problem_options().items():
        for problem, option in owners.items():
            kinds = _bounded(option.type, option.more)
            parts.append(_row(name, option.default, kinds, f"{problem}: {option.help}"))
    parts += ["", "## evoprune weights", *_tables(WeightsSettings), "## evoprune architectures"]
    return "\n".join([*parts, *_tables(ArchitectureSettings)]).rstrip() + "\n"


def _tables(kind: type, groups: dict[str, str] | None = None) -> list[str]:
    lines = [] if groups else ["", TABLE]
    for field in dataclasses.fields(kind):
        if groups and field.name in groups:
            lines += ["", f"### {groups[field.name].capitalize()}", "", TABLE]
        if not field.metadata.get("hidden"):
            default = field.default_factory() if callable(field.default_factory) else field.default
            kinds = ", ".join(f"`{name}`" for name in field.metadata["choices"])
            kinds += ", or code" if field.metadata.get("code") else ""
            kinds = kinds or _bounded(types_of(kind)[field.name], field.metadata)
            lines.append(_row(field.name, default, kinds, field.metadata["help"]))
    return [*lines, ""]


def _bounded(kind: Any, more: Mapping[str, Any]) -> str:
    """A type, and for numbers their bounds."""
    text = type_name(kind)
    if not {"int", "float"} & set(text.split(" | ")):
        return text
    least, most = (
        f"{bound:.0e}".replace("e+0", "e").replace("e+", "e") if bound >= 10**6 else bound for bound in bounds(more)
    )
    return f"{text}, {'above ' if more.get('positive') else ''}{least} to {most}"


def _row(name: str, default: Any, kinds: str, text: str) -> str:
    shown = "" if default in (None, {}) else f"`{default}`"
    return f"| `{name}` | {shown} | {kinds} | {text} |".replace(" | None", "").replace("  ", " ")


if __name__ == "__main__":
    Path(__file__).with_name("settings.md").write_text(page(), encoding="utf-8")
