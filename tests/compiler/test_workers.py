"""Loops over several threads: compiled ones by the team, others by a pool, and always each part once."""

import threading
from typing import Any

import numpy as np
import pytest

from funcnet.compiler import workers
from funcnet.compiler.loops.build import compiled
from funcnet.compiler.team import crew
from funcnet.compiler.workers import in_parallel, threads

SOURCE = """
def loop(lo, hi, part, x, scale, y, seen):
    for i in range(lo, hi):
        y[i] = x[i] * scale
    seen[part] += hi - lo
"""
SIGNATURE = "void(int64, int64, int64, float64[::1], float64, float64[::1], int64[::1])"


def scaled(loop: Any, parts: int, rounds: int, size: int = 997) -> None:
    bounds = tuple([size * i // parts for i in range(parts + 1)])
    x = np.arange(float(size))
    seen = np.zeros(parts, np.int64)
    for k in range(rounds):
        y = np.zeros(size)
        in_parallel(loop, bounds, (x, float(k), y, seen))
        np.testing.assert_array_equal(y, x * k)
    np.testing.assert_array_equal(seen, rounds * np.diff(bounds))


@pytest.mark.parametrize("parts", [2, 3, 8, 32])
def test_every_part_once(parts: int) -> None:
    # More threads than any machine of the tests has processors.
    scaled(compiled(SOURCE, SIGNATURE), parts, 200)
    assert not crew.available() or any(t.name == f"funcnet-team-{parts - 1}" for t in threading.enumerate())


def test_several_callers_at_once() -> None:
    loop = compiled(SOURCE, SIGNATURE)
    errors: list[BaseException] = []

    def work() -> None:
        try:
            scaled(loop, 4, 300)
        except BaseException as error:
            errors.append(error)

    callers = [threading.Thread(target=work) for _ in range(4)]
    for c in callers:
        c.start()
    for c in callers:
        c.join()
    assert not errors


def test_python_functions_go_to_the_pool() -> None:
    names: dict[str, Any] = {}
    exec(SOURCE, names)
    scaled(names["loop"], 3, 3)


def test_systems_without_a_team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crew, "available", lambda: False)
    monkeypatch.setattr(crew, "team_of", lambda: pytest.fail("asked for a team"))
    scaled(compiled(SOURCE, SIGNATURE), 3, 3)


def test_errors_of_python_functions_arrive() -> None:
    def loop(lo: int, hi: int, part: int) -> None:
        if part == 0:
            raise ValueError("planned")

    with pytest.raises(ValueError, match="planned"):
        in_parallel(loop, (0, 1, 2), ())


@pytest.mark.parametrize("failing", [0, 1, 2])
def test_errors_of_compiled_functions_arrive(failing: int) -> None:
    source = """
def loop(lo, hi, part, which, y):
    if part == which:
        # No machine has that much.
        z = borrow(1 << 60)
        y[part] = lent(z, 0, 1, f4)[lo]
    y[part] = part + 1
"""
    loop = compiled(source, "void(int64, int64, int64, int64, float64[::1])")
    y = np.zeros(3)
    with pytest.raises(MemoryError, match="found no memory"):
        in_parallel(loop, (0, 1, 2, 3), (failing, y))
    in_parallel(loop, (0, 1, 2, 3), (7, y))
    np.testing.assert_array_equal(y, [1, 2, 3])


def test_kinds_of_calls_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_KINDS", 3)
    monkeypatch.setattr(workers, "_idle", {})
    loop = compiled(SOURCE, SIGNATURE)
    for size in range(20, 30):
        scaled(loop, 2, 2, size)
        assert len(workers._idle) <= 4


def test_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3,2")
    assert threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "")
    assert threads() >= 1
