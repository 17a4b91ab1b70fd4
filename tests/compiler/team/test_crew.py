"""A team under stress: more threads than processors, forks, the end of the interpreter, naps."""

import os
import subprocess
import sys
import textwrap

import pytest

from funcnet.compiler.team import crew, driver

pytestmark = pytest.mark.skipif(not crew.available(), reason="no POSIX threads")

BEFORE = """
import os, sys, threading, time
import numpy as np
from funcnet.compiler.loops.build import compiled
from funcnet.compiler.team import crew
from funcnet.compiler.workers import in_parallel

loop = compiled('''
def loop(lo, hi, part, x, y):
    for i in range(lo, hi):
        y[i] = x[i] + 1.0
''', "void(int64, int64, int64, float64[::1], float64[::1])")

def work(rounds, parts=4, size=4096, nap=0.0):
    bounds = tuple([size * i // parts for i in range(parts + 1)])
    x, y = np.zeros(size), np.zeros(size)
    for _ in range(rounds):
        in_parallel(loop, bounds, (x, y))
        x, y = y, x
        if nap:
            time.sleep(nap)
    assert (x == rounds).all(), (x.min(), x.max(), rounds)

"""


def python(text: str, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", BEFORE + textwrap.dedent(text)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert done.returncode == code, done.stderr
    assert not done.stderr or code
    return done.stdout


def test_more_threads_than_processors() -> None:
    assert python("work(3000, parts=8); print('right')") == "right\n"


def test_wakes_up() -> None:
    # Long enough for everybody to fall asleep, and about as long as it takes to do so.
    assert python("work(20, nap=0.005); work(300, nap=0.0011); print('right')") == "right\n"


@pytest.mark.parametrize("nap", [0.0, 0.0005, 0.01])
def test_end_of_the_interpreter(nap: float) -> None:
    assert python(f"work(5); print('right'); time.sleep({nap})") == "right\n"


def test_end_by_an_exception() -> None:
    python("work(5)\nraise SystemExit(7)", code=7)


def test_end_while_a_daemon_works() -> None:
    text = """
    threading.Thread(target=work, args=(10**9,), daemon=True).start()
    work(100)
    print('right')
    """
    assert python(text) == "right\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.parametrize("busy", [False, True])
def test_forks(busy: bool) -> None:
    text = f"""
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)
    work(10)
    busy = {busy}
    if busy:
        # A fork in the middle of somebody's work: the team of the child is its own.
        threading.Thread(target=work, args=(10**9,), daemon=True).start()
    for _ in range(10):
        child = os.fork()
        if child == 0:
            work(50)
            assert crew._address and len(crew._workers) == 3
            os._exit(3)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    work(50)
    print('right')
    """
    assert python(text) == "right\n"


def test_idle_workers_sleep() -> None:
    text = """
    work(10)
    time.sleep(0.05)
    before = time.process_time()
    time.sleep(0.5)
    print(time.process_time() - before < 0.1)
    """
    assert python(text) == "True\n"


def test_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "_address", 0)
    monkeypatch.setattr(crew, "_wanted", 1)
    crew.want(1000)
    assert crew._wanted == driver.LIMIT
