"""The contract of the map slot, in this process, in its threads and in worker processes."""

import contextlib
import itertools
import operator
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import partial
from pathlib import Path

import cloudpickle
import psutil
import pytest
import torch
from deap import algorithms, base, tools

from evoprune import memory
from evoprune.__main__ import main
from evoprune.engines import ENGINES, Engine, ProcessEngine, WorkerError, make_engine, scoop_is_running
from tests.real import HANG, Place, place, wait_for

__all__ = ["place"]


@pytest.fixture(scope="module", params=["serial", "threads", pytest.param("processes", marks=pytest.mark.processes)])
def engine(request: pytest.FixtureRequest):
    with make_engine(request.param) as engine:
        yield engine


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


def wait_and_return(seconds: float, value: int) -> int:
    time.sleep(seconds)
    return value


def wait_for_file(path: str, value: int) -> int:
    """Zero waits until the file is there."""
    while value == 0 and not Path(path).exists():
        time.sleep(0.01)
    return value


def append(items: list) -> list:
    items.append(1)
    return items


def fail(value: int) -> float:
    return 1 / value


def leave(_: int) -> None:
    sys.exit("as you like")


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


def one_max(individual: list) -> tuple[int]:
    return (sum(individual),)


def test_results_come_in_the_order_of_the_tasks(engine: Engine):
    assert engine.map(wait_and_return, [0.3, 0.0, 0.1, 0.0], range(4)) == [0, 1, 2, 3]


def test_arguments_like_those_of_the_builtin_map(engine: Engine):
    assert engine.map(operator.add, [1, 2, 3], [10, 20]) == [11, 22]
    assert engine.map(abs, iter([-1, 2])) == [1, 2]
    assert engine.map(abs, []) == []


def test_the_callers_objects_stay_as_they_are(engine: Engine):
    mine: list = []
    both = engine.map(append, [mine, mine])
    assert (mine, both) == ([], [[1], [1]])
    weights = torch.zeros(2)
    (back,) = engine.map(torch.Tensor.add_, [weights], [1])
    assert (weights.tolist(), back.tolist()) == ([0, 0], [1, 1])
    assert not weights.is_shared()


def test_an_error_arrives_with_its_traceback(engine: Engine):
    with pytest.raises(WorkerError, match=r"(?s)in fail\n.*return 1 / value.*ZeroDivisionError: division by zero"):
        engine.map(fail, [1, 0])
    assert engine.map(fail, [2]) == [0.5]


def test_a_task_that_exits_is_an_error(engine: Engine):
    with pytest.raises(WorkerError, match="SystemExit: as you like"):
        engine.map(leave, [0])


def test_one_thread(engine: Engine):
    assert engine.map(lambda _: torch.get_num_threads(), [0]) == [1]


def test_as_completed_gives_each_item_its_value(engine: Engine):
    assert sorted(engine.as_completed(abs, iter([-1, 2, -3, 4, -5]))) == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]
    assert list(engine.as_completed(abs, [])) == []


def test_as_completed_goes_on_after_an_error(engine: Engine):
    values = dict(engine.as_completed(fail, [2, 0, 4]))
    assert (values[0], values[2]) == (0.5, 0.25)
    assert isinstance(values[1], WorkerError)
    assert "in fail\n" in str(values[1])
    assert str(values[1]).endswith("ZeroDivisionError: division by zero\n")
    assert "SystemExit: as you like" in str(dict(engine.as_completed(leave, [0]))[0])


def test_as_completed_works_on_copies(engine: Engine):
    mine: list = []
    assert sorted(engine.as_completed(append, [mine, mine])) == [(0, [1]), (1, [1])]
    assert mine == []


def test_a_generator_that_is_closed_leaves_a_working_engine(engine: Engine):
    ended = engine.as_completed(abs, range(-50, 0))
    assert next(ended)[1] > 0
    ended.close()
    assert list(ended) == []
    assert engine.map(abs, [-1]) == [1]


def test_the_serial_engine_computes_when_it_is_asked():
    done: list[int] = []

    def note(value: int) -> int:
        done.append(value)
        return value

    ended = Engine().as_completed(note, [5, 6])
    assert done == []
    assert next(ended) == (0, 5)
    assert done == [5]


