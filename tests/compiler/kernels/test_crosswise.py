"""Which passes through tables become one kernel, and that the rest of a graph still runs in order."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import funcnet as fn
from funcnet import xp
from funcnet.compiler.capture import interpret
from funcnet.compiler.fused import FusedPlan
from funcnet.compiler.kernels import crosswise_group
from funcnet.compiler.passes import optimised

RNG = np.random.default_rng(0)


def calls(compile: Any, f: Callable[..., Any], *arguments: Any) -> list[str]:
    """Return the calls of a plan whose results are the interpreter's."""
    graph = optimised(fn.trace(f, *arguments))
    plan = FusedPlan(graph, compile)
    wanted = interpret(graph, arguments)
    for _ in range(2):
        for a, b in zip(plan(*arguments), wanted, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12)
    return plan.calls


def kernels(found: list[str]) -> list[str]:
    return [name for name in found if name.endswith("pass by pass")]


def test_softmax_and_its_gradient(in_python: Any) -> None:
    x, w = RNG.normal(size=(7, 6)), RNG.normal(size=(7, 6))
    assert calls(in_python, lambda x: xp.softmax(x, axis=0), x) == ["max, sum, pass by pass"]
    found = calls(in_python, fn.grad(lambda x, w: xp.sum(xp.softmax(x, axis=0) * w)), x, w)
    assert found == ["max, sum, pass by pass"]


def test_tables_that_are_nowhere_in_memory(in_python: Any) -> None:
    a, b = RNG.normal(size=(7, 1)), RNG.normal(size=9)
    assert calls(in_python, lambda a, b: xp.softmax(a * b, axis=0)[2], a, b)[0] == "max, sum, pass by pass"
    assert kernels(calls(in_python, lambda a, b: xp.max(a + b, axis=0), a, b))


def test_loops_keep_what_takes_one_pass(in_python: Any) -> None:
    x = RNG.normal(size=(9, 5))
    assert not kernels(calls(in_python, lambda x: xp.sum(x * x, axis=0), x))
    assert not kernels(calls(in_python, lambda x: xp.softmax(x, axis=1), x))
    assert not kernels(calls(in_python, lambda x: xp.max(x, axis=(0, 1)), x))
    assert not kernels(calls(in_python, lambda x: xp.max(x, axis=0), x.astype("int64")))


def test_updates_of_parameters_stay_outside(in_python: Any) -> None:
    """The sum of a gradient is one pass, whatever it is the step of."""
    x, b = RNG.normal(size=(9, 5)), RNG.normal(size=5)
    assert not kernels(calls(in_python, lambda x, b: b - 0.1 * xp.sum(x, axis=0) * b, x, b))


def test_large_tables_are_for_loops_along_rows(in_python: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crosswise_group, "_LARGEST", 1000)
    f = lambda x: x - xp.mean(x, axis=0, keepdims=True)  # noqa: E731
    assert kernels(calls(in_python, f, RNG.normal(size=(3, 5))))
    assert not kernels(calls(in_python, f, RNG.normal(size=(30, 5))))


def test_what_comes_back_from_outside(in_python: Any) -> None:
    """A sort waits for the softmax, and what it makes is not read by the same kernel."""

    def f(x: Any) -> Any:
        y = xp.softmax(x, axis=0)
        z = xp.sort(y, axis=0)
        return y * z - xp.max(y, axis=0, keepdims=True), z

    found = calls(in_python, f, RNG.normal(size=(7, 6)))
    assert "sort" in found
    assert kernels(found)


def test_two_kernels_that_need_each_other(in_python: Any) -> None:
    """Tables of other axes: each of the kernels alone could take in everything of its own."""

    def f(x: Any) -> Any:
        a = x - xp.mean(x, axis=0, keepdims=True)
        b = x - xp.mean(x, axis=1, keepdims=True)
        c = a * xp.max(xp.abs(b), axis=1, keepdims=True)
        d = b * xp.max(xp.abs(a), axis=0, keepdims=True)
        return c / xp.sum(xp.exp(d), axis=0, keepdims=True), d - xp.sum(xp.exp(c), axis=1, keepdims=True)

    assert len(kernels(calls(in_python, f, RNG.normal(size=(4, 5, 6))))) >= 2


def test_only_the_kernel_reads_what_makes_its_arrays(in_python: Any) -> None:
    x = RNG.normal(size=(7, 6))

    def f(x: Any) -> Any:
        y = xp.tanh(x * 2)
        return y / xp.sum(y * y, axis=0, keepdims=True)

    plan = FusedPlan(optimised(fn.trace(f, x)), in_python)
    assert plan.calls == ["sum, pass by pass"]
    assert not plan.loops


def test_permuted_arrays(in_python: Any) -> None:
    x = RNG.normal(size=(4, 3, 5))
    found = calls(in_python, lambda x: xp.softmax(xp.permute_dims(x, (1, 0, 2)), axis=0) * 2, x)
    assert found == ["permute_dims, block by block", "max, sum, pass by pass"]
