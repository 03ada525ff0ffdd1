"""A directory that evoprune fills: what it replaces and deletes there is what its manifest lists, and nothing else.

The manifest, ``manifest.json``, lists a file before the file is written. Whatever else is in the directory is the
user's. While a :class:`Folder` is open, the directory is locked by the process, and the lock dies with it.
"""

import errno
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import TracebackType

from evoprune.checks import shown
from evoprune.files import PART, WriteError, read_json, reason, shown_path, write_json

MANIFEST = "manifest.json"
FORMAT = "evoprune manifest 1"
RUN, STUDY, REPORT, PICTURES, PLOTS, SCRATCH = "run", "study", "report", "pictures", "plots", "scratch"
SHRUNK = "shrunken network"
FRONT = "front"
"""What a directory may hold."""
LONGEST = 255
"""Bytes of the name of a file, in all usual file systems."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of a disk, not of a path."""

Known = Callable[[Path], Iterable[str]]
"""The files of ours in a directory without a manifest, as version 0.1 left it."""


class Folder:
    """An open directory: a context manager.

    :param path: made when it is opened.
    :param kind: what it holds; a directory that holds something else is refused.
    :param known: what was written there by a version that left no manifest.
    :param shared: a directory is welcome that has other files and none of ours.
    """

    def __init__(self, path: str | Path, kind: str, known: Known = lambda path: (), shared: bool = False) -> None:
        self.path, self.kind, self.known, self.shared = Path(path), kind, known, shared
        self.files: dict[str, None] = {}  # an ordered set
        self._lock: int | None = None

    def mark(self) -> None:
        """Leave an empty manifest, so that the directory is known for what it is."""
        self._save()

    def look(self) -> None:
        """Learn which files are ours; nothing is made or changed.

        :raises ValueError: for a path that cannot be a directory, one that is not empty and holds nothing of this kind,
            and a manifest that is damaged or lists what cannot be ours.
        """
        try:
            if any(len(os.fsencode(part)) > LONGEST for part in self.path.parts):  # or the folders above were made
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            entries = os.listdir(self.path)
        except FileNotFoundError as error:
            if self.path.is_symlink():
                raise ValueError(
                    f"{shown_path(self.path)}: cannot be used as a directory (a link to nothing)"
                ) from error
            entries = []
        except (OSError, ValueError) as error:
            raise ValueError(f"{shown_path(self.path)}: cannot be used as a directory ({reason(error)})") from error
        rest = [name for name in entries if not is_part(name, MANIFEST)]
        if MANIFEST in rest:
            kind, names = read_manifest(self.path)
            if kind != self.kind:
                raise ValueError(f"{self.path} holds a {kind}, not a {self.kind}: choose another directory")
        else:
            names = list(self.known(self.path))
            if rest and not names and not self.shared:
                first = ", ".join(sorted(rest)[:3])
                raise ValueError(
                    f"{self.path} is not empty and holds no {self.kind} of evoprune's ({first}): "
                    "choose another directory"
                )
        self.files = dict.fromkeys(names)

    def __enter__(self) -> "Folder":
        """Make the directory, lock it, and remove what a killed process left half-written; nothing is written yet.

        :raises ValueError: as :meth:`look`, where another process is at work there, and where it cannot be written.
        :raises WriteError: where the disk is full.
        """
        self.look()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lock = lock(self.path)
            self.look()  # another process may have been at work until now
            for name in (*self.files, MANIFEST):
                for path in self.at(name).parent.glob(f".{glob_safe(PurePosixPath(name).name)}.*"):
                    if is_part(path.name, PurePosixPath(name).name) and not path.is_symlink():
                        path.unlink(missing_ok=True)
            if not os.access(self.path, os.W_OK):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            self.__exit__(None, None, None)
            if error.errno in FULL:
                raise WriteError(error.errno, error.strerror, error.filename or str(self.path)) from error
            raise ValueError(f"{shown_path(self.path)}: cannot write there ({reason(error)})") from error
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def at(self, name: str) -> Path:
        """Where a file of that name is."""
        return self.path / name

    def has(self, name: str) -> bool:
        """Whether a file is ours and there."""
        return name in self.files and self.at(name).is_file()

    @property
    def present(self) -> list[str]:
        """The files of ours that are there."""
        return [name for name in self.files if self.has(name)]

    def check(self, names: Iterable[str]) -> None:
        """See that files can be written without touching what is the user's.

        :raises ValueError: naming the first that is not ours.
        """
        for name in names:
            check_inside(self.path, name)
            if name not in self.files and os.path.lexists(self.at(name)):
                raise ValueError(f"{self.at(name)} was not written by evoprune: move it, or choose another directory")

    def file(self, name: str) -> Path:
        """The path of a file that is about to be written, which is ours from now on.

        :raises ValueError: where something is there that is not.
        """
        return self.claim([name])[0]

    def claim(self, names: Iterable[str]) -> list[Path]:
        """The same for several files: all are ours, or none.

        :raises ValueError: naming the first that is not ours.
        """
        names = list(names)
        self.check(names)
        new = [name for name in names if name not in self.files]
        self.files |= dict.fromkeys(new)
        if new or not self.at(MANIFEST).exists():
            self._save()
        for parent in {self.at(name).parent for name in names}:
            parent.mkdir(parents=True, exist_ok=True)
        return [self.at(name) for name in names]

    def clear(self) -> None:
        """Delete the files of ours, and the folders in it that are empty then."""
        for name in self.files:
            check_inside(self.path, name)
        for name in self.files:
            self.at(name).unlink(missing_ok=True)
        for folder in sorted(
            {str(parent) for name in self.files for parent in PurePosixPath(name).parents}, reverse=True
        ):
            if folder != "." and self.at(folder).is_dir() and not any(self.at(folder).iterdir()):
                self.at(folder).rmdir()
        self.files = {}
        self._save()

    def _save(self) -> None:
        write_json(self.path / MANIFEST, {"format": FORMAT, "kind": self.kind, "files": list(self.files)})


