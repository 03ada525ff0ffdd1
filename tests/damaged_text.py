"""Texts and tables of users and items that are damaged in every way we know of, the same ones each time."""

from pathlib import Path

from evoprune.benchmarks.problems.user_items import FILES
from evoprune.benchmarks.problems.user_items_sample import write_sample
from tests.damaged_tables import DIGITS, Content, Maker, among, folder_called, loop, pipe, table

GOOD = "a label\tand some words\n" * 6
"""Of these documents four are for training."""
USERS, ITEMS = 20, 15
"""Of the good tables: 16 users are for training, 2 and 2 are held out."""


def texts(content: Content | None, name: str = "bad.txt", count: int = 6) -> Maker:
    def good(folder: Path) -> None:
        (folder / "below").mkdir()
        for k in range(count):
            (folder / "below" / f"{k}.txt").write_text("some words")

    return among(good, name, content)


TEXT: dict[str, Maker] = {
    "text: empty": table("x.txt", b""),
    "text: blank": table("x.txt", b" \n\t\n\r\n" * 10),
    "text: four lines": table("x.txt", b"some words\n" * 4),
    "text: labels alone": table("x.txt", b"label\t\n" * 10),
    "text: no word": table("x.txt", b". ! ?\n" * 10),
    "text: binary": table("x.txt", bytes(range(256)) * 4),
    "text: NUL bytes": table("x.txt", bytes(1000)),
    "text: a NUL": table("x.txt", GOOD.encode() + b"a \0 word\n"),
    "text: UTF-16": table("x.txt", GOOD.encode("utf-16")),
    "text: UTF-16 without a mark": table("x.txt", GOOD.encode("utf-16-le")),
    "text: UTF-32": table("x.txt", GOOD.encode("utf-32")),
    "text: Latin-1": table("x.txt", (GOOD + "stra\xdfe").encode("latin-1")),
    "text: cut within a letter": table("x.txt", (GOOD + "stra\xdf").encode()[:-1]),
    "text: a surrogate": table("x.txt", GOOD.encode() + b"\xed\xa0\x80\n"),
    "text: one long line": table("x.txt", b"words " * 200_000),
    "text: a pipe": pipe("x.txt"),
    "text: a symbolic link to itself": loop("x.txt"),
    "text: an empty folder": lambda folder: folder,
    "text: a folder of other files": texts(b"some words", "x.md", count=0),
    "text: four files": texts(b"", count=4),
    "text: a file in Latin-1": texts("stra\xdfe".encode("latin-1")),
    "text: a file of NUL bytes": texts(bytes(100)),
    "text: a pipe in a folder": texts(None),
    "text: a symbolic link to itself in a folder": lambda folder: loop("x.txt")(folder).parent,
    "text: a folder called as a text": lambda folder: folder_called("x.txt")(folder).parent,
    "text: a name that is too long": lambda folder: folder / f"{'x' * 300}.txt",
    "text: not there": lambda folder: folder / "nowhere",
}
"""For ``run --benchmark text --data PATH``."""


def tables(name: str, content: Content | None) -> Maker:
    """Writes the six files, of which one is something else, or missing."""

    def make(folder: Path) -> Path:
        write_sample(folder, USERS, ITEMS)
        (folder / name).unlink()
        if content is not None:
            (folder / name).write_bytes(content() if callable(content) else content)
        return folder

    return make


def rows(*lines: str) -> bytes:
    """A header, a good row for each of the training users, and then these."""
    return "\n".join(["uid,sid", *(f"{user},0" for user in range(16)), *lines, ""]).encode("latin-1")


def held_out(name: str, *lines: str) -> Maker:
    """Users of a split that is held out, by all of its rows."""
    return tables(name, "\n".join(["uid,sid", *lines, ""]).encode())


def piped(folder: Path) -> Path:
    return pipe("train.csv")(tables("train.csv", None)(folder)).parent


def foldered(folder: Path) -> Path:
    tables("train.csv", None)(folder)
    (folder / "train.csv").mkdir()
    return folder


