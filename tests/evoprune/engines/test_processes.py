"""Worker processes: what travels, what happens when one dies, and how they end."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import cloudpickle
import psutil
import pytest

from evoprune.engines import ProcessEngine, WorkerError
from tests.real import HANG, Place, place, wait_for

__all__ = ["place"]


@pytest.fixture
def processes():
    with ProcessEngine(2) as engine:
        yield engine


def worker_processes() -> list[psutil.Process]:
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has just ended
            if "popen_loky_posix" in " ".join(process.cmdline()):
                found.append(process)
    return found


# What tasks do. They travel by value: workers cannot import a test.


def wait_for_file(path: str, value: int) -> int:
    """Zero waits until the file is there."""
    while value == 0 and not Path(path).exists():
        time.sleep(0.01)
    return value


def lock(_: int) -> object:
    return threading.Lock()


def process_number(_: int) -> int:
    return os.getpid()


def kill_unless(marker: str, value: int) -> int | None:
    """Kill the process of the first task that comes along."""
    try:
        Path(marker).touch(exist_ok=False)
    except FileExistsError:
        return value
    os.kill(os.getpid(), signal.SIGKILL)
    return None


def kill(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in_company(note: str, value: int) -> int:
    """3 kills its process, its first two times when 4 is at work; then 4 has never ended before. A line a beginning."""
    with open(note, "a") as lines:
        lines.write(f"{value}\n")

    def begun(which: int) -> int:
        return Path(note).read_text().splitlines().count(str(which))

    if value == 3:
        while begun(4) < begun(3) < 3:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGKILL)
    if value == 4 and begun(4) < 3:
        time.sleep(HANG)  # the death of 3's process ends it
    return -value


def wait_and_touch(mark: str, seconds: float) -> float:
    time.sleep(seconds)
    Path(mark).touch()
    return seconds


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


def moved(point: Point) -> Point:
    point.x += 1
    return point


def test_what_cannot_be_sent_back_is_an_error(processes: ProcessEngine):
    with pytest.raises(WorkerError, match=r"cannot pickle '_thread.lock' object"):
        processes.map(lock, [0])
    assert processes.map(abs, [-1]) == [1]


def test_what_cannot_be_sent_is_an_error(processes: ProcessEngine):
    with pytest.raises(ValueError, match=r"a task cannot be sent to a worker: .*lock"):
        processes.map(print, [threading.Lock()])


def test_what_the_script_defines_comes_back_as_what_it_was(processes: ProcessEngine):
    point = Point(1)
    (back,) = processes.map(moved, [point])
    assert (type(back), back.x, point.x) == (Point, 2, 1)


def test_a_worker_that_dies_while_idle_is_replaced(processes: ProcessEngine):
    (number,) = processes.map(process_number, [0])
    os.kill(number, signal.SIGKILL)
    assert processes.map(abs, range(-4, 0)) == [4, 3, 2, 1]


def test_the_task_of_a_worker_that_dies_is_done_again(processes: ProcessEngine, tmp_path: Path):
    marker = str(tmp_path / "killed")
    assert processes.map(kill_unless, [marker] * 4, range(4)) == [0, 1, 2, 3]
    assert Path(marker).exists()


@pytest.mark.slow
def test_a_task_that_always_kills_its_worker_is_given_up(processes: ProcessEngine):
    with pytest.raises(WorkerError, match=r"died 3 times at tasks \[0\] \(counted from 0\)"):
        processes.map(kill, [0])
    assert processes.map(abs, [-1]) == [1]


@pytest.mark.slow
def test_a_task_that_always_kills_its_worker_takes_no_other_with_it(processes: ProcessEngine, tmp_path: Path):
    note = tmp_path / "begun"
    values = dict(processes.as_completed(partial(kill_in_company, str(note)), range(8)))
    error = values.pop(3)
    assert isinstance(error, WorkerError)
    assert "died 3 times at tasks [3]" in str(error)
    assert values == {value: -value for value in (0, 1, 2, 4, 5, 6, 7)}
    begun = Counter(map(int, note.read_text().splitlines()))
    # What has ended is not done again, and what had not begun is not begun twice.
    assert begun == {0: 1, 1: 1, 2: 1, 3: 3, 4: 3, 5: 1, 6: 1, 7: 1}


def test_tasks_come_as_they_end(processes: ProcessEngine, tmp_path: Path):
    """The first one when all others have ended."""
    done = tmp_path / "done"
    ended = processes.as_completed(partial(wait_for_file, str(done)), range(4))
    assert {next(ended)[0] for _ in range(3)} == {1, 2, 3}
    done.touch()
    assert list(ended) == [(0, 0)]


def test_closing_the_generator_ends_what_runs(processes: ProcessEngine, tmp_path: Path):
    before = worker_processes()  # of an engine that other tests share
    mark = tmp_path / "ended"
    ended = processes.as_completed(partial(wait_and_touch, str(mark)), [0, HANG, HANG])
    assert next(ended) == (0, 0)
    mark.unlink()
    ended.close()
    assert not mark.exists()
    assert worker_processes() == before
    assert processes.map(abs, [-1]) == [1]


@pytest.mark.processes
@pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning")
def test_close_before_loky_has_sent_all_tasks():
    before = threading.active_count()
    engine = ProcessEngine(1)
    waiting = [engine._submit(cloudpickle.dumps((time.sleep, (60,)))) for _ in range(10)]
    engine.close()
    assert all(future.done() for future in waiting)
    assert threading.active_count() == before


@pytest.mark.processes
def test_close_gets_rid_of_tasks_that_nobody_reads():
    """More than a pipe holds, for workers that are busy: the thread that writes them would wait for ever."""
    before = threading.active_count()
    with ProcessEngine(1) as engine:
        ended = engine.as_completed(lambda task: time.sleep(task[0]), [(0, b""), (60, b""), (0, bytes(10**6))])
        next(ended)
        time.sleep(0.2)
        ended.close()
        assert threading.active_count() == before
    assert threading.active_count() == before


def test_close_leaves_no_process(processes: ProcessEngine):
    before = worker_processes()  # of an engine that other tests share
    processes.map(abs, [1, 2])
    # One may have done both tasks before the other, just forked, had its name.
    wait_for(lambda: len(worker_processes()) == len(before) + 2, "both workers")
    processes.close()
    assert worker_processes() == before
    processes.close()


LATE_FEEDER = """
import sys, threading, time
from joblib.externals.loky.backend import queues, resource_tracker
from tqdm import tqdm
from evoprune.engines import ProcessEngine
def count(value):
    return sum(tqdm(range(value), disable=True))
