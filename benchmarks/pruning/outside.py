"""What settings name outside of themselves, code and architectures, written into them: they need nothing else."""

from typing import Any

from evoprune.architecture import PREFIX, Blueprint, found_in
from evoprune.benchmarks.pruning.parts import REGISTRIES, names_of
from evoprune.plugins import allow, canonical, fingerprint, is_code


def with_code(given: dict[str, Any]) -> dict[str, Any]:
    """With code from outside imported, and its file and hash among the settings."""
    texts = {kind: given[kind] for kind in REGISTRIES if isinstance(given.get(kind), str)}
    names = {
        kind: [canonical(name) if is_code(name) else name for name in names_of(kind, texts[kind])] for kind in texts
    }
    code = [name for each in names.values() for name in each if is_code(name)]
    for name in code:
        allow(name)
    joined = {kind: "+".join(each) for kind, each in names.items()}
    return given | joined | {"code": {name: fingerprint(name) for name in code}}


def with_architecture(given: dict[str, Any]) -> dict[str, Any]:
    """An architecture in its text form, so that the settings need no other run's directory, with its activation."""
    network = str(given.get("network", ""))
    if network.startswith("from "):
        given = given | {"network": found_in(network.removeprefix("from ").strip()).text}
    elif not network.startswith(PREFIX):
        return given
    return {"activation": Blueprint(given["network"]).activation} | given