RETRIEVAL: dict[str, Maker] = {
    **{f"retrieval: no {name}": tables(name, None) for name in FILES},
    **{f"retrieval: {name} is empty": tables(name, b"") for name in FILES},
    "retrieval: blank items": tables(FILES[0], b"\n \n\n"),
    "retrieval: fewer items": tables(FILES[0], b"item\n" * (ITEMS - 5)),
    "retrieval: header alone": tables("train.csv", b"uid,sid\n"),
    "retrieval: another header": tables("train.csv", b"user,item\n0,0\n"),
    "retrieval: columns the other way round": tables("train.csv", b"sid,uid\n0,0\n"),
    "retrieval: no header": tables("train.csv", b"0,0\n1,0\n"),
    "retrieval: a header without end": tables("train.csv", b"uid,sid" * 10**5),
    "retrieval: binary": tables("train.csv", bytes(range(256)) * 4),
    "retrieval: NUL bytes": tables("train.csv", bytes(1000)),
    "retrieval: a NUL": tables("train.csv", rows("0,\0")),
    "retrieval: UTF-16": tables("train.csv", rows().decode().encode("utf-16")),
    "retrieval: Latin-1": tables("train.csv", rows("0,\xe4")),
    "retrieval: a text": tables("train.csv", rows("0,item")),
    "retrieval: no whole number": tables("train.csv", rows("0,2.0")),
    "retrieval: nan": tables("train.csv", rows("0,nan")),
    "retrieval: a gap": tables("train.csv", rows("0,")),
    "retrieval: one column": tables("train.csv", rows("0")),
    "retrieval: three columns": tables("train.csv", rows("0,1,2")),
    "retrieval: three columns everywhere": tables("train.csv", b"uid,sid\n0,0,1\n1,0,1\n"),
    "retrieval: semicolons": tables("train.csv", rows("0;1")),
    "retrieval: quotes": tables("train.csv", rows('"0","1"')),
    "retrieval: a number of 5,000 digits": tables("train.csv", rows(f"0,{DIGITS}")),
    "retrieval: a number of 20 digits": tables("train.csv", rows(f"{DIGITS[:20]},0")),
    "retrieval: the largest uid": tables("train.csv", rows(f"{2**63 - 1},0")),
    "retrieval: a uid of 10^15": tables("train.csv", rows(f"{10**15},0")),
    "retrieval: an item that is not there": tables("train.csv", rows(f"0,{ITEMS}")),
    "retrieval: an item of 10^15": tables("train.csv", rows(f"0,{10**15}")),
    "retrieval: a negative item": tables("train.csv", rows("0,-1")),
    "retrieval: a negative user": tables("train.csv", rows("-1,0")),
    "retrieval: a user left out": tables("train.csv", rows("17,0")),
    "retrieval: users from 1": tables("train.csv", b"uid,sid\n1,0\n2,0\n"),
    "retrieval: fewer users to train": tables("train.csv", b"uid,sid\n0,0\n2,0\n"),
    "retrieval: a user who is trained with": held_out("validation_tr.csv", "15,0", "16,0", "17,0"),
    "retrieval: a user of both that are held out": held_out("test_tr.csv", "17,0", "18,0", "19,0"),
    "retrieval: a held-out user left out": held_out("test_tr.csv", "18,0", f"{10**15},0"),
    "retrieval: a user with nothing to show": held_out("validation_tr.csv", "16,0"),
    "retrieval: a user of another split": held_out("validation_te.csv", "16,0", "18,0"),
    "retrieval: users of another split alone": held_out("test_te.csv", "0,0"),
    "retrieval: a negative held-out user": held_out("test_te.csv", "-18,0"),
    "retrieval: a held-out item that is not there": held_out("test_te.csv", f"18,{ITEMS}"),
    "retrieval: a pipe": piped,
    "retrieval: a folder in place of a file": foldered,
    "retrieval: an empty folder": lambda folder: folder,
    "retrieval: a file": table("train.csv", rows()),
    "retrieval: not there": lambda folder: folder / "nowhere",
}
"""For ``run --benchmark retrieval --data DIR``."""
