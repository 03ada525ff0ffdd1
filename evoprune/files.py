"""Files that appear whole or not at all, and JSON."""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from evoprune.checks import shown

REASON = 300
"""Characters of an error that a message shows."""
PART = r"\.{}\.[a-z0-9_]{{8}}\.part"
"""The name of a file that is being written, as a regular expression with a place for its final name."""


class WriteError(OSError):
    """A file could not be written: the disk is full, or what else the system says. What was there before is intact."""

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def write(path: str | Path, writer: Callable[[IO[bytes]], object]) -> None:
    """Write a file beside its place, then rename it into it: a failure leaves what was there before.

    :param writer: gets the open binary file.
    :raises WriteError: naming the file, where the system cannot write it.
    """
    path = Path(path)
    part = None
    try:
        descriptor, part = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            writer(file)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(part, 0o644)  # mkstemp makes it private; a result is for others to read
        os.replace(part, path)
    except BaseException as error:
        if part is not None:
            Path(part).unlink(missing_ok=True)
        system = error.__context__ if isinstance(error, RuntimeError) else error  # torch's own hides the system's
        if isinstance(system, OSError):
            raise WriteError(system.errno, system.strerror or str(system), str(path)) from error
        raise


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON; NaN and infinity become null, which every reader knows."""
    text = json.dumps(_plain(value), indent=2, allow_nan=False) + "\n"
    write(path, lambda file: file.write(text.encode()))


def read_json(path: str | Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    :raises ValueError: naming the file, where it is missing, damaged or something else.
    """
    try:
        if os.path.exists(path) and not os.path.isfile(path):
            raise ValueError("not a file")  # a pipe would keep us waiting
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path}: there is no such file") from None
    except RecursionError:
        raise ValueError(f"{path}: nested too deep to be a file of evoprune's") from None
    except (OSError, ValueError) as error:
        raise ValueError(f"{path}: cannot be read as JSON ({reason(error)})") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected a JSON object, got {shown(value)}")
    return value


@contextmanager
def fitting(path: Path, what: str = "") -> Iterator[None]:
    """Within the block every error is one of a file that holds something else: a ValueError that names it."""
    try:
        yield
    except Exception as error:  # whatever a foreign file makes it stumble over
        raise ValueError(f"{path}: {what}does not fit this version of evoprune: {reason(error)}") from error


def reason(error: BaseException) -> str:
    """What an error says, in one line and cut short where it is long."""
    text = f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else str(error)
    return one_line(getattr(error, "strerror", None) or text or type(error).__name__)


def one_line(text: object) -> str:
    """A text for a message, without breaks and odd signs, cut short where it is long."""
    words = " ".join(str(text).split())
    words = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in words[: REASON + 1])
    return words if len(words) <= REASON else f"{words[: REASON - 3]}..."


def shown_path(path: str | Path) -> str:
    """A path for a message, cut short where no file system would take it."""
    return shown(str(path))[1:-1] if len(str(path)) < 200 else shown(str(path))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, bool) or value is None or isinstance(value, (int, str)):
        return value
    number = float(value)
    return number if abs(number) < float("inf") else None  # also false for NaN
