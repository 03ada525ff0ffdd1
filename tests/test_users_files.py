"""Files of the user's: no command replaces or deletes one, with or without ``--force``, whoever wrote the directory."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from evoprune.__main__ import main

TINY = {
    "run": "--benchmark digits --network 6-3 --cells 2 --generations 2 --no-compare --snapshots 1 --quiet",
    "weights": "--layers 6-3 --population 4 --generations 1 --epochs 1 --samples 70 --no-compare --quiet",
    "architectures": "--population 2 --offspring 1 --generations 1 --epochs 1 --final-epochs 1 --max-linear 1 --quiet",
}
OF_ITS_OWN = {"run": "snapshots/000001.pt", "weights": "plots/training.png", "architectures": "networks.csv"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of each kind."""
    place = tmp_path_factory.mktemp("made")
    for command, options in TINY.items():
        assert main([command, *options.split(), "--output", str(place / command)]) == 0
    study = f"{TINY['run']} --trials 1 --output {place / 'sweep'}".replace(" --no-compare", "")
    assert main(["sweep", *study.split()]) == 0
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(place / "image.png")
    assert main(command_for("report", place, place / "report")) == 0
    assert main(command_for("reconstruct", place, place / "reconstruct")) == 0
    return place


def command_for(command: str, made: Path, output: str | Path) -> list[str]:
    lines = {
        **TINY,
        "sweep": f"{TINY['run']} --trials 1".replace(" --no-compare", ""),
        "report": f"{made / 'sweep'} --metric preserved --quiet",
        "reconstruct": f"{made / 'run'} {made / 'image.png'}",
    }
    return [command, *lines[command].split(), "--output", str(output)]


def content(place: Path) -> dict[str, bytes]:
    return {str(path.relative_to(place)): path.read_bytes() for path in sorted(place.rglob("*")) if path.is_file()}


EVERY = ["run", "weights", "architectures", "sweep", "report", "reconstruct"]
NAMES = [
    *("plots/holiday.png", "snapshots/000001.pt", "networks.csv", "settings.json", "report.html", "rmse.csv"),
    *("image.png", "study.json", "runs/default/00/notes.txt", ".hidden"),
]


@pytest.mark.parametrize("command", EVERY)
@pytest.mark.parametrize("name", NAMES)
def test_a_directory_of_the_users_is_refused(command: str, name: str, made: Path, tmp_path: Path, capsys):
    place = tmp_path / "q"
    (place / name).parent.mkdir(parents=True)
    (place / name).write_text("mine")
    for force in [[], ["--force"]] if command in TINY else [[]]:
        assert main([*command_for(command, made, place), *force]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.splitlines()[-1].startswith(f"evoprune: error: {place} is not empty and holds no ")
        assert content(tmp_path) == {f"q/{name}": b"mine"}


@pytest.mark.parametrize("old", [False, True], ids=["ours", "of-0.1"])
@pytest.mark.parametrize("command", TINY)
def test_force_replaces_a_run_and_nothing_else(command: str, old: bool, made: Path, tmp_path: Path, capsys):
    place = Path(shutil.copytree(made / command, tmp_path / "q"))
    mine = ["notes.txt", "plots/holiday.png", "snapshots/7.pt", "snapshots/000777.pt", "deep/er/x.csv", ".settings"]
    for name in mine:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("mine")
    if old:
        (place / "manifest.json").unlink()
    before = content(place)
    assert main(command_for(command, made, place)) == 2
    assert "holds a run that has ended" in capsys.readouterr().err
    assert content(place) == before
    assert main([*command_for(command, made, place), "--seed", "5", "--force"]) == 0
    assert json.loads((place / "summary.json").read_text())["seed"] == 5
    assert {name: (place / name).read_text() for name in mine} == dict.fromkeys(mine, "mine")


@pytest.mark.parametrize("old", [False, True], ids=["ours", "of-0.1"])
@pytest.mark.parametrize("command", TINY)
def test_a_file_of_the_users_that_is_in_the_way(command: str, old: bool, made: Path, tmp_path: Path, capsys):
    """It has the name of a file of ours; the old run is not lost either."""
    place, name = Path(shutil.copytree(made / command, tmp_path / "q")), OF_ITS_OWN[command]
    listed = json.loads((place / "manifest.json").read_text())
    listed["files"].remove(name)
    (place / "manifest.json").write_text(json.dumps(listed))
    if old:
        (place / "manifest.json").unlink()
    (place / name).write_text("mine")
    before = content(place)
    assert main([*command_for(command, made, place), "--force"]) == 2
    assert f"{place / name} was not written by evoprune" in capsys.readouterr().err
    assert content(place) == before


@pytest.mark.parametrize("old", [False, True], ids=["ours", "of-0.1"])
@pytest.mark.parametrize("command", ["sweep", "report", "reconstruct"])
def test_what_replaces_its_own_leaves_the_rest(command: str, old: bool, made: Path, tmp_path: Path):
    place = Path(shutil.copytree(made / command, tmp_path / "q"))
    mine = ["notes.txt", "holiday.png", "runs/default/00/notes.txt", "runs/mine/x.csv"]
    for name in mine:
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text("mine")
    if old:
        (place / "manifest.json").unlink()
    assert main(command_for(command, made, place)) == 0
    assert {name: (place / name).read_text() for name in mine} == dict.fromkeys(mine, "mine")
    ours = content(made / command)
    assert {name: data for name, data in content(place).items() if name in ours and "manifest" not in name} == {
        name: data for name, data in ours.items() if "manifest" not in name
    }


def test_a_manifest_from_elsewhere_leads_nowhere(made: Path, tmp_path: Path, capsys):
    """What a foreign directory lists is not deleted where it lies outside."""
    place = Path(shutil.copytree(made / "run", tmp_path / "q"))
    (tmp_path / "mine.txt").write_text("mine")
    listed = json.loads((place / "manifest.json").read_text())
    for name in ("../mine.txt", str(tmp_path / "mine.txt"), "link"):
        (place / "manifest.json").write_text(json.dumps(listed | {"files": [*listed["files"], name]}))
        if name == "link":
            (place / "link").symlink_to(tmp_path / "mine.txt")
        before = content(place)
        assert main([*command_for("run", made, place), "--force"]) == 2
        assert f"{place}/manifest.json: " in capsys.readouterr().err
        assert content(place) == before
    assert (tmp_path / "mine.txt").read_text() == "mine"
