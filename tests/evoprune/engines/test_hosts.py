"""What a hostfile may say, and who gets how many workers."""

import socket

import pytest

from evoprune.engines.hosts import HERE, check_name, read_hostfile, shared_out


def read(tmp_path, text: str | bytes, *also_here: str):
    path = tmp_path / "hosts"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_hostfile(path, *also_here)


def test_hosts_and_their_workers(tmp_path):
    assert read(tmp_path, "one 4\n\n  two.example 2 \none 1\n") == {"one": 5, "two.example": 2}
    assert read(tmp_path, "\ufeffme@one 04\r\n10.0.0.7 1\r\nfe80::1%eth0 1") == {
        "me@one": 4,
        "10.0.0.7": 1,
        "fe80::1%eth0": 1,
    }


def test_names_of_this_machine_are_one_host(tmp_path, monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "node7")
    monkeypatch.setattr(socket, "getfqdn", lambda: "node7.cluster.example")
    monkeypatch.setattr(socket, "gethostbyname_ex", lambda _: ("node7", [], ["127.0.1.1", "10.0.0.7"]))
    names = ["Localhost", "127.0.0.1", "::1", "127.0.1.1", "10.0.0.7", "node7", "NODE7.cluster.example", "7.example"]
    hosts = read(tmp_path, "other 1\n" + "".join(f"{name} 1\n" for name in names), "7.example")
    assert hosts == {"other": 1, HERE: len(names)}


def test_a_machine_that_does_not_know_its_name(tmp_path, monkeypatch):
    def unknown(_: str):
        raise socket.gaierror

    monkeypatch.setattr(socket, "gethostbyname_ex", unknown)
    assert read(tmp_path, "localhost 1\n") == {HERE: 1}


PAIR = "expected a host and its number of workers, got "
NAME = "expected the name or the address of a host, got "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("one\n", f", line 1: {PAIR}'one'"),
        ("one 2\n# two 2\n", f", line 2: {PAIR}'# two 2'"),
        ("one 0\n", f", line 1: {PAIR}'one 0'"),
        ("one many\n", f", line 1: {PAIR}'one many'"),
        ("one -1\n", f", line 1: {PAIR}'one -1'"),
        ("one 1.5\n", f", line 1: {PAIR}'one 1.5'"),
        ("one \u00b2\n", f", line 1: {PAIR}'one \u00b2'"),
        ("one \u0663\n", f", line 1: {PAIR}'one \u0663'"),
        ("5\n", f", line 1: {PAIR}'5'"),
        ("one 10001\n", ", line 1: expected at most 10000 workers, got '10001'"),
        ("one 99999999999\n", ", line 1: expected at most 10000 workers, got '99999999999'"),
        (f"one {'9' * 5000}\n", ", line 1: expected at most 10000 workers, got '999999999"),
        ("one 9000\ntwo 9000\n", ": expected at most 10000 workers in all, got 18000"),
        ("-oProxyCommand=x 1\n", f", line 1: {NAME}'-oProxyCommand=x'"),
        ("node[1-4] 1\n", f", line 1: {NAME}'node[1-4]'"),
        ("a;b 1\n", f", line 1: {NAME}'a;b'"),
        (f"{'x' * 300} 1\n", f", line 1: {NAME}'xxxx"),
        ("\n", ": there is no host in this hostfile"),
        (b"\x7fELF\x00\xff", ": expected a hostfile, a host and its number of workers a line, got another file"),
        (b"one 1\n\x00", ": expected a hostfile, a host and its number of workers a line, got another file"),
        (b"one 1\n" * 200_000, ": expected a hostfile, a host and its number of workers a line, got another file"),
    ],
)
def test_a_hostfile_that_is_none(tmp_path, text, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared below
        read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'hosts'}{message}")
    assert len(str(error.value).replace(str(tmp_path), "")) < 200
    assert "\n" not in str(error.value)


def test_a_hostfile_that_cannot_be_read(tmp_path):
    with pytest.raises(ValueError, match=r"hosts: cannot read this hostfile: No such file or directory$"):
        read_hostfile(tmp_path / "hosts")
    with pytest.raises(ValueError, match=r": cannot read this hostfile: Is a directory$"):
        read_hostfile(tmp_path)
    with pytest.raises(ValueError, match=r"another file$"):
        read_hostfile("/dev/zero")


@pytest.mark.parametrize("name", ["", " ", "-x", "a b", "a\n", "$(x)", "x" * 254])
def test_names_that_no_host_has(name):
    with pytest.raises(ValueError, match=r"^here: expected the name or the address of a host, got '"):
        check_name("here", name)


@pytest.mark.parametrize(
    ("workers", "shares"),
    [
        (None, {"a": 2, "b": 1, "c": 2}),
        (5, {"a": 2, "b": 1, "c": 2}),
        (4, {"a": 2, "b": 1, "c": 1}),
        (3, {"a": 2, "b": 1}),
        (1, {"a": 1}),
        (6, {"a": 3, "b": 1, "c": 2}),
        (9, {"a": 4, "b": 2, "c": 3}),
    ],
)
def test_workers_are_shared_out(workers, shares):
    assert shared_out({"a": 2, "b": 1, "c": 2}, workers) == shares