feed, unregister = queues.Queue._feed, resource_tracker.unregister
def late(*arguments):
    feed(*arguments)
    time.sleep(0.1)
def slow(*arguments):
    if threading.current_thread().daemon:
        time.sleep(0.5)
    unregister(*arguments)
queues.Queue._feed, resource_tracker.unregister = staticmethod(late), slow
if __name__ == "__main__":
    engine = ProcessEngine(1)
    engine.map(count, [3])
    if "close" in sys.argv:
        engine.close()
        time.sleep(0.2)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["close", "end"])
def test_no_warning_of_leaks(place: Place, how: str):
    """Loky's feeder thread unlinks semaphores, and a progress bar in a killed worker cannot unlink its own."""
    (place.path / "script.py").write_text(LATE_FEEDER)
    assert place.run("script.py", how) == (0, "", "")
    place.assert_empty()


CTRL_C = """
import signal
from evoprune.engines import ProcessEngine
def waits(_):
    return signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])
if __name__ == "__main__":
    with ProcessEngine(2) as engine:
        print(engine.map(waits, range(4)), waits(0))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_waits_while_the_first_workers_start(place: Place):
    """Though a resource tracker, which starts with the first of them, lets it through when it has started."""
    (place.path / "script.py").write_text(CTRL_C)
    assert place.run("script.py") == (0, f"{[True] * 4} False\n", "")


SCRIPT = """
import sys
from evoprune.engines import WorkerError, make_engine
class Point:
    x = 1
def moved(point):
    point.x += 10 // (3 - point.x)
    return point
if __name__ == "__main__":
    with make_engine(sys.argv[1], 2) as engine:
        points = engine.map(moved, [Point() for _ in range(5)])
        assert [point.x for point in points] == [6] * 5, points
        assert isinstance(points[0], Point)
        points[0].x = 3
        try:
            engine.map(moved, points)
        except WorkerError as error:
            assert "integer division or modulo by zero" in str(error)
            print("done")
    sys.exit(int(sys.argv[2]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["processes", "scoop", "launched"])
def test_functions_and_classes_of_a_script(place: Place, how: str):
    """In a script of one's own: alone, under SCOOP started by hand, and under our launcher."""
    script = place.path / "script.py"
    script.write_text(SCRIPT)
    start = "import sys; from evoprune.engines.launcher import launch; sys.exit(launch('script.py', ['scoop', '5']))"
    commands = {
        "processes": ["script.py", "processes", "5"],
        "scoop": ["-m", "scoop", "-q", "-n", "3", "script.py", "scoop", "0"],
        "launched": ["-c", start],
    }
    code, out, err = place.run(*commands[how])
    assert out.splitlines()[0] == "done", err
    assert code == (0 if how == "scoop" else 5)  # SCOOP by itself knows no exit codes
    assert how == "scoop" or err == ""
    place.assert_empty()
