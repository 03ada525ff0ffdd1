"""The line that every process of a pool keeps to the launcher: who is there, how it ended, and that both still live.

Each process opens a TCP connection and holds it. Where a process dies, on whatever machine, the connection closes and
the launcher notices; where the launcher dies, the processes notice and end themselves. A message is a line of JSON.
Nothing that arrives is unpickled, and only who knows the launcher's token is listened to.
"""

import contextlib
import hmac
import io
import json
import os
import secrets
import selectors
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FAILED = 1
CONNECT = 30.0  # seconds
LONGEST_GREETING = 4096  # bytes
BEGIN = b"begin "

current: "Line | None" = None  # the line of this process, where a launcher started it


class Line:
    """The end of the line in a process of the pool.

    :param address: ``host:port:token`` of the launcher.
    :param origin: whether this is the process that runs the program, and not one of its workers.
    """

    def __init__(self, address: str, origin: bool) -> None:
        host, port, token = address.rsplit(":", 2)
        self._socket = socket.create_connection((host, int(port)), timeout=CONNECT)
        self._socket.settimeout(None)
        _notice_lost_machines(self._socket)
        self._sending = threading.Lock()
        self.begun = threading.Event()  # set once the launcher has seen every process of the pool
        self.shortfall: dict[str, Any] = {}
        self.send(token=token, origin=origin, name=f"{os.getpid()} on {socket.gethostname()}")

    def send(self, **message: Any) -> None:
        """Send a message; without a launcher nothing happens, this process is about to end."""
        with self._sending, contextlib.suppress(OSError):
            self._socket.sendall(json.dumps(message).encode() + b"\n")

    def listen(self) -> None:
        """From now on Ctrl-C comes over the line, and the process ends where the line breaks."""
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError), self._socket.makefile("rb") as lines:
            for line in lines:
                if line.startswith(BEGIN):
                    self.shortfall = json.loads(line[len(BEGIN) :])
                    self.begun.set()
                else:
                    os.kill(os.getpid(), signal.SIGINT)
        os._exit(FAILED)


class Output(io.TextIOBase):
    """A standard output that the launcher writes."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def write(self, text: str) -> int:
        self._line.send(out=text)
        return len(text)


def hold(address: str, origin: bool) -> Line:
    """Open the line of this process."""
    global current
    current = Line(address, origin)
    return current


def shortfall() -> dict[str, Any]:
    """What a pool lacks, in its origin: the ``workers`` that it has and its ``missing_hosts``; ``{}`` if nothing."""
    return dict(current.shortfall) if current else {}


@dataclass(eq=False)
class Member:
    """A process of the pool as the launcher sees it; without a name before it has said the token."""

    connection: socket.socket
    name: str = ""
    origin: bool = False
    buffer: bytes = b""

    def interrupt(self) -> None:
        """Ctrl-C."""
        with contextlib.suppress(OSError):
            self.connection.sendall(b"interrupt\n")

    def begin(self, shortfall: Mapping[str, Any]) -> None:
        """Let the program begin, and tell it what its pool lacks."""
        with contextlib.suppress(OSError):
            self.connection.settimeout(CONNECT)  # a message with hundreds of hosts may not fit into the buffer at once
            self.connection.sendall(BEGIN + json.dumps(shortfall).encode() + b"\n")
            self.connection.setblocking(False)


class Register:
    """The launcher's end of all lines.

    :param host: the interface to listen on, empty for all.
    """

    def __init__(self, host: str) -> None:
        self._server = socket.create_server((host, 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._server, selectors.EVENT_READ)
        self._token = secrets.token_hex(16)
        self.port: int = self._server.getsockname()[1]
        self.shortfall: dict[str, Any] = {}  # what the pool lacks
        self.seen = 0  # processes that have ever reported
        self.origin: Member | None = None
        self.lost: list[Member] = []  # whose lines closed before the program had ended
        self.exit_code: int | None = None  # the program's, once it has ended

    def address(self, host: str) -> str:
        """Where a :class:`Line` finds this register, if this machine is reached as ``host``."""
        return f"{host}:{self.port}:{self._token}"

    def poll(self, timeout: float) -> None:
        """Wait for messages, for so many seconds at most, and take note of them.

        The origin's come first, to their end: workers may end because of what it has said.
        """
        ready = [key.data for key, _ in self._selector.select(timeout)]
        for member in sorted(ready, key=lambda member: member is not self.origin):
            if member is None:
                connection, _ = self._server.accept()
                _notice_lost_machines(connection)
                connection.setblocking(False)
                self._selector.register(connection, selectors.EVENT_READ, Member(connection))
            else:
                self._read(member)

    def close(self) -> None:
        """Close all lines; whoever is still at the other end ends."""
        for key in list((self._selector.get_map() or {}).values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()

    def _read(self, member: Member) -> None:
        while True:
            try:
                data = member.connection.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            *lines, member.buffer = (member.buffer + data).split(b"\n")
            understood = all(self._heard(member, line) for line in lines)
            if not (data and understood and (member.name or len(member.buffer) < LONGEST_GREETING)):
                break
        self._selector.unregister(member.connection)
        member.connection.close()
        if member.name and self.exit_code is None:
            self.lost.append(member)

    def _heard(self, member: Member, line: bytes) -> bool:
        """Take note of a message; False where the sender is a stranger."""
        if not member.name:
            try:
                greeting = dict(json.loads(line))
            except (TypeError, ValueError):
                return False
            if not hmac.compare_digest(str(greeting.get("token")), self._token):
                return False
            member.name, member.origin = str(greeting["name"]), bool(greeting["origin"])
            self.seen += 1
            self.origin = member if member.origin else self.origin
            return True
        message = json.loads(line)
        if "out" in message:
            sys.stdout.write(message["out"])
            sys.stdout.flush()
        if "exit" in message:
            self.exit_code = int(message["exit"])
        return True


def _notice_lost_machines(connection: socket.socket) -> None:
    """A machine that is gone closes nothing: ask after a minute of silence, and give up after another."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 15, "TCP_KEEPCNT": 4}.items():
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
