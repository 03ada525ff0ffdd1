"""The C sources of the compiled kernel, and the hash by which a library is known to be theirs."""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).with_name("c")


def names() -> list[str]:
    """The files, in order."""
    return sorted(path.name for path in FOLDER.glob("*.[ch]"))


def digest() -> str:
    """A hash of all of them."""
    text = hashlib.sha256()
    for name in names():
        text.update(name.encode() + b"\0" + (FOLDER / name).read_bytes() + b"\0")
    return "s" + text.hexdigest()[:16]  # a letter first: it is a name to the compiler
