"""Ctrl-C and SIGTERM between two generations instead of in the middle of one."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Deferred:
    """Within the block the first Ctrl-C or SIGTERM only sets :attr:`requested`; the second interrupts at once.

    So a loop can finish its generation, keep a checkpoint that is whole, and stop with :meth:`stop_if_requested`. In
    other threads than the main one, where Python allows no handlers, nothing is changed.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "Deferred":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def stop_if_requested(self) -> None:
        """Raise the KeyboardInterrupt that was put off."""
        if self.requested:
            raise KeyboardInterrupt

    def _handle(self, number: int, stack: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
