"""Runs on another host before a pool starts there: is all here that a worker needs? If not, a line says what is not.

python -m evoprune.engines.probe DIRECTORY LAUNCHER PORT FILE...
"""

import os
import socket
import sys

CONNECT = 5.0  # seconds


def problem(directory: str, launcher: str, port: str, *files: str) -> str | None:
    """What keeps workers from being started here, None if nothing does."""
    import scoop  # noqa: F401 - SCOOP has to be here too

    try:
        os.chdir(directory)
        for file in files:
            open(file, "rb").close()
    except OSError as error:
        return f"{error.filename}: {error.strerror}"
    try:
        socket.create_connection((launcher, int(port)), CONNECT).close()
    except OSError as error:
        return f"it cannot reach this machine as {launcher}, port {port}: {error.strerror or error}"
    return None


if __name__ == "__main__":
    sys.exit(problem(*sys.argv[1:]))
