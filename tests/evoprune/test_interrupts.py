"""The first signal waits, the second does not."""

import os
import signal
import threading

import pytest

from evoprune.interrupts import Deferred


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_waits_for_the_loop(number: signal.Signals):
    before = signal.getsignal(number)
    with Deferred() as interrupt:
        os.kill(os.getpid(), number)
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            interrupt.stop_if_requested()
    assert signal.getsignal(number) is before


def test_the_second_signal_interrupts_at_once():
    def twice() -> None:
        with Deferred():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        twice()


def test_without_a_signal_nothing_stops():
    with Deferred() as interrupt:
        interrupt.stop_if_requested()
    assert not interrupt.requested


def test_other_threads_leave_the_handlers_alone():
    seen = []

    def work() -> None:
        with Deferred():
            seen.append(signal.getsignal(signal.SIGINT))

    before = signal.getsignal(signal.SIGINT)
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
