"""Folders: what they list they may replace and delete, and nothing else; one program at a time."""

import errno
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from evoprune import folders
from evoprune.files import WriteError, write_json
from evoprune.folders import MANIFEST, PLOTS, RUN, Folder, opened, read_manifest
from tests import forked


def filled(path: Path, *names: str) -> Folder:
    """A folder with files of ours, closed."""
    with Folder(path, RUN) as folder:
        for file in folder.claim(names):
            file.write_text("ours")
    return folder


def manifest(path: Path, **changes: Any) -> None:
    path.mkdir(exist_ok=True)
    values = {"format": folders.FORMAT, "kind": RUN, "files": ["a"]}
    (path / MANIFEST).write_text(json.dumps(values | changes))


def test_a_file_is_listed_before_it_is_written(tmp_path: Path):
    with Folder(tmp_path / "new" / "r", RUN) as folder:
        place = folder.file("plots/loss.png")
        assert read_manifest(folder.path) == (RUN, ["plots/loss.png"])
        assert place == tmp_path / "new/r/plots/loss.png"
        assert place.parent.is_dir()
        assert folder.present == []
        place.touch()
        assert folder.present == ["plots/loss.png"]


def test_only_what_is_listed_goes(tmp_path: Path):
    filled(tmp_path, "a", "plots/b", "deep/er/c")
    (tmp_path / "plots/mine").write_text("mine")
    (tmp_path / "notes").write_text("mine")
    with Folder(tmp_path, RUN) as folder:
        folder.clear()
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*"))
    assert left == [MANIFEST, "notes", "plots", "plots/mine"]
    assert read_manifest(tmp_path) == (RUN, [])


def test_files_of_the_users_are_in_the_way(tmp_path: Path):
    filled(tmp_path, "a")
    (tmp_path / "b").write_text("mine")
    with Folder(tmp_path, RUN) as folder:
        for claim in (["b"], ["c", "b"]):
            with pytest.raises(ValueError, match="b was not written by evoprune"):
                folder.claim(claim)
        assert list(folder.files) == ["a"]
    assert (tmp_path / "b").read_text() == "mine"


@pytest.mark.parametrize("kind", ["run", "study", "report"])
def test_a_directory_of_something_else(tmp_path: Path, kind: str):
    (tmp_path / "holiday.png").touch()
    with pytest.raises(ValueError, match=rf"not empty and holds no {kind} of evoprune's \(holiday\.png\)"):
        Folder(tmp_path, kind).look()
    filled(tmp_path / "r", "a")
    if kind != RUN:
        with pytest.raises(ValueError, match=f"holds a run, not a {kind}"):
            Folder(tmp_path / "r", kind).look()


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd", "../a", "a/../../b", "..", ".", "", "a//b", "a/./b", "a/", "~/../x/..", MANIFEST, "a\nb"),
        *("link", "folder/a", "directory", "file/a"),
    ],
)
def test_paths_that_are_not_of_files_inside(tmp_path: Path, name: str):
    """Whatever a manifest lists, nothing outside of the directory is looked at, replaced or deleted."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a").write_text("mine")
    place = tmp_path / "r"
    manifest(place, files=["good", name])
    (place / "good").touch()
    (place / "file").touch()
    (place / "directory").mkdir()
    (place / "link").symlink_to("../outside/a")
    (place / "folder").symlink_to("../outside")
    with pytest.raises(ValueError, match=r"manifest\.json: "):
        Folder(place, RUN).look()
    with pytest.raises(ValueError, match=r"manifest\.json: "), Folder(place, RUN):
        pass
    assert (place / "good").exists()
    assert (tmp_path / "outside/a").read_text() == "mine"


def test_a_link_that_came_later(tmp_path: Path):
    """A folder that was replaced by a link is not written through, nor what it leads to deleted."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/b").write_text("mine")
    filled(tmp_path / "r", "plots/b")
    with Folder(tmp_path / "r", RUN) as folder:
        (tmp_path / "r/plots/b").unlink()
        (tmp_path / "r/plots").rmdir()
        (tmp_path / "r/plots").symlink_to("../outside")
        for work in (folder.clear, lambda: folder.file("plots/c")):
            with pytest.raises(ValueError, match="plots is a link"):
                work()
    assert [path.name for path in (tmp_path / "outside").iterdir()] == ["b"]


