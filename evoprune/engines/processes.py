"""Worker processes of loky's: started so that Ctrl-C spares them, stopped so that nothing is left behind."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from typing import Any

import psutil
from tqdm import tqdm

from evoprune.engines.tasks import one_thread


def cores() -> int:
    """Cores that this program may use."""
    from joblib import cpu_count

    return int(cpu_count())


def executor(workers: int) -> Any:
    """A pool that starts its processes with the first task, one torch thread each."""
    from joblib.externals.loky import ProcessPoolExecutor

    return ProcessPoolExecutor(
        workers,
        timeout=None,
        initializer=_prepare,
        initargs=(os.getpid(),),
        env={"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    )


def start_trackers() -> None:
    """Start the resource trackers, which would start with the first worker: once started they let SIGINT through."""
    from joblib.externals.loky.backend import resource_tracker as loky_tracker

    resource_tracker.ensure_running()
    loky_tracker.ensure_running()


@contextlib.contextmanager
def ctrl_c_put_off() -> Iterator[None]:
    """Within the block SIGINT waits; processes that start in it never get one, of which they would die early on."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop(executor: Any) -> None:
    """Stop loky's processes, and the thread that feeds them, which loky leaves behind.

    That thread unlinks the semaphores of its queue when it ends. Where the program's end cuts it short between
    unlinking one and telling the resource tracker, the tracker warns of a leak.
    """
    queue: Any = executor._call_queue
    for pid in list(executor._processes):  # loky's own kill_workers stumbles over tasks that it has not sent yet
        with contextlib.suppress(psutil.Error):
            worker = psutil.Process(pid)
            for process in (*worker.children(recursive=True), worker):
                process.kill()
    executor.shutdown(wait=True)
    queue.close()
    queue._reader.close()  # the thread may be writing a task that nobody reads any more
    if queue._thread is not None:
        queue._thread.join()


def _prepare(parent: int) -> None:
    """A worker process leaves Ctrl-C to the main process, and does not outlive it by more than a second."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    one_thread()
    tqdm.set_lock(threading.RLock())  # its own is a semaphore, which Python would report as leaked by a killed worker
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)
