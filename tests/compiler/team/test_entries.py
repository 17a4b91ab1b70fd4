"""Entries give functions what their tables say."""

import ctypes

import numpy as np
import pytest

from funcnet.compiler.loops.build import compiled
from funcnet.compiler.team import crew, entries
from funcnet.compiler.team.entries import fail, native
from funcnet.compiler.team.segments import Fixed, Given, Segment

EVERYTHING = """
def loop(lo, hi, part, a, b, i, f, t, u, y):
    for r in range(lo, hi):
        for j in range(a.shape[1]):
            y[r, j] = f8(a[r, j]) * f + f8(b[j] + i8(i)) + (1000.0 if t else 0.0) + (2000.0 if u[r] else 0.0)
"""
TYPES = "float32[:,::1], int32[::1], int64, float64, boolean, boolean[::1], float64[:,::1]"
TURNED = """
def loop(lo, hi, part, x, y):
    for i in range(lo, hi):
        for j in range(x.shape[1]):
            y[j, i] = x[i, j]
"""


def run(segment: Segment, words: tuple[object, ...] = (), team: int = 0) -> int:
    pack, table, address = segment.finish()
    pack(table, 0, *words)
    return crew.run()(team, address)


def test_arguments_of_all_kinds() -> None:
    entry = native(compiled(EVERYTHING, f"void(int64, int64, int64, {TYPES})"))
    assert entry is not None
    a = np.arange(6, dtype="float32").reshape(2, 3)
    b, u, y = np.array([1, 2, 3], "int32"), np.array([True, False]), np.zeros((2, 3))
    wanted = a * 0.5 + (b - 4) + 1000.0 + np.where(u, 2000.0, 0.0)[:, None]
    segment = Segment()
    segment.add(entry, (0, 2), [Fixed(v) for v in (a, b, -4, 0.5, True, u, y)])
    assert run(segment) == 0
    np.testing.assert_array_equal(y, wanted)
    z = np.zeros(6)
    segment = Segment()
    given = [
        Given("a", (2, 3)),
        Given("b", (3,)),
        Given("i"),
        Given("f"),
        Given("t"),
        Given("u", (2,)),
        Given("z", (2, 3)),
    ]
    segment.add(entry, (0, 1, 2), given)
    assert segment.keys == list("abiftuz")
    assert run(segment, (id(a), id(b), -4, 0.5, True, id(u), id(z))) == 0
    np.testing.assert_array_equal(z.reshape(2, 3), wanted)


def test_steps_follow_each_other() -> None:
    entry = native(compiled("def loop(lo, hi, part, x, y):\n    for i in range(lo, hi):\n        y[i] = x[i] + part\n",
                            "void(int64, int64, int64, float64[::1], float64[::1])"))  # fmt: skip
    assert entry is not None
    x, y, z = np.zeros(4), np.zeros(4), np.zeros(4)
    segment = Segment()
    segment.add(entry, (0, 2, 4), [Given("x", (4,)), Fixed(y)])
    segment.add(entry, (0, 1, 2, 3, 4), [Fixed(y), Given("z", (4,))])
    assert len(segment) == 2
    crew.want(4)
    for team in (0, crew.team_of()):
        y[:] = z[:] = -1
        assert run(segment, (id(x), id(z)), team) == 0
        np.testing.assert_array_equal(z, [0, 1, 3, 4])


def test_what_only_python_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    assert native(len) is None
    kernel = compiled(EVERYTHING, f"void(int64, int64, int64, {TYPES})")
    assert native(kernel) is kernel
    monkeypatch.setattr(entries, "readable", lambda: False)
    assert native(kernel) is None


def test_kinds() -> None:
    assert entries.kinds_of(f"void(int64, int64, int64, {TYPES})") == (
        ("array", 2), ("array", 1), ("q", 0), ("d", 0), ("q", 0), ("array", 1), ("array", 2),
    )  # fmt: skip
    assert entries.kinds_of("void(int64,int64,int64,float32[:,:],float64[:, ::1],int64)") == (
        ("array", 0), ("array", 2), ("q", 0),
    )  # fmt: skip


def test_calls_from_python() -> None:
    kernel = compiled(EVERYTHING, f"void(int64, int64, int64, {TYPES})")
    a = np.arange(6, dtype="float32").reshape(2, 3)
    b, u, y = np.array([1, 2, 3], "int32"), np.array([True, False]), np.zeros((2, 3))
    kernel(1, 2, 0, a, b, -4, 0.5, True, u, y)
    np.testing.assert_array_equal(y, [[0, 0, 0], a[1] * 0.5 + (b - 4) + 1000.0])
    turned = compiled(TURNED, "void(int64, int64, int64, float64[:,:], float64[:,::1])")
    x, z = np.arange(40.0).reshape(5, 8)[::-2, 1::3], np.zeros((3, 3))
    turned(0, 3, 0, x, z)
    np.testing.assert_array_equal(z, x.T)


def test_arrays_of_any_layout() -> None:
    entry = native(compiled(TURNED, "void(int64, int64, int64, float64[:,:], float64[:,::1])"))
    assert entry is not None
    x = np.arange(40.0).reshape(5, 8)[::-2, 1::3]
    for argument in (Fixed(x), Given("x")):
        y = np.zeros((3, 3))
        segment = Segment()
        segment.add(entry, (0, 2, 3), [argument, Fixed(y)])
        assert run(segment, (id(x),) if segment.keys else ()) == 0
        np.testing.assert_array_equal(y, x.T)


def test_arrays_are_read_where_they_are() -> None:
    assert entries.readable()
    a = np.arange(3)
    assert ctypes.c_ssize_t.from_address(id(a) + object.__basicsize__).value == a.ctypes.data


def test_failure() -> None:
    with pytest.raises(MemoryError, match="found no memory for what it holds"):
        fail()