@contextmanager
def opened(place: "Folder | str | Path", kind: str, below: str = "") -> Iterator[Callable[[str], Path]]:
    """What turns names into the paths of files that are about to be written.

    :param place: an open folder, in which the names stand below ``below``; or a directory to open, where other files
        are welcome and stay.
    """
    if isinstance(place, Folder):
        yield lambda name: place.file(f"{below}{name}")
    else:
        with Folder(place, kind, shared=True) as folder:
            yield folder.file


def read_manifest(directory: Path) -> tuple[str, list[str]]:
    """What a directory holds, and which files in it are ours.

    :raises ValueError: for a manifest that is damaged, and for paths in it that are not of files inside.
    """
    path = directory / MANIFEST
    if path.is_symlink():
        raise ValueError(f"{path}: a link cannot be a manifest")
    content = read_json(path)
    kind, names = content.get("kind"), content.get("files")
    whole = content.get("format") == FORMAT and isinstance(kind, str) and isinstance(names, list)
    if not whole or not all(isinstance(name, str) for name in names or ()):
        raise ValueError(
            f"{path}: not a manifest of evoprune's (expected format {FORMAT!r}, a kind and a list of files)"
        )
    for name in names or ():
        try:
            check_inside(directory, name)
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
    return str(kind), names or []


def holds(directory: Path, kind: str) -> bool:
    """Whether the manifest of a directory says that it is of a kind."""
    try:
        return read_manifest(directory)[0] == kind
    except ValueError:
        return False


def check_inside(directory: Path, name: str) -> None:
    """See that a name is that of a file in a directory.

    :raises ValueError: for one that is absolute, climbs, goes over a link, or is no file's.
    """
    parts = PurePosixPath(name).parts
    plain = name.isprintable() and "/".join(parts) == name and ".." not in parts and not name.startswith("/")
    if not parts or not plain or name == MANIFEST:
        raise ValueError(f"{shown(name)} is no path of a file inside the directory")
    for k in range(1, len(parts) + 1):
        here = directory.joinpath(*parts[:k])
        if here.is_symlink() or (here.is_dir() if k == len(parts) else os.path.lexists(here) and not here.is_dir()):
            what = "a link" if here.is_symlink() else "a directory" if here.is_dir() else "no directory"
            raise ValueError(f"{here} is {what}, and evoprune writes only files of its own")


def is_part(name: str, of: str) -> bool:
    """Whether a file name is that of a half-written ``of``."""
    return re.fullmatch(PART.format(re.escape(of)), name) is not None


def lock(directory: Path) -> int | None:
    """A lock on a directory that the process holds until it closes the descriptor, or ends in whatever way.

    :returns: the descriptor; None where the file system knows no such locks.
    :raises ValueError: where another process holds it.
    """
    if sys.platform == "win32":  # which cannot open directories
        return None
    import fcntl

    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise ValueError(f"{directory}: another evoprune is at work there") from None
    except OSError:  # some network file systems
        os.close(descriptor)
        return None
    return descriptor


def glob_safe(name: str) -> str:
    """A name in which a pattern's signs stand for themselves."""
    return re.sub(r"([*?[])", r"[\1]", name)
