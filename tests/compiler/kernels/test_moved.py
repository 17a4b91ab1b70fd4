"""Elements at distances agree with the interpreter's, and with NumPy's keys."""

from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler import fused
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import moved
from funcnet.compiler.loops import build
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)
S = slice
KEYS: list[tuple[tuple[int, ...], Any]] = [
    ((20,), S(None, None, 2)),
    ((20,), S(None, None, -1)),
    ((1,), S(None, None, 3)),
    ((9, 10), (S(None), S(1, None, 3))),
    ((9, 40), (S(None, None, 2), S(None, None, 3))),
    ((3, 8, 5), (Ellipsis, S(1, None, 2), S(None))),
    ((3, 8, 5), (S(None, None, 2), 1, S(4, None, -2))),
    ((4, 6, 6, 3), (S(None), S(1, None, 2), S(None, None, 2))),
]
needs_compiler = pytest.mark.skipif(bool(build.available()), reason="Numba is not installed or switched off")


def calls(compile: Any, f: Any, *arguments: Any) -> list[str]:
    """Return the calls of a plan whose results are the interpreter's, also with threads and in given arrays."""
    graph = optimised(fn.trace(f, *arguments))
    wanted = interpret(graph, arguments)
    plan = FusedPlan(graph, compile)
    for _ in range(2):
        for a, b in zip(plan(*arguments), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    targets = [np.full(b.shape, 9, b.dtype) for b in wanted]
    with plan.into() as function:
        function(*arguments, *targets)
    for a, b in zip(targets, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
    return plan.calls


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("shape", "key"), KEYS)
def test_keys(in_python: Any, monkeypatch: pytest.MonkeyPatch, shape: Any, key: Any, threads: int) -> None:
    monkeypatch.setattr(fused, "threads", lambda: threads)
    monkeypatch.setattr(moved, "_PARALLEL", 1)
    x = RNG.normal(size=shape).astype("float32")
    w = RNG.normal(size=x[key].shape).astype("float32")
    x.reshape(-1)[:2] = [np.nan, -0.0][: x.size]
    assert calls(in_python, lambda x: x[key] * 2.0, x) == ["getitem, at distances"]
    assert calls(in_python, lambda x: x[key], x) == ["getitem, at distances"]
    assert calls(in_python, fn.grad(lambda x, w: xp.sum(x[key] * w)), x, w) == ["index_add, at distances"]
    assert calls(in_python, lambda x, w: xp.at(x, key).add(w), x, w) == ["index_add, at distances"]


def test_rows_and_columns_by_number(in_python: Any) -> None:
    x = RNG.normal(size=(5, 6))
    for key in ((S(None), -1), 2, (1, S(None, None, 2))):
        w = RNG.normal(size=x[key].shape)
        found = calls(in_python, fn.grad(lambda x, w, key=key: xp.sum(x[key] * w)), x, w)
        assert "index_add, at distances" in found


def test_even_and_odd(in_python: Any) -> None:
    """What is added to several slices of one array."""
    x = RNG.normal(size=(6, 8))
    slope = fn.grad(lambda x: xp.sum(xp.sin(x[:, ::2]) * x[:, 1::2]))
    assert calls(in_python, slope, x).count("index_add, at distances") == 2


@pytest.mark.parametrize(
    ("shape", "axis", "times"),
    [((7,), 0, 3), ((4, 5), 1, 12), ((4, 5), 0, 2), ((2, 3, 40), 1, 1), ((3, 2, 100), 0, 2), ((2, 3, 19), 1, 3)],
)
def test_repeat(in_python: Any, shape: Any, axis: int, times: int) -> None:
    x = RNG.normal(size=shape)
    width = int(np.prod(shape[axis + 1 :]))
    few = "repeat, by elements" if width == 1 and times <= 8 else "repeat, at distances"
    name = "repeat, by vectors" if 1 < width <= 128 // times else few
    assert calls(in_python, lambda x: xp.repeat(x, times, axis=axis), x) == [name]


def test_what_stays(in_python: Any) -> None:
    x = RNG.normal(size=(4, 6))
    for f, a in (
        (lambda x: x[::2, None], x),
        (lambda x: x[::2], x.astype("int64")),
        (lambda x: x[4::2], x),
        (lambda x: xp.sort(x[::2], axis=0), x),
        (lambda x: xp.repeat(x, 0, axis=0), x),
    ):
        assert not any(["at distances" in name for name in calls(in_python, f, a)])
    deep = RNG.normal(size=(3,) * 6)
    assert calls(in_python, lambda x: x[::2, ::2, ::2, ::2, ::2], deep) == ["getitem"]


def test_loops_of_a_move() -> None:
    """Dimensions that lie beside each other are one, and the innermost loop is not the shortest."""
    assert moved.move_of([(3, 20, 20), (4, 5, 5), (5, 1, 1)], 0, 2) == (((1, 0, 0),) * 3 + ((60, 1, 1),), 0, 2)
    found = moved.move_of([(100, 1, 2), (2, 0, 1)], 0, 0)
    assert found is not None
    assert found.dims[-1] == (100, 1, 2)


@needs_compiler
@pytest.mark.parametrize(("shape", "key"), [KEYS[4], KEYS[6], ((90, 200), (S(None), S(None, None, -1)))])
def test_compiled(shape: Any, key: Any) -> None:
    x = RNG.normal(size=shape)
    w = RNG.normal(size=x[key].shape)
    assert calls(build.compiled, lambda x: xp.exp(x[key]) + x[key], x) == ["getitem, at distances"]
    assert calls(build.compiled, lambda x, w: xp.at(x, key).add(w), x, w) == ["index_add, at distances"]
