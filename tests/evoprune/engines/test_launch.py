"""What :func:`launch` decides before SCOOP starts: on which hosts, with how many workers, or not at all."""

import socket

import pytest

from evoprune import memory
from evoprune.__main__ import main
from evoprune.engines import launcher
from evoprune.engines.launcher import launch


def test_other_hosts_have_to_reach_this_one(tmp_path, monkeypatch):
    path = tmp_path / "hosts"
    path.write_text("localhost 1\nelsewhere 1\n")
    monkeypatch.setattr(socket, "getfqdn", lambda: "localhost.localdomain")
    with pytest.raises(ValueError, match="cannot reach this one as localhost: give its external hostname"):
        launch("program.py", [], hostfile=path)


@pytest.fixture
def started(monkeypatch):
    """The command that would have started SCOOP, which is not started."""
    command: list[str] = []

    def stop(words, *_: object) -> int:
        command.extend(map(str, words))
        return 0

    monkeypatch.setattr(launcher, "_run", stop)
    return command


def places(command: list[str]) -> str:
    return " ".join(command[command.index("--hosts") + 1 : command.index("--external-hostname")])


@pytest.mark.parametrize(
    ("workers", "expected"),
    [
        (None, "127.0.0.1 127.0.0.1 127.0.0.1 two two"),
        (2, "127.0.0.1 127.0.0.1 127.0.0.1"),
        (5, "127.0.0.1 127.0.0.1 127.0.0.1 127.0.0.1 two two"),
    ],
)
def test_the_program_is_one_more_on_the_first_host(tmp_path, monkeypatch, started, workers, expected):
    """The external hostname is this machine too."""
    path = tmp_path / "hosts"
    path.write_text("one 2\ntwo 2\n")
    asked: list[str] = []

    def none_is_missing(hosts, *_: object) -> dict[str, str]:
        asked.extend(hosts)
        return {}

    monkeypatch.setattr(launcher, "missing", none_is_missing)
    assert launch("program.py", [], workers, path, external_hostname="one") == 0
    assert places(started) == expected
    assert started[started.index("-n") + 1] == str(len(expected.split()))
    assert asked == (["two"] if "two" in expected else [])


def test_names_of_this_machine_are_one_host_that_nobody_has_to_ask(tmp_path, monkeypatch, started):
    """SCOOP takes them for several, and stops for want of a route to this machine."""
    path = tmp_path / "hosts"
    path.write_text(f"localhost 1\n127.0.0.1 1\n::1 1\n{socket.gethostname().upper()} 2\n")
    monkeypatch.setattr(launcher, "missing", None)
    assert launch("program.py", [], hostfile=path) == 0
    assert places(started).split() == ["127.0.0.1"] * 6
    assert started[started.index("--external-hostname") + 1] == "127.0.0.1"


MISSING = {"two": "it is asleep", "three": "unknown"}


def launch_without_some(tmp_path, monkeypatch, hosts: str, **options) -> int:
    path = tmp_path / "hosts"
    path.write_text(hosts)
    monkeypatch.setattr(
        launcher, "missing", lambda hosts, *_: {host: MISSING[host] for host in hosts if host in MISSING}
    )
    return launch("program.py", [], hostfile=path, external_hostname="one", **options)


def test_missing_hosts_are_an_error(tmp_path, monkeypatch, started, capsys):
    assert launch_without_some(tmp_path, monkeypatch, "one 1\ntwo 1\nthree 1\nfour 1\n") == 1
    assert started == []
    advice = "; --allow-missing-hosts goes on without it"
    assert capsys.readouterr() == (
        "",
        f"evoprune: error: cannot use two: it is asleep{advice}\nevoprune: error: cannot use three: unknown{advice}\n",
    )


@pytest.mark.parametrize(
    ("hosts", "expected", "name"),
    [
        ("one 1\ntwo 1\nfour 2\n", "127.0.0.1 127.0.0.1 four four", "one"),
        ("one 2\ntwo 1\n", "127.0.0.1 127.0.0.1 127.0.0.1", "127.0.0.1"),
        ("two 2\nfour 2\n", "four four four", "one"),
    ],
)
def test_missing_hosts_that_are_allowed(tmp_path, monkeypatch, started, capsys, hosts, expected, name):
    assert launch_without_some(tmp_path, monkeypatch, hosts, allow_missing_hosts=True) == 0
    assert places(started) == expected
    assert started[started.index("--external-hostname") + 1] == name
    moved = "evoprune: warning: the program itself runs on four, and writes there\n" * (hosts[0] != "o")
    assert capsys.readouterr().err == f"evoprune: warning: going on without two: it is asleep\n{moved}"


def test_without_any_host_nothing_goes_on(tmp_path, monkeypatch, started, capsys):
    assert launch_without_some(tmp_path, monkeypatch, "two 1\nthree 1\n", allow_missing_hosts=True) == 1
    assert started == []
    assert capsys.readouterr().err.splitlines() == [
        "evoprune: error: cannot use two: it is asleep",
        "evoprune: error: cannot use three: unknown",
        "evoprune: error: there is no host left",
    ]


@pytest.mark.parametrize("name", ["", "-oProxyCommand=x", "a b", "a[1-2]", "x" * 300])
def test_an_external_hostname_that_is_none(tmp_path, name):
    with pytest.raises(
        ValueError, match=r"^external hostname: expected the name or the address of a host, got "
    ) as error:
        launch("program.py", [], external_hostname=name)
    assert len(str(error.value)) < 200


def test_workers_of_this_machine_have_to_fit_into_it(tmp_path, monkeypatch, started):
    """Those of other machines do not."""
    monkeypatch.setattr(memory, "available", lambda: 1.1e9)
    monkeypatch.setattr(launcher, "missing", lambda *_: {})
    with pytest.raises(ValueError, match=r"about 1\.25 GB of memory .*: fewer workers"):
        launch("program.py", [], workers=4)
    path = tmp_path / "hosts"
    path.write_text("localhost 3\ntwo 9000\n")
    assert launch("program.py", [], hostfile=path, external_hostname="one") == 0
    assert started.count("two") == 9000


def test_at_least_one_worker():
    with pytest.raises(ValueError, match="workers must be"):
        launch("program.py", [], workers=0)
    with pytest.raises(ValueError, match="workers must be at most 10000, got 10000000"):
        launch("program.py", [], workers=10**7)


@pytest.mark.parametrize("option", ["hostfile", "external-hostname"])
@pytest.mark.parametrize("value", ["x", ""])
def test_hosts_are_for_scoop(option, value, capsys):
    assert main(["run", f"--{option}", value, "--engine", "processes"]) == 2
    assert f"--{option} belongs to the scoop engine, got engine processes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "scoop"], "--allow-missing-hosts needs the hosts of a --hostfile"),
        (["--hostfile", "x"], "--hostfile belongs to the scoop engine, got engine serial"),
    ],
)
def test_missing_hosts_are_those_of_a_hostfile(options, message, capsys):
    assert main(["run", "--allow-missing-hosts", *options]) == 2
    assert capsys.readouterr().err == f"evoprune: error: {message}\n"