@pytest.mark.parametrize(
    "changes",
    [{"format": "other"}, {"kind": 3}, {"files": {}}, {"files": "a"}, {"files": [1]}, {"files": None}],
    ids=str,
)
def test_manifests_of_others(tmp_path: Path, changes: dict[str, Any]):
    manifest(tmp_path, **changes)
    with pytest.raises(ValueError, match=r"manifest\.json: not a manifest of evoprune's"):
        Folder(tmp_path, RUN).look()


def test_a_manifest_that_is_a_link(tmp_path: Path):
    manifest(tmp_path / "other")
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / MANIFEST).symlink_to(tmp_path / "other" / MANIFEST)
    with pytest.raises(ValueError, match="a link cannot be a manifest"):
        Folder(tmp_path / "r", RUN).look()


def test_half_written_files_of_ours_go(tmp_path: Path):
    filled(tmp_path, "a.csv", "plots/b.png")
    halves = [".a.csv.abcd_123.part", "plots/.b.png.12345678.part", f".{MANIFEST}.abcdefgh.part"]
    mine = [".a.csv.mine.part", ".c.csv.abcd_123.part", "plots/.x.png.12345678.part", ".a.csv.ABCDEFGH.part"]
    for name in halves + mine:
        (tmp_path / name).touch()
    with Folder(tmp_path, RUN):
        pass
    assert not any((tmp_path / name).exists() for name in halves)
    assert all((tmp_path / name).exists() for name in mine)


def test_half_a_manifest_alone_is_an_empty_directory(tmp_path: Path):
    (tmp_path / f".{MANIFEST}.abcdefgh.part").touch()
    with Folder(tmp_path, RUN) as folder:
        assert os.listdir(tmp_path) == []
        folder.file("a")
        assert os.listdir(tmp_path) == [MANIFEST]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("x" * 300, "File name too long"),
        ("file", "Not a directory"),
        ("file/below", "Not a directory"),
        ("a\0b", "null"),
    ],
)
def test_paths_that_cannot_be_directories(tmp_path: Path, name: str, message: str):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=f"cannot be used as a directory .*{message}"), Folder(tmp_path / name, RUN):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_full_disk_is_no_bad_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(WriteError, match="r: No space left on device"), Folder(tmp_path / "r", RUN):
        pass


def test_an_open_folder_or_a_directory(tmp_path: Path):
    """Plots go below a name of an open folder, or into a directory with other files, of which none is replaced."""
    with Folder(tmp_path / "r", RUN) as folder, opened(folder, PLOTS, "plots/") as place:
        assert place("a.png") == tmp_path / "r/plots/a.png"
    (tmp_path / "mine.png").touch()
    with opened(tmp_path, PLOTS) as place:
        assert place("a.png") == tmp_path / "a.png"
        with pytest.raises(ValueError, match="not written by evoprune"):
            place("mine.png")


def test_one_at_a_time_and_the_lock_dies_with_its_process(tmp_path: Path):
    """The holder says when it has the folder, and holds it until it is killed; no file stays."""
    reads, writes = os.pipe()
    place = tmp_path / "r"

    def hold() -> int:
        with Folder(place, RUN):
            os.write(writes, b"x")
            signal.pause()
        return 0

    null = os.open(os.devnull, os.O_WRONLY)
    holder = forked.start(hold, tmp_path, int, null, null)
    try:
        assert os.read(reads, 1) == b"x"
        with pytest.raises(ValueError, match="r: another evoprune is at work there"), Folder(place, RUN):
            pass
    finally:
        os.kill(holder, signal.SIGKILL)
        os.waitpid(holder, 0)
        for descriptor in (reads, writes, null):
            os.close(descriptor)
    with Folder(place, RUN):
        assert os.listdir(place) == []


def test_where_there_are_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As on some network file systems."""

    def none(*_: object) -> None:
        raise OSError(errno.EBADF, "Bad file descriptor")

    monkeypatch.setattr("fcntl.flock", none)
    with Folder(tmp_path, RUN) as one, Folder(tmp_path, RUN) as other:
        assert one.path == other.path
    write_json(tmp_path / "x.json", {})
