"""What is damaged in every way we know of, the same each time: data for tests, not tests.

Files and folders to give as ``--data``, contents of JSON and TOML files, and random damage to the bytes of a good file.
"""

import random

from tests.damaged_cifar10 import CIFAR10
from tests.damaged_images import IDX, IMAGES
from tests.damaged_tables import DIGITS, TABLES, Maker
from tests.damaged_text import RETRIEVAL, TEXT

DAMAGED: dict[str, Maker] = {**TABLES, **IDX, **CIFAR10, **IMAGES, **RETRIEVAL, **TEXT}
"""Name -> function that writes into an empty folder and returns what to give as ``--data``: of :data:`TABLES` to
``run --benchmark file``, of :data:`IDX` to ``weights``, of the others to ``run --benchmark`` ``cifar10``, ``images``,
``retrieval`` and ``text``."""
JSON: dict[str, bytes] = {
    "empty": b"",
    "a list": b"[]",
    "null": b"null",
    "a number": b"5",
    "a text": b'"settings"',
    "no JSON": b"hello",
    "half": b'{"seed": 1, "benchma',
    "two objects": b"{} {}",
    "binary": bytes(range(256)),
    "NUL bytes": bytes(100),
    "UTF-16": '{"seed": 1}'.encode("utf-16"),
    "a list of lists": b"[" * 100_000 + b"]" * 100_000,
    "objects in objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "a number of 5,000 digits": f'{{"seed": {DIGITS}}}'.encode(),
    "NaN": b'{"seed": NaN, "learning_rate": Infinity}',
    "an exponent without end": b'{"learning_rate": 1e99999}',
    "a name twice": b'{"seed": 1, "seed": "x"}',
    "values of other kinds": b'{"seed": {}, "benchmark": [], "generations": null, "operator": true}',
    "a lone surrogate": b'{"operator": "\\ud800"}',
}
"""Contents of a JSON file. Some are JSON, but never what was expected."""
TOML: dict[str, bytes] = {
    "no TOML": b"hello",
    "half": b'operator = "magn',
    "binary": bytes(range(256)),
    "NUL bytes": bytes(100),
    "UTF-16": "seed = 1".encode("utf-16"),
    "lists in lists": b"seed = " + b"[" * 3000 + b"]" * 3000,
    "tables in tables": b"seed = " + b"{a = " * 3000 + b"1" + b"}" * 3000,
    "a long dotted name": b"a." * 3000 + b"a = 1",
    "a number of 5,000 digits": f"seed = {DIGITS}".encode(),
    "nan": b"learning_rate = nan",
    "inf": b"learning_rate = inf",
    "a name twice": b"seed = 1\nseed = 2",
    "a name in two spellings": b'batch_size = 5\n"batch-size" = 6',
    "a date": b"seed = 2020-01-01",
    "a text for a number": b'seed = "many"',
    "a number for a text": b"operator = 5",
    "a switch for a number": b"generations = true",
    "a table for a number": b"[generations]\na = 1",
    "a list for a text": b"operator = [[]]",
    "an unknown name": b"sed = 1",
    "an empty name": b'"" = 1',
}
"""Contents of a TOML file of settings. Some are TOML, but never settings."""


def damage(content: bytes, rng: random.Random) -> bytes:
    """The bytes of a good file, broken at random: cut, changed, with bytes more or fewer, or nothing like it."""
    kind = rng.choice(["cut", "cut", "flip", "flip", "flip", "flip", "zero", "insert", "remove", "empty", "random"])
    place = rng.randrange(len(content))
    length = rng.randint(1, 20)
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        changed = bytearray(content)
        for _ in range(rng.choice([1, 1, 2, 10])):
            changed[rng.randrange(len(content))] ^= rng.randint(1, 255)
        return bytes(changed)
    if kind == "zero":
        return content[:place] + bytes(length) + content[place + length :]
    if kind == "insert":
        return content[:place] + rng.randbytes(length) + content[place:]
    if kind == "remove":
        return content[:place] + content[place + length :]
    return b"" if kind == "empty" else rng.randbytes(length * 20)