def test_it_is_deaps_map(engine: Engine):
    random.seed(1)
    toolbox = base.Toolbox()
    toolbox.register("map", engine.map)
    toolbox.register("evaluate", one_max)
    toolbox.register("mate", tools.cxTwoPoint)
    toolbox.register("mutate", tools.mutFlipBit, indpb=0.1)
    toolbox.register("select", tools.selTournament, tournsize=3)
    population = [Bits(random.randint(0, 1) for _ in range(8)) for _ in range(10)]
    population, _ = algorithms.eaSimple(population, toolbox, 0.5, 0.2, 10, verbose=False)
    assert max(population, key=lambda bits: bits.fitness).fitness.values == (8.0,)


class Maximize(base.Fitness):
    weights = (1.0,)


class Bits(list):
    def __init__(self, bits: object = ()) -> None:
        super().__init__(bits)  # type: ignore[call-overload]
        self.fitness = Maximize()


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


def test_tasks_are_taken_as_workers_get_free(engine: Engine):
    """So there may be more of them than there is room for."""
    ended = engine.as_completed(abs, itertools.count())
    found = dict(itertools.islice(ended, 5))
    ended.close()
    assert all(i == value for i, value in found.items())
    assert max(found) < 5 + engine.workers + 1


def test_closing_the_generator_ends_what_runs(processes: ProcessEngine, tmp_path: Path):
    before = worker_processes()  # of the engine that the tests above share
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
    before = worker_processes()  # of the engine that the tests above share
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


def test_engines_by_name():
    assert list(ENGINES) == ["serial", "threads", "processes", "scoop"]
    assert make_engine().name == "serial"
    assert not scoop_is_running()
    assert make_engine("processes", 3).workers == 3
    for name in ("threads", "processes"):
        assert 1 <= make_engine(name).workers <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("name", "workers", "message"),
    [
        ("procesess", None, "did you mean 'processes'"),
        ("processes", 0, "workers must be"),
        ("processes", 1.5, "workers must be"),
        ("threads", 0, "workers must be"),
        ("processes", 10**7, "workers must be at most 10000, got 10000000"),
        ("serial", 2, "the serial engine has one worker, got 2: choose threads, processes or scoop"),
        ("scoop", None, "the scoop engine needs SCOOP"),
    ],
)
def test_engines_that_cannot_be(name: str, workers: int | None, message: str):
    with pytest.raises(ValueError, match=message):
        make_engine(name, workers)


def test_workers_have_to_fit_into_memory(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    assert make_engine("processes", 4).workers == 4
    with pytest.raises(ValueError, match=r"about 1\.25 GB of memory .*, and 1 GB are free: fewer workers$"):
        make_engine("processes", 5)
    assert make_engine().workers == 1


@pytest.mark.parametrize("words", ["run --engine processes", "run --engine scoop", "bench scaling"])
@pytest.mark.parametrize(
    ("workers", "message"),
    [
        ("10000000", "workers must be at most 10000, got 10000000"),
        ("9999", "this needs about 2.5 TB of memory (worker processes 2.5 TB), and 1 GB are free: fewer workers"),
        ("9" * 5000, "argument --workers: expected a whole number, got '99999"),
        ("\u00b2", "argument --workers: expected a whole number, got '\u00b2'"),
    ],
)
def test_too_many_workers_start_nothing(monkeypatch, capsys, tmp_path, words, workers, message):
    monkeypatch.setattr(memory, "available", lambda: 1e9)
    monkeypatch.chdir(tmp_path)
    with contextlib.suppress(SystemExit):  # of argparse
        assert main([*words.split(), "--workers", workers]) == 2
    out, err = capsys.readouterr()
    assert (out, len(err.splitlines())) == ("", 1)
    assert err.startswith(f"evoprune: error: {message}")
    assert len(err) < 200
    assert not list(tmp_path.iterdir())


def test_to_choose_an_engine_starts_nothing_and_takes_no_torch():
    code = (
        "import sys, evoprune.engines.launcher, evoprune.engines.pool, evoprune.engines, psutil; "
        "[evoprune.engines.make_engine(name) for name in ('threads', 'processes')]; "
        "print(psutil.Process().children(), 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[] False\n"
